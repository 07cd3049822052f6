"""Every step of a delivery from state to state, and nothing else.

A step that is not here is impossible. `Row.leads_to` is a promise about the rule, which tests hold it to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, TypeVar

from shared.core.delivery import acting, collecting, composing, ending, holding
from shared.core.delivery import events as ev
from shared.core.delivery.model import TERMINAL, Delivery, State
from shared.core.delivery.policy import DeliveryPolicy

E = TypeVar("E", bound=ev.EventBase)

Rule = Callable[[Delivery, E, datetime, DeliveryPolicy], Delivery]
"""What an event makes of the delivery."""


class Row:
    """One step: the event, the rule that carries it out, and every state it can lead to."""

    __slots__ = ("event", "leads_to", "rule")

    def __init__(self, event: type[E], rule: Rule[E], *leads_to: State) -> None:
        self.event: Final[type[ev.EventBase]] = event
        self.rule: Final[Rule[Any]] = rule
        self.leads_to: Final = frozenset(leads_to)


def rows(*known: Row) -> Mapping[type[ev.EventBase], Row]:
    """The rows of one state, each under its own event. Raises ValueError for two rows of one event."""
    found = {row.event: row for row in known}
    if len(found) < len(known):
        raise ValueError("a state has two rows for one event")
    return found


def _noted(state: State) -> tuple[Row, ...]:
    """What only notes something, and leaves every state as it is."""
    notes = (Row(ev.FilesNoted, composing.files_noted, state), Row(ev.CancelNoted, ending.cancel_written, state))
    return notes if state in TERMINAL else (*notes, Row(ev.Held, holding.held, state))


_DOWN = (State.FAILED, State.CANCELLED, State.DISCARDING)  # where a verdict leads
_FAIL = (State.FAILED, State.DISCARDING)
_CANCEL = Row(ev.CancelRequested, ending.cancel, *_DOWN)
_FORBID = Row(ev.Forbidden, ending.forbid, State.BLOCKED, State.FAILED)
_SETTLED = (State.SETTLING, State.SENT, State.CHECKING, *_DOWN)
_VERIFIED = (State.VERIFYING, State.UPDATED, State.CHECKING, *_DOWN)

TABLE: Mapping[State, Mapping[type[ev.EventBase], Row]] = {
    State.FINDING: rows(
        *_noted(State.FINDING),
        Row(ev.RunStarted, composing.run_started, State.FINDING),
        Row(ev.CancelRequested, ending.cancel, State.CANCELLED),
        Row(ev.Forbidden, ending.forbid, State.BLOCKED),
        Row(ev.FilesJoined, composing.files_joined, State.FINDING),
        Row(ev.DeletedItemsKnown, composing.deleted_items_known, State.FINDING),
        Row(
            ev.MarkedFound,
            composing.found,
            State.FINDING,
            State.COMPOSING,
            State.PRUNING,
            State.COLLECTING,
            State.BLOCKED,
            State.FAILED,
        ),
        Row(ev.ItemMissing, composing.not_found, State.FINDING, State.FAILED),
        Row(ev.NotDone, holding.hold, State.FINDING, State.FAILED),
        Row(ev.Unsure, holding.hold, State.FINDING, State.FAILED),
        Row(ev.Refused, ending.refused, State.FAILED),
    ),
    State.COMPOSING: rows(
        *_noted(State.COMPOSING),
        Row(ev.RunStarted, composing.run_started, State.COMPOSING, State.FINDING),
        Row(ev.CancelRequested, ending.cancel, State.CANCELLED),
        Row(ev.Forbidden, ending.forbid, State.BLOCKED),
        Row(ev.FilesJoined, composing.files_joined, State.COMPOSING),
        Row(ev.ComposePrepared, composing.prepared, State.COMPOSING),
        Row(ev.ActAborted, composing.aborted, State.COMPOSING),
        Row(ev.Composed, composing.composed, State.COLLECTING, State.FINDING),
        Row(ev.ItemMissing, composing.unsure, State.FINDING),
        Row(ev.NotDone, composing.unsure, State.COMPOSING, State.FINDING, State.FAILED),
        Row(ev.Unsure, composing.unsure, State.FINDING),
        Row(ev.Refused, composing.refused, State.FAILED),
    ),
    State.PRUNING: rows(
        *_noted(State.PRUNING),
        Row(ev.RunStarted, composing.run_started, State.PRUNING),
        Row(ev.CancelRequested, ending.cancel, State.CANCELLED, State.DISCARDING),
        Row(ev.Forbidden, ending.forbid, State.BLOCKED),
        Row(ev.FilesJoined, composing.files_joined, State.PRUNING),
        Row(ev.DraftDeleted, composing.pruned, State.PRUNING, State.COLLECTING),
        Row(ev.ItemMissing, composing.pruned, State.PRUNING, State.COLLECTING),
        Row(ev.NotDone, holding.hold, State.PRUNING, *_FAIL),
        Row(ev.Unsure, holding.hold, State.PRUNING, *_FAIL),
        Row(ev.Refused, ending.refused, *_FAIL),
    ),
    State.COLLECTING: rows(
        *_noted(State.COLLECTING),
        Row(ev.RunStarted, collecting.run_started, State.COLLECTING),
        _CANCEL,
        _FORBID,
        Row(ev.FilesJoined, composing.files_joined, State.COLLECTING),
        Row(ev.FilesCounted, collecting.counted, State.COLLECTING, State.CHECKING, State.BLOCKED, State.FAILED),
    ),
    State.CHECKING: rows(
        *_noted(State.CHECKING),
        Row(ev.RunStarted, collecting.run_started, State.COLLECTING),
        _CANCEL,
        _FORBID,
        Row(ev.FilesJoined, composing.files_joined, State.COLLECTING),
        Row(ev.DeletedItemsKnown, composing.deleted_items_known, State.CHECKING),
        Row(
            ev.ItemRead,
            collecting.item_read,
            State.CHECKING,
            State.BLOCKED,
            State.FAILED,
            State.SENT,
            State.UPDATED,
        ),
        Row(ev.ItemMarked, collecting.marked, State.CHECKING),
        Row(ev.AttachmentsListed, collecting.listed, State.CHECKING, State.BLOCKED, State.FAILED),
        Row(ev.ActPrepared, acting.prepared, State.SUBMITTING, State.UPDATING),
        Row(ev.ItemMissing, collecting.missing, State.CHECKING, State.LOCATING, State.BLOCKED, State.FAILED),
        Row(ev.NotDone, holding.hold, State.CHECKING, *_FAIL),
        Row(ev.Unsure, holding.hold, State.CHECKING, *_FAIL),
        Row(ev.Refused, ending.refused, *_FAIL),
    ),
    State.LOCATING: rows(
        *_noted(State.LOCATING),
        Row(ev.RunStarted, collecting.run_started, State.COLLECTING),
        _CANCEL,
        _FORBID,
        Row(ev.FilesJoined, composing.files_joined, State.COLLECTING),
        Row(
            ev.MarkedFound,
            collecting.located,
            State.LOCATING,
            State.CHECKING,
            State.BLOCKED,
            State.FAILED,
            State.SENT,
        ),
        Row(ev.ItemMissing, collecting.not_located, State.LOCATING, State.BLOCKED, State.FAILED),
        Row(ev.NotDone, holding.hold, State.LOCATING, *_FAIL),
        Row(ev.Unsure, holding.hold, State.LOCATING, *_FAIL),
        Row(ev.Refused, ending.refused, *_FAIL),
    ),
    State.SUBMITTING: rows(
        *_noted(State.SUBMITTING),
        Row(ev.RunStarted, acting.run_started, State.SETTLING),
        Row(ev.CancelRequested, acting.cancelled, *_DOWN),
        Row(ev.FilesJoined, acting.files_joined, State.COLLECTING),
        Row(ev.Forbidden, ending.forbid, State.SUBMITTING),
        Row(ev.ActAborted, acting.aborted, State.CHECKING),
        Row(ev.Submitted, acting.submitted, State.SENT),
        Row(ev.ItemMissing, acting.unsure, State.SETTLING),
        Row(ev.NotDone, acting.unsure, State.CHECKING, State.SETTLING, *_FAIL),
        Row(ev.Unsure, acting.unsure, State.SETTLING),
        Row(ev.Refused, acting.refused, State.SETTLING, *_FAIL),
    ),
    State.SETTLING: rows(
        *_noted(State.SETTLING),
        Row(ev.RunStarted, acting.run_started, State.SETTLING),
        Row(ev.CancelRequested, ending.cancel_noted, State.SETTLING),
        Row(ev.Forbidden, ending.forbid, State.SETTLING),
        Row(ev.MarkedFound, acting.evidence, *_SETTLED),
        Row(ev.ItemRead, acting.read, *_SETTLED),
        Row(ev.ItemMissing, acting.not_read, State.SETTLING, State.FAILED),
        Row(ev.NotDone, holding.hold, State.SETTLING, State.FAILED),
        Row(ev.Unsure, holding.hold, State.SETTLING, State.FAILED),
        Row(ev.Refused, acting.not_read, State.SETTLING, State.FAILED),
    ),
    State.UPDATING: rows(
        *_noted(State.UPDATING),
        Row(ev.RunStarted, acting.run_started, State.VERIFYING),
        Row(ev.CancelRequested, acting.cancelled, State.CANCELLED),
        Row(ev.FilesJoined, acting.files_joined, State.COLLECTING),
        Row(ev.Forbidden, ending.forbid, State.UPDATING),
        Row(ev.ActAborted, acting.aborted, State.CHECKING),
        Row(ev.AttendeesTold, acting.told, State.UPDATED),
        Row(ev.ItemMissing, acting.unsure, State.VERIFYING),
        Row(ev.NotDone, acting.unsure, State.CHECKING, State.VERIFYING, State.FAILED),
        Row(ev.Unsure, acting.unsure, State.VERIFYING),
        Row(ev.Refused, acting.refused, State.VERIFYING, State.FAILED),
    ),
    State.VERIFYING: rows(
        *_noted(State.VERIFYING),
        Row(ev.RunStarted, acting.run_started, State.VERIFYING),
        Row(ev.CancelRequested, ending.cancel_noted, State.VERIFYING),
        Row(ev.Forbidden, ending.forbid, State.VERIFYING),
        Row(ev.ItemRead, acting.read, State.VERIFYING, State.UPDATED, State.CHECKING, State.FAILED, State.CANCELLED),
        Row(ev.ItemMissing, acting.not_read, State.VERIFYING, State.FAILED),
        Row(ev.NotDone, holding.hold, State.VERIFYING, State.FAILED),
        Row(ev.Unsure, holding.hold, State.VERIFYING, State.FAILED),
        Row(ev.Refused, acting.not_read, State.VERIFYING, State.FAILED),
    ),
    State.BLOCKED: rows(
        *_noted(State.BLOCKED),
        Row(ev.RunStarted, ending.recounted, State.BLOCKED),
        _CANCEL,
        _FORBID,
        Row(ev.RetryRequested, ending.retry, State.FINDING, State.COLLECTING),
        Row(ev.FilesJoined, composing.files_joined, State.BLOCKED),
        Row(ev.FilesCounted, collecting.counted, State.BLOCKED, State.COLLECTING, State.CHECKING, State.FAILED),
    ),
    State.DISCARDING: rows(
        *_noted(State.DISCARDING),
        Row(ev.RunStarted, ending.recounted, State.DISCARDING),
        Row(ev.CancelRequested, ending.still_discarding, State.DISCARDING),
        Row(ev.Forbidden, ending.still_discarding, State.DISCARDING),
        Row(ev.DraftDeleted, ending.discarded, State.FAILED, State.CANCELLED),
        Row(ev.ItemMissing, ending.discarded, State.FAILED, State.CANCELLED),
        Row(ev.NotDone, holding.hold, State.DISCARDING, State.FAILED, State.CANCELLED),
        Row(ev.Unsure, holding.hold, State.DISCARDING, State.FAILED, State.CANCELLED),
        Row(ev.Refused, ending.kept, State.FAILED, State.CANCELLED),
    ),
    State.SENT: rows(*_noted(State.SENT)),
    State.UPDATED: rows(*_noted(State.UPDATED)),
    State.FAILED: rows(*_noted(State.FAILED), Row(ev.RetryRequested, ending.retry, State.FINDING, State.COLLECTING)),
    State.CANCELLED: rows(
        *_noted(State.CANCELLED), Row(ev.RetryRequested, ending.retry, State.FINDING, State.COLLECTING)
    ),
}
