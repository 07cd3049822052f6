"""The two questions that are asked of a transfer: what to do next, and what an answer means.

`decide` says what a state wants, and changes nothing. `apply` takes the one step that `shared/core/table.py` has for
the event; a pair that is not there is impossible, so applying it changes nothing and raises. Whatever changes a
transfer is an event of that table: the answers to its requests, and what is said from outside (a run began, a person
cancels or has it tried again, its mailbox has it wait, somebody gives it up). No other module changes one.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import assert_never

from shared.core import events as ev
from shared.core import outage, sending, settling, waits
from shared.core.actions import (
    AbortCommit,
    Action,
    AskSession,
    CancelSession,
    CompareAttachment,
    FindItem,
    Finish,
    Item,
    ListAttachments,
    OpenSession,
    PostAttachment,
    PrepareCommit,
    PutRange,
    Wait,
)
from shared.core.history import recorded, remembered, retry_step
from shared.core.model import Route, Session, State, Transfer
from shared.core.policy import Policy
from shared.core.ranges import completes, next_range
from shared.core.table import TABLE

NOTES = ev.CancelNoted | ev.Held
"""What is only noted of a transfer, by whoever holds its checkpoint: no step of its own, and none in its history."""

_NO_ANSWERS = (
    ev.RunStarted | ev.CancelRequested | ev.Forbidden | ev.RetryRequested | ev.Stopped | ev.Acknowledged | ev.Superseded
)


class IllegalEvent(Exception):  # noqa: N818 - it names what happened, as the field does
    """An event came that its state does not know. A defect of the caller; the transfer is unchanged."""


def decide(transfer: Transfer, now: datetime, policy: Policy) -> Action:
    """What to do next. Asked twice, it answers the same: only `apply` changes anything."""
    if transfer.is_over:
        return Finish()
    if transfer.not_before is not None and now < transfer.not_before:
        return Wait(transfer.not_before)
    match transfer.state:
        case State.PLANNED:
            return _plan(transfer)
        case State.OPENING:
            return OpenSession(_item(transfer), transfer.attachment, transfer.size)
        case State.SENDING | State.RESENDING:
            return _send(transfer, policy)
        case State.COMMITTING:
            return _commit(transfer, now, policy)
        case State.ASKING:
            return AskSession(_session(transfer).url)
        case State.FENCING:
            return CancelSession(_session(transfer).url)
        case State.LOOKING:
            return _look(transfer)
        case State.COMPARING:
            takes = transfer.landed or not (settling.is_stranger(transfer) or transfer.ids_changed)
            return CompareAttachment(_item(transfer), transfer.suspects[0], transfer.size, takes)
        case State.ATTACHED | State.FAILED | State.CANCELLED:
            raise AssertionError("is_over was asked first")
        case _:
            assert_never(transfer.state)


def apply(transfer: Transfer, event: ev.Event, now: datetime, policy: Policy) -> Transfer:
    """What the event makes of the transfer. Whatever comes next comes no earlier than Graph asked for.

    Raises:
        IllegalEvent: the table has no row for it; the transfer is unchanged.
    """
    row = TABLE[transfer.state].get(type(event))
    if row is None:
        raise IllegalEvent(f"{type(event).__name__} cannot happen to a transfer that is {transfer.state.value}")
    if isinstance(event, NOTES):
        return row.rule(transfer, event, now, policy)
    before = transfer
    if not isinstance(event, _NO_ANSWERS):
        before = replace(transfer, not_before=None)  # an answer came: whatever was waited for is over
    unsent = isinstance(event, ev.CommitPrepared) and transfer.announced_at is None
    after = replace(row.rule(outage.noted(before, event), event, now, policy), updated_at=now, commit_unsent=unsent)
    if (
        isinstance(event, ev.NotDone | ev.Unsure | ev.RangeDenied)
        and event.retry_after is not None
        and not after.is_over
    ):
        allowed_at = now + timedelta(seconds=event.retry_after)
        after = replace(after, not_before=max(after.not_before or allowed_at, allowed_at))
    return waits.noted(after, event, now, policy)


def step(transfer: Transfer, action: Action | None, event: ev.Event, now: datetime, policy: Policy) -> Transfer:
    """`apply`, with the step in the transfer's history. `action` is None where nothing was asked of anybody.

    Raises:
        IllegalEvent: as `apply`.
    """
    after = apply(transfer, event, now, policy)
    if isinstance(event, NOTES):
        return after
    if isinstance(event, ev.RetryRequested):
        return remembered(after, retry_step(transfer, now))
    return recorded(after, now, transfer.state, action, event)


def _plan(transfer: Transfer) -> Action:
    if transfer.item_id is None:
        return FindItem(transfer.target)
    if transfer.before is None:
        return ListAttachments(_item(transfer))
    return PrepareCommit()


def _look(transfer: Transfer) -> Action:
    if transfer.sought:
        return FindItem(transfer.target)
    return ListAttachments(_item(transfer), transfer.before or ())


def _send(transfer: Transfer, policy: Policy) -> Action:
    final = completes(_session(transfer).offset, transfer.size, sending.range_bytes(transfer, policy))
    if final and (transfer.announced_at is None or transfer.state is State.SENDING):
        return PrepareCommit()
    return _range(transfer, policy)


def _commit(transfer: Transfer, now: datetime, policy: Policy) -> Action:
    if transfer.route is Route.SESSION:
        return _range(transfer, policy)
    not_after = (transfer.announced_at or now) + timedelta(seconds=policy.post_start)
    if now > not_after:
        return AbortCommit()
    return PostAttachment(_item(transfer), transfer.attachment, transfer.size, not_after)


def _range(transfer: Transfer, policy: Policy) -> PutRange:
    session = _session(transfer)
    offset, length = next_range(session.offset, transfer.size, sending.range_bytes(transfer, policy))
    return PutRange(session.url, offset, length, transfer.size)


def _item(transfer: Transfer) -> Item:
    if transfer.item_id is None:
        raise ValueError(f"transfer {transfer.id} is {transfer.state.value} without an item")
    return Item(transfer.target.mailbox, transfer.target.kind, transfer.item_id)


def _session(transfer: Transfer) -> Session:
    if transfer.session is None:
        raise ValueError(f"transfer {transfer.id} is {transfer.state.value} without an upload session")
    return transfer.session
