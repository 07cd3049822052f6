"""A dev host as a child process, and what a test can ask of it."""

from __future__ import annotations

import contextlib
import json
import signal as signals
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil
import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from devkit.local.processes import Child
from devkit.local.waiting import wait_until

ROOT = Path(__file__).resolve().parent.parent.parent
ANSWER_SECONDS = 90.0  # above the longest wait that the control endpoints offer
STOP_SECONDS = 20.0  # what runs is waited for ten seconds
REDELIVERY = Retry(
    3, status_forcelist=(500, 502, 503, 504), allowed_methods=None, backoff_factor=0.5, raise_on_status=False
)
"""Event Grid delivers again what a webhook did not take: for 24 hours there, for seconds here.
https://learn.microsoft.com/azure/event-grid/delivery-and-retry"""


class HostProcess(Child):
    """One `python -m devkit.functions_host`, started on entry, stopped on exit.

    `environment` is the whole environment of the host and its workers; `options` are command-line options.
    """

    def __init__(
        self,
        app: Path,
        environment: Mapping[str, str],
        *,
        options: Sequence[str] = (),
        log: Path | None = None,
        name: str = "host",
    ) -> None:
        command = [sys.executable, "-m", "devkit.functions_host", "--app", str(app), *options]
        super().__init__(name, command, ready=_ready_line, env=environment, cwd=ROOT, log=log)
        self._orphans: list[psutil.Process] = []
        self._http = requests.Session()
        self._http.trust_env = False

    def stop(self, timeout: float = STOP_SECONDS) -> None:
        """End the host in its own order: it waits ten seconds for what runs, then gives nothing of it back."""
        self._http.close()
        super().stop(timeout)
        for orphan in self._orphans:
            with contextlib.suppress(psutil.NoSuchProcess):
                orphan.kill()
                orphan.wait(STOP_SECONDS)
        self._orphans = []

    def kill_host_alone(self) -> list[int]:
        """SIGKILL to the host and not to its workers, which live on; their pids. `stop` ends them."""
        self._orphans = [psutil.Process(pid) for pid in self.worker_pids()]
        psutil.Process(int(self.ready["pid"])).kill()
        return [orphan.pid for orphan in self._orphans]

    @property
    def ready(self) -> dict[str, Any]:
        """What the host said when it was ready: `url`, `worker`, `workers`, `functions`, `keys`."""
        assert isinstance(self.ready_value, dict)
        return self.ready_value

    @property
    def url(self) -> str:
        """Its origin."""
        return str(self.ready["url"])

    def request(self, method: str, path: str, **arguments: Any) -> requests.Response:
        """One HTTP request to the host; `path` begins with a slash."""
        arguments.setdefault("timeout", ANSWER_SECONDS)
        return self._http.request(method, self.url + path, **arguments)

    def status(self) -> dict[str, Any]:
        """`hostId`, `workers`, `functions`, `errors`, `busy`, `stops`, `keys`; without workers while it is down."""
        return self._json("GET", "/_dev/status")

    @property
    def is_core_tools(self) -> bool:
        """Whether this is Azure's own host (`--host func`): then there is no `/_dev`, and what needs it fails."""
        return self.ready["worker"] is None

    def worker_pids(self) -> list[int]:
        """The live workers."""
        if self.is_core_tools:
            return _python_workers(self.pid)
        return [int(pid) for pid in self.status()["workers"]]

    def kill_worker(self, pid: int | None = None, *, signal: str = "KILL") -> list[int]:
        """Signal one worker, or all (`KILL`, `TERM` ...); returns the pids. Replacements start by themselves."""
        pids = self.worker_pids() if pid is None else [pid]
        for each in pids:
            psutil.Process(each).send_signal(signals.Signals[f"SIG{signal}"])
        return pids

    def wait_for_worker(self, *, other_than: Sequence[int] = (), timeout: float = 30.0) -> int:
        """The pid of a worker that is ready and is none of `other_than`; TimeoutError when none comes."""

        def fresh() -> list[int]:
            return [pid for pid in self.worker_pids() if pid not in other_than]

        return wait_until(fresh, timeout, what="a new worker", explain=lambda: self.tail)[0]

    def invocations(self, function: str | None = None, *, after: int = 0) -> list[dict[str, Any]]:
        """Every run since the host's start but the first `after`, oldest first; of one function, if given."""
        query = {"after": str(after)} | ({} if function is None else {"function": function})
        listed: list[dict[str, Any]] = self._json("GET", "/_dev/invocations", params=query)["invocations"]
        return listed

    def wait_until_idle(self, timeout: float = 30.0, *, settle: float = 0.3) -> None:
        """Wait until nothing runs and no queue has a visible message; TimeoutError otherwise.

        A message that is hidden for later does not count.
        """
        query = {"timeout": str(timeout), "settle": str(settle)}
        answer = self._json("GET", "/_dev/idle", params=query, timeout=timeout + ANSWER_SECONDS)
        if not answer["idle"]:
            raise TimeoutError(f"the host was not idle within {timeout:g} s:\n{self.tail}")

    def deliver(self, event: dict[str, Any], *, function: str | None = None) -> None:
        """Post one event to the blob webhook as Event Grid does; `function` may be left out where there is one only.

        HTTPError where the webhook refuses it, or fails again and again.
        """
        name = function or self._only_blob_function()
        headers = {"aeg-event-type": "Notification", "x-functions-key": self._key("blobs_extension")}
        path = f"/runtime/webhooks/blobs?functionName=Host.Functions.{name}"
        with requests.Session() as event_grid:
            event_grid.trust_env = False
            event_grid.mount("http://", HTTPAdapter(max_retries=REDELIVERY))
            answer = event_grid.post(self.url + path, json=[event], headers=headers, timeout=ANSWER_SECONDS)
        answer.raise_for_status()

    def send_event(self, name: str, times: int = 1, *, container: str | None = None) -> dict[str, Any]:
        """Have the dev host make and take the BlobCreated event of a blob that exists, `times` times; the event."""
        body = {"name": name, "times": times} | ({} if container is None else {"container": container})
        event: dict[str, Any] = self._json("POST", "/_dev/blob-event", json=body)["event"]
        return event

    def run(self, function: str, given: str = "") -> None:
        """`POST /admin/functions/X`: run it now, beside its trigger; returns when it is listed, before it has run."""
        headers = {"x-functions-key": self._key("master")}
        answer = self.request("POST", f"/admin/functions/{function}", json={"input": given}, headers=headers)
        answer.raise_for_status()

    def _only_blob_function(self) -> str:
        """The one blob-triggered function, as the host lists it."""
        listed = self.request("GET", "/admin/functions", headers={"x-functions-key": self._key("master")}).json()
        names = [
            str(function["name"])
            for function in listed
            if any(binding["type"] == "blobTrigger" for binding in function["config"]["bindings"])
        ]
        if len(names) != 1:
            raise ValueError(f"say which blob function: there are {names}")
        return names[0]

    def _key(self, name: str) -> str:
        """One of the app's keys; Core Tools have none and ask for none."""
        return str((self.ready["keys"] or {}).get(name, ""))

    def _json(self, method: str, path: str, **arguments: Any) -> dict[str, Any]:
        """An answer's JSON object; requests.HTTPError with the answer's text for a refusal."""
        answer = self.request(method, path, **arguments)
        if not answer.ok:
            raise requests.HTTPError(f"{method} {path}: {answer.status_code} {answer.text}", response=answer)
        body: dict[str, Any] = answer.json()
        return body


