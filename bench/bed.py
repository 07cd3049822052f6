"""The test bed: Azurite behind a relay that delays, the Graph emulator with its latencies, and warm contestants.

    with Bed() as bed:
        bed.latency(blob_ms=30, put_ms=80)
        measured = bed.run("product", size=150_000_000)

Every part is a process of its own on free ports and dies with the bed.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self
from urllib.parse import urlsplit

from azure.storage.blob import BlobSasPermissions, BlobServiceClient, generate_blob_sas
from azure.storage.queue import QueueServiceClient

from devkit.graph.client import Emulator
from devkit.local.azurite import ACCOUNT, KEY, Azurite
from devkit.local.processes import Child

ROOT = Path(__file__).resolve().parents[1]
CONTAINER, QUEUE = "drop", "transfers"
RELAYED = ("Blob", "Queue")
"""The services behind the relay."""

_BOUNDLESS = 10**15  # bytes that the bench's mailbox takes: the limits of a mailbox are measured elsewhere


class WrongBytesError(AssertionError):
    """What arrived is not what was dropped."""


class Bed:
    """See the module. `pythons` names another interpreter for a contestant that has an environment of its own."""

    def __init__(self, pythons: Mapping[str, Path] | None = None) -> None:
        self._pythons = dict(pythons or {})
        self._parts = ExitStack()
        self._contestants: dict[tuple[str, float], Contestant] = {}
        self._relays: dict[tuple[str, float], str] = {}
        self._originals: set[int] = set()
        self._numbers = count(1)
        self._blob_ms = 0.0
        self._azurite = Azurite()

    def __enter__(self) -> Self:
        try:
            self._logs = Path(self._parts.enter_context(TemporaryDirectory(prefix="bench-")))
            self._parts.enter_context(self._azurite)
            self._storage = self._parts.enter_context(
                BlobServiceClient.from_connection_string(self._azurite.connection_string)
            )
            self._storage.create_container(CONTAINER)
            with QueueServiceClient.from_connection_string(self._azurite.connection_string) as queues:
                queues.create_queue(QUEUE)  # as it is where any transfer was made before
            self.graph = self._parts.enter_context(Emulator.start(keep_bytes=False, min_session_size=1))
            self._token = self.graph.issue_token()
        except BaseException:
            self._parts.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._parts.close()

    def latency(self, *, blob_ms: float, put_ms: float) -> None:
        """From now on: wait before every blob request, and before every PUT, POST and session."""
        self._blob_ms = blob_ms
        self.graph.switch(latency_ms_put=put_ms, latency_ms_create=put_ms, latency_ms_post=put_ms)

    def run(self, name: str, size: int, together: int = 1) -> dict[str, float]:
        """So many files of `size` bytes, sent at once, each to a draft of its own; checked byte by byte (SHA-256)."""
        contestant = self._contestant(name)
        jobs = [self.job(size) for _ in range(together)]
        answer = contestant.do(jobs)
        for job in jobs if name != "limit" else ():  # the limit sends bytes of its own
            self.check(job)
        return answer

    def requests(self, name: str, size: int) -> tuple[Counter[str], Counter[str]]:
        """What one file costs: requests to Graph by kind, and to storage by what they are about."""
        contestant, job = self._contestant(name), self.job(size)
        graph, storage = len(self.graph.requests()), len(self._storage_log())
        contestant.do([job])
        self.check(job)
        to_graph = Counter(str(entry["kind"]) for entry in self.graph.requests()[graph:] if entry["kind"] != "token")
        return to_graph, Counter(map(about, self._storage_log()[storage:]))

    def job(self, size: int) -> dict[str, Any]:
        """A fresh blob, a draft in a fresh mailbox, and everything a contestant needs to bring them together.

        A mailbox that was just sent 150 MB would have to wait five minutes for the next.
        """
        number = next(self._numbers)
        blob, mailbox = f"file-{number}.bin", f"box-{number}@contoso.example"
        self.graph.add_mailbox(mailbox, message_limit=_BOUNDLESS)
        message = self.graph.add_message(mailbox)
        self._copy(size, blob, {"mailbox": mailbox, "messageid": message})
        return {
            "container": CONTAINER,
            "blob": blob,
            "blob_url": self._url(blob),
            "size": size,
            "graph": self.graph.graph_url,
            "token": self._token,
            "mailbox": mailbox,
            "message": message,
        }

    def check(self, job: Mapping[str, Any]) -> None:
        """WrongBytesError unless exactly this file is on the draft, once."""
        found = [(one.length, one.sha256) for one in self.graph.attachments(job["mailbox"], job["message"])]
        if found != [(job["size"], _digest(job["size"]))]:
            raise WrongBytesError(f"{job['blob']}: found {found}, not one attachment of {job['size']} bytes")

    def _copy(self, size: int, blob: str, metadata: dict[str, str]) -> None:
        """A blob of its own for every run, so that no run finds another one's transfer. Copies share their bytes."""
        original = self._storage.get_blob_client(CONTAINER, f"original-{size}.bin")
        if size not in self._originals:
            original.upload_blob(content(size))
            self._originals.add(size)
        self._storage.get_blob_client(CONTAINER, blob).start_copy_from_url(original.url, metadata=metadata)

    def _contestant(self, name: str) -> Contestant:
        """The contestant's process for the present latency, started where it is the first time."""
        key = (name, self._blob_ms)
        if key not in self._contestants:
            python = self._pythons.get(name, Path(sys.executable))
            log = self._logs / f"{name}.log"
            started = self._parts.enter_context(Contestant(name, python, self._environment(), log))
            self._contestants[key] = started
            started.do([self.job(_WARM_BYTES)])
        return self._contestants[key]

    def _environment(self) -> dict[str, str]:
        """The product's settings, with storage behind the relay."""
        storage = self._connection_string()
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        return kept | {
            "AzureWebJobsStorage": storage,
            "DropStorage": storage,
            "GRAPH_BASE_URL": self.graph.graph_url,
            "GRAPH_UPLOAD_HOSTS": self.graph.upload_host,
            **self.graph.identity,
        }

    def _connection_string(self) -> str:
        text = self._azurite.connection_string
        for service in RELAYED:
            text = text.replace(self._azurite.origins[service], f"http://{self._relay(service)}")
        return text

    def _relay(self, service: str) -> str:
        """`host:port` of the service: a relay for the present latency, or Azurite itself where there is none."""
        to = urlsplit(self._azurite.origins[service]).netloc
        if not self._blob_ms:
            return to
        key = (service, self._blob_ms)
        if key not in self._relays:
            delay, log = str(self._blob_ms), str(self._log_of_relay())
            command = [sys.executable, "-m", "bench.relay", "--to", to, "--delay-ms", delay, "--log", log]
            child = self._parts.enter_context(Child("relay", command, ready=_relay_line, cwd=ROOT))
            self._relays[key] = str(child.ready_value)
        return self._relays[key]

    def _log_of_relay(self) -> Path:
        return self._logs / f"relay-{self._blob_ms}.log"

    def _storage_log(self) -> list[str]:
        """`GET /account/container/blob` for every request to storage, as far as a relay saw it."""
        log = self._log_of_relay()
        return log.read_text(encoding="utf-8").splitlines() if log.exists() else []

    def _url(self, blob: str) -> str:
        signature = generate_blob_sas(
            ACCOUNT,
            CONTAINER,
            blob,
            account_key=KEY,
            permission=BlobSasPermissions(read=True),
            expiry=datetime.now(UTC) + timedelta(hours=1),
        )
        return f"http://{self._relay('Blob')}/{ACCOUNT}/{CONTAINER}/{blob}?{signature}"


