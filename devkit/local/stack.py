"""The whole local stack: Azurite, the Graph emulator and a dev host with the product in it.

    with Stack() as stack:
        stack.drop("a.pdf", b"...", metadata={"mailbox": "...", "messageid": "..."})
        stack.wait_until(lambda: stack.graph.attachments(...))

Every part is a process of its own on free ports; what a stack starts dies with it. Stacks side by side do not meet.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import requests

from devkit.functions_host.client import HostProcess, peak_resident, resident
from devkit.functions_host.events import envelope
from devkit.graph.client import Emulator
from devkit.local.azurite import Azurite
from devkit.local.processes import Child
from devkit.local.storage import Dropped, LocalStorage, json_object
from devkit.local.waiting import wait_until

__all__ = ["Dropped", "Stack", "json_object", "wait_until"]

ROOT = Path(__file__).resolve().parents[2]
KEPT = (
    "PATH",
    "HOME",
    "LANG",
    "TMPDIR",
    "VIRTUAL_ENV",
)  # of the caller's environment; the rest would leak into the app
KEPT_PREFIXES = ("LC_", "PYTHON", "COVERAGE")
SHORTENED = ("--poll", "0.5", "--told", "2", "--timer-lease", "15")
"""The local host's times are the real one's, but for these: how long it lets a queue or a dead host's timers be."""

WAIT_SECONDS = 60.0
TAIL_CHARACTERS = 6000  # of the logs, in the message of a wait that failed

T = TypeVar("T")


