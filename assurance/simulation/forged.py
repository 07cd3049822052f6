"""Checkpoints that somebody has written: every field forged, removed, or of another kind, in every state (I31)."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from assurance.campaign import Campaign, Outcome
from assurance.measured import SIMULATED
from assurance.simulation.storage import MemoryReader, MemorySources
from assurance.simulation.sweeping import Kind, Tick, World
from shared.core.actions import OpenSession
from shared.core.errors import Code
from shared.core.events import SessionOpened
from shared.core.machine import decide
from shared.core.model import Failure, GraphAnswer, Route, Session, Source, State, Transfer
from shared.engine.continuation import Continuation
from shared.graph.http import HttpAnswer, HttpRequest, Transport
from shared.run.executor import GraphExecutor
from shared.run.runner import TransferRunner
from shared.storage import codec
from shared.storage.ports import Checkpoint, CheckpointUnreadable, StorageRefused, StorageUnavailable

HOURS = 30 * 60.0
ELSEWHERE = "https://elsewhere.example/upload?authtoken=forged"
VALUES: tuple[Any, ...] = (
    ELSEWHERE,
    None,
    "",
    "x",
    "..",
    "checkpoints",
    "é\n",
    0,
    -1,
    10**12,
    True,
    [],
    ["x"],
    {},
    1.5,
)
"""What a field is forged to; each field also goes missing."""


class WatchedSources(MemorySources):
    """Sources that note which container is read, or deleted from."""

    touched: set[str]

    def open(self, source: Source) -> MemoryReader:
        """See `Sources.open`."""
        self.touched.add(source.container)
        return super().open(source)

    def delete(self, source: Source) -> None:
        """See `Sources.delete`."""
        self.touched.add(source.container)
        super().delete(source)


class WatchedTransport:
    """Implements `Transport`; notes what is asked of another host than Graph's."""

    def __init__(self, transport: Transport) -> None:
        self.strayed: set[str] = set()
        self._transport = transport

    def send(self, request: HttpRequest) -> HttpAnswer:
        """See `Transport.send`."""
        self._look(request)
        return self._transport.send(request)

    def stream(self, request: HttpRequest) -> AbstractContextManager[tuple[HttpAnswer, Iterator[bytes]]]:
        """See `Transport.stream`."""
        self._look(request)
        return self._transport.stream(request)

    def _look(self, request: HttpRequest) -> None:
        if ELSEWHERE.partition("?")[0] in request.url:
            self.strayed.add(request.url)


@dataclass(frozen=True, slots=True)
class Forgery:
    """One scenario: the field at `path` of a checkpoint in that state is `value`; None and `gone`: it is not there."""

    state: State
    path: tuple[str | int, ...]
    value: Any
    gone: bool = False

    @property
    def id(self) -> str:
        """What names it."""
        return f"{self.state.value} {'.'.join(map(str, self.path))} = {'(gone)' if self.gone else repr(self.value)}"


def _transfer(world: World, state: State) -> Transfer:
    """A transfer that a run could have left in that state. Graph has its session, where it has one."""
    [transfer] = world.transfers
    now = world.clock.now()
    over = {"finished_at": now - timedelta(hours=1)}
    opened: dict[str, Any] = {"route": Route.SESSION, "before": (), "sessions": 1}
    if state in WITH_SESSION:
        opened["session"] = _opened(world, replace(transfer, state=State.OPENING, **opened))
    changes: dict[State, dict[str, Any]] = {
        State.OPENING: {"before": ()},
        State.SENDING: opened,
        State.COMMITTING: {**opened, "announced_at": now},
        State.ASKING: {**opened, "announced_at": now},
        State.RESENDING: {**opened, "announced_at": now},
        State.FENCING: {**opened, "announced_at": now},
        State.LOOKING: {"before": (), "announced_at": now - timedelta(hours=1), "sessions": 1},
        State.COMPARING: {**opened, "announced_at": now - timedelta(hours=1), "suspects": ("AAMk-suspect",)},
        State.ATTACHED: over,
        State.FAILED: {**over, "failure": Failure(Code.TARGET_NOT_FOUND, "It is not there.", GraphAnswer(404))},
        State.CANCELLED: over,
    }
    return replace(transfer, state=state, **changes.get(state, {}))


