"""Simulated scenarios in which every answer of Graph holds secrets, and all that the product says is read through.

What it says: log lines and those of the libraries below, spans, exceptions with their tracebacks, history, views,
notices, the summary in a blob's metadata, queue messages, and the checkpoint once the transfer is over. The secrets:
the token, every upload session's query, canaries in the headers and bodies of all answers, and the file's content. Log
lines name no person and no file either.
"""

from __future__ import annotations

import base64
import json
import logging
import traceback
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from assurance.secrets import SHORTEST, Scanner, query_of
from assurance.simulation.case import Case
from assurance.simulation.clock import VirtualClock
from assurance.simulation.mailbox import MAILBOX
from assurance.simulation.world import BLOB, World
from shared.core.actions import Action
from shared.core.events import Event
from shared.core.model import Transfer
from shared.engine.continuation import Continuation
from shared.graph.http import HttpAnswer, HttpRequest, Transport
from shared.log_observer import LogObserver
from shared.run.notifications import CompositeListener, CompositeObserver, OutcomePublisher
from shared.run.runner import RunDependencies, TransferRunner
from shared.storage import codec, summary
from shared.storage.ports import Checkpoint
from shared.telemetry import Telemetry
from shared.views import view

CANARY = "eyJ0eXAiOiJKV1QifQ.canary-in-an-answer"
ANSWER_TIME = 0.01
"""Seconds of the scenario's own clock."""

HEADERS = ("www-authenticate", "set-cookie", "x-ms-diagnostics", "x-session-url", "content-location")


@dataclass
class Heard:
    """What one scenario said. `logged` are the log's lines; `said` is everything else, with where it was said."""

    logged: list[str] = field(default_factory=list)
    said: list[tuple[str, str]] = field(default_factory=list)
    ended: bool = False

    @property
    def size(self) -> int:
        """Characters in all."""
        return sum(map(len, self.logged)) + sum(len(text) for _, text in self.said)


def overhear(case: Case) -> tuple[Heard, list[str]]:
    """Tell the scenario to its end; what was said, and one line for each leak in it."""
    world = World(case)
    heard = Heard()
    spans, meters = InMemorySpanExporter(), InMemoryMetricReader()
    tracers = TracerProvider(shutdown_on_exit=False)
    tracers.add_span_processor(SimpleSpanProcessor(spans))
    telemetry = Telemetry(tracers, MeterProvider([meters], shutdown_on_exit=False))
    observer, notices = (
        LogObserver(),
        OutcomePublisher(lambda text: heard.said.append(("a notice", text)), world.clock),
    )
    world.edges = replace(
        world.edges,
        transport=Talkative(world.transport, world.clock),
        observer=CompositeObserver((world.witness, observer, telemetry, _Ear(heard))),
        outcomes=CompositeListener((world.outcomes, observer, telemetry, notices)),
    )
    world.runs = _Heard(world.edges, heard, telemetry)
    with _log_into(heard.logged):
        world.run()
    heard.said += [("a span", span.to_json()) for span in spans.get_finished_spans()]
    heard.said.append(("the metrics", str(meters.get_metrics_data())))
    heard.said += list(_kept(world))
    heard.ended = all(transfer.is_over for transfer in world.transfers())
    return heard, [f"{case.id}: {leak}" for leak in _leaks(world, heard)]


class Talkative:
    """Implements `Transport`: the answers of another one, with canaries wherever an answer has room for them.

    Each takes ANSWER_TIME, because a request that takes none leaves no span.
    """

    def __init__(self, behind: Transport, clock: VirtualClock) -> None:
        self._behind = behind
        self._clock = clock

    def send(self, request: HttpRequest) -> HttpAnswer:
        """See `Transport.send`."""
        answer = self._behind.send(request)
        self._clock.advance(ANSWER_TIME)
        return _with_canaries(answer)

    @contextmanager
    def stream(self, request: HttpRequest) -> Iterator[tuple[HttpAnswer, Iterator[bytes]]]:
        """See `Transport.stream`. The bytes of an attachment stay as they are."""
        with self._behind.stream(request) as (head, pieces):
            yield _with_canaries(head), pieces


def _with_canaries(answer: HttpAnswer) -> HttpAnswer:
    headers = {**answer.headers, **dict.fromkeys(HEADERS, f"x={CANARY}")}
    if "location" in headers:
        headers["location"] += f"?authtoken={CANARY}"
    try:
        body = json.loads(answer.body)
    except ValueError:
        return replace(answer, headers=headers)
    if not isinstance(body, dict):
        return replace(answer, headers=headers)
    body["@odata.context"] = f"https://outlook.office.com/$metadata?authtoken={CANARY}"
    error = body.get("error")
    if isinstance(error, dict):
        error["message"] = f"Bearer {CANARY} was rejected."
        error["innerError"] = {**(error.get("innerError") or {}), "message": CANARY, "url": CANARY}
    return replace(answer, headers=headers, body=json.dumps(body).encode())


