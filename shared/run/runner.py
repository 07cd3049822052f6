"""Runs: claim a transfer, drive it, and carry out what its end, or its pause, asks for. Every trigger ends here."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from shared.core import waits
from shared.core.checkpoint import LEASE_SECONDS, Checkpoint, lease, unfinished_entry_of, writer_of
from shared.core.continuation import Continuation, is_spent
from shared.core.errors import Code
from shared.core.model import Failure, Route, State, Transfer
from shared.core.policy import Policy
from shared.graph.hosts import UploadHosts
from shared.graph.http import Transport
from shared.rate_limit.permits import Deferred
from shared.run.checkpoint_writer import Background, CheckpointWriter, LostOwnership
from shared.run.driver import Driver, Observer, Over, Yielded
from shared.run.executor import GraphExecutor, Owned
from shared.run.guard import Guard
from shared.run.permit import Prefetch, RateLimiter, Unlimited
from shared.storage.ports import (
    Checkpoints,
    Claims,
    Clock,
    Conflict,
    Outcomes,
    Sources,
    StorageRefused,
    StorageUnavailable,
    Stored,
    TransferQueue,
)

NO_CONFLICT = "a checkpoint was refused as existing, and does not exist"

HANDOVER_PAUSE = 1.0
"""Seconds after another run's lease before the transfer is looked at again. Chosen: clocks differ a little."""


def _never() -> bool:
    return False


def anywhere(_mailbox: str) -> bool:
    """No mailbox is forbidden."""
    return True


@dataclass(frozen=True, slots=True)
class RunDependencies:
    """Everything a run touches.

    Attributes:
        new_run_id: makes an id that no other run has.
        background: makes the thread that writes behind; it ends with the run.
        budget: seconds after which a run stops by itself.
        head_start: seconds by which a range goes before the checkpoint behind it.
        save_pause: seconds at least between two checkpoints that are only worth saving.
        delete_source: whether an attached file's source is deleted once the outcome is durable.
        pacing: where a run asks for its turn on a mailbox.
        claims: whose an attachment is, where two transfers could take one for theirs; None: there are no others.
        may_write: whether this deployment may write to a mailbox, asked at the start of every run.
        guard_after: seconds that the run of a small file lasts before it sends the message against its death.
        is_draining: whether this process has been told to end.
        take_up: makes a transfer of a blob as it is now: its older version has ended because of the newer one.
    """

    checkpoints: Checkpoints
    sources: Sources
    queue: TransferQueue
    outcomes: Outcomes
    transport: Transport
    hosts: UploadHosts
    base_url: str
    policy: Policy
    clock: Clock
    observer: Observer
    new_run_id: Callable[[], str]
    background: Callable[[], AbstractContextManager[Background]]
    budget: float
    head_start: float = 0
    save_pause: float = 0
    delete_source: bool = False
    rate_limiter: RateLimiter = field(default_factory=Unlimited)
    may_write: Callable[[str], bool] = anywhere
    guard_after: float = 0
    is_draining: Callable[[], bool] = lambda: False
    take_up: Callable[[str], object] = lambda _blob: None
    claims: Claims | None = None


class RunsSpent(Exception):  # noqa: N818 - it names what is the case
    """Runs of this transfer have died in a row for longer than the policy's patience: another would die too."""


