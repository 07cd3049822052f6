"""One run of one instance, whose checkpoint it has claimed: from its permit to what its end, or its pause, asks for."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any, Generic, TypeVar

from shared.engine.checkpoint import Checkpoint
from shared.engine.checkpoint_writer import CheckpointWriter, LostOwnership
from shared.engine.continuation import Continuation
from shared.engine.driver import Driver, Over, RunLimits, Yielded
from shared.engine.guard import Guard
from shared.engine.ports import Background, Stored
from shared.engine.process import Deferred
from shared.engine.runtime import Runtime

S = TypeVar("S")
A = TypeVar("A")
E = TypeVar("E")


class RunRequests(Generic[S, A, E]):
    """The messages that ask for runs of one process."""

    def __init__(self, runtime: Runtime[S, A, E]) -> None:
        self._runtime = runtime

    def ask(self, continuation: Continuation, at: datetime) -> None:
        """Have this message seen then."""
        delay = (at - self._runtime.clock.now()).total_seconds()
        self._runtime.queue.ask(continuation, max(0.0, delay))

    def again(self, instance_id: str, at: datetime, run_id: str | None = None) -> None:
        """Ask for a run of this instance then. `run_id`: the run that asks."""
        self.ask(Continuation(instance_id, kind=self._runtime.process.kind, run=run_id), at)


class Run(Generic[S, A, E]):
    """One run. `conclude` carries out what a durable end asks for."""

    def __init__(
        self,
        runtime: Runtime[S, A, E],
        requests: RunRequests[S, A, E],
        conclude: Callable[[Checkpoint[S]], None],
        stored: Stored[S],
        run_id: str,
        background: Background,
    ) -> None:
        self._runtime = runtime
        self._requests = requests
        self._conclude = conclude
        self._stored = stored
        self._run_id = run_id
        self._background = background
        self._process = runtime.process

    def carry_out(self, asked: Continuation, deadline: datetime, prefetched: Any) -> None:
        """Run the instance until it is over, or the run is. `asked`: by which message; `prefetched`: for the permit."""
        runtime, background, instance = self._runtime, self._background, self._stored.checkpoint.instance
        guard = self._guard(instance, asked)
        limits = RunLimits(deadline, runtime.policy.inline_wait, runtime.is_draining)
        try:
            with runtime.executor(instance) as executor:
                writer = CheckpointWriter(
                    self._process,
                    runtime.checkpoints,
                    self._stored,
                    self._run_id,
                    runtime.clock,
                    background,
                    runtime.head_start,
                    runtime.save_pause,
                )
                try:
                    permit = runtime.rate_limiter.acquire(instance, self._run_id, background, prefetched)
                    if isinstance(permit, Deferred):
                        self._put_off(writer, permit)
                        background.submit(guard.take_back)
                        return
                    driver = Driver(self._process, writer, executor, permit, runtime.clock, runtime.observer, limits)
                    try:
                        outcome = driver.run()
                    finally:
                        releasing = background.submit(permit.release)
                except LostOwnership:
                    runtime.observer.handed_over(self._process.facts(instance).id)
                    return
                match outcome:
                    case Over(ended):
                        self._conclude(Checkpoint(ended, None, self._run_id))
                    case Yielded(paused, until):
                        self._requests.again(self._process.facts(paused).id, until, self._run_id)
                background.submit(guard.take_back)
                releasing.result()
        finally:
            guard.end()

    def _guard(self, instance: S, asked: Continuation) -> Guard:
        """The message against this run's death: at once, but for a run that is over before it would take effect."""
        runtime = self._runtime
        is_brief = runtime.guard_after > 0 and self._process.facts(instance).is_brief
        counted = replace(asked, since=asked.since or runtime.clock.now())
        guard = Guard(runtime.queue, counted, self._run_id, runtime.guard_after if is_brief else math.inf)
        if not is_brief:
            self._background.submit(guard.send)
        return guard

    def _put_off(self, writer: CheckpointWriter[S, E], deferred: Deferred) -> None:
        """There is no permit: let go of the instance, and ask for its run when its turn comes.

        Where that time is known the instance says so, and is not looked at before. Else it may be called at any time,
        and one message looks again by itself, however often it is called for nothing.
        """
        instance, now = writer.saved, self._runtime.clock.now()
        if (deferred.until - now).total_seconds() <= self._runtime.policy.inline_wait:  # not before we let go
            writer.release(self._held(instance, deferred, now))
            self._requests.again(self._process.facts(instance).id, deferred.until, self._run_id)
            return
        facts = self._process.facts(instance)
        under_way = facts.recheck_at is not None and now < facts.recheck_at <= deferred.until
        if not under_way:
            self._requests.again(facts.id, deferred.until)  # before it is noted: what is noted is relied upon
        writer.release(self._held(instance, deferred, now, None if under_way else deferred.until))

    def _held(self, instance: S, deferred: Deferred, now: datetime, recheck_at: datetime | None = None) -> S:
        return self._process.apply(instance, None, self._process.held(deferred, recheck_at), now)
