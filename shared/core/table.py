"""Every step from state to state, and nothing else.

A step that is not here is impossible. `Row.leads_to` is a promise about the rule, which tests hold it to; the picture
in docs/architecture.md is made from it. The rules live in `sending.py` (the way forward), `settling.py` (lost answers),
`retry_budget.py` (waiting and giving up), `ending.py` (verdicts), `waits.py` (what the mailbox makes it wait for) and
`planning.py` (a second chance).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, TypeVar

from shared.core import denied, ending, planning, retry_budget, sending, settling, waits
from shared.core import events as ev
from shared.core.model import State, Transfer
from shared.core.policy import Policy

E = TypeVar("E", bound=ev.EventBase)

Rule = Callable[[Transfer, E, datetime, Policy], Transfer]
"""What an event makes of a transfer."""


class Row:
    """One step: the event, the rule that carries it out, and every state it can lead to.

    A rule that does not take the event is a type error. The class itself is not generic: among rows of `Row[Any]`, mypy
    would read `Any` into each and check none.
    """

    __slots__ = ("event", "leads_to", "rule")

    def __init__(self, event: type[E], rule: Rule[E], *leads_to: State) -> None:
        self.event: Final[type[ev.EventBase]] = event
        self.rule: Final[Rule[Any]] = rule
        self.leads_to: Final = frozenset(leads_to)


Table = Mapping[State, Mapping[type[ev.EventBase], Row]]


def rows(*known: Row) -> Mapping[type[ev.EventBase], Row]:
    """The rows of one state, each under its own event. Raises ValueError for two rows of one event."""
    found = {row.event: row for row in known}
    if len(found) < len(known):
        raise ValueError("a state has two rows for one event")
    return found


_ENDS = (State.FAILED, State.CANCELLED)
_ON = (State.SENDING, State.COMMITTING)
_CAN_HAVE_LANDED = frozenset({State.LOOKING, State.COMPARING})
_IS_ANNOUNCED = frozenset({State.COMMITTING, State.COMPARING})  # given up here it is in doubt, whoever wished the end
_LOOKED = (State.OPENING, State.PLANNED, State.ATTACHED, *_ENDS)  # where a look can lead


def _given_up(state: State) -> tuple[State, ...]:
    """Where a transfer in this state can end for a fault of ours."""
    ends = (State.FAILED,) if state in _IS_ANNOUNCED else _ENDS
    return (State.ATTACHED, *ends) if state in _CAN_HAVE_LANDED else ends


def _said_of(state: State) -> tuple[Row, ...]:
    """What is said of a transfer in this state from outside: by a command, by its mailbox, or by who gives it up."""
    return (
        Row(ev.CancelNoted, ending.cancel_noted, state),
        Row(ev.Held, waits.held, state),
        Row(ev.Stopped, ending.stopped, *_given_up(state)),
    )


def _said_of_ended(state: State) -> tuple[Row, ...]:
    """A cancel command that comes while the end is being written is noted, and changes nothing else."""
    return (Row(ev.CancelNoted, ending.cancel_noted, state),)


_AGAIN = Row(ev.RetryRequested, planning.retried, State.PLANNED, State.LOOKING)

TABLE: Table = {
    State.PLANNED: rows(
        *_said_of(State.PLANNED),
        Row(ev.RunStarted, settling.run_started, State.PLANNED),
        Row(ev.CancelRequested, ending.cancel, State.CANCELLED),
        Row(ev.Forbidden, ending.forbid, State.FAILED, State.CANCELLED),
        Row(ev.ItemsFound, sending.item_found, State.PLANNED, State.FAILED),
        Row(ev.AttachmentsListed, sending.before_noted, State.PLANNED, State.OPENING),
        Row(ev.CommitPrepared, sending.commit_announced, State.COMMITTING),
        Row(ev.ItemMissing, retry_budget.wait_for_target, State.PLANNED, State.FAILED),
        Row(ev.NotDone, retry_budget.hold, State.PLANNED, State.FAILED),
        Row(ev.Unsure, retry_budget.hold, State.PLANNED, State.FAILED),
        Row(ev.Refused, ending.refused, State.FAILED),
    ),
    State.OPENING: rows(
        *_said_of(State.OPENING),
        Row(ev.RunStarted, settling.run_started, State.OPENING),
        Row(ev.CancelRequested, ending.cancel, State.CANCELLED),
        Row(ev.Forbidden, ending.forbid, State.FAILED, State.CANCELLED),
        Row(ev.SessionOpened, sending.session_opened, State.SENDING),
        Row(ev.SessionTooSmall, sending.session_too_small, State.PLANNED, State.FAILED),
        Row(ev.ItemMissing, retry_budget.wait_for_target, State.OPENING, State.PLANNED, State.FAILED),
        Row(ev.NotDone, retry_budget.hold, State.OPENING, State.FAILED),
        Row(ev.Unsure, retry_budget.hold, State.OPENING, State.FAILED),
        Row(ev.Refused, ending.refused, State.FAILED),
    ),
    State.SENDING: rows(
        *_said_of(State.SENDING),
        Row(ev.RunStarted, settling.run_started, State.ASKING),
        Row(ev.CancelRequested, ending.cancel, State.FENCING),
        Row(ev.Forbidden, ending.forbid, State.FENCING),
        Row(ev.OffsetKnown, sending.range_answered, *_ON, State.ASKING, State.FENCING),
        Row(ev.OffsetRefused, settling.range_refused, *_ON, State.ASKING, State.FENCING),
        Row(ev.CommitPrepared, sending.commit_announced, State.COMMITTING),
        Row(ev.Committed, sending.committed, State.FENCING),
        Row(ev.SessionGone, settling.session_missing, State.ASKING, State.FENCING),
        Row(ev.RangeTooLarge, sending.range_too_large, State.SENDING, State.FENCING),
        Row(ev.RangeDenied, denied.range_denied, State.SENDING, State.ASKING, State.FENCING),
        Row(ev.NotDone, retry_budget.hold, State.SENDING, State.FENCING),
        Row(ev.Unsure, settling.range_unsure, State.ASKING, State.FENCING),
        Row(ev.Refused, ending.refused, State.FENCING),
    ),
    State.COMMITTING: rows(
        *_said_of(State.COMMITTING),
        Row(ev.RunStarted, settling.run_started, State.ASKING, State.LOOKING),
        Row(ev.CancelRequested, ending.cancel, State.FENCING, State.LOOKING, State.CANCELLED),
        Row(ev.Forbidden, ending.forbid, State.FENCING, State.LOOKING, State.FAILED, State.CANCELLED),
        Row(ev.Committed, sending.committed, State.ATTACHED, State.LOOKING),
        Row(ev.OffsetKnown, sending.range_answered, *_ON, State.ASKING, State.FENCING),
        Row(ev.OffsetRefused, settling.range_refused, *_ON, State.ASKING, State.FENCING),
        Row(ev.SessionGone, settling.session_missing, State.ASKING, State.FENCING),
        Row(ev.RangeTooLarge, sending.range_too_large, *_ON, State.FENCING),
        Row(ev.RangeDenied, denied.range_denied, State.ASKING, State.FENCING),
        Row(ev.PostTooLarge, sending.post_too_large, State.LOOKING),
        Row(ev.ItemMissing, sending.commit_missed, State.LOOKING),
        Row(ev.CommitAborted, sending.commit_withdrawn, State.PLANNED, State.FAILED),
        Row(ev.CommitUnsent, sending.commit_unsent, State.PLANNED, State.SENDING),
        Row(
            ev.NotDone,
            sending.commit_not_done,
            State.COMMITTING,
            State.PLANNED,
            State.FENCING,
            State.LOOKING,
            State.FAILED,
        ),
        Row(ev.Unsure, settling.commit_unsure, State.ASKING, State.FENCING, State.LOOKING),
        Row(ev.Refused, ending.post_refused, State.FENCING, State.LOOKING, State.FAILED),
    ),
    State.ASKING: rows(
        *_said_of(State.ASKING),
        Row(ev.RunStarted, settling.run_started, State.ASKING),
        Row(ev.CancelRequested, ending.cancel, State.FENCING),
        Row(ev.Forbidden, ending.forbid, State.FENCING),
        Row(ev.OffsetKnown, settling.offset_answered, *_ON, State.RESENDING, State.FENCING),
        Row(ev.AskRefused, settling.ask_refused, State.RESENDING),
        Row(ev.NotDone, settling.ask_failed, State.ASKING, State.RESENDING, State.FENCING),
        Row(ev.Unsure, settling.ask_failed, State.ASKING, State.RESENDING, State.FENCING),
        Row(ev.Refused, ending.refused, State.FENCING),
    ),
    State.RESENDING: rows(
        *_said_of(State.RESENDING),
        Row(ev.RunStarted, settling.run_started, State.ASKING),
        Row(ev.CancelRequested, ending.cancel, State.FENCING),
        Row(ev.Forbidden, ending.forbid, State.FENCING),
        Row(ev.OffsetKnown, settling.resend_answered, *_ON, State.FENCING),
        Row(ev.OffsetRefused, settling.resend_refused, *_ON, State.FENCING),
        Row(ev.CommitPrepared, sending.commit_announced, State.COMMITTING),
        Row(ev.Committed, sending.committed, State.ATTACHED, State.LOOKING, State.FENCING),
        Row(ev.SessionGone, settling.session_gone, State.FENCING),
        Row(ev.RangeTooLarge, sending.range_too_large, *_ON, State.FENCING),
        Row(ev.RangeDenied, denied.range_denied, State.RESENDING, State.FENCING),
        Row(ev.NotDone, retry_budget.hold, State.RESENDING, State.FENCING),
        Row(ev.Unsure, settling.range_unsure, State.ASKING, State.FENCING),
        Row(ev.Refused, ending.refused, State.FENCING),
    ),
    State.FENCING: rows(
        *_said_of(State.FENCING),
        Row(ev.RunStarted, settling.run_started, State.FENCING),
        Row(ev.CancelRequested, ending.cancel, State.FENCING),
        Row(ev.Forbidden, ending.forbid, State.FENCING),
        Row(ev.SessionFenced, settling.fenced, State.LOOKING),
        Row(ev.SessionGone, settling.fence_missed, State.LOOKING),
        Row(ev.FenceRefused, settling.fence_refused, State.LOOKING, *_ENDS),
        Row(ev.Refused, settling.fence_refused, State.LOOKING, *_ENDS),
        Row(ev.NotDone, retry_budget.hold, State.FENCING, State.LOOKING, *_ENDS),
        Row(ev.Unsure, retry_budget.hold, State.FENCING, State.LOOKING, *_ENDS),
    ),
    State.LOOKING: rows(
        *_said_of(State.LOOKING),
        Row(ev.RunStarted, settling.run_started, State.LOOKING),
        Row(ev.CancelRequested, ending.cancel, State.LOOKING),
        Row(ev.Forbidden, ending.forbid, State.LOOKING),
        Row(ev.AttachmentsListed, settling.looked, State.LOOKING, State.COMPARING, State.FENCING, *_LOOKED),
        Row(ev.ItemsFound, settling.item_sought, State.LOOKING, State.ATTACHED, *_ENDS),
        Row(ev.ItemMissing, retry_budget.look_missed, State.LOOKING, State.PLANNED, State.ATTACHED, *_ENDS),
        Row(ev.NotDone, retry_budget.hold, State.LOOKING, State.ATTACHED, *_ENDS),
        Row(ev.Unsure, retry_budget.hold, State.LOOKING, State.ATTACHED, *_ENDS),
        Row(ev.Refused, retry_budget.look_refused, State.LOOKING, State.ATTACHED, *_ENDS),
    ),
    State.COMPARING: rows(
        *_said_of(State.COMPARING),
        Row(ev.RunStarted, settling.run_started, State.COMPARING),
        Row(ev.CancelRequested, ending.cancel, State.COMPARING),
        Row(ev.Forbidden, ending.forbid, State.COMPARING),
        Row(ev.NotComparable, settling.not_comparable, State.COMPARING, State.LOOKING, State.FENCING, *_LOOKED),
        Row(ev.Compared, settling.compared, State.COMPARING, State.LOOKING, State.FENCING, *_LOOKED),
        Row(ev.ItemMissing, settling.suspect_missing, State.LOOKING, State.FENCING, *_LOOKED),
        Row(ev.NotDone, retry_budget.hold, State.COMPARING, State.ATTACHED, State.FAILED),
        Row(ev.Unsure, retry_budget.hold, State.COMPARING, State.ATTACHED, State.FAILED),
        Row(ev.Refused, settling.compare_refused, State.COMPARING, State.LOOKING, State.FENCING, *_LOOKED),
    ),
    State.ATTACHED: rows(*_said_of_ended(State.ATTACHED)),
    State.FAILED: rows(
        *_said_of_ended(State.FAILED),
        _AGAIN,
        Row(ev.Acknowledged, ending.acknowledge, State.FAILED),
        Row(ev.Superseded, ending.supersede, State.FAILED),
    ),
    State.CANCELLED: rows(
        *_said_of_ended(State.CANCELLED), _AGAIN, Row(ev.Superseded, ending.supersede, State.CANCELLED)
    ),
}