class _Heard(TransferRunner):
    """Runs whose exceptions are kept as they would be printed; each run is an invocation of its own."""

    def __init__(self, edges: RunDependencies, heard: Heard, telemetry: Telemetry) -> None:
        super().__init__(edges)
        self._heard = heard
        self._telemetry = telemetry

    def start(self, transfer: Transfer, asked: Continuation | None = None) -> None:
        """See `TransferRunner.start`."""
        self._overheard(lambda: super(_Heard, self).start(transfer, asked))

    def carry_on(self, asked: Continuation) -> bool:
        """See `TransferRunner.carry_on`."""
        found: list[bool] = []
        self._overheard(lambda: found.append(super(_Heard, self).carry_on(asked)))
        return found[0]

    def _overheard(self, work: Callable[[], None]) -> None:
        try:
            with self._telemetry.invocation():
                work()
        except BaseException as error:
            self._heard.said.append(("an exception", "".join(traceback.format_exception(error)) + repr(error)))
            raise


class _Ear:
    """Implements `Observer`: every value that a traceback or a careless log line could show."""

    def __init__(self, heard: Heard) -> None:
        self._heard = heard

    def decided(self, before: Transfer, action: Action | None, event: Event, after: Transfer, seconds: float) -> None:
        """See `Observer.decided`."""
        del seconds
        shown = f"{replace(before, history=())!r} {action!r} {event!r} {after.history[-1]!r}"
        self._heard.said.append(("a value's representation", shown))

    def handed_over(self, transfer_id: str) -> None:
        """See `Observer.handed_over`."""


def _kept(world: World) -> Iterator[tuple[str, str]]:
    """What is left of the scenario in storage, and what people are shown of it."""
    now = world.clock.now()
    for transfer in world.transfers():
        yield "the view", json.dumps(view(transfer, now))
        yield "the history", "\n".join(map(repr, transfer.history))
        yield "the transfer's representation", repr(transfer)
        packed = summary.pack(transfer).get(summary.KEY, "")
        yield "the summary", zlib.decompress(base64.b64decode(packed)).decode() if packed else ""
        if transfer.is_over:
            yield "the checkpoint after the end", codec.encode(Checkpoint(transfer, None, "")).decode()
    for text, _ in world.checkpoints.blobs.values():
        if b'"session"' not in text:
            yield "the stored checkpoint", text.decode()
    yield "the queue", repr(world.queue.messages)
    yield "the marks", repr(world.checkpoints.marks)
    yield "the outcomes told", "\n".join(json.dumps(view(told.instance, now)) for told in world.outcomes.notified)


def secrets_of(world: World) -> list[str]:
    """Every secret that the scenario's services gave out, and the file's content in the forms that a text could hold.

    A content of a few bytes cannot be told from ordinary text.
    """
    sessions = [query_of(session.url) for session in world.graph.state.sessions.values()]
    content = world.content
    contents = [content.hex(), base64.b64encode(content).decode(), content.decode("latin-1")]
    return [world.token, CANARY, *sessions, *(contents if len(content) >= SHORTEST else ())]


def _leaks(world: World, heard: Heard) -> Iterable[str]:
    scanner = Scanner(secrets_of(world))
    names = Scanner([MAILBOX, BLOB])
    everything = "\n".join([*heard.logged, *(text for _, text in heard.said)])
    if scanner.leaks(everything):  # one look at all of it; only then where it was
        for where, text in [*(("the log", line) for line in heard.logged), *heard.said]:
            yield from (f"{where} holds {leak}" for leak in scanner.leaks(text))
    for line in heard.logged:
        yield from (f"the log names {leak}" for leak in names.leaks(line))


@contextmanager
def _log_into(lines: list[str]) -> Iterator[None]:
    """Every line of every logger, as a handler would write it."""
    handler = logging.Handler()
    handler.setFormatter(logging.Formatter("%(name)s %(levelname)s %(message)s"))
    handler.emit = lambda record: lines.append(handler.format(record))  # type: ignore[method-assign]  # a small one
    root, product = logging.getLogger(), logging.getLogger("drop")
    levels = root.level, product.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    product.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.setLevel(levels[0])
        product.setLevel(levels[1])
