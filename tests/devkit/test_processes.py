"""Child processes: waited for, read, stopped, and never left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from devkit.local.processes import SUPERVISOR, Child, ChildError
from devkit.local.waiting import wait_until

SLEEPER = "import time; print('ready', flush=True); time.sleep(600)"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(600)"
)
FAMILY = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])
print('ready', child.pid, flush=True)
time.sleep(600)
"""
PARENT = """
import signal, sys, time
from devkit.local.processes import Child
signal.signal(signal.SIGINT, signal.default_int_handler)  # a test run in the background inherits it as ignored
child = Child("c", [sys.executable, "-c", sys.argv[1]], ready=lambda line: line or None).start()
print(child.pid, child.ready_value, flush=True)
time.sleep(60)
"""


def python(
    source: str, ready: Callable[[str], object | None] = lambda line: line or None, log: Path | None = None
) -> Child:
    return Child("child", [sys.executable, "-c", source], ready=ready, log=log)


def family_of(pid: int) -> list[int]:
    return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]


def gone(pids: list[int]) -> bool:
    return not any(psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE for pid in pids)


def test_a_child_is_ready_at_its_line_and_gone_after_its_block() -> None:
    with python("print('no'); print('yes 7', flush=True); import time; time.sleep(600)", ready=yes) as child:
        assert child.ready_value == "7"
        assert child.running
        pids = family_of(child.pid)
    assert child.returncode is not None
    assert gone(pids)


def yes(line: str) -> str | None:
    return line.removeprefix("yes ") if line.startswith("yes ") else None


def test_a_child_that_ends_early_shows_its_output_and_code() -> None:
    with pytest.raises(ChildError, match="child ended with code 3:\nout\nerr"):
        python("import sys; print('out', flush=True); sys.stderr.write('err'); sys.exit(3)", ready=yes).start()


def test_a_child_that_is_not_ready_in_time_is_stopped() -> None:
    child = python(SLEEPER, ready=yes)
    with pytest.raises(ChildError, match="child was not ready in time:\nready"):
        child.start(timeout=0.5)
    assert not child.running


def test_a_child_that_ignores_the_request_is_killed() -> None:
    child = python(STUBBORN).start()
    pids = family_of(child.pid)
    child.stop(timeout=0.3)
    assert gone(pids)
    child.stop()


def test_what_a_child_started_goes_with_it() -> None:
    child = python(FAMILY).start()
    pids = family_of(child.pid)
    assert len(pids) == 3
    child.stop()
    wait_until(lambda: gone(pids), 5)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("source", [SLEEPER, STUBBORN, FAMILY], ids=["plain", "stubborn", "with a family"])
def test_a_child_dies_with_its_parent(number: signal.Signals, source: str) -> None:
    root = SUPERVISOR.parents[2]
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, source], cwd=root, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert parent.stdout is not None
    pids = family_of(int(parent.stdout.readline().split()[0]))
    assert len(pids) >= 2
    parent.send_signal(number)
    parent.wait()
    parent.stdout.close()
    wait_until(lambda: gone(pids), 10)


def test_a_child_dies_with_its_guard() -> None:
    child = python(SLEEPER).start()
    pids = family_of(child.pid)
    os.kill(child.pid, signal.SIGKILL)
    wait_until(lambda: gone(pids), 5)
    child.stop()


def test_the_output_goes_to_the_log_under_the_childs_name(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with python("print('one'); print('two', flush=True); import time; time.sleep(600)", yes_two, log=log):
        pass
    assert log.read_text(encoding="utf-8").splitlines() == ["child| one", "child| two"]


def yes_two(line: str) -> str | None:
    return line if line == "two" else None


def test_much_output_does_not_block_a_child() -> None:
    with python(
        "for n in range(200_000): print('x' * 50)\nprint('yes 1', flush=True)\nimport time; time.sleep(600)", ready=yes
    ):
        pass


@pytest.mark.parametrize(
    ("source", "code"),
    [("raise SystemExit(0)", 0), ("raise SystemExit(9)", 9), ("import os; os.kill(os.getpid(), 15)", 143)],
)
def test_the_guards_code_is_the_commands(source: str, code: int) -> None:
    with python(f"print('ready', flush=True)\n{source}") as child:
        wait_until(lambda: child.returncode == code, 5)
