"""`dev.py demo`: the first thing that a newcomer runs. Its exit code is 0 only where all of it held."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest
import requests

from devkit import demo
from devkit.processes import ChildError
from devkit.stack import ROOT


@pytest.fixture
def kept() -> Iterator[subprocess.Popen[str]]:
    """`demo --keep` for an event, in a process of its own."""
    command = [sys.executable, "-m", "devkit", "demo", "--to", "event", "--keep"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        yield process
        process.kill()


@pytest.mark.e2e
def test_a_file_whose_worker_is_killed_is_attached_once_and_the_stack_stays_until_ctrl_c(
    kept: subprocess.Popen[str],
) -> None:
    assert kept.stdout is not None
    told = ""
    for line in kept.stdout:
        told += line
        if "/admin/functions/sweep" in line:
            break
    assert "All of it held." in told, told
    assert re.search(r"counted +1 attachment\(s\) on the event\n", told), told
    page = re.search(r"page +(\S+)", told)
    assert page, told
    assert requests.get(page[1], timeout=30).status_code == 200
    kept.send_signal(signal.SIGINT)
    rest = kept.stdout.read()
    assert kept.wait() == 0, rest
    with pytest.raises(requests.ConnectionError):
        requests.get(page[1], timeout=30)


@pytest.mark.parametrize(
    ("outcome", "code"),
    [(True, 0), (False, 1), (TimeoutError("not in time"), 1), (ChildError("no host"), 1), (KeyboardInterrupt(), 1)],
)
def test_the_exit_code_is_0_only_where_it_held(
    monkeypatch: pytest.MonkeyPatch, outcome: bool | BaseException, code: int
) -> None:
    def run(_demo: demo.Demo) -> bool:
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    monkeypatch.setattr(demo, "_stack", lambda _host: nullcontext())
    monkeypatch.setattr(demo.Demo, "run", run)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    assert demo.main("demo", []) == code


@pytest.mark.parametrize(
    ("size", "complaint"), [(None, "there is no file"), (0, "must have 1 to 157,286,400 bytes")], ids=["none", "empty"]
)
def test_a_file_that_cannot_be_attached_is_refused_before_anything_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], size: int | None, complaint: str
) -> None:
    file = tmp_path / "file.bin"
    if size is not None:
        file.write_bytes(b"\0" * size)
    with pytest.raises(SystemExit) as refused:
        demo.main("demo", ["--file", str(file)])
    assert refused.value.code == 2
    assert complaint in capsys.readouterr().err
