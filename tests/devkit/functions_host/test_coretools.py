"""`--host func`: what the launcher asks of Core Tools, shown with a program of that name that does just that."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import requests

from devkit.functions_host.client import HostProcess
from devkit.local.processes import ChildError
from devkit.local.waiting import wait_until

FUNC = f"""#!{sys.executable}
import ctypes, http.server, json, pathlib, subprocess, sys, threading
ctypes.CDLL(None).prctl(15, b"func")  # PR_SET_NAME: what the real one is called
pathlib.Path("called").write_text(" ".join(sys.argv[1:]))
events, to_fail = pathlib.Path("events"), pathlib.Path("to_fail")

def keep_a_worker():
    while True:
        subprocess.run([{sys.executable!r}, "-c", "import time; time.sleep(600)"])

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        functions = [("sweep", "timerTrigger"), ("blob_dropped", "blobTrigger")]
        listed = [{{"name": name, "config": {{"bindings": [{{"type": kind}}]}}}} for name, kind in functions]
        self.answer(200, json.dumps(listed).encode())

    def do_POST(self):
        events.write_text(self.path + " " + self.rfile.read(int(self.headers["content-length"])).decode())
        still = int(to_fail.read_text()) if to_fail.exists() else 0
        to_fail.write_text(str(max(0, still - 1)))
        self.answer(500 if still else 202, b"")

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

threading.Thread(target=keep_a_worker, daemon=True).start()
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[sys.argv.index("--port") + 1])), Handler).serve_forever()
"""


def with_func(folder: Path, source: str | None) -> dict[str, str]:
    """An environment whose PATH has this `func`, or none at all."""
    if source is not None:
        program = folder / "func"
        program.write_text(source, encoding="utf-8")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return {"PATH": str(folder), "HOME": os.environ["HOME"]}


@pytest.fixture
def host(tmp_path: Path) -> Iterator[HostProcess]:
    with HostProcess(tmp_path, with_func(tmp_path, FUNC), options=["--host", "func"]) as running:
        yield running


def test_func_start_is_run_in_the_apps_folder(host: HostProcess, tmp_path: Path) -> None:
    assert host.ready["functions"] == ["blob_dropped", "sweep"]
    assert host.is_core_tools
    port = host.url.rpartition(":")[2]
    assert (tmp_path / "called").read_text(encoding="utf-8") == f"start --port {port}"


def test_its_worker_can_be_killed_and_is_waited_for(host: HostProcess) -> None:
    old = host.wait_for_worker()
    assert host.kill_worker() == [old]
    assert host.wait_for_worker(other_than=[old]) != old


def test_an_event_goes_to_its_webhook(host: HostProcess, tmp_path: Path) -> None:
    host.deliver({"data": {"url": "u"}})
    taken = (tmp_path / "events").read_text(encoding="utf-8")
    assert taken.startswith("/runtime/webhooks/blobs?functionName=Host.Functions.blob_dropped [{")


def test_an_event_that_the_webhook_did_not_take_is_delivered_again(host: HostProcess, tmp_path: Path) -> None:
    (tmp_path / "to_fail").write_text("1", encoding="utf-8")
    host.deliver({"data": {"url": "u"}})
    assert (tmp_path / "to_fail").read_text(encoding="utf-8") == "0"


def test_a_webhook_that_never_takes_it_is_an_error(host: HostProcess, tmp_path: Path) -> None:
    (tmp_path / "to_fail").write_text("100", encoding="utf-8")
    with pytest.raises(requests.HTTPError, match="500"):
        host.deliver({"data": {"url": "u"}})


def test_it_ends_with_the_host_and_its_worker_too(tmp_path: Path) -> None:
    with HostProcess(tmp_path, with_func(tmp_path, FUNC), options=["--host", "func"]) as running:
        running.wait_for_worker()
        below = [child.pid for child in psutil.Process(running.pid).children(recursive=True)]
        assert len(below) == 3, "the launcher, func, and its worker"
    wait_until(lambda: not set(below) & set(psutil.pids()), 10)


def test_without_core_tools_the_message_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ChildError, match="Core Tools are not installed") as failure:
        HostProcess(tmp_path, with_func(tmp_path, None), options=["--host", "func"]).start()
    assert "ended with code 2" in str(failure.value)


def test_a_func_that_ends_at_once_ends_the_host(tmp_path: Path) -> None:
    environment = with_func(tmp_path, f"#!{sys.executable}\nraise SystemExit('no bundle')\n")
    with pytest.raises(ChildError, match="no bundle"):
        HostProcess(tmp_path, environment, options=["--host", "func"]).start()
