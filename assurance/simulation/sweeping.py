"""Ticks of the sweep with one bad item among good ones: whatever storage answers about it, the others end (I29)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from assurance.campaign import Campaign, Outcome
from assurance.measured import SIMULATED
from assurance.simulation.clock import VirtualClock
from assurance.simulation.storage import (
    MemoryCheckpoints,
    MemoryOutcomes,
    MemoryQueue,
    MemorySources,
    MemorySweepCursor,
    at_once,
)
from assurance.simulation.transport import MemoryTransport
from assurance.simulation.unkind import Answer, Unkind
from devkit.graph.service import GraphService
from shared.core.model import State, Transfer
from shared.core.policy import Policy
from shared.core.sweep_cursor import Trouble
from shared.graph.hosts import UploadHosts
from shared.intake.accept import transfer_for
from shared.intake.mailboxes import AllowedMailboxes
from shared.run.notifications import CompositeListener
from shared.run.runner import RunDependencies, TransferRunner
from shared.run.sweep import Sweep, Swept
from shared.storage.ports import Checkpoint, Dropped, StorageUnavailable
from shared.storage.refusals import CODES

MAILBOX = "ada@contoso.example"
TICKS, PAUSE = 6, 16 * 60.0
"""Ticks while storage refuses, and seconds between two: longer than the sweep leaves a mark alone."""

HEALING = 12
"""Ticks afterwards, two hours apart: what failed so often is due again within them."""


class Kind(StrEnum):
    """What an item is."""

    FILE = "file"  # no event told of it
    DEAD = "dead"  # its run died
    ENDED = "ended"  # attached, and nobody was told


CALLS: dict[Kind, tuple[str, ...]] = {
    Kind.FILE: (
        "checkpoint.load",
        "checkpoint.add_unfinished_entry",
        "checkpoint.create",
        "queue.send",
        "source.describe",
    ),
    Kind.DEAD: ("checkpoint.load", "queue.send", "checkpoint.renew_unfinished_entry"),
    Kind.ENDED: ("checkpoint.load", "outcome.notify", "source.delete", "checkpoint.remove_unfinished_entry"),
}
"""The calls of a tick that are about one item."""

STATUSES = {"AccountIsDisabled": 403, "ServerBusy": 503, "InternalError": 500}


@dataclass(frozen=True, slots=True)
class Tick:
    """One scenario: so many items of a kind, the `bad`th of which storage answers so about, at one call."""

    kind: Kind
    items: int
    bad: int
    call: str
    status: int
    code: str | None
    after: bool = False

    @property
    def id(self) -> str:
        """What names it."""
        return f"{self.kind.value} {self.bad}/{self.items} {self.call} {self.status} {self.code} after={self.after}"


def ticks(items: tuple[int, ...] = (1, 2, 3, 4, 5), codes: tuple[str, ...] | None = None) -> Iterator[Tick]:
    """Every answer at every call, each of the items the bad one."""
    answers: list[tuple[int, str | None]] = [(_status(code), code) for code in codes or sorted(CODES)]
    answers += [(status, None) for status in (403, 404, 409, 412, 500, 503)]
    for kind, count, (status, code) in itertools.product(Kind, items, answers):
        for call, bad in itertools.product(CALLS[kind], sorted({0, count // 2, count - 1})):
            yield Tick(kind, count, bad, call, status, code)
        yield Tick(kind, count, count - 1, CALLS[kind][0], status, code, after=True)


def _status(code: str) -> int:
    return STATUSES.get(code, 404 if code.endswith("NotFound") else 409)


@dataclass
class _Told:
    """Implements `SweepObserver`."""

    troubles: list[tuple[str, str]] = field(default_factory=list)

    def swept(self, swept: Swept) -> None:
        """See `SweepObserver.swept`."""

    def trouble(self, trouble: Trouble, error: Exception) -> None:
        """See `SweepObserver.trouble`."""
        del error
        self.troubles.append((trouble.key, trouble.code))


class _Nobody:
    """Implements `Observer`."""

    def decided(self, *_given: Any) -> None:
        """See `Observer.decided`."""

    def handed_over(self, _transfer_id: str) -> None:
        """See `Observer.handed_over`."""


class World:
    """A drop container with items, their transfers, and a sweep; storage goes past `unkind`."""

    def __init__(self, tick: Tick) -> None:
        self.clock = VirtualClock()
        self.unkind = Unkind()
        self.graph = GraphService()
        self.graph.switch(min_session_size=1, post_body_limit=4_194_304)
        self.graph.add_mailbox(MAILBOX, message_limit=10**9)
        self.item = self.graph.add_message(MAILBOX)
        self.marks = MemoryCheckpoints(self.clock)
        self.files = MemorySources(self.clock)
        self.messages = MemoryQueue(self.clock)
        self.outcomes = MemoryOutcomes()
        self.positions = MemorySweepCursor()
        self.told = _Told()
        self._tick = tick
        checkpoints = self.unkind.around("checkpoint", self.marks)
        sources = self.unkind.around("source", self.files)
        queue = self.unkind.around("queue", self.messages)
        origins = self.graph.origins
        numbers = itertools.count(1)
        self.edges = RunDependencies(
            checkpoints=checkpoints,
            sources=sources,
            queue=queue,
            outcomes=CompositeListener([self.unkind.around("outcome", self.outcomes)]),
            transport=MemoryTransport(self.graph, self.clock, self.graph.issue_token(self.clock.now())),
            hosts=UploadHosts([origins.upload.split("//")[1]]),
            base_url=f"{origins.graph}/v1.0",
            policy=Policy(),
            clock=self.clock,
            observer=_Nobody(),
            new_run_id=lambda: f"run-{next(numbers)}",
            background=at_once,
            budget=540,
            delete_source=tick.kind is Kind.ENDED,
        )
        self.runs = TransferRunner(self.edges)
        self.sweep = Sweep(
            runs=self.runs,
            checkpoints=checkpoints,
            marks=checkpoints,
            sources=sources,
            queue=queue,
            positions=self.unkind.around("position", self.positions),
            clock=self.clock,
            observer=self.told,
            transfer_for=self._transfer_for,
        )
        self.transfers = [self._item(number) for number in range(tick.items)]

    def _transfer_for(self, dropped: Dropped) -> Transfer:
        return transfer_for(dropped, AllowedMailboxes(), self.clock.now())

    def _item(self, number: int) -> Transfer:
        metadata = {"mailbox": MAILBOX, "messageid": self.item.replace("%", "%25")}
        transfer = self._transfer_for(self.files.put(f"file-{number}", b"hello", metadata))
        if self._tick.kind is Kind.FILE:
            return transfer
        if self._tick.kind is Kind.ENDED:
            transfer = replace(transfer, state=State.ATTACHED, finished_at=self.clock.now())
        self.marks.create(Checkpoint(transfer, None, "dead.0"))
        self.marks.add_unfinished_entry(transfer.id)
        return transfer

    def sweep_once(self, seconds: float) -> None:
        """One tick so many seconds later; and every continuation that is due is delivered."""
        self.clock.advance(seconds)
        self.sweep.tick()
        while self.messages.messages and min(self.messages.messages)[0] <= self.clock.now():
            message = self.messages.take()
            if message is not None:
                TransferRunner(replace(self.edges, checkpoints=self.marks, queue=self.messages)).carry_on(message[1])

    def ended(self) -> set[int]:
        """The items that are attached, told of, and unmarked."""
        told = {one.instance.id for one in self.outcomes.notified}
        return {
            number
            for number, transfer in enumerate(self.transfers)
            if (stored := self.marks.peek(transfer.id)) is not None
            and stored.checkpoint.instance.state is State.ATTACHED
            and transfer.id in told
            and transfer.id not in self.marks.marks
        }


def judged(tick: Tick) -> list[str]:
    """What the scenario broke."""
    world = World(tick)
    bad = world.transfers[tick.bad]
    about = bad.plan.source.blob if tick.call.startswith("source.") else bad.id
    world.unkind.answers = [Answer(tick.status, tick.code, tick.call, about, after=tick.after)]
    everyone, others = set(range(tick.items)), set(range(tick.items)) - {tick.bad}
    broken = []
    try:
        for _ in range(TICKS):
            world.sweep_once(PAUSE)
    except StorageUnavailable as error:
        broken.append(f"one item ended the tick: {error}")
    if not others <= world.ended():
        broken.append(f"of the others only {sorted(world.ended())} ended")
    said = [entry for entry in world.told.troubles if entry[0] in {bad.id, bad.plan.source.blob}]
    if len(said) > 1 or len(said) != len(world.told.troubles):
        broken.append(f"said {world.told.troubles}")
    position = world.positions.position
    if position is None or position.known_until is None:
        broken.append("the position did not move")
    world.unkind.answers = []
    for _ in range(HEALING):
        world.sweep_once(2 * 3600.0)
    if world.ended() != everyone:
        broken.append(f"afterwards only {sorted(world.ended())} ended")
    if world.positions.position is not None and world.positions.position.troubles:
        broken.append("a trouble that is over was kept")
    told = [one.instance.id for one in world.outcomes.notified]
    if len(told) != len(set(told)):
        broken.append("an end was told twice")
    return broken


def prove(_seed: int) -> Outcome:
    """Every answer at every call."""
    counted, broken = 0, []
    for tick in ticks():
        counted += 1
        broken += [f"{tick.id}: {what}" for what in judged(tick)]
    return Outcome(counted, broken)


CAMPAIGNS = (
    Campaign(
        "sweeping",
        "an item that storage refuses, with any error at any call, delays that item alone: the others end, the cursor "
        "advances, an end is reported once, and the item ends too once storage allows it",
        "I29",
        "sweeps of 1 to 5 items, one of them bad, with every error code of storage at every call",
        25_000,
        prove,
        rests=SIMULATED,
    ),
)
"""Rows for `assurance/campaigns.py`."""
