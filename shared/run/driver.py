"""The one small driver: decide, make durable what must be, perform, apply; until the transfer is over or the run is.

It knows no rule of its own about Graph or attachments. What it adds is time: a run stops by itself, early enough that
nothing is cut off, and long waits go back to the queue instead of holding a worker.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from shared.core import waits
from shared.core.actions import (
    AbortCommit,
    Action,
    CancelSession,
    Finish,
    PostAttachment,
    PrepareCommit,
    PutRange,
    Request,
    Wait,
)
from shared.core.durability import must_save_before, worth_saving
from shared.core.events import (
    CancelRequested,
    CommitAborted,
    CommitPrepared,
    CommitUnsent,
    Event,
    Forbidden,
    OffsetKnown,
    Refused,
    RefusedBy,
    RunStarted,
)
from shared.core.history import recorded
from shared.core.machine import apply, decide
from shared.core.model import Failure, Transfer
from shared.core.policy import Policy
from shared.run.checkpoint_writer import CheckpointWriter, LostOwnership
from shared.run.executor import ActionExecutor
from shared.run.permit import Permit
from shared.storage.ports import Clock

LEAST_ACTIONS = 4
"""Requests that a run makes before it heeds its budget, unless it moved a range: so that every run gets somewhere."""

DRAIN_PAUSE = 12.0
"""Seconds after which a run that yielded to the end of its process is asked for: this one must not take it again, and
the host ends a process ten seconds after it was told to (field report: SIGTERM on the real host)."""


@dataclass(frozen=True, slots=True)
class Over:
    """The transfer has ended, and its outcome is durable."""

    transfer: Transfer


@dataclass(frozen=True, slots=True)
class Yielded:
    """The run has ended, the transfer has not: the next run is due at `until` (UTC)."""

    transfer: Transfer
    until: datetime


class Observer(Protocol):
    """Who is told of every decision: logs and traces."""

    def decided(self, before: Transfer, action: Action | None, event: Event, after: Transfer, seconds: float) -> None:
        """One step, and how many seconds its request took.

        `action` is None where nothing was asked of Graph: a run began, or a person wished the end.
        """
        ...

    def handed_over(self, transfer_id: str) -> None:
        """Another run has taken the transfer over; this one stopped."""
        ...


class Driver:
    """Runs one transfer, whose checkpoint the writer holds, until it is over or the deadline (UTC) is near.

    `permit` says what has to wait for the mailbox; once `is_draining`, the run yields after the request in hand.
    """

    def __init__(  # noqa: PLR0913 - what a run is made of
        self,
        writer: CheckpointWriter,
        effects: ActionExecutor,
        policy: Policy,
        clock: Clock,
        deadline: datetime,
        observer: Observer,
        permit: Permit,
        *,
        is_draining: Callable[[], bool] = lambda: False,
    ) -> None:
        self._writer = writer
        self._effects = effects
        self._permit = permit
        self._policy = policy
        self._clock = clock
        self._deadline = deadline
        self._observer = observer
        self._is_draining = is_draining
        self._requests = 0
        self._moved = False
        self._wish_heeded = False
        self._is_unsent = False  # this run announced a commit afresh, and has sent nothing of it
        self._latest = writer.saved

    def run(self, forbidden: Failure | None = None) -> Over | Yielded:
        """Carry the transfer on; or, where it is `forbidden`, to that end, writing nothing more to the mailbox.

        Raises:
            LostOwnership: another run has taken it over.
            StorageUnavailable: the checkpoint cannot be written; whoever runs next settles what was under way.
        """
        try:
            return self._carry_on(self._begun(forbidden))
        except LostOwnership as lost:
            self._cancel_unknown_session(lost.found)
            raise

    def _cancel_unknown_session(self, found: Transfer | None) -> None:
        """Cancel, as far as one request does, the session that this run opened and could not write down.

        Whoever has the transfer now does not know of it, and it got no byte: left alone it would stay open until it
        expires. One that the checkpoint `found` names is theirs.
        """
        opened = self._latest.session
        known = {one.session.url for one in (found, self._writer.saved) if one is not None and one.session is not None}
        if opened is not None and opened.url not in known:
            self._effects.perform(CancelSession(opened.url))

    def _begun(self, forbidden: Failure | None) -> Transfer:
        transfer = self._step(self._writer.saved, None, RunStarted())
        return transfer if forbidden is None else self._step(transfer, None, Forbidden(forbidden))

    def _carry_on(self, transfer: Transfer) -> Over | Yielded:
        while True:
            if self._is_wish_unheeded and not transfer.is_over:
                self._wish_heeded = True
                transfer = self._step(self._unannounced(transfer), None, CancelRequested())
            action = decide(transfer, self._clock.now(), self._policy)
            later = self._permit.check(action, transfer)
            if later is not None:
                transfer = waits.held(transfer, later.code, self._clock.now(), later.until, known=True)
                continue
            match action:
                case Finish():
                    self._writer.release(transfer)
                    return Over(self._writer.saved)
                case Wait(until):
                    if not self._sleeps(transfer, until):
                        return self._yield(transfer, until)
                case PrepareCommit():
                    self._is_unsent = transfer.announced_at is None
                    transfer = self._step(transfer, action, CommitPrepared())
                case AbortCommit():
                    self._is_unsent = False
                    transfer = self._step(transfer, action, CommitAborted())
                case _:
                    if self._must_end:
                        return self._yield(self._unannounced(transfer), self._clock.now())
                    transfer = self._request(transfer, action)

    def _request(self, transfer: Transfer, action: Request) -> Transfer:
        """One request. What has to be durable is saved before it, what is only worth saving while it is under way."""
        self._effects.ahead(action)
        if must_save_before(action, transfer, self._writer.saved):
            self._writer.save(transfer)
            if self._is_wish_unheeded:
                return transfer  # found by this very save: nothing more is sent before it is heeded
        elif worth_saving(transfer, self._writer.saved):
            self._writer.save_behind(transfer)
        began = self._clock.now()
        event = self._effects.perform(action)
        self._permit.record(action, event)
        seconds = (self._clock.now() - began).total_seconds()
        self._requests += 1
        self._moved = self._moved or (isinstance(action, PutRange) and isinstance(event, OffsetKnown))
        if isinstance(event, Refused) and event.by is not RefusedBy.GRAPH:  # nothing was sent
            transfer = self._unannounced(transfer)
        self._is_unsent = self._is_unsent and not isinstance(action, PutRange | PostAttachment)
        return self._step(transfer, action, event, seconds)

    def _unannounced(self, transfer: Transfer) -> Transfer:
        """The transfer, or its run, is about to end: a commit that was only announced leaves nothing to look for."""
        if not self._is_unsent:
            return transfer
        self._is_unsent = False
        return self._step(transfer, None, CommitUnsent())

    @property
    def _is_wish_unheeded(self) -> bool:
        return self._writer.cancel_requested and not self._wish_heeded

    def _step(self, transfer: Transfer, action: Action | None, event: Event, seconds: float = 0) -> Transfer:
        now = self._clock.now()
        after = recorded(apply(transfer, event, now, self._policy), now, transfer.state, action, event)
        self._observer.decided(transfer, action, event, after, seconds)
        self._latest = after
        return after

    def _sleeps(self, transfer: Transfer, until: datetime) -> bool:
        """Sleep through a short wait; False where it is long, or the run would end in it."""
        seconds = (until - self._clock.now()).total_seconds()
        if seconds > self._policy.inline_wait or until >= self._deadline or self._is_draining():
            return False
        if worth_saving(transfer, self._writer.saved):
            self._writer.save_behind(transfer)
        self._clock.sleep(seconds)
        return True

    def _yield(self, transfer: Transfer, until: datetime) -> Yielded:
        if self._is_draining():
            until = max(until, self._clock.now() + timedelta(seconds=DRAIN_PAUSE))
        self._writer.release(transfer)
        return Yielded(self._writer.saved, until)

    @property
    def _must_end(self) -> bool:
        is_out_of_time = self._clock.now() >= self._deadline
        return self._is_draining() or (is_out_of_time and (self._moved or self._requests >= LEAST_ACTIONS))
