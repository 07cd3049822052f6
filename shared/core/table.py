"""Every step from state to state, and nothing else.

A step that is not here is impossible. `Row.leads_to` is a promise about the rule, which tests hold it to; the picture
in docs/architecture.md is made from it. The rules live in `sending.py` (the way forward), `settling.py` (lost answers),
`patience.py` (waiting and giving up) and `ending.py` (verdicts).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from shared.core import denied, ending, retry_budget, sending, settling
from shared.core import events as ev
from shared.core.model import State, Transfer
from shared.core.policy import Policy


class Row(NamedTuple):
    """One step: the rule that carries it out, and every state it can lead to."""

    rule: Callable[[Transfer, Any, datetime, Policy], Transfer]
    leads_to: frozenset[State]


Table = Mapping[State, Mapping[type[ev.EventBase], Row]]


def _row(rule: Callable[[Transfer, Any, datetime, Policy], Transfer], *leads_to: State) -> Row:
    return Row(rule, frozenset(leads_to))


_ENDS = (State.FAILED, State.CANCELLED)
_ON = (State.SENDING, State.COMMITTING)
_LOOKED = (State.OPENING, State.PLANNED, State.ATTACHED, *_ENDS)  # where a look can lead

TABLE: Table = {
    State.PLANNED: {
        ev.RunStarted: _row(settling.run_started, State.PLANNED),
        ev.CancelRequested: _row(ending.cancel, State.CANCELLED),
        ev.Forbidden: _row(ending.forbid, State.FAILED),
        ev.ItemsFound: _row(sending.item_found, State.PLANNED, State.FAILED),
        ev.AttachmentsListed: _row(sending.before_noted, State.PLANNED, State.OPENING),
        ev.CommitPrepared: _row(sending.commit_announced, State.COMMITTING),
        ev.ItemMissing: _row(retry_budget.wait_for_target, State.PLANNED, State.FAILED),
        ev.NotDone: _row(retry_budget.hold, State.PLANNED, State.FAILED),
        ev.Unsure: _row(retry_budget.hold, State.PLANNED, State.FAILED),
        ev.Refused: _row(ending.refused, State.FAILED),
    },
    State.OPENING: {
        ev.RunStarted: _row(settling.run_started, State.OPENING),
        ev.CancelRequested: _row(ending.cancel, State.CANCELLED),
        ev.Forbidden: _row(ending.forbid, State.FAILED),
        ev.SessionOpened: _row(sending.session_opened, State.SENDING),
        ev.SessionTooSmall: _row(sending.session_too_small, State.PLANNED, State.FAILED),
        ev.ItemMissing: _row(retry_budget.wait_for_target, State.OPENING, State.FAILED),
        ev.NotDone: _row(retry_budget.hold, State.OPENING, State.FAILED),
        ev.Unsure: _row(retry_budget.hold, State.OPENING, State.FAILED),
        ev.Refused: _row(ending.refused, State.FAILED),
    },
    State.SENDING: {
        ev.RunStarted: _row(settling.run_started, State.ASKING),
        ev.CancelRequested: _row(ending.cancel, State.FENCING),
        ev.Forbidden: _row(ending.forbid, State.FENCING),
        ev.OffsetKnown: _row(sending.range_answered, *_ON, State.ASKING, State.FENCING),
        ev.OffsetRefused: _row(settling.range_refused, *_ON, State.ASKING, State.FENCING),
        ev.CommitPrepared: _row(sending.commit_announced, State.COMMITTING),
        ev.Committed: _row(sending.committed, State.FENCING),
        ev.SessionGone: _row(settling.session_missing, State.ASKING, State.FENCING),
        ev.RangeTooLarge: _row(sending.range_too_large, State.SENDING, State.FENCING),
        ev.RangeDenied: _row(denied.range_denied, State.SENDING, State.ASKING, State.FENCING),
        ev.NotDone: _row(retry_budget.hold, State.SENDING, State.FENCING),
        ev.Unsure: _row(settling.range_unsure, State.ASKING, State.FENCING),
        ev.Refused: _row(ending.refused, State.FENCING),
    },
    State.COMMITTING: {
        ev.RunStarted: _row(settling.run_started, State.ASKING, State.LOOKING),
        ev.CancelRequested: _row(ending.cancel, State.FENCING, State.LOOKING),
        ev.Forbidden: _row(ending.forbid, State.FENCING, State.LOOKING),
        ev.Committed: _row(sending.committed, State.ATTACHED, State.LOOKING),
        ev.OffsetKnown: _row(sending.range_answered, *_ON, State.ASKING, State.FENCING),
        ev.OffsetRefused: _row(settling.range_refused, *_ON, State.ASKING, State.FENCING),
        ev.SessionGone: _row(settling.session_missing, State.ASKING, State.FENCING),
        ev.RangeTooLarge: _row(sending.range_too_large, *_ON, State.FENCING),
        ev.RangeDenied: _row(denied.range_denied, State.ASKING, State.FENCING),
        ev.PostTooLarge: _row(sending.post_too_large, State.LOOKING),
        ev.ItemMissing: _row(sending.commit_missed, State.LOOKING),
        ev.CommitAborted: _row(sending.commit_withdrawn, State.PLANNED, State.FAILED),
        ev.CommitUnsent: _row(sending.commit_unsent, State.PLANNED, State.SENDING),
        ev.NotDone: _row(
            sending.commit_not_done, State.COMMITTING, State.PLANNED, State.FENCING, State.LOOKING, State.FAILED
        ),
        ev.Unsure: _row(settling.commit_unsure, State.ASKING, State.FENCING, State.LOOKING),
        ev.Refused: _row(ending.post_refused, State.FENCING, State.LOOKING, State.FAILED),
    },
    State.ASKING: {
        ev.RunStarted: _row(settling.run_started, State.ASKING),
        ev.CancelRequested: _row(ending.cancel, State.FENCING),
        ev.Forbidden: _row(ending.forbid, State.FENCING),
        ev.OffsetKnown: _row(settling.offset_answered, *_ON, State.RESENDING, State.FENCING),
        ev.AskRefused: _row(settling.ask_refused, State.RESENDING),
        ev.NotDone: _row(settling.ask_failed, State.ASKING, State.RESENDING, State.FENCING),
        ev.Unsure: _row(settling.ask_failed, State.ASKING, State.RESENDING, State.FENCING),
        ev.Refused: _row(ending.refused, State.FENCING),
    },
    State.RESENDING: {
        ev.RunStarted: _row(settling.run_started, State.ASKING),
        ev.CancelRequested: _row(ending.cancel, State.FENCING),
        ev.Forbidden: _row(ending.forbid, State.FENCING),
        ev.OffsetKnown: _row(settling.resend_answered, *_ON, State.FENCING),
        ev.OffsetRefused: _row(settling.resend_refused, *_ON, State.FENCING),
        ev.CommitPrepared: _row(sending.commit_announced, State.COMMITTING),
        ev.Committed: _row(sending.committed, State.ATTACHED, State.LOOKING, State.FENCING),
        ev.SessionGone: _row(settling.session_gone, State.FENCING),
        ev.RangeTooLarge: _row(sending.range_too_large, *_ON, State.FENCING),
        ev.RangeDenied: _row(denied.range_denied, State.RESENDING, State.FENCING),
        ev.NotDone: _row(retry_budget.hold, State.RESENDING, State.FENCING),
        ev.Unsure: _row(settling.range_unsure, State.ASKING, State.FENCING),
        ev.Refused: _row(ending.refused, State.FENCING),
    },
    State.FENCING: {
        ev.RunStarted: _row(settling.run_started, State.FENCING),
        ev.CancelRequested: _row(ending.cancel, State.FENCING),
        ev.Forbidden: _row(ending.forbid, State.FENCING),
        ev.SessionFenced: _row(settling.fenced, State.LOOKING),
        ev.SessionGone: _row(settling.fence_missed, State.LOOKING),
        ev.FenceRefused: _row(settling.fence_refused, State.LOOKING, *_ENDS),
        ev.Refused: _row(settling.fence_refused, State.LOOKING, *_ENDS),
        ev.NotDone: _row(retry_budget.hold, State.FENCING, State.LOOKING, *_ENDS),
        ev.Unsure: _row(retry_budget.hold, State.FENCING, State.LOOKING, *_ENDS),
    },
    State.LOOKING: {
        ev.RunStarted: _row(settling.run_started, State.LOOKING),
        ev.CancelRequested: _row(ending.cancel, State.LOOKING),
        ev.Forbidden: _row(ending.forbid, State.LOOKING),
        ev.AttachmentsListed: _row(settling.looked, State.LOOKING, State.COMPARING, State.FENCING, *_LOOKED),
        ev.ItemMissing: _row(retry_budget.look_missed, State.LOOKING, State.ATTACHED, *_ENDS),
        ev.NotDone: _row(retry_budget.hold, State.LOOKING, State.ATTACHED, *_ENDS),
        ev.Unsure: _row(retry_budget.hold, State.LOOKING, State.ATTACHED, *_ENDS),
        ev.Refused: _row(retry_budget.look_refused, State.LOOKING, State.ATTACHED, *_ENDS),
    },
    State.COMPARING: {
        ev.RunStarted: _row(settling.run_started, State.COMPARING),
        ev.CancelRequested: _row(ending.cancel, State.COMPARING),
        ev.Forbidden: _row(ending.forbid, State.COMPARING),
        ev.NotComparable: _row(settling.not_comparable, State.COMPARING, State.LOOKING, State.FENCING, *_LOOKED),
        ev.Compared: _row(settling.compared, State.COMPARING, State.LOOKING, State.FENCING, *_LOOKED),
        ev.ItemMissing: _row(settling.suspect_missing, State.LOOKING, State.FENCING, *_LOOKED),
        ev.NotDone: _row(retry_budget.hold, State.COMPARING, State.ATTACHED, State.FAILED),
        ev.Unsure: _row(retry_budget.hold, State.COMPARING, State.ATTACHED, State.FAILED),
        ev.Refused: _row(settling.compare_refused, State.COMPARING, State.LOOKING, State.FENCING, *_LOOKED),
    },
    State.ATTACHED: {},
    State.FAILED: {},
    State.CANCELLED: {},
}
