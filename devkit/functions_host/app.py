"""The function app as this host runs it: every function with its trigger, wired to workers and storage."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import time
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob.aio import BlobServiceClient
from azure.storage.queue.aio import QueueClient, QueueServiceClient

from devkit.functions_host import blobs, faults, inputs, queues, routes, settings
from devkit.functions_host.events import AzureStub
from devkit.functions_host.scan import ContainerScan
from devkit.functions_host.timers import LEASE_SECONDS, Schedule, Timer
from devkit.functions_host.workers import ORPHAN_SECONDS, Invocation, InvocationError, Workers, new_invocation, say

TRUE = ("1", "true")
POISON = "-poison"  # what the host appends to a queue's name
DRAIN_SECONDS = 10.0  # measured: after SIGTERM a run may take so long to end; the drain-on-stop setting changes nothing
RESTART_SECONDS = 20.0  # measured: what each stop by a fault of the host's own took
LOOK_SECONDS = 0.05


@dataclass(frozen=True)
class Options:
    """What the command line decides. Times in seconds; the defaults are the real host's.

    Attributes:
        stand_in: between looks of the stand-in for Event Grid; None where no events are made up.
        drain: how long a host that is told to end waits for what runs.
        tell_workers: whether the workers get SIGTERM too when that wait begins, as where every process of a container
            does. On the host that was measured they hear nothing.
        orphan: how long a worker lives on whose host was killed alone.
        timer_lease: of the lock that one host holds for each timer, 15 to 60.
        storage_patience: how long the host's own clients try again.
        restart: between the end of a host by a fault of its own and its next start.
    """

    app: Path
    workers: int = 1
    pace: queues.Pace = field(default_factory=queues.Pace)
    scan_interval: float = 1.0
    stand_in: float | None = None
    timers: bool = True
    local_settings: bool = True
    drain: float = DRAIN_SECONDS
    tell_workers: bool = False
    orphan: float = ORPHAN_SECONDS
    timer_lease: float = LEASE_SECONDS
    storage_patience: float = faults.CLIENT_PATIENCE
    restart: float = RESTART_SECONDS


class FunctionApp:
    """The app's functions and everything that can trigger them. Started once; closed, or abandoned, once."""

    def __init__(self, options: Options, environment: Mapping[str, str], invocations: list[Invocation]) -> None:
        """The environment's settings go over those of local.settings.json. `invocations` is added to."""
        self.options = options
        local = settings.load_local_settings(options.app) if options.local_settings else {}
        self.settings = {**local, **environment}
        self.rules = settings.load_host_settings(options.app, self.settings)
        self.host_id = settings.host_id(options.app, self.settings)
        self.workers = Workers(
            options.app,
            self.settings,
            options.workers,
            self.rules.function_timeout,
            orphan=options.orphan,
            invocations=invocations,
        )
        self.failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.draining = False
        self.bindings: dict[str, dict[str, Any]] = {}
        self.routes: list[routes.Route] = []
        self.disabled: set[str] = set()
        self.errors: dict[str, str] = {}
        self.listeners: list[queues.QueueListener] = []
        self.blobs: blobs.BlobTriggers | None = None
        self._stand_ins: list[AzureStub] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._listens: list[asyncio.Task[None]] = []
        self._timers: list[Timer] = []
        self._direct: set[asyncio.Task[None]] = set()
        self._clients = contextlib.AsyncExitStack()
        self._services: dict[tuple[type, str], Any] = {}

    async def start(self) -> None:
        """Start the workers, then every listener; SettingsError or IndexingError when the app cannot run."""
        for function in await self.workers.start():
            self._take(function["name"], function["binding"])
        self._make_queue_listeners()
        loops = [*self._blob_loops(), *(self._timer_loops() if self.options.timers else ())]
        await asyncio.gather(*(stand_in.look() for stand_in in self._stand_ins))
        self._listens = [asyncio.create_task(listener.listen()) for listener in self.listeners]
        self._tasks = [*self._listens, *(asyncio.create_task(loop) for loop in loops)]
        for task in self._tasks:
            task.add_done_callback(self._ended)

    def _take(self, name: str, described: dict[str, Any]) -> None:
        """Add one function; a binding that the host cannot work with costs that function alone."""
        try:
            binding = {
                key: settings.resolve_percent(value, self.settings) if isinstance(value, str) else value
                for key, value in described.items()
            }
            if "connection" in binding:
                settings.connection_string(str(binding["connection"]), self.settings)
            if binding["type"] == "timerTrigger":
                Schedule(str(binding["schedule"]), name)
            if binding["type"] == "httpTrigger":
                self.routes.append(routes.compile_route(name, binding, self.rules.route_prefix))
        except settings.SettingsError as problem:
            self.errors[name] = str(problem)
            say(f"the '{name}' function is in error: {problem}")
            return
        if self.settings.get(f"AzureWebJobs.{name}.Disabled", "").lower() in TRUE:
            self.disabled.add(name)
        else:
            self.bindings[name] = binding

    def drain(self) -> None:
        """Take nothing more; what runs goes on."""
        self.draining = True
        for task in self._listens:
            task.cancel()

    async def close(self) -> None:
        """Take nothing more, wait a while for what runs, and end: what still runs then is given back to nobody."""
        self.drain()
        if self.options.tell_workers:
            for pid in self.workers.pids:
                self.workers.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + self.options.drain
        while time.monotonic() < deadline:
            if not self.busy:
                break
            await asyncio.sleep(LOOK_SECONDS)
        await self._end()

    async def abandon(self) -> None:
        """End at once, as a process that is gone: nothing is given back, and no lock either."""
        for timer in self._timers:
            timer.abandon()
        await self._end()

    async def _end(self) -> None:
        """Forget what was taken, then end the workers: a run that is lost with them would be given back."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*(listener.abandon() for listener in self.listeners))
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.workers.close()
        await asyncio.gather(*self._direct, return_exceptions=True)
        await self._clients.aclose()

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A loop that ended by itself, which none should."""
        if not task.cancelled():
            self._fail(task.exception() or RuntimeError("a listener ended"))

    def _fail(self, problem: BaseException) -> None:
        """A fault of the host's own: the first one counts."""
        if not self.failure.done():
            self.failure.set_exception(problem)
            self.failure.exception()  # seen, also where nobody waits any more

    @property
    def busy(self) -> bool:
        """Whether anything runs."""
        running = any(record.outcome == "running" for record in self.workers.invocations)
        return running or bool(self._direct) or any(listener.busy for listener in self.listeners)

    async def visible_messages(self) -> int:
        """How many queues have a message that could be taken now."""
        count = 0
        for listener in self.listeners:
            with contextlib.suppress(ResourceNotFoundError):
                count += bool(await listener.queue.peek_messages(max_messages=1))
        return count

    async def run_now(self, name: str, text: str) -> None:
        """`/admin/functions/X`: run a function beside its trigger, with no queue behind it and no second try.

        The run is among the invocations when this returns, and goes on.
        """
        match self.bindings[name]["type"]:
            case "blobTrigger":
                assert self.blobs is not None
                container, _, blob = text.partition("/")
                given = self.blobs.functions[blobs.FUNCTION_ID_PREFIX + name].input(container, blob)
            case "timerTrigger":
                given = inputs.for_timer(past_due=False, status={})
            case "queueTrigger":
                given = inputs.for_message(text)
            case _:
                given = inputs.for_direct_request(text)
        task = asyncio.create_task(self._run_direct(name, given))
        self._direct.add(task)
        task.add_done_callback(self._direct.discard)
        await asyncio.sleep(0)  # its first step puts it on the list

    async def _run_direct(self, name: str, given: inputs.Input) -> None:
        """The run itself; how it went is in the list of invocations."""
        with contextlib.suppress(InvocationError):
            await self.workers.invoke(name, given, new_invocation(name, "admin"))

    def _of_type(self, kind: str) -> list[tuple[str, dict[str, Any]]]:
        """The functions with one kind of trigger."""
        return [(name, binding) for name, binding in self.bindings.items() if binding["type"] == kind]

    def _make_queue_listeners(self) -> None:
        """One listener for each queue trigger."""
        for name, binding in self._of_type("queueTrigger"):
            queue_name, connection = str(binding["queueName"]), str(binding["connection"])
            is_poison = queue_name.endswith(POISON)
            listener = queues.QueueListener(
                self._queue(connection, queue_name),
                self.rules.queues,
                self.options.pace,
                self._queue_runner(name),
                None if is_poison else self._poisoner(self._queue(connection, f"{queue_name}{POISON}")),
                told=is_poison,
                fail=self._fail,
            )
            self.listeners.append(listener)

    def _queue_runner(self, name: str) -> Any:
        """What one queue function's listener calls for each message."""

        async def run(taken: queues.Taken) -> None:
            given = inputs.for_message(taken.text, taken.message)
            await self.workers.invoke(name, given, new_invocation(name, "queue", taken.dequeue_count))

        return run

    def _blob_loops(self) -> list[Coroutine[Any, Any, None]]:
        """The internal queue's listener beside the others, and whatever finds new blobs."""
        functions = [self._blob_function(name, binding) for name, binding in self._of_type("blobTrigger")]
        if not functions:
            return []
        internal = self._queue(settings.HOST_STORAGE, f"azure-webjobs-blobtrigger-{self.host_id}")
        self.blobs = triggers = blobs.BlobTriggers(functions, internal, self.workers, self._put)
        listener = queues.QueueListener(
            internal, self.rules.blobs, self.options.pace, triggers.run, triggers.poison, told=True, fail=self._fail
        )
        self.listeners.append(listener)
        loops = []
        storage = self._blob_service(settings.HOST_STORAGE)
        for function in functions:
            if function.source == blobs.POLLING:
                scan = ContainerScan(function, triggers, storage, self.host_id)
                loops.append(scan.watch(self.options.scan_interval))
            elif self.options.stand_in is not None:
                stand_in = AzureStub(function, self._send_event)
                self._stand_ins.append(stand_in)
                loops.append(stand_in.watch(self.options.stand_in))
        return loops

    async def _send_event(self, function_id: str, event: dict[str, Any]) -> None:
        """An event made up locally goes the way of one that came in."""
        assert self.blobs is not None
        await self.blobs.webhook("Notification", function_id, json.dumps([event]).encode())

    def _blob_function(self, name: str, binding: dict[str, Any]) -> blobs.BlobFunction:
        """One blob trigger, resolved."""
        container, _, pattern = str(binding["path"]).partition("/")
        connection = str(binding["connection"])
        return blobs.BlobFunction(
            name=name,
            container=container,
            pattern=pattern or "{name}",
            connection=connection,
            source=str(binding.get("source") or blobs.POLLING),
            blobs=self._blob_service(connection),
            poison=self._queue(connection, blobs.POISON_QUEUE),
        )

    def _timer_loops(self) -> list[Coroutine[Any, Any, None]]:
        """One schedule for each timer trigger."""
        loops = []
        for name, binding in self._of_type("timerTrigger"):
            timer = Timer(
                name,
                Schedule(str(binding["schedule"]), name),
                self._blob_service(settings.HOST_STORAGE),
                self.host_id,
                self._timer_runner(name),
                lease=self.options.timer_lease,
                monitor=bool(binding.get("useMonitor", True)),
            )
            self._timers.append(timer)
            loops.append(timer.watch(on_startup=bool(binding.get("runOnStartup"))))
        return loops

    def _timer_runner(self, name: str) -> Any:
        """What one timer calls when it is due."""

        async def run(past_due: bool, status: dict[str, Any]) -> None:  # noqa: FBT001 - the shape of timers.Run
            if self.draining:
                return
            with contextlib.suppress(InvocationError):
                given = inputs.for_timer(past_due=past_due, status=status)
                await self.workers.invoke(name, given, new_invocation(name, "timer"))

        return run

    def _poisoner(self, queue: QueueClient) -> Any:
        """What puts a message on a poison queue."""

        async def poison(content: str) -> None:
            await self._put(queue, content)

        return poison

    async def _put(self, queue: QueueClient, content: str) -> None:
        """Put a message on a queue that only hosts fill, and have its listener look at once."""
        await queues.put(queue, content)
        for listener in self.listeners:
            if listener.queue.queue_name == queue.queue_name:
                listener.wake()

    def _queue(self, connection: str, name: str) -> QueueClient:
        """A client for one queue of a connection."""
        service: QueueServiceClient = self._service(QueueServiceClient, connection)
        return service.get_queue_client(name)

    def _blob_service(self, connection: str) -> BlobServiceClient:
        """A client for the blobs of a connection."""
        service: BlobServiceClient = self._service(BlobServiceClient, connection)
        return service

    def _service(self, kind: type, connection: str) -> Any:
        """One client for each service of each account, closed with the app."""
        text = settings.connection_string(connection, self.settings)
        if (kind, text) not in self._services:
            retry = faults.ClientRetry(self.options.storage_patience)
            service = kind.from_connection_string(text, retry_policy=retry)  # type: ignore[attr-defined]  # both kinds have it
            self._clients.push_async_exit(service)
            self._services[kind, text] = service
        return self._services[kind, text]
