"""Child processes of the local stack: started, waited for, read to the end, and always stopped.

Every child runs under `devkit/local/supervisor.py`, so that it dies with whoever started it, even when that one is
killed.
"""

from __future__ import annotations

import collections
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from devkit.local.waiting import came_true

SUPERVISOR = Path(__file__).with_name("supervisor.py")
READY_SECONDS = 60.0  # a cold start of Azurite on a busy machine takes a few seconds; a minute means it never will
STOP_SECONDS = 5.0  # between SIGTERM and SIGKILL
GROUP_SECONDS = 1.0  # SIGKILL takes a moment to arrive at the last member of a group
TAIL_LINES = 200  # how much output an error shows


class ChildError(RuntimeError):
    """A child ended before it was ready, or was not ready in time; the message carries the end of its output."""


class Child:
    """One child process; a context manager that starts it on entry, unless it runs, and stops it on exit.

    `ready` is given each line of output (stdout and stderr, without the line end) until it answers something other
    than None; `ready_value` is that answer. The output goes on being read for as long as the child lives, to `log`
    (appended, each line with the child's name before it) where one is given, and its last lines are kept.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        ready: Callable[[str], object | None],
        log: Path | None = None,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        self.name = name
        self.command = list(command)
        self.ready_value: object = None
        self._ready = ready
        self._log = log
        self._env = env
        self._cwd = cwd
        self._process: subprocess.Popen[bytes] | None = None
        self._pump: threading.Thread | None = None
        self._is_ready = threading.Event()
        self._tail: collections.deque[str] = collections.deque(maxlen=TAIL_LINES)

    def start(self, timeout: float = READY_SECONDS) -> Self:
        """Start the child and wait until it is ready, at most `timeout` seconds; ChildError when it does not get there.

        A failed start leaves nothing behind.
        """
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(SUPERVISOR), *self.command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=None if self._env is None else dict(self._env),
            cwd=self._cwd,
            start_new_session=True,  # Ctrl-C reaches the parent alone, which then stops its children in order
        )
        self._pump = threading.Thread(target=self._read_output, name=f"{self.name} output", daemon=True)
        self._pump.start()
        try:
            problem = self._wait_until_ready(time.monotonic() + timeout)
        except BaseException:
            self.stop()
            raise
        if problem is not None:
            self.stop()
            raise ChildError(f"{self.name} {problem}:\n{self.tail}")
        return self

    def _wait_until_ready(self, deadline: float) -> str | None:
        """None once it is ready; else what went wrong. `deadline` is on the monotonic clock."""
        while not self._is_ready.wait(0.02):
            if self.returncode is not None and not (self._pump and self._pump.is_alive()):
                return f"ended with code {self.returncode}"
            if time.monotonic() > deadline:
                return "was not ready in time"
        return None

    def _read_output(self) -> None:
        """Read every line until the end of the output; the thread ends with the child."""
        assert self._process is not None
        assert self._process.stdout is not None
        log = None if self._log is None else self._log.open("a", encoding="utf-8")
        try:
            for raw in self._process.stdout:
                line = raw.decode("utf-8", "replace").rstrip("\r\n")
                self._tail.append(line)
                if log is not None:
                    log.write(f"{self.name}| {line}\n")
                    log.flush()
                if not self._is_ready.is_set():
                    value = self._ready(line)
                    if value is not None:
                        self.ready_value = value
                        self._is_ready.set()
        finally:
            if log is not None:
                log.close()

    @property
    def tail(self) -> str:
        """The last lines of the output."""
        return "\n".join(list(self._tail))

    @property
    def pid(self) -> int:
        """The guard's process id; the child is its only one."""
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the child is there."""
        return self._process is not None and self._process.poll() is None

    @property
    def returncode(self) -> int | None:
        """The exit code: None while it runs; 128 + n where signal n ended it."""
        return None if self._process is None else self._process.poll()

    def stop(self, timeout: float = STOP_SECONDS) -> None:
        """SIGTERM, and SIGKILL to the whole group after `timeout` seconds; returns when it is gone. May be repeated."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(timeout)
            except subprocess.TimeoutExpired:
                self.kill()
        self._reap()

    def kill(self) -> None:
        """SIGKILL to the child and all that it started, as when a machine is lost."""
        if self._process is None:
            return
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._wait_for_group()
        self._reap()

    def _wait_for_group(self) -> None:
        """Let the rest of the group end too; a zombie that nobody reaps must not be waited for long."""
        assert self._process is not None
        group = self._process.pid

        def is_gone() -> bool:
            try:
                os.killpg(group, 0)
            except ProcessLookupError:
                return True
            return False

        came_true(is_gone, GROUP_SECONDS, pause=0.01)

    def _reap(self) -> None:
        """Close the pipes and let the reading thread see the end of the output."""
        assert self._process is not None
        assert self._pump is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._pump.join(STOP_SECONDS)
        if not self._pump.is_alive():
            self._process.stdout.close()

    def __enter__(self) -> Self:
        return self if self.running else self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
