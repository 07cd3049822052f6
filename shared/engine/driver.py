"""The one small driver: decide, make durable what must be, perform, apply; until the instance is over or the run is.

It knows no rule. What it adds is time: a run stops by itself, early enough that nothing is cut off, and long waits go
back to the queue instead of holding a worker.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from shared.engine.checkpoint_writer import CheckpointWriter, LostOwnership
from shared.engine.permit import Permit
from shared.engine.ports import Clock, Executor, Observer
from shared.engine.process import Finish, Note, Perform, Process, Wait

S = TypeVar("S")
A = TypeVar("A")
E = TypeVar("E")

LEAST_ACTIONS = 4
"""Requests that a run makes before it heeds its budget, unless it made progress: so that every run gets somewhere."""

DRAIN_PAUSE = 12.0
"""Seconds after which a run that yielded to the end of its process is asked for: this one must not take it again, and
the host ends a process ten seconds after it was told to (field report: SIGTERM on the real host)."""


@dataclass(frozen=True, slots=True)
class Over(Generic[S]):
    """The instance has ended, and its outcome is durable."""

    instance: S


@dataclass(frozen=True, slots=True)
class Yielded(Generic[S]):
    """The run has ended, the instance has not: the next run is due at `until` (UTC)."""

    instance: S
    until: datetime


@dataclass(frozen=True, slots=True)
class RunLimits:
    """When a run stops by itself.

    Attributes:
        deadline: nothing is begun after it (UTC).
        inline_wait: a wait up to so many seconds is slept; a longer one goes back to the queue.
        is_draining: once this process has been told to end, the run yields after the request in hand.
    """

    deadline: datetime
    inline_wait: float
    is_draining: Callable[[], bool]


class Driver(Generic[S, A, E]):
    """Runs one instance, whose checkpoint the writer holds, until it is over or the deadline is near.

    `permit` says what has to wait.
    """

    def __init__(
        self,
        process: Process[S, A, E],
        writer: CheckpointWriter[S, E],
        executor: Executor[A, E],
        permit: Permit[S, A, E],
        clock: Clock,
        observer: Observer[S, A, E],
        limits: RunLimits,
    ) -> None:
        self._process = process
        self._writer = writer
        self._executor = executor
        self._permit = permit
        self._clock = clock
        self._observer = observer
        self._limits = limits
        self._requests = 0
        self._moved = False
        self._command_heeded = False
        self._latest = writer.saved

    def run(self) -> Over[S] | Yielded[S]:
        """Carry the instance on.

        Raises:
            LostOwnership: another run has taken it over.
            StorageUnavailable: the checkpoint cannot be written; whoever runs next settles what was under way.
        """
        try:
            return self._carry_on(self._opened(self._writer.saved))
        except LostOwnership as lost:
            known = (self._writer.saved,) if lost.found is None else (self._writer.saved, lost.found)
            left = self._process.abandoned(self._latest, known)
            if left is not None:
                self._executor.perform(left)
            raise

    def _opened(self, instance: S) -> S:
        for event in self._process.opening(instance):
            if not self._is_over(instance):
                instance = self._step(instance, None, event)
        return instance

    def _carry_on(self, instance: S) -> Over[S] | Yielded[S]:
        while True:
            instance = self._with_command_heeded(instance)
            decision = self._process.decide(instance, self._clock.now())
            deferred = self._permit.check(decision.action, instance) if isinstance(decision, Perform | Note) else None
            if deferred is not None:
                held = self._process.held(replace(deferred, known=True))  # this run asks again then, and not before
                instance = self._process.apply(instance, None, held, self._clock.now())
                continue
            match decision:
                case Finish():
                    self._writer.release(instance)
                    return Over(self._writer.saved)
                case Wait(until):
                    if not self._sleeps(instance, until):
                        return self._yield(instance, until)
                case Note(action, event):
                    instance = self._step(instance, action, event)
                case Perform(action):
                    if self._must_end:
                        return self._yield(self._closed(instance), self._clock.now())
                    instance = self._request(instance, action)

    def _request(self, instance: S, action: A) -> S:
        """One request. What has to be durable is saved before it, what is only worth saving while it is under way."""
        self._executor.ahead(action)
        if self._process.must_save_before(action, instance, self._writer.saved):
            self._writer.save(instance)
            if self._is_command_unheeded:
                return instance  # found by this very save: nothing more is sent before it is heeded
        elif self._process.worth_saving(instance, self._writer.saved):
            self._writer.save_behind(instance)
        began = self._clock.now()
        event = self._executor.perform(action)
        self._permit.record(action, event)
        seconds = (self._clock.now() - began).total_seconds()
        self._requests += 1
        self._moved = self._moved or self._process.is_progress(action, event)
        return self._step(instance, action, event, seconds)

    def _with_command_heeded(self, instance: S) -> S:
        command = self._writer.command
        if command is None or self._command_heeded or self._is_over(instance):
            return instance
        self._command_heeded = True
        return self._step(instance, None, command.heeded)

    @property
    def _is_command_unheeded(self) -> bool:
        return self._writer.command is not None and not self._command_heeded

    def _is_over(self, instance: S) -> bool:
        return self._process.facts(instance).is_over

    def _step(self, instance: S, action: A | None, event: E, seconds: float = 0) -> S:
        after = self._process.apply(instance, action, event, self._clock.now())
        self._observer.decided(instance, action, event, after, seconds)
        self._latest = after
        return after

    def _sleeps(self, instance: S, until: datetime) -> bool:
        """Sleep through a short wait; False where it is long, or the run would end in it."""
        seconds = (until - self._clock.now()).total_seconds()
        limits = self._limits
        if seconds > limits.inline_wait or until >= limits.deadline or limits.is_draining():
            return False
        if self._process.worth_saving(instance, self._writer.saved):
            self._writer.save_behind(instance)
        self._clock.sleep(seconds)
        return True

    def _closed(self, instance: S) -> S:
        closing = self._process.closing(instance)
        return instance if closing is None else self._step(instance, None, closing)

    def _yield(self, instance: S, until: datetime) -> Yielded[S]:
        if self._limits.is_draining():
            until = max(until, self._clock.now() + timedelta(seconds=DRAIN_PAUSE))
        self._writer.release(instance)
        return Yielded(self._writer.saved, until)

    @property
    def _must_end(self) -> bool:
        is_out_of_time = self._clock.now() >= self._limits.deadline
        return self._limits.is_draining() or (is_out_of_time and (self._moved or self._requests >= LEAST_ACTIONS))
