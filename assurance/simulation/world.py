"""The real runs in a world in memory: one file, one message, a host that delivers again, and a sweep.

Everything the product does goes through one gate, which the scenario breaks. What happens outside the product (other
people, the host) does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import count
from typing import Any, TypeVar, cast

from assurance.simulation.background import Lazy
from assurance.simulation.case import Case, ExternalAction, Fault
from assurance.simulation.clock import SkewedClock, VirtualClock
from assurance.simulation.fault_injector import FaultInjector
from assurance.simulation.host import Host
from assurance.simulation.identity import Identity
from assurance.simulation.mailbox import LOOKUP, MAILBOX, NAME, furnished
from assurance.simulation.storage import (
    AtOnce,
    MemoryClaims,
    MemoryOutcomes,
    MemoryQueue,
    MemorySources,
    MemorySweepCursor,
)
from assurance.simulation.watch import Watch
from assurance.simulation.watched import WatchedCheckpoints, WatchedTransport, Witness
from devkit.graph.state import Session as ServerSession
from shared.core.model import Attachment, Route, Target, TargetKey, Transfer
from shared.core.planning import accept
from shared.core.policy import Policy
from shared.engine.continuation import Continuation
from shared.graph.hosts import UploadHosts
from shared.run.commands import Commands
from shared.run.runner import RunDependencies, TransferRunner
from shared.run.sweep import Sweep
from shared.run.triggers import Triggers
from shared.storage.ports import Checkpoint, Dropped

T = TypeVar("T")

BLOB = "in/report.pdf"
TWIN = "in/twin.pdf"
RANGE = 8
POLICY = Policy(range_bytes=RANGE, smallest_range=2)
SWEEP_AHEAD = 300.0
"""Seconds by which the sweep that races with runs takes everything for older than it is, as where they were held up: it
believes every lease lapsed, every end left behind and every event lost (LAPSED, GRACE). It still lets what may be only
silent be (STALE)."""


def size_of(ranges: int) -> int:
    """Bytes of a file of so many ranges: the last one is short. 0 ranges: a small file, for one POST."""
    return ranges * RANGE - 3 if ranges else 5


class World:
    """One scenario being told. Everything is reachable: the parts are plain attributes."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.clock = VirtualClock()
        self.gate = FaultInjector(case, self.clock, POLICY)
        self.gate.happen = self.happen
        self.witness = Witness()
        self.content = bytes((index * 7 + 3) % 251 for index in range(size_of(case.ranges)))
        self.contents: dict[str, bytes] = {}
        has_twin = any(what is ExternalAction.TWIN for _, what in case.happenings)  # whose sessions are not told apart
        self.watch = Watch(
            self.contents, one_worker=case.is_alone and not has_twin, heeds_waits=self._keeps_waits(case)
        )
        self.clock.slept = self._slept
        self._serve()
        gated = cast("Callable[[str, Callable[[], Any]], Any]", self._gated)
        self.checkpoints = WatchedCheckpoints(self.clock, gated)
        self.checkpoints.watch = self.watch
        self.checkpoints.sessions = self._sessions
        self.checkpoints.no_lease_holds = case.workers > 1
        self.sources = MemorySources(self.clock, gated)
        self.queue = MemoryQueue(self.clock, gated)
        self.outcomes = MemoryOutcomes(gated)
        self.claims = MemoryClaims(self.checkpoints, gated)
        graphs_clock = SkewedClock(self.clock, case.skew)
        self.identity = Identity(self.graph, graphs_clock.now)
        self.transport = WatchedTransport(self.graph, graphs_clock, self.identity.source(), gated)
        self.transport.watch = self.watch
        self.transport.sessions = self._sessions
        self.host = Host(self.clock, self.queue, case, self.gate.downs)
        self.gate.is_stopped = self.host.is_stopped
        self.run_began: list[datetime] = []
        self.replies: list[tuple[str, object]] = []
        self._outside = False
        self._run_ids = count(1)
        self.edges = self._edges()
        self.runs = TransferRunner(self.edges)
        self._positions = MemorySweepCursor()
        by_lookup = Target(MAILBOX, TargetKey.INTERNET_MESSAGE_ID, LOOKUP)
        self._target = by_lookup if case.lookup else Target(MAILBOX, TargetKey.MESSAGE_ID, self.item)
        self.transfer = self._transfer(self._write(self.content))

    def _keeps_waits(self, case: Case) -> bool:
        mild = {Fault.ANSWER, Fault.ANSWER_AFTER}
        faults = {fault for _, fault, _ in case.faults} | {sustained.fault for sustained in case.sustained_faults}
        others = {
            ExternalAction.CANCEL,
            ExternalAction.OVERWRITE,
            ExternalAction.TWIN,
        }  # a wish need not wait; a new version is a transfer of its own
        kept = case.is_alone and case.skew == 0 and faults <= mild
        return kept and others.isdisjoint(what for _, what in case.happenings)

    def _slept(self, until: datetime) -> None:
        if self.case.is_alone:  # with several, one sleeps while time goes on for all
            self.watch.slept(until, self.host.deadline)

    def _serve(self) -> None:
        self._mailbox = furnished(self.content, self.clock.now(), self.case.skew, bare=self.case.bare)
        self.graph, self.item, self.token = self._mailbox.service, self._mailbox.item, self._mailbox.token
        self.strangers = {one.id for one in self.graph.attachments(MAILBOX, self.item)}
        if self.case.switches:
            self.graph.switch(**self.case.switches)

    def _edges(self) -> RunDependencies:
        origins = self.graph.origins
        return RunDependencies(
            checkpoints=self.checkpoints,
            sources=self.sources,
            queue=self.queue,
            outcomes=self.outcomes,
            transport=self.transport,
            hosts=UploadHosts([origins.upload.split("//")[1]]),
            base_url=f"{origins.graph}/v1.0",
            policy=POLICY,
            clock=self.clock,
            observer=self.witness,
            new_run_id=self._new_run_id,
            background=self._background,
            budget=self.case.budget,
            delete_source=False,
            take_up=self._take_up,
            claims=self.claims,
        )

    @property
    def triggers(self) -> Triggers:
        """What each message ends in."""
        return Triggers(self.edges, self.runs, self._came, self._transfer, self.witness)

    def _came(self, dropped: Dropped, asked: Continuation) -> None:
        self.runs.start(self._transfer(dropped), asked)

    def _new_run_id(self) -> str:
        self.run_began.append(self.clock.now())
        return f"run-{next(self._run_ids)}"

    def _take_up(self, blob: str) -> None:
        dropped = self.sources.describe(blob)
        if dropped is not None:
            self.runs.accept(self._transfer(dropped))

    def _transfer(self, dropped: Dropped) -> Transfer:
        target = self._target
        route = Route.SESSION if self.case.ranges else Route.POST
        return accept(dropped.source, target, Attachment(NAME, "application/pdf"), route, self.clock.now())

    @contextmanager
    def _background(self) -> Iterator[AtOnce | Lazy]:
        if not self.case.lazy:
            yield AtOnce()
            return
        lazy = Lazy()
        yield lazy  # a process that dies takes its unfinished writes with it
        lazy.finish()

    def _gated(self, name: str, effect: Callable[[], T], /) -> T:
        return effect() if self._outside else self.gate(name, effect)

    def _sessions(self) -> dict[str, ServerSession]:
        return {session.url: session for session in self.graph.state.sessions.values()}

    # --- what other people do ---

    @contextmanager
    def outside(self) -> Iterator[None]:
        """What is done in here is not the product's doing: it is not numbered, and not broken."""
        self._outside, before = True, self._outside
        try:
            yield
        finally:
            self._outside = before

    def happen(self, what: ExternalAction) -> None:
        """Somebody else does something."""
        with self.outside():
            match what:
                case ExternalAction.OVERWRITE:
                    self._write(bytes((index * 5 + 1) % 251 for index in range(len(self.content) + 1)))
                    self.drop()
                case ExternalAction.DELETE:
                    self.sources.blobs.pop(BLOB, None)
                case ExternalAction.CANCEL:
                    self._commands().cancel(self.transfer.id)
                case ExternalAction.EXPIRE:
                    for session in self.graph.state.sessions.values():
                        session.expires = min(session.expires, self.transport_now())
                case ExternalAction.REPEAT:
                    self.drop()
                case ExternalAction.TWIN:
                    dropped = self.sources.put(TWIN, self.content)
                    self.contents[dropped.source.etag] = self.content
                    self.host.post(TWIN)
                case ExternalAction.LAPSE:
                    self.identity.lapse()
                case ExternalAction.NEIGHBOUR | ExternalAction.VANISH | ExternalAction.MOVE:
                    self._happen_to_the_item(what)

    def _happen_to_the_item(self, what: ExternalAction) -> None:
        if self.item not in self.graph.items:
            return
        match what:
            case ExternalAction.NEIGHBOUR:
                before = {one.id for one in self.graph.attachments(MAILBOX, self.item)}
                self.attach(bytes(reversed(self.content)))
                self.strangers |= {one.id for one in self.graph.attachments(MAILBOX, self.item)} - before
            case ExternalAction.VANISH:
                self.graph.remove_item(self.item)
            case _:
                self._move()

    def _move(self) -> None:
        """The item is moved; what others attached is theirs under its new ids too."""
        before = [one.id for one in self.graph.attachments(MAILBOX, self.item)]
        self.item = self.graph.move_item(self.item)
        after = [one.id for one in self.graph.attachments(MAILBOX, self.item)]
        self.strangers |= {new for old, new in zip(before, after, strict=True) if old in self.strangers}

    def command(self, name: str) -> None:
        """What a person asks for, or the sweep does, at calls that are numbered and broken like a run's."""
        match name:
            case "cancel":
                reply: object = self._commands().cancel(self.transfer.id)
            case "retry":
                reply = self._commands().retry(self.transfer.id)
            case "accept":
                reply = self.runs.accept(self.transfer)
            case "conclude":
                self._conclude()
                return
            case "sweep":
                self._sweep(SkewedClock(self.clock, SWEEP_AHEAD)).tick()
                return
            case "poison":
                self.triggers.poisoned(self._given_up())
                return
            case _:
                raise AssertionError(name)
        self.replies.append((name, reply))

    def _given_up(self) -> Continuation:
        """The last message that the policy's patience allows for: with it the transfer is given up."""
        since = self.clock.now() - timedelta(seconds=POLICY.poison_patience)
        return Continuation(self.transfer.id, poisoned=POLICY.poison_tries, since=since)

    def _conclude(self) -> None:
        """What the sweep does where it finds the mark of a transfer that is over."""
        stored = self.checkpoints.load(self.transfer.id)
        if stored is not None and stored.checkpoint.instance.is_over and self.checkpoints.marks:
            self.runs.conclude(stored.checkpoint)

    def transport_now(self) -> datetime:
        """Graph's clock."""
        return self.clock.now() + timedelta(seconds=self.case.skew)

    def attach(self, content: bytes) -> None:
        """Somebody else attaches a file of our name."""
        self._mailbox.attach(content, self.transport_now())

    def _commands(self) -> Commands:
        return Commands(self.checkpoints, self.queue, _NoEnds(), self.clock, lambda: f"wish-{next(self._run_ids)}")

    # --- what the host delivers ---

    def drop(self) -> None:
        """The file's event is put on its way. It names the file; what the file is, is seen when it is delivered."""
        self.host.post(BLOB)

    def _write(self, content: bytes) -> Dropped:
        dropped = self.sources.put(BLOB, content)
        self.contents[dropped.source.etag] = content
        return dropped

    def run(self) -> None:
        """Tell the scenario to its end: every message delivered, every mark taken away."""
        self.drop()
        self.finish()

    def finish(self) -> None:
        """Deliver what there is until nothing is left to do; then, where told so, a person has it tried again."""
        self._finish_once()
        for _ in range(self.case.retries):
            with self.outside():
                self._commands().retry(self.transfer.id)
            self._finish_once()

    def _finish_once(self) -> None:
        sweep = self._sweep()
        self.host.deliver_all(self.triggers, sweep.tick, self._is_quiet)
        while self.gate.land_all():
            self.host.deliver_all(self.triggers, sweep.tick, self._is_quiet)

    def _is_quiet(self) -> bool:
        transfers = self.transfers()
        begun = transfers or BLOB not in self.sources.blobs
        return bool(begun) and not self.checkpoints.marks and all(transfer.is_over for transfer in transfers)

    def healed_after(self) -> float:
        """Seconds between the end of the last outage that began and the end of the last transfer; 0: it came first."""
        ends = [down.ends for down in self.gate.downs if down.ends is not None] + self.gate.denied_until
        finished = [transfer.finished_at for transfer in self.transfers() if transfer.finished_at is not None]
        return max(0.0, (max(finished) - max(ends)).total_seconds()) if ends and finished else 0.0

    def transfers(self) -> list[Transfer]:
        """Every transfer there is, as its checkpoint has it."""
        found = [self.checkpoints.peek(transfer_id) for transfer_id in self.checkpoints.blobs]
        return [stored.checkpoint.instance for stored in found if stored is not None]

    def _sweep(self, clock: VirtualClock | None = None) -> Sweep:
        return Sweep(
            runs=self.runs,
            checkpoints=self.checkpoints,
            marks=self.checkpoints,
            sources=self.sources,
            queue=self.queue,
            positions=self._positions,
            clock=clock or self.clock,
            observer=self.witness,
            transfer_for=self._transfer,
        )


class _NoEnds:
    """Implements `OutcomeIndex`."""

    def notify(self, checkpoint: Checkpoint) -> None:
        """See `OutcomeIndex.notify`."""

    def forget(self, transfer: Transfer) -> None:
        """See `OutcomeIndex.forget`."""