class Stack:
    """See the module. `settings` go over the product's own; `switches` configure the emulator.

    `options` are options of `python -m devkit.functions_host` (`--workers 3`, `--hold 5`, `--keys` ...), over
    SHORTENED. `graph=False` leaves the emulator out, `host=False` the host. Logs go to `logs_folder` and stay there;
    without one they go with the stack. `first_port` is the host's; the emulator takes the three after it, and storage
    the next three. None: free ones. `azurite` is one that runs: the stack takes an account of it, and leaves it
    empty. Without one it starts its own.
    """

    def __init__(  # noqa: PLR0913 - each part of a stack can be another
        self,
        *,
        app: Path = ROOT,
        settings: Mapping[str, str] | None = None,
        switches: Mapping[str, object] | None = None,
        options: Sequence[str] = (),
        graph: bool = True,
        host: bool = True,
        logs_folder: Path | None = None,
        azurite: Azurite | None = None,
        first_port: int | None = None,
    ) -> None:
        self._app = app
        self._given = dict(settings or {})
        self._switches = dict(switches or {})
        self._options = ["--no-local-settings", *SHORTENED, *options]
        self._with_graph = graph
        self._with_host = host
        self._temporary = None if logs_folder else Path(tempfile.mkdtemp(prefix="stack-"))
        self.logs_folder = logs_folder or self._temporary or ROOT
        self._parts = ExitStack()
        self._hosts_started = 0
        self._emulator: Emulator | None = None
        self._host: HostProcess | None = None
        self._shares_azurite = azurite is not None
        self._first_port = first_port
        ports = range(first_port + 4, first_port + 7) if first_port else (0, 0, 0)
        self.azurite = azurite or Azurite(log=self.logs_folder / "azurite.log", ports=tuple(ports))
        self.connection_string = ""

    def __enter__(self) -> Self:
        try:
            self._connect()
            if self._with_graph:
                self._start_graph()
            if self._with_host:
                self.host = self.start_host()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop everything, last started first. May be repeated."""
        if self._host is not None:
            self._host.stop()
        self._parts.close()
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)

    def _connect(self) -> None:
        """An account, clients for it, and the drop container."""
        if self._shares_azurite:
            self.connection_string = self.azurite.new_account()
        else:
            self.connection_string = self._parts.enter_context(self.azurite).connection_string
        self._storage = self._parts.enter_context(LocalStorage(self.connection_string))
        if self._shares_azurite:
            self._parts.callback(self._storage.clear)
        self.storage, self.queues = self._storage.blobs, self._storage.queues
        self.storage.create_container(self.drop_container)

    def _start_graph(self) -> None:
        """The emulator, under the same guard as everything else."""
        first = self._first_port
        ports = list(range(first + 1, first + 4)) if first else [0, 0, 0]
        config = json.dumps({"switches": self._switches, "ports": ports})
        command = [sys.executable, "-m", "devkit.graph", "--config", config]
        log = self.logs_folder / "graph.log"
        child = self._parts.enter_context(Child("graph", command, ready=_addresses, cwd=ROOT, log=log))
        assert isinstance(child.ready_value, dict)
        self._emulator = self._parts.enter_context(Emulator.connect(child.ready_value))

    @property
    def graph(self) -> Emulator:
        """The emulator's client."""
        assert self._emulator is not None, "this stack has no Graph emulator"
        return self._emulator

    # --- settings -------------------------------------------------------------------------------------------------

    @property
    def drop_container(self) -> str:
        """Where files arrive."""
        return self._given.get("DROP_CONTAINER", "drop")

    @property
    def checkpoint_container(self) -> str:
        """Where the product keeps its transfers."""
        return self._given.get("CHECKPOINT_CONTAINER", "checkpoints")

    @property
    def settings(self) -> dict[str, str]:
        """The app's settings, as the host gets them in its environment."""
        text = self.connection_string
        settings = {"FUNCTIONS_WORKER_RUNTIME": "python", "AzureWebJobsStorage": text, "DropStorage": text}
        if self._emulator is not None:
            settings |= {
                "GRAPH_BASE_URL": self._emulator.graph_url,
                "GRAPH_UPLOAD_HOSTS": self._emulator.upload_host,
                **self._emulator.identity,
            }
        return settings | self._given

    @property
    def environment(self) -> dict[str, str]:
        """The whole environment of a host: the settings, and as much of the caller's as a process needs to run."""
        return {**_kept_environment(), **self.settings}

    # --- hosts ----------------------------------------------------------------------------------------------------

    def start_host(self, *, options: Sequence[str] = (), **settings: str) -> HostProcess:
        """Start one more host on the same storage; it is stopped with the stack, or before by its own `stop`."""
        self._hosts_started += 1
        name = f"host{self._hosts_started}"
        host = HostProcess(
            self._app,
            {**self.environment, **settings},
            options=[*self._options, *options, *self._port_option()],
            log=self.logs_folder / f"{name}.log",
            name=name,
        )
        return self._parts.enter_context(host)

    def _port_option(self) -> tuple[str, ...]:
        """Only the first host gets the port that was asked for: a second one beside it takes a free one."""
        is_first = self._hosts_started == 1
        return ("--port", str(self._first_port)) if self._first_port and is_first else ()

    @property
    def host(self) -> HostProcess:
        """The first host, or the one that replaced it."""
        assert self._host is not None, "the stack is not running"
        return self._host

    @host.setter
    def host(self, host: HostProcess) -> None:
        self._host = host

    def restart_host(self, *, kill: bool = False, **settings: str) -> HostProcess:
        """End the host (`kill`: as when its machine is lost) and start another; `settings` stay for later ones too."""
        if kill:
            self.host.kill()
        else:
            self.host.stop()
        self._given |= settings
        self.host = self.start_host()
        return self.host

    @property
    def url(self) -> str:
        """The host's origin."""
        return self.host.url

    def request(self, method: str, path: str, **arguments: Any) -> requests.Response:
        """One HTTP request to the host, such as `request("GET", "/api/transfers")`."""
        return self.host.request(method, path, **arguments)

    def kill_worker(self) -> int:
        """SIGKILL the worker and wait until another is ready; returns the new worker's pid."""
        killed = self.host.kill_worker()
        return self.host.wait_for_worker(other_than=killed)

    def worker_rss(self) -> int:
        """Bytes that the worker occupies now."""
        return resident(self.host.worker_pids()[0])

    def worker_peak_rss(self) -> int:
        """The most bytes that the worker has occupied since it started."""
        return peak_resident(self.host.worker_pids()[0])

    # --- dropping -------------------------------------------------------------------------------------------------

    def drop(
        self,
        name: str,
        data: bytes | Path,
        *,
        metadata: Mapping[str, str] | None = None,
        content_type: str | None = None,
        events: int | None = None,
    ) -> Dropped:
        """Write a blob into the drop container and send its BlobCreated event `events` times.

        Left out, that is once in Event Grid mode and never in polling mode. `metadata` is written as it is given.
        """
        dropped = self._storage.write(self.drop_container, name, data, metadata=metadata, content_type=content_type)
        times = events if events is not None else int(self._event_grid)
        if times:
            self.send_event(name, times)
        return dropped

    def send_event(self, name: str, times: int = 1, *, container: str | None = None) -> dict[str, Any]:
        """Post the BlobCreated event of a blob as it is now to the webhook, `times` times; returns the event."""
        blob = self.storage.get_blob_client(container or self.drop_container, name)
        event = envelope(blob, blob.get_blob_properties())
        for _ in range(times):
            self.host.deliver(event)
        return event

    @property
    def _event_grid(self) -> bool:
        """Whether blobs are told by events rather than found."""
        return self._given.get("BLOB_TRIGGER_SOURCE", "EventGrid") == "EventGrid"

    # --- looking --------------------------------------------------------------------------------------------------

    def wait_until(
        self, predicate: Callable[[], T], timeout: float = WAIT_SECONDS, *, what: str = "the condition"
    ) -> T:
        """The predicate's first true answer; TimeoutError, with the end of the logs, when `timeout` seconds pass."""
        return wait_until(predicate, timeout, what=what, explain=lambda: self.logs[-TAIL_CHARACTERS:])

    def wait_until_idle(self, timeout: float = WAIT_SECONDS) -> None:
        """Wait until nothing runs and nothing is waiting to run now."""
        self.host.wait_until_idle(timeout)

    def checkpoints(self) -> dict[str, dict[str, Any]]:
        """Every JSON object in the checkpoint container, by blob name; empty while there is no container."""
        return self._storage.json_blobs(self.checkpoint_container)

    def queue_lengths(self) -> dict[str, int]:
        """How many messages each queue holds, hidden ones included."""
        return self._storage.queue_lengths()

    def peek(self, queue: str) -> list[str]:
        """The decoded texts of up to 32 visible messages of a queue; empty while there is no such queue."""
        return self._storage.peek(queue)

    def send_message(self, queue: str, text: str) -> None:
        """Put one message on a queue that exists, in the app's encoding."""
        self._storage.queue(queue).send_message(text)

    @property
    def logs(self) -> str:
        """Everything that the hosts and their app have written so far."""
        return "".join(file.read_text(encoding="utf-8") for file in sorted(self.logs_folder.glob("host*.log")))


def _kept_environment() -> dict[str, str]:
    """What of the caller's environment every part gets: enough to run, nothing that configures the app."""
    kept = {name for name in os.environ if name in KEPT or name.startswith(KEPT_PREFIXES)}
    return {name: os.environ[name] for name in kept}


def _addresses(line: str) -> object | None:
    """The emulator's readiness line."""
    value = json_object(line.encode())
    return value if value is not None and "identityHeader" in value else None