_WARM_BYTES = 100_000  # loads everything, and leaves no buffers behind
_END_SECONDS = 10
_ANSWER_SECONDS = 240  # for one line of a contestant: O365 takes 13 s, on a busy machine several times that


def about(request: str) -> str:
    """What a request to storage is about, in a word or two."""
    method, _, path = request.partition(" ")
    if path.startswith(f"/{ACCOUNT}/{QUEUE}/messages"):
        return {"POST": "message against a run's death sent", "DELETE": "message against a run's death taken back"}[
            method
        ]
    _, _, inside = path.removeprefix(f"/{ACCOUNT}/").partition("/")
    if path.startswith(f"/{ACCOUNT}/{CONTAINER}/"):
        return {"HEAD": "version of the file asked", "GET": "file streamed"}.get(method, f"{method} of the file")
    place = inside.partition("/")[0]
    verb = {"HEAD": "asked", "GET": "read", "PUT": "written", "DELETE": "deleted"}.get(method, method)
    return f"{_PLACES.get(place, place)} {verb}"


_PLACES = {
    "transfers": "checkpoint",
    "unfinished": "unfinished mark",
    "pace": "mailbox's record",
    "mailboxes": "mark in the mailbox's list",
}


class Contestant:
    """One runner process: jobs go in, what they took comes out."""

    def __init__(self, name: str, python: Path, environment: Mapping[str, str], log: Path) -> None:
        self.name = name
        self._command = [str(python), "-m", "bench.runner", name]
        self._environment = dict(environment)
        self._log = log

    def __enter__(self) -> Self:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=self._environment,
                cwd=ROOT,
                text=True,
            )
        self._answer()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def do(self, jobs: Sequence[Mapping[str, Any]]) -> dict[str, float]:
        """Jobs to be done at once; RuntimeError with the contestant's own trace where one failed."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(jobs) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, float]:
        assert self._process.stdout is not None
        watchdog = threading.Timer(_ANSWER_SECONDS, self._process.kill)
        watchdog.start()
        line = self._process.stdout.readline()
        watchdog.cancel()
        if not line:
            raise RuntimeError(f"{self.name} ended:\n{self._log.read_text(encoding='utf-8')[-4000:]}")
        answer: dict[str, Any] = json.loads(line)
        if "failed" in answer:
            raise RuntimeError(f"{self.name} failed:\n{answer['failed']}")
        return answer


def content(size: int) -> bytes:
    """Bytes that no range repeats, so that one in the wrong place shows: the same ones for the same size."""
    return b"".join(hashlib.sha256(block.to_bytes(8)).digest() * 2048 for block in range(size // _BLOCK + 1))[:size]


_BLOCK = 32 * 2048


@lru_cache(maxsize=32)
def _digest(size: int) -> str:
    return hashlib.sha256(content(size)).hexdigest()


def _relay_line(line: str) -> object | None:
    return json.loads(line).get("relay") if line.startswith("{") else None
