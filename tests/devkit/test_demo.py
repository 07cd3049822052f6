"""`dev.py demo`: the first thing that a newcomer runs. Its exit code is 0 only where all of it held."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, nullcontext
from pathlib import Path

import pytest
import requests

from devkit import demo
from devkit.local.processes import ChildError
from devkit.local.stack import ROOT


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
    assert re.search(r"killed +worker \d+, with SIGKILL", told), told
    assert told.index("waiting for the dead run's lease") < told.index("resumed") < told.index("checking that nothing")
    assert re.search(r"resumed +\d+ s after the kill: at byte [1-9][\d,]*, which the session named", told), told
    log = re.search(r"log +(\S+)", told)
    assert log, told
    assert (Path(log[1]) / "host1.log").stat().st_size > 0
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
    [(True, 0), (False, 1), (TimeoutError("not in time"), 1), (ChildError("no host"), 1), (KeyboardInterrupt(), 130)],
)
def test_the_exit_code_is_0_only_where_it_held(
    monkeypatch: pytest.MonkeyPatch, outcome: bool | BaseException, code: int
) -> None:
    def run(_demo: demo.Demo) -> bool:
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    monkeypatch.setattr(demo, "_stack", lambda _host, _port: nullcontext())
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


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """A fresh clone. What is installed once is this checkout's: `test_dev.py` has the installation."""
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True, capture_output=True)
    for installed in (".venv", "devkit/node_modules"):
        (clone / installed).symlink_to((ROOT / installed).resolve())
    return clone


@pytest.mark.e2e
def test_on_a_fresh_clone_the_readmes_command_attaches_an_own_file_and_its_lines_work_as_they_stand(
    fresh: Path, tmp_path: Path
) -> None:
    """A newcomer's first minutes. Each line of the block, in a shell, at the ports that were asked for.

    `az` is not on this machine's path.
    """
    readme = (fresh / "README.md").read_text(encoding="utf-8")
    assert "```sh\npython3 dev.py demo\n```" in readme
    first = free_ports(7)
    file = tmp_path / "small.txt"
    file.write_text("a small file", encoding="utf-8")
    command = [sys.executable, "dev.py", "demo", "--keep", "--file", str(file), "--port", str(first)]
    with subprocess.Popen(command, cwd=fresh, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            assert process.stdout is not None
            told = ""
            for line in process.stdout:
                told += line
                if "/admin/functions/sweep" in line:
                    break
            assert "All of it held." in told, told
            assert f"functions  http://127.0.0.1:{first}" in told, told
            block = told.partition("as they stand:\n")[2]
            lines = [
                line for line in block.replace("\\\n", "").splitlines() if not line.strip().startswith(("#", "az "))
            ]
            done = subprocess.run(
                ["sh", "-e"],
                cwd=fresh,
                input="\n".join(lines),
                capture_output=True,
                text=True,
                check=False,
                timeout=120,
            )
            assert done.returncode == 0, done.stderr
            assert "dropped README.md into drop" in done.stdout
            assert "dropped LICENSE into drop" in done.stdout
            assert '"transfers"' in done.stdout
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)
    assert process.returncode == 0


def free_ports(count: int) -> int:
    """The first of so many ports in a row that nobody listens at now."""
    for first in range(20_000, 30_000, count):
        with ExitStack() as bound:
            try:
                for port in range(first, first + count):
                    listener = bound.enter_context(socket.socket())
                    listener.bind(("127.0.0.1", port))
            except OSError:
                continue
            return first
    raise AssertionError("no ports in a row are free")