def resident(pid: int) -> int:
    """Bytes of memory that a process occupies now (RSS)."""
    return int(psutil.Process(pid).memory_info().rss)


def peak_resident(pid: int) -> int:
    """The most bytes that a process has occupied since its start or the last `reset_peak` (VmHWM; Linux)."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("this system does not tell a process's peak memory")


def reset_peak(pid: int) -> None:
    """Make the peak start again from what is occupied now (proc(5), clear_refs)."""
    Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")


@contextlib.contextmanager
def measured(pid: int) -> Iterator[list[int]]:
    """Bytes that a process occupied at the beginning and at most within the block: `[before, peak]` at its end."""
    reset_peak(pid)
    found = [resident(pid)]
    yield found
    found.append(peak_resident(pid))


def _python_workers(launcher: int) -> list[int]:
    """The Python workers below Core Tools: `func` starts its host, and that one the workers."""
    below: dict[int, tuple[str, int]] = {}
    for each in psutil.Process(launcher).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):  # it ended since it was listed
            below[each.pid] = (each.name(), each.ppid())
    hosts = {pid for pid, (name, _) in below.items() if name == "func"}
    return [pid for pid, (name, parent) in below.items() if name.startswith("python") and parent in hosts]


def _ready_line(line: str) -> object | None:
    """The host's readiness line among its logs."""
    if not line.startswith("{"):
        return None
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) and "url" in value and "functions" in value else None
