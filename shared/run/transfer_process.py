"""The transfer as the engine's first process: the core's rules, in the form that the engine asks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from shared.core import durability, machine
from shared.core.actions import AbortCommit, Action, CancelSession, Finish, PrepareCommit, PutRange, Wait
from shared.core.errors import Code
from shared.core.events import (
    CancelNoted,
    CancelRequested,
    CommitAborted,
    CommitPrepared,
    CommitUnsent,
    Event,
    Forbidden,
    Held,
    OffsetKnown,
    RunStarted,
)
from shared.core.model import Failure, Route, Transfer
from shared.core.policy import Policy
from shared.core.unfinished import unfinished_entry_of
from shared.engine import process as engine
from shared.engine.continuation import TRANSFER

CANCEL: engine.Command[Event] = engine.Command(noted=CancelNoted(), heeded=CancelRequested())


def anywhere(_mailbox: str) -> bool:
    """No mailbox is forbidden."""
    return True


@dataclass(frozen=True, slots=True)
class TransferProcess:
    """Implements `Process`. `may_write`: whether this deployment may write to a mailbox, asked as every run begins."""

    policy: Policy
    may_write: Callable[[str], bool] = anywhere

    @property
    def kind(self) -> str:
        """See `Process.kind`."""
        return TRANSFER

    def facts(self, instance: Transfer) -> engine.Facts:
        """See `Process.facts`."""
        return engine.Facts(
            id=instance.id,
            entry=unfinished_entry_of(instance),
            retries=instance.retries,
            created_at=instance.plan.created_at,
            finished_at=instance.finished_at,
            not_before=None if instance.cancel_requested else instance.not_before,
            recheck_at=instance.recheck_at,
            is_over=instance.is_over,
            is_new=instance.runs == 0,
            is_brief=instance.route is Route.POST,
        )

    def decide(self, instance: Transfer, now: datetime) -> engine.Decision[Action, Event]:
        """See `Process.decide`."""
        action = machine.decide(instance, now, self.policy)
        match action:
            case Finish():
                return engine.Finish()
            case Wait(until):
                return engine.Wait(until)
            case PrepareCommit():
                return engine.Note(action, CommitPrepared())
            case AbortCommit():
                return engine.Note(action, CommitAborted())
            case _:
                return engine.Perform(action)

    def apply(self, instance: Transfer, action: Action | None, event: Event, now: datetime) -> Transfer:
        """See `Process.apply`."""
        return machine.step(instance, action, event, now, self.policy)

    def must_save_before(self, action: Action, instance: Transfer, saved: Transfer) -> bool:
        """See `Process.must_save_before`."""
        return durability.must_save_before(action, instance, saved)

    def worth_saving(self, instance: Transfer, saved: Transfer) -> bool:
        """See `Process.worth_saving`."""
        return durability.worth_saving(instance, saved)

    def is_progress(self, action: Action, event: Event) -> bool:
        """See `Process.is_progress`: a range went, and Graph said where the session stands."""
        return isinstance(action, PutRange) and isinstance(event, OffsetKnown)

    def opening(self, instance: Transfer) -> tuple[Event, ...]:
        """See `Process.opening`."""
        forbidden = self._forbidden(instance)
        forbids: tuple[Event, ...] = (Forbidden(forbidden),) if forbidden is not None else ()
        cancels: tuple[Event, ...] = (CancelRequested(),) if instance.cancel_requested else ()
        return (RunStarted(), *forbids, *cancels)

    def closing(self, instance: Transfer) -> Event | None:
        """See `Process.closing`."""
        return CommitUnsent() if instance.commit_unsent else None

    def abandoned(self, ours: Transfer, known: tuple[Transfer, ...]) -> Action | None:
        """See `Process.abandoned`: the session that the run opened and could not write down is cancelled.

        Whoever has the transfer now does not know of it, and it got no byte: left alone it would stay open until it
        expires.
        """
        urls = {one.session.url for one in known if one.session is not None}
        return CancelSession(ours.session.url) if ours.session is not None and ours.session.url not in urls else None

    def command(self, ours: Transfer, theirs: Transfer) -> engine.Command[Event] | None:
        """See `Process.command`: a person may cancel a transfer that a run has."""
        return CANCEL if theirs.cancel_requested and not ours.cancel_requested else None

    def held(self, deferred: engine.Deferred, recheck_at: datetime | None = None) -> Event:
        """See `Process.held`."""
        return Held(deferred.code, deferred.until, deferred.known, recheck_at)

    def _forbidden(self, transfer: Transfer) -> Failure | None:
        """Why the transfer may not write. Intake asked; settings and checkpoints may differ now."""
        mailbox = transfer.target.mailbox
        if self.may_write(mailbox):
            return None
        detail = (
            f"{transfer.plan.source.blob!r} was accepted for mailbox {mailbox!r}, which ALLOWED_MAILBOXES does not "
            "list now. Nothing more was written to it."
        )
        return Failure(Code.MAILBOX_NOT_ALLOWED, detail)