def _opened(world: World, transfer: Transfer) -> Session:
    """A session for it, as Graph opens one."""
    edges = world.edges
    action = decide(transfer, world.clock.now(), edges.policy)
    assert isinstance(action, OpenSession)
    with closing(edges.sources.open(transfer.plan.source)) as reader:
        event = GraphExecutor(edges.transport, edges.hosts, edges.base_url, reader, edges.clock).perform(action)
    assert isinstance(event, SessionOpened)
    return Session(event.url, event.expires_at, event.offset)


WITH_SESSION = frozenset({State.SENDING, State.COMMITTING, State.ASKING, State.RESENDING, State.FENCING})
STATES = tuple(State)


def _world(state: State) -> tuple[World, dict[str, Any]]:
    world = World(Tick(Kind.ENDED if state is State.ATTACHED else Kind.FILE, 1, 0, "", 0, None))
    transfer = _transfer(world, state)
    return world, json.loads(codec.encode(Checkpoint(transfer, None, "a.0")))


def _paths(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if path:
        yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _paths(inner, (*path, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _paths(inner, (*path, number))


def forgeries(values: tuple[Any, ...] = VALUES) -> Iterator[Forgery]:
    """Every field of every state."""
    for state in STATES:
        _, document = _world(state)
        for path in _paths(document):
            yield from (Forgery(state, path, value) for value in values)
            yield Forgery(state, path, None, gone=True)


def judged(forgery: Forgery) -> list[str]:
    """What the scenario broke."""
    world, document = _world(forgery.state)
    [transfer] = world.transfers
    text = _forged(document, forgery)
    world.marks.blobs[transfer.id] = (text, '"forged"')
    world.marks.add_unfinished_entry(transfer.id)
    sources = WatchedSources(world.clock)
    sources.touched, sources.blobs = set(), world.files.blobs
    transport = WatchedTransport(world.edges.transport)
    edges = replace(world.edges, sources=sources, transport=transport, delete_source=True)
    world.sweep = replace(world.sweep, runs=TransferRunner(edges))
    broken, refused = [], False
    try:
        TransferRunner(edges).carry_on(Continuation(transfer.id))
    except CheckpointUnreadable:
        refused = True
    except (StorageUnavailable, StorageRefused):
        pass
    except Exception as error:  # noqa: BLE001 - whatever escapes the product is a finding
        broken.append(f"a run raised {type(error).__name__}: {error}")
    if refused and world.marks.blobs[transfer.id][0] != text:
        broken.append("what was refused did not stay as it was")
    world.clock.advance(HOURS)
    try:
        world.sweep.tick()
    except Exception as error:  # noqa: BLE001 - see above
        broken.append(f"the sweep raised {type(error).__name__}: {error}")
    if any(code == "SWEEP_FAILED" for _, code in world.told.troubles):
        broken.append(f"the sweep met a defect: {world.told.troubles}")
    if not sources.touched <= {"drop"}:
        broken.append(f"read or deleted in {sources.touched}")
    if transport.strayed:
        broken.append("asked another host than Graph's")
    return broken


def _forged(document: dict[str, Any], forgery: Forgery) -> bytes:
    forged: Any = copy.deepcopy(document)
    holder = forged
    for step in forgery.path[:-1]:
        holder = holder[step]
    if forgery.gone:
        del holder[forgery.path[-1]]
    else:
        holder[forgery.path[-1]] = forgery.value
    return json.dumps(forged).encode()


def prove(_seed: int) -> Outcome:
    """Every field, every value."""
    counted, broken = 0, []
    for forgery in forgeries():
        counted += 1
        broken += [f"{forgery.id}: {what}" for what in judged(forgery)]
    return Outcome(counted, broken)


CAMPAIGNS = (
    Campaign(
        "forged",
        "a checkpoint with a forged field, in any state, is refused and left as it is: nothing outside the drop "
        "container is read or deleted, no other host is asked, and runs and the sweep go on",
        "I31",
        "checkpoints with one field forged or removed",
        5_000,
        prove,
        rests=SIMULATED,
    ),
)
"""Rows for `assurance/campaigns.py`."""
