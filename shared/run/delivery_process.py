"""The delivery as the engine's second process: the core's rules, in the form that the engine asks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from shared.core.codes import Code
from shared.core.delivery import durability, history, machine
from shared.core.delivery.actions import AbortAct, Action, Finish, PrepareAct, PrepareCompose, Request, Wait
from shared.core.delivery.events import (
    ActAborted,
    ActPrepared,
    CancelNoted,
    CancelRequested,
    ComposePrepared,
    Event,
    FilesJoined,
    FilesNoted,
    Forbidden,
    Held,
    RunStarted,
)
from shared.core.delivery.model import Delivery, State
from shared.core.delivery.policy import DeliveryPolicy
from shared.core.model import Failure
from shared.engine import process as engine
from shared.run.transfer_process import anywhere

DELIVERY = "delivery"
"""What messages call it."""

_CANCEL: engine.Command[Event] = engine.Command(noted=CancelNoted(), heeded=CancelRequested())


@dataclass(frozen=True, slots=True)
class DeliveryProcess:
    """Implements `Process`. `may_write` and `sends`: what this deployment lets a run do, asked as every run begins."""

    policy: DeliveryPolicy
    may_write: Callable[[str], bool] = anywhere
    sends: bool = True

    @property
    def kind(self) -> str:
        """See `Process.kind`."""
        return DELIVERY

    def facts(self, instance: Delivery) -> engine.Facts:
        """See `Process.facts`. One that waits for files or for a person is looked at whenever somebody asks."""
        is_called = instance.cancel_requested or instance.state in {State.COLLECTING, State.BLOCKED}
        return engine.Facts(
            id=instance.id,
            entry=instance.id if instance.retries == 0 else f"{instance.id}-{instance.retries}",
            retries=instance.retries,
            created_at=instance.plan.created_at,
            finished_at=instance.finished_at,
            not_before=None if is_called else instance.not_before,
            recheck_at=None,
            is_over=instance.is_over,
            is_new=instance.runs == 0,
            is_brief=False,
        )

    def decide(self, instance: Delivery, now: datetime) -> engine.Decision[Request | Action, Event]:
        """See `Process.decide`."""
        action = machine.decide(instance, now, self.policy)
        match action:
            case Finish():
                return engine.Finish()
            case Wait(until):
                return engine.Wait(until)
            case PrepareCompose():
                return engine.Note(action, ComposePrepared())
            case PrepareAct():
                return engine.Note(action, ActPrepared())
            case AbortAct():
                return engine.Note(action, ActAborted())
            case _:
                return engine.Perform(action)

    def apply(self, instance: Delivery, action: Action | None, event: Event, now: datetime) -> Delivery:
        """See `Process.apply`."""
        return history.step(instance, action, event, now, self.policy)

    def must_save_before(self, action: Action, instance: Delivery, saved: Delivery) -> bool:
        """See `Process.must_save_before`."""
        return durability.must_save_before(action, instance, saved)

    def worth_saving(self, instance: Delivery, saved: Delivery) -> bool:  # noqa: ARG002 - the protocol's signature
        """See `Process.worth_saving`: nothing between the writes that the promise asks for."""
        return False

    def is_progress(self, action: Action, event: Event) -> bool:  # noqa: ARG002 - the protocol's signature
        """See `Process.is_progress`: a run makes few requests, and ends by itself."""
        return False

    def opening(self, instance: Delivery) -> tuple[Event, ...]:
        """See `Process.opening`."""
        forbidden = self._forbidden(instance)
        forbids: tuple[Event, ...] = (Forbidden(forbidden),) if forbidden is not None else ()
        cancels: tuple[Event, ...] = (CancelRequested(),) if instance.cancel_requested else ()
        return (RunStarted(), *forbids, *cancels)

    def closing(self, instance: Delivery) -> Event | None:
        """See `Process.closing`: what this run announced and did not begin is taken back."""
        is_announced = instance.state in {State.SUBMITTING, State.UPDATING}
        is_posting = instance.state is State.COMPOSING and instance.composed_at is not None
        return ActAborted() if is_announced or is_posting else None

    def abandoned(self, ours: Delivery, known: tuple[Delivery, ...]) -> Action | None:  # noqa: ARG002 - the protocol's signature
        """See `Process.abandoned`: whatever a run that lost it knows of is found by its mark."""
        return None

    def command(self, ours: Delivery, theirs: Delivery) -> engine.Command[Event] | None:
        """See `Process.command`: a person may cancel it, and files may join, while a run has it."""
        if theirs.cancel_requested and not ours.cancel_requested:
            return _CANCEL
        known = {file.transfer_id for file in ours.files}
        joined = tuple(file for file in theirs.files if file.transfer_id not in known)
        return engine.Command(noted=FilesNoted(joined), heeded=FilesJoined(joined)) if joined else None

    def held(self, deferred: engine.Deferred, recheck_at: datetime | None = None) -> Event:
        """See `Process.held`."""
        return Held(deferred.code, deferred.until, deferred.known, recheck_at)

    def _forbidden(self, delivery: Delivery) -> Failure | None:
        """Why nothing may be written now. Intake asked; settings may differ now."""
        if not self.may_write(delivery.plan.mailbox):
            detail = f"ALLOWED_MAILBOXES does not list {delivery.plan.mailbox!r} now. Nothing more was written to it."
            return Failure(Code.MAILBOX_NOT_ALLOWED, detail)
        wants = any(file.wish.on_complete is not None for file in delivery.files)
        if wants and not self.sends:
            return Failure(Code.SENDING_OFF, "The setting SENDING is off now. Nothing more was written.")
        return None
