"""A process that only counts, over a store and a queue in memory: what the engine does, without Graph or files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count

from assurance.simulation.clock import VirtualClock
from assurance.simulation.storage import at_once
from shared.core.policy import Policy
from shared.engine.checkpoint import Checkpoint
from shared.engine.continuation import Continuation
from shared.engine.ports import Conflict, Receipt, Stored
from shared.engine.process import Command, Decision, Deferred, Facts, Finish, Note, Perform, Wait
from shared.engine.runner import Runner
from shared.engine.runtime import Leftover, Runtime

KIND = "count"


@dataclass(frozen=True)
class Count:
    """Counts to `goal`; it is over then, or once it was told to stop."""

    id: str
    created_at: datetime
    goal: int = 3
    reached: int = 0
    runs: int = 0
    noted: bool = False
    stopping: bool = False
    not_before: datetime | None = None
    recheck_at: datetime | None = None
    finished_at: datetime | None = None
    history: tuple[str, ...] = ()


@dataclass(frozen=True)
class CountProcess:
    """Implements `Process`: actions are "add" and "look", events are words."""

    kind: str = KIND
    naps: timedelta = timedelta(0)

    def facts(self, instance: Count) -> Facts:
        return Facts(
            id=instance.id,
            entry=instance.id,
            retries=0,
            created_at=instance.created_at,
            finished_at=instance.finished_at,
            not_before=None if instance.noted else instance.not_before,
            recheck_at=instance.recheck_at,
            is_over=instance.finished_at is not None,
            is_new=instance.runs == 0,
            is_brief=False,
        )

    def decide(self, instance: Count, now: datetime) -> Decision[str, str]:
        if instance.finished_at is not None:
            return Finish()
        if instance.not_before is not None and now < instance.not_before:
            return Wait(instance.not_before)
        return Note("look", "done") if instance.reached >= instance.goal or instance.stopping else Perform("add")

    def apply(self, instance: Count, action: str | None, event: str, now: datetime) -> Count:
        del action
        if event == "noted":
            return replace(instance, noted=True)
        if event.startswith("held"):
            until = datetime.fromisoformat(event.split()[1])
            recheck_at = datetime.fromisoformat(event.split()[2]) if len(event.split()) > 2 else None
            return replace(instance, not_before=until, recheck_at=recheck_at or instance.recheck_at)
        told = replace(instance, history=(*instance.history, event))
        match event:
            case "began":
                return replace(told, runs=told.runs + 1)
            case "added":
                return replace(told, reached=told.reached + 1, not_before=now + self.naps if self.naps else None)
            case "stop":
                return replace(told, noted=True, stopping=True, not_before=None)
            case _:
                return replace(told, finished_at=now)

    def must_save_before(self, action: str, instance: Count, saved: Count) -> bool:
        del action
        return instance.reached != saved.reached

    def worth_saving(self, instance: Count, saved: Count) -> bool:
        del instance, saved
        return False

    def is_progress(self, action: str, event: str) -> bool:
        del action
        return event == "added"

    def opening(self, instance: Count) -> tuple[str, ...]:
        return ("began", "stop") if instance.noted else ("began",)

    def closing(self, instance: Count) -> str | None:
        del instance
        return None

    def abandoned(self, ours: Count, known: tuple[Count, ...]) -> str | None:
        return "undo" if ours.reached > max(one.reached for one in known) else None

    def command(self, ours: Count, theirs: Count) -> Command[str] | None:
        return Command("noted", "stop") if theirs.noted and not ours.noted else None

    def held(self, deferred: Deferred, recheck_at: datetime | None = None) -> str:
        return " ".join(["held", deferred.until.isoformat(), *([recheck_at.isoformat()] if recheck_at else [])])


@dataclass
class Shelf:
    """Implements `Checkpoints`."""

    blobs: dict[str, Stored[Count]] = field(default_factory=dict)
    entries: set[str] = field(default_factory=set)
    versions: Iterator[int] = field(default_factory=lambda: count(1))

    def load(self, instance_id: str) -> Stored[Count] | None:
        return self.blobs.get(instance_id)

    def create(self, checkpoint: Checkpoint[Count]) -> str:
        if checkpoint.instance.id in self.blobs:
            raise Conflict
        return self._put(checkpoint)

    def save(self, checkpoint: Checkpoint[Count], etag: str) -> str:
        found = self.blobs.get(checkpoint.instance.id)
        if found is None or found.etag != etag:
            raise Conflict
        return self._put(checkpoint)

    def add_unfinished_entry(self, entry: str, instance: Count | None = None) -> bool:
        del instance
        known = entry in self.entries
        self.entries.add(entry)
        return not known

    def has_unfinished_entry(self, entry: str) -> bool:
        return entry in self.entries

    def renew_unfinished_entry(self, entry: str) -> None:
        self.entries.add(entry)

    def remove_unfinished_entry(self, entry: str) -> None:
        self.entries.discard(entry)

    def _put(self, checkpoint: Checkpoint[Count]) -> str:
        etag = str(next(self.versions))
        self.blobs[checkpoint.instance.id] = Stored(checkpoint, etag)
        return etag


@dataclass
class Line:
    """Implements `ContinuationQueue`: what was asked, and when it is due."""

    clock: VirtualClock
    asked: dict[str, tuple[datetime, Continuation]] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def ask(self, continuation: Continuation, delay: float) -> Receipt:
        name = str(next(self.numbers))
        self.asked[name] = (self.clock.now() + timedelta(seconds=delay), continuation)
        return Receipt(name, "")

    def take_back(self, receipt: Receipt) -> None:
        self.asked.pop(receipt.message_id, None)

    def take(self) -> Continuation:
        """The first message that is due; the clock moves to it."""
        name = min(self.asked, key=lambda one: self.asked[one][0])
        due, continuation = self.asked.pop(name)
        self.clock.advance_to(due)
        return continuation


class Hand:
    """Implements `Executor`; `meddle` is called before every addition."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.open = 0
        self.meddle: Callable[[], object] = lambda: None

    def ahead(self, action: str) -> None:
        """Nothing is read ahead."""

    def perform(self, action: str) -> str:
        self.meddle()
        self.done.append(action)
        return "added"


