"""The emulator for tests: starts the server process, drives it, stops it."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import requests

from devkit.graph.operating import Operated, StoredAttachment
from devkit.graph.wire import ConnectionLost, Reply, Request

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Emulator", "StoredAttachment"]

_ROOT = Path(__file__).resolve().parents[2]
# Seconds: for the process to be ready, for one command, and to end.
_READY, _COMMAND, _END = 30, 60, 10


class Emulator(Operated):
    """A running emulator. `with Emulator.start() as graph:` stops it at the end, whatever happens."""

    def __init__(self, addresses: Mapping[str, str], process: subprocess.Popen[str] | None = None) -> None:
        self.graph_origin = addresses["graph"]
        self.upload_origin = addresses["upload"]
        self.identity_url = addresses["identity"]
        self.identity_header = addresses["identityHeader"]
        self.control_url = addresses["control"]
        self.addresses = dict(addresses)
        self.process = process
        self._http = requests.Session()
        self._http.trust_env = False

    @classmethod
    def start(cls, ports: tuple[int, int, int] = (0, 0, 0), **switches: object) -> Self:
        """Start the process on free ports; RuntimeError where it does not get ready within 30 seconds."""
        config = json.dumps({"switches": switches, "ports": ports})
        process = subprocess.Popen(
            [sys.executable, "-m", "devkit.graph", "--die-with-parent", "--config", config],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=_ROOT,
        )
        watchdog = threading.Timer(_READY, process.kill)
        watchdog.start()
        assert process.stdout is not None
        line = process.stdout.readline()
        watchdog.cancel()
        watchdog.join()
        if not line:
            _end(process)
            raise RuntimeError(f"the Graph emulator did not start (exit code {process.returncode})")
        return cls(json.loads(line), process)

    @classmethod
    def connect(cls, addresses: Mapping[str, str]) -> Self:
        """Use an emulator that someone else started, by the line it printed."""
        return cls(addresses)

    def stop(self) -> None:
        """End the process, if this object started it. Twice does no harm."""
        self._http.close()
        if self.process is not None:
            _end(self.process)
            self.process = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def send(self, request: Request) -> Reply:
        """One request; no redirect is followed and no header added but the necessary ones."""
        try:
            answer = self._http.request(
                request.method,
                request.url,
                headers={"User-Agent": "emulator-client", **request.headers},
                data=request.body,
                allow_redirects=False,
                timeout=_COMMAND,
            )
        except requests.ConnectionError as lost:
            raise ConnectionLost(effect=False) from lost
        return Reply(answer.status_code, dict(answer.headers), answer.content)

    def advance(self, seconds: float) -> None:
        """Move the emulator's clock forward."""
        self.command("advance", seconds=seconds)

    def command(self, name: str, **arguments: object) -> Any:
        """One control command; ValueError where the emulator refuses it."""
        answer = self._http.post(f"{self.control_url}/{name}", json=arguments, timeout=_COMMAND)
        if answer.status_code == requests.codes.bad_request:
            raise ValueError(answer.json()["refused"])
        answer.raise_for_status()
        return answer.content if name == "attachment-bytes" else answer.json()


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(_END)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()