class TransferRunner:
    """One per process. Every method is safe to repeat: what is done already is found, not done again."""

    def __init__(self, edges: RunDependencies) -> None:
        self._edges = edges

    def start(self, transfer: Transfer, asked: Continuation | None = None) -> None:
        """Run a transfer that may be new; one that exists already is carried on instead. `asked`: by which message.

        Raises:
            StorageUnavailable, CheckpointUnreadable: nothing is lost; whoever delivered the event delivers it again.
        """
        asked = replace(asked or Continuation(), transfer_id=transfer.id, blob=None)
        if transfer.is_over:  # intake refused it: there is nothing to run
            self.accept(transfer)
            return
        edges = self._edges
        deadline = self._deadline()
        run_id = edges.new_run_id()
        newly_added = edges.checkpoints.add_unfinished_entry(transfer.id, transfer)
        checkpoint = Checkpoint(transfer, lease(run_id, edges.clock.now()), f"{run_id}.0")
        with edges.background() as background:
            prefetched = edges.rate_limiter.prefetch(transfer, background)
            etag = self._create(checkpoint)
            if etag is not None:
                self._run(Stored(checkpoint, etag), run_id, asked, deadline, background, prefetched)
                return
        if newly_added:
            self._unmark_what_was_over(transfer)
        if not self.carry_on(asked):
            raise StorageUnavailable("a checkpoint was refused as existing, and does not exist")

    def accept(self, transfer: Transfer, is_known: Callable[[], bool] = _never) -> bool:
        """Make a new transfer durable and ask for its first run; False where it exists already.

        False also where the file `is_known` under another version; asked only where this one has no transfer.

        The entry is added first: a process that dies after it leaves the rest to the sweep, and whoever accepts again
        finds out whether anybody has run the transfer yet.
        """
        edges = self._edges
        found = edges.checkpoints.load(transfer.id)
        if found is not None:
            if not found.checkpoint.transfer.is_over and found.checkpoint.transfer.runs == 0:
                self._ask_again(transfer.id, edges.clock.now())
            return False
        if is_known():
            return False
        edges.checkpoints.add_unfinished_entry(transfer.id, transfer)
        checkpoint = Checkpoint(transfer, None, f"{edges.new_run_id()}.0")
        if self._create(checkpoint) is None:
            if edges.checkpoints.load(transfer.id) is None:
                raise StorageUnavailable(NO_CONFLICT)
            return False  # somebody else has just done the same
        if transfer.is_over:
            self.conclude(checkpoint)
        else:
            self._ask_again(transfer.id, edges.clock.now())
        return True

    def resume(self, transfer_id: str) -> bool:
        """See `carry_on`."""
        return self.carry_on(Continuation(transfer_id))

    def carry_on(self, asked: Continuation) -> bool:
        """Carry a transfer on, unless it is over, waiting, or in another run's hands. False: there is no such one.

        Raises:
            StorageUnavailable, CheckpointUnreadable: as for `start`.
            RunsSpent: the message of a run that died, as all those before it; the transfer has to be given up.
        """
        edges, transfer_id = self._edges, asked.key
        deadline = self._deadline()
        stored = edges.checkpoints.load(transfer_id)
        if stored is None:
            return False
        now = edges.clock.now()
        if stored.checkpoint.transfer.is_over:
            self._conclude_what_was_left(stored.checkpoint, now)
            return True
        if _is_stale(asked, stored.checkpoint) or self._is_put_off(asked, stored.checkpoint, now):
            return True
        if asked.guards and is_spent(asked, now, edges.policy):
            raise RunsSpent
        run_id = edges.new_run_id()
        claimed = stored.checkpoint.written(stored.checkpoint.transfer, f"{run_id}.0", lease(run_id, now))
        with edges.background() as background:
            prefetched = edges.rate_limiter.prefetch(claimed.transfer, background)
            etag = self._claim(claimed, stored.etag)
            if etag is not None:
                self._run(Stored(claimed, etag), run_id, asked, deadline, background, prefetched)
                return True
        self._ask(asked, now + timedelta(seconds=HANDOVER_PAUSE))
        return True

    def conclude(self, checkpoint: Checkpoint) -> None:
        """What a durable outcome asks for: notify the listeners, delete the source if so set, remove the entry.

        The entry is removed last: where a process dies in between, whoever finds the entry does all of it again. It is
        the entry of this end alone: a retry has one of its own, which a slow worker here cannot remove.

        Raises:
            StorageUnavailable; StorageRefused where the source may not be deleted: everything else is done then.
        """
        edges, transfer = self._edges, checkpoint.transfer
        edges.outcomes.notify(checkpoint)
        refused = self._source_kept(transfer) if edges.delete_source and transfer.state is State.ATTACHED else None
        if transfer.failure is not None and transfer.failure.code is Code.SOURCE_CHANGED:
            edges.take_up(transfer.plan.source.blob)
        if refused is None or refused.code is Code.STORAGE_IMMUTABLE:
            # A policy may last for years: nobody waits for its end.
            edges.checkpoints.remove_unfinished_entry(unfinished_entry_of(transfer))
        if refused is not None:
            raise refused

    def _source_kept(self, transfer: Transfer) -> StorageRefused | None:
        """Delete the source; why it stays where storage refuses. A role that is missing is no reason to hurry either.

        Whoever called says so. While the entry is there, the sweep comes back more and more rarely: leases end.
        """
        try:
            self._edges.sources.delete(transfer.plan.source)
        except StorageRefused as refused:
            return refused
        except StorageUnavailable as denied:
            if denied.code is Code.STORAGE_UNAVAILABLE:
                raise
            return StorageRefused(denied.code, str(denied))
        return None

    def _conclude_what_was_left(self, checkpoint: Checkpoint, now: datetime) -> None:
        """An event or a message came for a transfer that is over: where its end was not carried out, it is now.

        Whoever ended it may be at that just now, and is given a lease's time.
        """
        transfer = checkpoint.transfer
        if not self._edges.checkpoints.has_unfinished_entry(unfinished_entry_of(transfer)):
            return
        allowed_at = (transfer.finished_at or now) + timedelta(seconds=LEASE_SECONDS)
        if now < allowed_at:
            self._ask_again(transfer.id, allowed_at + timedelta(seconds=HANDOVER_PAUSE))
        else:
            self.conclude(checkpoint)

    def _is_put_off(self, asked: Continuation, checkpoint: Checkpoint, now: datetime) -> bool:
        """True where the transfer is in another run's hands, or waits; the message comes again where it has to.

        While a run holds the transfer, the message stands by for its death. A transfer that waits has a message from
        the run that left it so: another one, of an event that came again or of the sweep, would be one too many.
        """
        transfer, busy_until = checkpoint.transfer, checkpoint.busy_until(now)
        if checkpoint.lease is not None and busy_until is not None:
            standing_by = replace(asked, run=checkpoint.lease.owner, guards=True)
            self._ask(standing_by, busy_until + timedelta(seconds=HANDOVER_PAUSE))
            return True
        not_before = transfer.not_before
        if transfer.cancel_requested or not_before is None:
            return False
        if (not_before - now).total_seconds() <= self._edges.policy.inline_wait:
            return False
        if asked.run is not None or transfer.runs == 0 or _is_relied_upon(transfer, now):
            self._ask(Continuation(transfer.id, run=asked.run), not_before)
        return True

    def _run(
        self,
        stored: Stored,
        run_id: str,
        asked: Continuation,
        deadline: datetime,
        background: Background,
        prefetched: Prefetch | None,
    ) -> None:
        edges, transfer = self._edges, stored.checkpoint.transfer
        guard = self._guard(transfer, asked, run_id, background)
        try:
            with closing(edges.sources.open(transfer.plan.source)) as reader:
                writer = CheckpointWriter(
                    edges.checkpoints, stored, run_id, edges.clock, background, edges.head_start, edges.save_pause
                )
                try:
                    permit = edges.rate_limiter.acquire(transfer, run_id, background, prefetched)
                    if isinstance(permit, Deferred):
                        self._put_off(writer, permit)
                        background.submit(guard.take_back)
                        return
                    policy = edges.policy
                    owned = Owned(edges.claims, transfer) if edges.claims is not None else None
                    effects = GraphExecutor(
                        edges.transport, edges.hosts, edges.base_url, reader, edges.clock, policy.range_bytes, owned
                    )
                    driver = Driver(
                        writer,
                        effects,
                        policy,
                        edges.clock,
                        deadline,
                        edges.observer,
                        permit,
                        is_draining=edges.is_draining,
                    )
                    try:
                        outcome = driver.run(self._forbidden(transfer))
                    finally:
                        releasing = background.submit(permit.release)
                except LostOwnership:
                    edges.observer.handed_over(transfer.id)
                    return
                match outcome:
                    case Over(ended):
                        self.conclude(Checkpoint(ended, None, run_id))
                    case Yielded(paused, until):
                        self._ask(Continuation(paused.id, run=run_id), until)
                background.submit(guard.take_back)
                releasing.result()
        finally:
            guard.end()

    def _guard(self, transfer: Transfer, asked: Continuation, run_id: str, background: Background) -> Guard:
        """The message against this run's death: at once where a session has to be carried through.

        A small file is one request, over in less time than its message would take effect.
        """
        is_short = transfer.route is Route.POST and self._edges.guard_after > 0
        counted = replace(asked, since=asked.since or self._edges.clock.now())
        guard = Guard(self._edges.queue, counted, run_id, self._edges.guard_after if is_short else math.inf)
        if not is_short:
            background.submit(guard.send)
        return guard

    def _forbidden(self, transfer: Transfer) -> Failure | None:
        """Why the transfer may not write. Intake asked; settings and checkpoints may differ now."""
        mailbox = transfer.target.mailbox
        if self._edges.may_write(mailbox):
            return None
        detail = (
            f"{transfer.plan.source.blob!r} was accepted for mailbox {mailbox!r}, which ALLOWED_MAILBOXES does not "
            "list now. Nothing more was written to it."
        )
        return Failure(Code.MAILBOX_NOT_ALLOWED, detail)

    def _create(self, checkpoint: Checkpoint) -> str | None:
        """Write the first version and return its ETag; None where somebody else did."""
        try:
            return self._edges.checkpoints.create(checkpoint)
        except Conflict:
            return self._own(checkpoint)

    def _claim(self, claimed: Checkpoint, etag: str) -> str | None:
        """Take the transfer over and return the checkpoint's new ETag; None where somebody else was first."""
        try:
            return self._edges.checkpoints.save(claimed, etag)
        except Conflict:
            return self._own(claimed)

    def _own(self, checkpoint: Checkpoint) -> str | None:
        """The ETag of this very write, where only its answer was lost; None where another write stands."""
        stored = self._edges.checkpoints.load(checkpoint.transfer.id)
        return stored.etag if stored is not None and stored.checkpoint.write == checkpoint.write else None

    def _unmark_what_was_over(self, ours: Transfer) -> None:
        """An event that came again has added an entry for a transfer whose end was carried out: that one is ours alone.

        One that ended only after we began has a worker that may still have to carry its end out: there the entry stays.
        """
        stored = self._edges.checkpoints.load(ours.id)
        if stored is None:
            return
        finished_at, retries = stored.checkpoint.transfer.finished_at, stored.checkpoint.transfer.retries
        if retries or (finished_at is not None and finished_at < ours.plan.created_at):
            self._edges.checkpoints.remove_unfinished_entry(ours.id)

    def _put_off(self, writer: CheckpointWriter, later: Deferred) -> None:
        """The mailbox is busy: let go of the transfer, and ask for its run when its turn comes.

        Where that time is known the transfer says so, and is not looked at before. Else it may be called at any time,
        and one message looks again by itself, however often it is called for nothing.
        """
        transfer, now = writer.saved, self._edges.clock.now()
        told = waits.held(transfer, later.code, now, later.until, known=later.known)
        if (later.until - now).total_seconds() <= self._edges.policy.inline_wait:  # it must not come before we let go
            writer.release(told)
            self._ask(Continuation(transfer.id, run=writer.run_id), later.until)
            return
        under_way = transfer.recheck_at
        if under_way is None or not now < under_way <= later.until:
            self._ask_again(transfer.id, later.until)  # before it is noted: what is noted is relied upon
            told = replace(told, recheck_at=later.until)
        writer.release(told)

    def _ask_again(self, transfer_id: str, at: datetime) -> None:
        self._ask(Continuation(transfer_id), at)

    def _ask(self, continuation: Continuation, at: datetime) -> None:
        delay = (at - self._edges.clock.now()).total_seconds()
        self._edges.queue.ask(continuation, max(0.0, delay))

    def _deadline(self) -> datetime:
        return self._edges.clock.now() + timedelta(seconds=self._edges.budget)


def _is_relied_upon(transfer: Transfer, now: datetime) -> bool:
    """True where the message that comes now may be the one which the last run took for its own (`recheck_at`)."""
    return transfer.recheck_at is not None and transfer.recheck_at <= now and transfer.recheck_at != transfer.not_before


def _is_stale(asked: Continuation, checkpoint: Checkpoint) -> bool:
    """True for a message of a run that is not the last one which had the transfer: that one has its own messages."""
    holder = checkpoint.lease.owner if checkpoint.lease is not None else None
    return asked.run is not None and asked.run not in {holder, writer_of(checkpoint.write)}
