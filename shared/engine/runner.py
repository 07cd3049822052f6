"""Runs: claim an instance, drive it, and carry out what its end, or its pause, asks for. Every trigger ends here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from shared.engine import claim
from shared.engine.checkpoint import LEASE_SECONDS, Checkpoint, lease
from shared.engine.continuation import Continuation, is_spent
from shared.engine.ports import Background, StorageUnavailable, Stored
from shared.engine.process import Facts
from shared.engine.run import Run, RunRequests
from shared.engine.runtime import Runtime

S = TypeVar("S")
A = TypeVar("A")
E = TypeVar("E")

NO_CONFLICT = "a checkpoint was refused as existing, and does not exist"

HANDOVER_PAUSE = 1.0
"""Seconds after another run's lease before the instance is looked at again. Chosen: clocks differ a little."""


class RunsSpent(Exception):  # noqa: N818 - it names what is the case
    """Runs of this instance have died in a row for longer than the policy's patience: another would die too."""


def _never() -> bool:
    return False


class Runner(Generic[S, A, E]):
    """One per OS process and kind. Every method is safe to repeat: what is done already is found, not done again."""

    def __init__(self, runtime: Runtime[S, A, E]) -> None:
        self._runtime = runtime
        self._process = runtime.process
        self._requests = RunRequests(runtime)

    def start(self, instance: S, asked: Continuation | None = None) -> None:
        """Run an instance that may be new; one that exists already is carried on instead. `asked`: by which message.

        Raises:
            StorageUnavailable, CheckpointUnreadable: nothing is lost; whoever delivered the event delivers it again.
        """
        facts = self._process.facts(instance)
        asked = replace(asked or Continuation(), instance_id=facts.id, kind=self._process.kind, blob=None)
        if facts.is_over:  # it was refused: there is nothing to run
            self.accept(instance)
            return
        runtime = self._runtime
        deadline = self._deadline()
        run_id = runtime.new_run_id()
        newly_added = runtime.checkpoints.add_unfinished_entry(facts.entry, instance)
        checkpoint = Checkpoint(instance, lease(run_id, runtime.clock.now()), f"{run_id}.0")
        with runtime.background() as background:
            prefetched = runtime.rate_limiter.prefetch(instance, background)
            etag = claim.create(runtime.checkpoints, facts.id, checkpoint)
            if etag is not None:
                self._run(Stored(checkpoint, etag), run_id, asked, deadline, background, prefetched)
                return
        if newly_added:
            self._unmark_what_was_over(facts)
        if not self.carry_on(asked):
            raise StorageUnavailable(NO_CONFLICT)

    def accept(self, instance: S, is_known: Callable[[], bool] = _never) -> bool:
        """Make a new instance durable and ask for its first run; False where it exists already.

        False also where it `is_known` by another name; asked only where this one has no checkpoint.

        The entry is added first: a process that dies after it leaves the rest to the sweep, and whoever accepts again
        finds out whether anybody has run the instance yet.
        """
        runtime, facts = self._runtime, self._process.facts(instance)
        found = runtime.checkpoints.load(facts.id)
        if found is not None:
            known = self._process.facts(found.checkpoint.instance)
            if not known.is_over and known.is_new:
                self._requests.again(facts.id, runtime.clock.now())
            return False
        if is_known():
            return False
        runtime.checkpoints.add_unfinished_entry(facts.entry, instance)
        checkpoint = Checkpoint(instance, None, f"{runtime.new_run_id()}.0")
        if claim.create(runtime.checkpoints, facts.id, checkpoint) is None:
            if runtime.checkpoints.load(facts.id) is None:
                raise StorageUnavailable(NO_CONFLICT)
            return False  # somebody else has just done the same
        if facts.is_over:
            self.conclude(checkpoint)
        else:
            self._requests.again(facts.id, runtime.clock.now())
        return True

    def resume(self, instance_id: str) -> bool:
        """See `carry_on`."""
        return self.carry_on(Continuation(instance_id, kind=self._process.kind))

    def carry_on(self, asked: Continuation) -> bool:
        """Carry an instance on, unless it is over, waiting, or in another run's hands. False: there is no such one.

        Raises:
            StorageUnavailable, CheckpointUnreadable: as for `start`.
            RunsSpent: the message of a run that died, as all those before it; the instance has to be given up.
        """
        runtime = self._runtime
        deadline = self._deadline()
        stored = runtime.checkpoints.load(asked.key)
        if stored is None:
            return False
        now, facts = runtime.clock.now(), self._process.facts(stored.checkpoint.instance)
        if facts.is_over:
            self._conclude_what_was_left(stored.checkpoint, facts, now)
            return True
        if claim.is_stale(asked, stored.checkpoint) or self._is_put_off(asked, stored.checkpoint, facts, now):
            return True
        if asked.guards and is_spent(asked, now, runtime.policy):
            raise RunsSpent
        run_id = runtime.new_run_id()
        claimed = stored.checkpoint.written(stored.checkpoint.instance, f"{run_id}.0", lease(run_id, now))
        with runtime.background() as background:
            prefetched = runtime.rate_limiter.prefetch(claimed.instance, background)
            etag = claim.claim(runtime.checkpoints, facts.id, claimed, stored.etag)
            if etag is not None:
                self._run(Stored(claimed, etag), run_id, asked, deadline, background, prefetched)
                return True
        self._requests.ask(asked, now + timedelta(seconds=HANDOVER_PAUSE))
        return True

    def conclude(self, checkpoint: Checkpoint[S]) -> None:
        """Carry out what a durable outcome asks for, then remove the index entry.

        The entry is removed last: where a process dies in between, whoever finds the entry does all of it again. It is
        the entry of this end alone: a retry has one of its own, which a slow worker here cannot remove.

        Raises:
            StorageUnavailable; what was left over, once everything else is done.
        """
        left = self._runtime.conclude(checkpoint)
        if left is None or not left.comes_back:
            self._runtime.checkpoints.remove_unfinished_entry(self._process.facts(checkpoint.instance).entry)
        if left is not None:
            raise left.error

    def _conclude_what_was_left(self, checkpoint: Checkpoint[S], facts: Facts, now: datetime) -> None:
        """An event or a message came for an instance that is over: where its end was not carried out, it is now.

        Whoever ended it may be at that just now, and is given a lease's time.
        """
        if not self._runtime.checkpoints.has_unfinished_entry(facts.entry):
            return
        allowed_at = (facts.finished_at or now) + timedelta(seconds=LEASE_SECONDS)
        if now < allowed_at:
            self._requests.again(facts.id, allowed_at + timedelta(seconds=HANDOVER_PAUSE))
        else:
            self.conclude(checkpoint)

    def _is_put_off(self, asked: Continuation, checkpoint: Checkpoint[S], facts: Facts, now: datetime) -> bool:
        """True where the instance is in another run's hands, or waits; the message comes again where it has to.

        While a run holds the instance, the message stands by for its death. An instance that waits has a message from
        the run that left it so: another one, of an event that came again or of the sweep, would be one too many.
        """
        busy_until = checkpoint.busy_until(now)
        if checkpoint.lease is not None and busy_until is not None:
            standing_by = replace(asked, run=checkpoint.lease.owner, guards=True)
            self._requests.ask(standing_by, busy_until + timedelta(seconds=HANDOVER_PAUSE))
            return True
        if facts.not_before is None or (facts.not_before - now).total_seconds() <= self._runtime.policy.inline_wait:
            return False
        if asked.run is not None or facts.is_new or claim.is_relied_upon(facts, now):
            self._requests.ask(Continuation(facts.id, kind=asked.kind, run=asked.run), facts.not_before)
        return True

    def _run(
        self,
        stored: Stored[S],
        run_id: str,
        asked: Continuation,
        deadline: datetime,
        background: Background,
        prefetched: Any,
    ) -> None:
        run = Run(self._runtime, self._requests, self.conclude, stored, run_id, background)
        run.carry_out(asked, deadline, prefetched)

    def _unmark_what_was_over(self, ours: Facts) -> None:
        """An event that came again has added an entry for an instance whose end was carried out: it is ours alone.

        One that ended only after we began has a worker that may still have to carry its end out: there the entry stays.
        """
        stored = self._runtime.checkpoints.load(ours.id)
        if stored is None:
            return
        known = self._process.facts(stored.checkpoint.instance)
        if known.retries or (known.finished_at is not None and known.finished_at < ours.created_at):
            self._runtime.checkpoints.remove_unfinished_entry(ours.entry)

    def _deadline(self) -> datetime:
        return self._runtime.clock.now() + timedelta(seconds=self._runtime.budget)