class Room:
    """A runner of counts, and everything that it touches as plain attributes."""

    def __init__(self, *, budget: float = 540, naps: float = 0) -> None:
        self.clock = VirtualClock()
        self.shelf = Shelf()
        self.line = Line(self.clock)
        self.hand = Hand()
        self.concluded: list[Count] = []
        self.left: Leftover | None = None
        self.handed: list[str] = []
        self.decided_events: list[str] = []
        self.draining = False
        self.process = CountProcess(naps=timedelta(seconds=naps))
        numbers = count(1)
        self.runtime: Runtime[Count, str, str] = Runtime(
            process=self.process,
            checkpoints=self.shelf,
            queue=self.line,
            executor=self._executor,
            conclude=self._conclude,
            observer=self,
            policy=Policy(),
            clock=self.clock,
            new_run_id=lambda: f"run-{next(numbers)}",
            background=at_once,
            budget=budget,
            is_draining=lambda: self.draining,
        )
        self.runner = Runner(self.runtime)

    def count(self, goal: int = 3) -> Count:
        return Count("a" * 32, self.clock.now(), goal)

    def now_is(self) -> Checkpoint[Count]:
        return self.shelf.blobs["a" * 32].checkpoint

    def decided(self, before: Count, action: str | None, event: str, after: Count, seconds: float) -> None:
        del before, action, after, seconds
        self.decided_events.append(event)

    def handed_over(self, instance_id: str) -> None:
        self.handed.append(instance_id)

    @contextmanager
    def _executor(self, _instance: Count) -> Iterator[Hand]:
        self.hand.open += 1
        yield self.hand
        self.hand.open -= 1

    def _conclude(self, checkpoint: Checkpoint[Count]) -> Leftover | None:
        self.concluded.append(checkpoint.instance)
        return self.left
