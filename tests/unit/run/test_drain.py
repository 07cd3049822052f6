"""SIGTERM: the app is told, and the process ends as it would have; in processes of their own."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from shared.run import drain
from shared.run.drain import DRAIN_SECONDS, Drain

ROOT = Path(__file__).resolve().parents[3]

PROCESS = """
import signal, sys, time
{before}
from shared.run import drain
drain.LAST_SECONDS = {last}
def begin():
    print("told", flush=True)
    {begin}
print(drain.on_sigterm(begin), flush=True)
time.sleep({lives})
print("lived on", flush=True)
"""


def told(
    before: str = "", *, begin: str = "pass", last: int = 60, lives: float = 60, signals: int = 1
) -> tuple[int, list[str]]:
    """The exit code, and the lines, of a process that gets SIGTERM; the next one when it has said that it was told."""
    source = PROCESS.format(before=before, begin=begin, last=last, lives=lives)
    process = subprocess.Popen([sys.executable, "-c", source], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process:
        assert process.stdout.readline() == "True\n"
        lines = []
        for _ in range(signals):
            process.send_signal(signal.SIGTERM)
            lines.append(process.stdout.readline().strip())
        lines += process.stdout.read().split("\n")
        return process.wait(60), [line for line in lines if line]


def test_where_sigterm_ended_the_process_it_ends_soon_after() -> None:
    assert told(last=1) == (-signal.SIGALRM, ["told"])


def test_it_ends_also_where_what_it_is_told_never_returns() -> None:
    assert told(begin="time.sleep(60)", last=1) == (-signal.SIGALRM, ["told"])


@pytest.mark.parametrize("begin", ["pass", "time.sleep(60)"])
def test_a_second_sigterm_ends_it_at_once_whatever_the_first_one_is_doing(begin: str) -> None:
    assert told(begin=begin, signals=2) == (-signal.SIGTERM, ["told"])


def test_a_handler_that_was_there_has_its_turn() -> None:
    before = "signal.signal(signal.SIGTERM, lambda *_: (print('then this', flush=True), sys.exit(7)))"
    assert told(before) == (7, ["told", "then this"])


def test_a_process_that_ignored_sigterm_goes_on() -> None:
    before = "signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    assert told(before, last=1, lives=2) == (0, ["told", "lived on"])


def test_an_event_loop_in_the_main_thread_does_not_keep_it_from_being_told() -> None:
    loop = "import asyncio, time; time.sleep = lambda seconds: asyncio.run(asyncio.Event().wait())"
    assert told(loop, last=1) == (-signal.SIGALRM, ["told"])


def test_another_thread_than_the_main_one_changes_nothing() -> None:
    before = signal.getsignal(signal.SIGTERM)
    answers: list[bool] = []
    thread = threading.Thread(target=lambda: answers.append(drain.on_sigterm(lambda: None)))
    thread.start()
    thread.join()
    assert (answers, signal.getsignal(signal.SIGTERM)) == ([False], before)


def test_a_handler_from_outside_python_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signal, "getsignal", lambda _: None)
    monkeypatch.setattr(signal, "signal", lambda *_: pytest.fail("it was replaced"))
    assert not drain.on_sigterm(lambda: None)


@pytest.mark.parametrize(
    ("after", "is_under_way"), [(None, False), (0, True), (DRAIN_SECONDS - 0.1, True), (DRAIN_SECONDS, False)]
)
def test_a_process_that_outlives_its_end_takes_work_again(after: float | None, *, is_under_way: bool) -> None:
    now = [1000.0]
    draining = Drain(lambda: now[0])
    if after is not None:
        draining.begin()
        now[0] += after
    assert draining.is_under_way() is is_under_way
