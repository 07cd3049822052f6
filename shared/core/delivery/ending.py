"""How a delivery ends, what blocks it, and how it goes on when a person says so."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from shared.core.codes import Code
from shared.core.delivery.events import CancelNoted, CancelRequested, Forbidden, Refused, RetryRequested, RunStarted
from shared.core.delivery.model import UNDER_WAY, Delivery, FileState, MarkedItem, State
from shared.core.delivery.policy import DeliveryPolicy
from shared.core.model import Failure, ItemKind

PERSON_ACTS = timedelta(days=1)
"""How often a blocked delivery is looked at by itself where only a person can go on. Chosen: it costs little."""

CURED_BY_FILES = frozenset({Code.DELIVERY_FILE_FAILED, Code.DELIVERY_CONTRADICTORY, Code.DELIVERY_TOO_MANY_FILES})
"""What a retried, cancelled or further file may put right: the delivery then goes on by itself."""


def over(delivery: Delivery, state: State, now: datetime, failure: Failure | None = None) -> Delivery:
    """The end: nothing is waited for any more."""
    return replace(
        delivery, state=state, failure=failure, verdict=None, not_before=None, waiting_for=None, finished_at=now
    )


def sent(delivery: Delivery, now: datetime, seen: MarkedItem | None = None) -> Delivery:
    """The message was submitted, says a 202, or `seen`, which is no draft any more."""
    if seen is not None:
        delivery = replace(
            delivery,
            sent_at=seen.sent_at or now,
            internet_message_id=seen.internet_message_id or delivery.internet_message_id,
            conversation_id=seen.conversation_id or delivery.conversation_id,
        )
    return over(replace(delivery, sent_at=delivery.sent_at or now), State.SENT, now)


def blocked(delivery: Delivery, code: Code, detail: str, now: datetime, files_poll: float = 0) -> Delivery:
    """A person has to act, or a file to be repaired. Where something may have been submitted, that comes first."""
    if delivery.acts:
        return in_doubt(delivery, detail, now)
    pause = timedelta(seconds=files_poll) if code in CURED_BY_FILES else PERSON_ACTS
    return replace(
        delivery,
        state=State.BLOCKED,
        failure=Failure(code, detail),
        not_before=now + pause,
        waiting_for=None,
        looks=0,
        searches=0,
        read_at=None,
        checked_at=None,
    )


def fail(delivery: Delivery, failure: Failure, now: datetime, policy: DeliveryPolicy) -> Delivery:
    """The end without a submission; a draft that the app made is deleted first, where the setting says so."""
    if delivery.acts:
        return in_doubt(delivery, failure.detail, now)
    return _down(replace(delivery, verdict=failure), now, policy)


def refused(delivery: Delivery, event: Refused, now: datetime, policy: DeliveryPolicy) -> Delivery:
    """A final no to a step before the act."""
    return fail(delivery, event.failure, now, policy)


def cancel(delivery: Delivery, _event: CancelRequested, now: datetime, policy: DeliveryPolicy) -> Delivery:
    """A person asked for the end, before anything was submitted."""
    if delivery.acts:
        return in_doubt(delivery, "It was cancelled before that was found out.", now)
    return _down(replace(delivery, cancel_requested=True, verdict=None), now, policy)


def cancel_noted(delivery: Delivery, _event: CancelRequested, _now: datetime, _policy: DeliveryPolicy) -> Delivery:
    """A person asked for the end while the act may be under way: what became of it is found out first."""
    return replace(delivery, cancel_requested=True)


def cancel_written(delivery: Delivery, _event: CancelNoted, _now: datetime, _policy: DeliveryPolicy) -> Delivery:
    """The record has the wish, whatever the run makes of it."""
    return delivery if delivery.is_over else replace(delivery, cancel_requested=True)


def forbid(delivery: Delivery, event: Forbidden, now: datetime, _policy: DeliveryPolicy) -> Delivery:
    """The settings forbid it: it stands still, unless the act may be under way, which is settled without a request."""
    if delivery.state in UNDER_WAY:
        return delivery
    return blocked(delivery, event.failure.code, event.failure.detail, now)


def _down(delivery: Delivery, now: datetime, policy: DeliveryPolicy) -> Delivery:
    if policy.discard and delivery.made and delivery.item_id is not None:
        return replace(
            delivery, state=State.DISCARDING, failure=None, tries=0, throttles=0, refusals=None, not_before=None
        )
    return ended(delivery, now)


def ended(delivery: Delivery, now: datetime) -> Delivery:
    """Failed with its verdict, or cancelled."""
    if delivery.verdict is None:
        return over(delivery, State.CANCELLED, now)
    return over(delivery, State.FAILED, now, delivery.verdict)


def still_discarding(delivery: Delivery, _event: object, _now: datetime, _policy: DeliveryPolicy) -> Delivery:
    """It is ending already."""
    return delivery


def kept(delivery: Delivery, _event: Refused, now: datetime, _policy: DeliveryPolicy) -> Delivery:
    """The draft cannot be deleted: the end does not depend on it."""
    return ended(delivery, now)


def discarded(delivery: Delivery, _event: object, now: datetime, _policy: DeliveryPolicy) -> Delivery:
    """The draft is deleted, or was gone."""
    return ended(replace(delivery, item_id=None, made=False, composed_at=None, composes=0), now)


def in_doubt(delivery: Delivery, seen: str, now: datetime) -> Delivery:
    """The act may have been carried out, and no evidence settles it: never guess."""
    what = "The event was changed" if delivery.plan.kind is ItemKind.EVENT else "The message was submitted"
    detail = f"{what} and the answer lost. {seen} Look into Sent Items and Drafts of {delivery.plan.mailbox}."
    return over(delivery, State.FAILED, now, Failure(Code.SEND_IN_DOUBT, detail))


def already_sent(delivery: Delivery, seen: MarkedItem, now: datetime) -> Delivery:
    """Somebody else sent the message: it is over, and not as it was asked for."""
    attached = sum(file.state is FileState.ATTACHED for file in delivery.counted)
    detail = (
        f"The message in {delivery.plan.mailbox} was sent by somebody else, with {attached} of "
        f"{len(delivery.counted)} files attached by the app."
    )
    told = replace(
        delivery,
        sent_at=seen.sent_at,
        internet_message_id=seen.internet_message_id or delivery.internet_message_id,
        conversation_id=seen.conversation_id or delivery.conversation_id,
    )
    return over(told, State.FAILED, now, Failure(Code.ALREADY_SENT, detail))


def retry(delivery: Delivery, _event: RetryRequested, _now: datetime, _policy: DeliveryPolicy) -> Delivery:
    """Begin anew with what is known; that something may have been submitted is not forgotten."""
    return replace(
        delivery,
        state=State.FINDING if delivery.item_id is None and delivery.plan.draft_name is not None else State.COLLECTING,
        failure=None,
        cancel_requested=False,
        not_before=None,
        waiting_for=None,
        finished_at=None,
        looks=0,
        searches=0,
        tries=0,
        throttles=0,
        refusals=None,
        read_at=None,
        checked_at=None,
        retries=delivery.retries + 1,
        runs=0,
    )


def recounted(delivery: Delivery, _event: RunStarted, _now: datetime, _policy: DeliveryPolicy) -> Delivery:
    """Something asked for a run of a blocked delivery: its files are counted now."""
    return replace(delivery, not_before=None, runs=delivery.runs + 1)
