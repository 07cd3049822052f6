"""The host's half: worker processes that are started, given work, killed when they overrun, and started again."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import itertools
import math
import os
import signal
import socket
import sys
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from devkit.functions_host import frames
from devkit.functions_host.inputs import Input

ROOT = Path(__file__).resolve().parent.parent.parent
START_SECONDS = 60.0  # Azure's limit for a worker's start
GRACE_SECONDS = 2.0  # what Azure gives a timed-out function before its worker is killed
STOP_SECONDS = 2.0  # for the last output of a worker that was killed
ORPHAN_SECONDS = 300.0  # how long a worker lives on whose host was killed alone: "minutes" on the real one
LOOK_SECONDS = 0.1
RESTART_SECONDS = 0.5  # between a worker's end and the next one's start, so that a crash loop stays bearable


class IndexingError(RuntimeError):
    """The app could not be loaded; the message is the app's own stack."""


class InvocationError(RuntimeError):
    """A function raised, ran out of time, or lost its worker."""


class OverrunError(InvocationError):
    """A function ran out of time: its message is held back a while."""


@dataclass
class Invocation:
    """One run of a function, as the control endpoint lists it. Times are UTC, ISO 8601."""

    invocation: str
    function: str
    trigger: str
    dequeue_count: int | None
    worker: int | None = None
    started: str = ""
    ended: str | None = None
    outcome: str = "running"  # then one of: succeeded, failed, timed out, worker lost
    error: str | None = None

    def describe(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "invocation": self.invocation,
            "function": self.function,
            "trigger": self.trigger,
            "dequeueCount": self.dequeue_count,
            "worker": self.worker,
            "started": self.started,
            "ended": self.ended,
            "outcome": self.outcome,
            "error": self.error,
        }


@dataclass
class _Process:
    """One worker process and the invocations in it."""

    process: asyncio.subprocess.Process
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    functions: list[dict[str, Any]]
    waiting: dict[str, asyncio.Future[frames.Message]] = field(default_factory=dict)


