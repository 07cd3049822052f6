"""The two questions of a delivery: what to do next, and what an answer means. The rules are the table's."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import assert_never

from shared.core.actions import Item, ListAttachments
from shared.core.delivery import events as ev
from shared.core.delivery.actions import (
    AbortAct,
    Action,
    Compose,
    CountFiles,
    DeleteDraft,
    FindDeletedItems,
    FindMarked,
    Finish,
    Mark,
    MarkItem,
    PrepareAct,
    PrepareCompose,
    ReadItem,
    Submit,
    TellAttendees,
    Wait,
)
from shared.core.delivery.draft import DraftText
from shared.core.delivery.model import Delivery, State
from shared.core.delivery.policy import DeliveryPolicy
from shared.core.delivery.table import TABLE
from shared.core.machine import IllegalEvent
from shared.core.model import ItemKind

_LEAVES_WAIT = (
    ev.RunStarted,
    ev.CancelRequested,
    ev.Forbidden,
    ev.FilesJoined,
    ev.RetryRequested,
    ev.FilesNoted,
    ev.CancelNoted,
    ev.Held,
)
"""Events that answer nothing: a wait goes on unless their rule ends it."""


def decide(delivery: Delivery, now: datetime, policy: DeliveryPolicy) -> Action:
    """What to do next. Asked twice, it answers the same: only `apply` changes anything."""
    if delivery.is_over:
        return Finish()
    if delivery.not_before is not None and now < delivery.not_before:
        return Wait(delivery.not_before)
    match delivery.state:
        case State.FINDING:
            return _with_deleted_items(delivery) or FindMarked(mark_of(delivery))
        case State.COMPOSING:
            return _compose(delivery, now, policy)
        case State.PRUNING:
            return DeleteDraft(_item(delivery, delivery.surplus[0]))
        case State.COLLECTING | State.BLOCKED:
            return CountFiles(tuple(file.transfer_id for file in delivery.files))
        case State.CHECKING:
            return _with_deleted_items(delivery) or _check(delivery, now, policy)
        case State.LOCATING:
            return FindMarked(mark_of(delivery))
        case State.SUBMITTING | State.UPDATING:
            return _act(delivery, now, policy)
        case State.SETTLING:
            return ReadItem(_item(delivery), mark_of(delivery)) if delivery.not_found else FindMarked(mark_of(delivery))
        case State.VERIFYING:
            return ReadItem(_item(delivery), mark_of(delivery))
        case State.DISCARDING:
            return DeleteDraft(_item(delivery))
        case State.SENT | State.UPDATED | State.FAILED | State.CANCELLED:
            raise AssertionError("is_over was asked first")
        case _:
            assert_never(delivery.state)


def apply(delivery: Delivery, event: ev.Event, now: datetime, policy: DeliveryPolicy) -> Delivery:
    """What the event makes of the delivery. Whatever comes next comes no earlier than Graph asked for.

    Raises:
        IllegalEvent: the table has no row for it; the delivery is unchanged.
    """
    row = TABLE[delivery.state].get(type(event))
    if row is None:
        raise IllegalEvent(f"{type(event).__name__} cannot happen to a delivery that is {delivery.state.value}")
    if not isinstance(event, _LEAVES_WAIT):
        delivery = replace(delivery, not_before=None)
    after: Delivery = replace(row.rule(delivery, event, now, policy), updated_at=now)
    if isinstance(event, ev.NotDone | ev.Unsure) and event.retry_after is not None and not after.is_over:
        allowed_at = now + timedelta(seconds=event.retry_after)
        after = replace(after, not_before=max(after.not_before or allowed_at, allowed_at))
    return after


def mark_of(delivery: Delivery) -> Mark:
    """What the item is found by."""
    name = delivery.plan.draft_name
    return Mark(delivery.plan.mailbox, delivery.id if name is None else name, is_name=name is not None)


def _with_deleted_items(delivery: Delivery) -> FindDeletedItems | None:
    if delivery.plan.kind is ItemKind.MESSAGE and delivery.deleted_folder is None:
        return FindDeletedItems(delivery.plan.mailbox)
    return None


def _compose(delivery: Delivery, now: datetime, policy: DeliveryPolicy) -> Action:
    if delivery.composed_at is None:
        return PrepareCompose()
    not_after = delivery.composed_at + timedelta(seconds=policy.act_start)
    if now > not_after:
        return AbortAct()
    return Compose(mark_of(delivery), delivery.plan.text or DraftText(), not_after)


def _check(delivery: Delivery, now: datetime, policy: DeliveryPolicy) -> Action:
    """The item, then its mark, then its files, all of it fresh; then the announcement."""
    item, mark = _item(delivery), mark_of(delivery)
    if not _is_fresh(delivery.read_at, now, policy):
        return ReadItem(item, mark)
    if delivery.plan.kind is ItemKind.MESSAGE and not delivery.marked:
        return MarkItem(item, mark)
    if not _is_fresh(delivery.checked_at, now, policy):
        return ListAttachments(item)
    return PrepareAct()


def _is_fresh(at: datetime | None, now: datetime, policy: DeliveryPolicy) -> bool:
    return at is not None and now - at <= timedelta(seconds=policy.fresh_for)


def _act(delivery: Delivery, now: datetime, policy: DeliveryPolicy) -> Action:
    announced = delivery.acted_at or now
    not_after = announced + timedelta(seconds=policy.act_start)
    if now > not_after:
        return AbortAct()
    if delivery.state is State.UPDATING:
        return TellAttendees(_item(delivery), mark_of(delivery), delivery.subject or "", not_after)
    return Submit(_item(delivery), not_after)


def _item(delivery: Delivery, item_id: str | None = None) -> Item:
    found = item_id or delivery.item_id
    if found is None:
        raise ValueError(f"delivery {delivery.id} is {delivery.state.value} without an item")
    return Item(delivery.plan.mailbox, delivery.plan.kind, found)
