"""Run one command and let nothing of it outlive whoever asked for it (a script; standard library only).

    python devkit/local/supervisor.py COMMAND [ARGUMENT...]

The guard leads a process group of its own and holds the read end of a pipe as its standard input. Nobody ever writes
to that pipe: its end of file means that the parent died, even by SIGKILL, and then the whole group goes. SIGTERM is
passed on to the command alone, so that it can stop in its own order. The exit code is the command's (128 + signal
where a signal ended it).
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from types import FrameType

PR_SET_PDEATHSIG = 1  # linux/prctl.h
GRACE_SECONDS = 3.0  # what a command gets between SIGTERM and SIGKILL once the parent is gone
WATCH_SECONDS = 0.05  # how often the pipe and the command are looked at: a bound on how late an end is noticed


def main() -> int:
    """Start the command, then wait for whichever ends first: the command, or the parent."""
    command = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, preexec_fn=die_with_guard)  # noqa: PLW1509 - there is one thread here

    def pass_on(number: int, _: FrameType | None) -> None:
        command.send_signal(number)

    signal.signal(signal.SIGTERM, pass_on)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while command.poll() is None:
        if select.select([sys.stdin], [], [], WATCH_SECONDS)[0]:
            end_group(command)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.killpg(0, signal.SIGTERM)  # whatever the command left behind goes with it
    return command.returncode if command.returncode >= 0 else 128 - command.returncode


def end_group(command: subprocess.Popen[bytes]) -> None:
    """The parent is gone: ask the command to stop, then end the whole group, this process with it."""
    command.terminate()
    deadline = time.monotonic() + GRACE_SECONDS
    while command.poll() is None and time.monotonic() < deadline:
        time.sleep(WATCH_SECONDS)
    os.killpg(0, signal.SIGKILL)


def die_with_guard() -> None:
    """In the new process: have the kernel end it should the guard itself be killed (Linux; elsewhere a no-op)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