class Workers:
    """`count` worker processes that are kept running until `close`.

    Invocations go to the workers in turn. A worker that ends fails every invocation in it and is replaced.
    """

    def __init__(
        self,
        app: Path,
        environment: Mapping[str, str],
        count: int,
        timeout: float,
        *,
        orphan: float,
        invocations: list[Invocation],
    ) -> None:
        """`orphan`: seconds that a worker lives on when its host is gone. `invocations` is added to."""
        self._app = app
        self._orphan = orphan
        self._environment = {**environment, "PYTHONUNBUFFERED": "1"}
        self._count = count
        self._timeout = timeout
        self._processes: list[_Process] = []
        self._outputs: set[asyncio.Task[None]] = set()
        self._turn = itertools.count()
        self._changed = asyncio.Condition()
        self._keepers: list[asyncio.Task[None]] = []
        self._closing = asyncio.Event()
        self.invocations = invocations
        self.broken: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def start(self) -> list[dict[str, Any]]:
        """Start every worker; the functions of the app. IndexingError when it has none to offer."""
        first = await asyncio.gather(*(self._launch() for _ in range(self._count)))
        self._keepers = [asyncio.create_task(self._keep(process)) for process in first]
        return first[0].functions

    @property
    def pids(self) -> list[int]:
        """The live workers' process ids."""
        return [each.process.pid for each in self._processes]

    async def invoke(self, function: str, given: Input, record: Invocation) -> frames.Datum | None:
        """Run one function in the next worker; what it returned, or InvocationError.

        At the function timeout it is failed, given two seconds to end after all, and then its worker is killed with
        everything in it, as the Functions host does.
        """
        self.invocations.append(record)
        try:
            return await self._invoked(function, given, record)
        except asyncio.CancelledError:
            if record.outcome == "running":
                self._end(record, "worker lost", "the host stopped")
            raise

    async def _invoked(self, function: str, given: Input, record: Invocation) -> frames.Datum | None:
        """See `invoke`."""
        home = await self._next()
        record.worker, record.started = home.process.pid, now()
        answer: asyncio.Future[frames.Message] = asyncio.get_running_loop().create_future()
        home.waiting[record.invocation] = answer
        message = {"kind": "invoke", "invocation": record.invocation, "function": function}
        home.writer.write(frames.pack({**message, "input": given.value, "metadata": given.metadata}))
        limit = None if math.isinf(self._timeout) else self._timeout
        done, _ = await asyncio.wait([answer], timeout=limit)
        if not done:
            self._end(record, "timed out", f"Timeout value of {self._timeout:g} s was exceeded by function: {function}")
            await asyncio.wait([answer], timeout=GRACE_SECONDS)
            if not answer.done():
                self.kill(home.process.pid)
            home.waiting.pop(record.invocation, None)
            raise OverrunError(record.error)
        outcome = answer.result()
        if outcome["kind"] == "lost":
            self._end(record, "worker lost", f"the worker process {home.process.pid} ended")
            raise InvocationError(record.error)
        if outcome["error"] is not None:
            self._end(record, "failed", outcome["error"]["message"])
            say(f"{function} failed ({record.invocation}):\n{outcome['error']['stack']}")
            raise InvocationError(record.error)
        self._end(record, "succeeded", None)
        result: frames.Datum | None = outcome["result"]
        return result

    def kill(self, pid: int, number: int = signal.SIGKILL) -> None:
        """Signal one worker; its keeper replaces it. A worker that is gone already is left at that."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)

    async def close(self) -> None:
        """SIGKILL to every worker. What still runs then is lost, and whoever waits for it is told."""
        self._closing.set()
        left = set(self._keepers)
        while left:  # also a worker that was just being started
            for pid in self.pids:
                self.kill(pid)
            _, left = await asyncio.wait(left, timeout=LOOK_SECONDS)
        for each in self._processes:  # no keeper yet: another worker of the first start was broken
            self.kill(each.process.pid)
            await each.process.wait()
            each.writer.close()
        if self._outputs:
            await asyncio.wait(self._outputs, timeout=STOP_SECONDS)

    async def _keep(self, process: _Process) -> None:
        """Serve one worker's answers until it ends, then start the next in its place, for ever."""
        while True:
            await self._serve(process)
            code = await process.process.wait()
            if self._closing.is_set():
                return
            say(f"worker {process.process.pid} ended with code {code}; starting another")
            await asyncio.sleep(RESTART_SECONDS)
            if self._closing.is_set():
                return
            try:
                process = await self._launch()
            except IndexingError as problem:
                self.broken.set_result(str(problem))
                return

    async def _serve(self, process: _Process) -> None:
        """Hand each answer to whoever waits for it; at the worker's end fail what is left."""
        while (message := await frames.read(process.reader)) is not None:
            waiting = process.waiting.pop(message["invocation"], None)
            if waiting is not None and not waiting.done():
                waiting.set_result(message)
        self._processes.remove(process)
        process.writer.close()
        self.kill(process.process.pid)  # a closed socket without an exit is no worker either
        for waiting in process.waiting.values():
            if not waiting.done():
                waiting.set_result({"kind": "lost"})
        process.waiting.clear()

    async def _launch(self) -> _Process:
        """Start one worker process and wait until it has indexed the app."""
        ours, theirs = socket.socketpair()
        command = [
            sys.executable,
            "-m",
            "devkit.functions_host.worker",
            str(theirs.fileno()),
            str(self._app),
            str(self._orphan),
        ]
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=ROOT,
            env=self._environment,
            pass_fds=[theirs.fileno()],
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        theirs.close()
        assert process.stdout is not None
        output = asyncio.create_task(pass_on(process.stdout, f"[worker {process.pid}]"))
        self._outputs.add(output)
        output.add_done_callback(self._outputs.discard)
        reader, writer = await asyncio.open_connection(sock=ours)
        try:
            async with asyncio.timeout(START_SECONDS):
                message = await frames.read(reader)
        except TimeoutError:
            message = {"kind": "broken", "stack": f"the worker did not index the app within {START_SECONDS:g} s"}
        if message is None or message["kind"] != "indexed":
            writer.close()
            self.kill(process.pid)
            code = await process.wait()
            raise IndexingError(f"the worker ended with code {code}" if message is None else message["stack"])
        started = _Process(process, reader, writer, message["functions"])
        self._processes.append(started)
        async with self._changed:
            self._changed.notify_all()
        return started

    async def _next(self) -> _Process:
        """The next worker in turn, waiting while there is none."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._processes)
        return self._processes[next(self._turn) % len(self._processes)]

    @staticmethod
    def _end(record: Invocation, outcome: str, error: str | None) -> None:
        """Write an invocation's end down."""
        record.ended, record.outcome, record.error = now(), outcome, error


def new_invocation(function: str, trigger: str, dequeue_count: int | None = None) -> Invocation:
    """A record with a fresh id."""
    return Invocation(str(uuid.uuid4()), function, trigger, dequeue_count)


async def pass_on(output: asyncio.StreamReader, prefix: str) -> None:
    """Copy a worker's output to this process's standard error, line by line, until its end."""
    rest = b""
    while part := await output.read(1 << 16):
        *lines, rest = (rest + part).split(b"\n")
        for line in lines:
            sys.stderr.write(f"{prefix} {line.decode('utf-8', 'replace')}\n")
        sys.stderr.flush()
    if rest:
        sys.stderr.write(f"{prefix} {rest.decode('utf-8', 'replace')}\n")


def now() -> str:
    """The time in UTC, ISO 8601."""
    return dt.datetime.now(dt.UTC).isoformat()


def say(line: str) -> None:
    """The host's own log."""
    sys.stderr.write(f"[host] {line}\n")
    sys.stderr.flush()
