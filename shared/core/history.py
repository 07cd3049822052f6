"""What a transfer remembers for the people who ask: every decision, what came of it, and Graph's request id."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime

from shared.core.actions import Action, PutRange
from shared.core.events import Event, Forbidden, NotDone, RangeDenied, Refused, Stopped, Unsure
from shared.core.model import State, Step, Transfer

LONGEST = 120
"""Steps kept: a clean 150 MiB file takes 44 (38 ranges of 4 MiB and the steps around them); a stormy one loses its
middle, never its beginning or its end. A checkpoint stays well below 64 KiB."""

_KEPT_HEAD = 20

RETRY_REQUESTED = "retry requested"
"""The step that a person's wish for another try leaves behind."""


def recorded(transfer: Transfer, at: datetime, state: State, action: Action | None, event: Event) -> Transfer:
    """The transfer with one more step. `state` is the one the decision was made in."""
    code = None
    if isinstance(event, NotDone | Unsure | RangeDenied):
        code = event.code.value
    elif isinstance(event, Refused | Forbidden | Stopped):
        code = event.failure.code.value
    graph = event.failure.graph if isinstance(event, Refused) else event.graph
    step = Step(
        at=at,
        state=state,
        action=named(action) if action is not None else "",
        outcome=named(event),
        offset=action.offset if isinstance(action, PutRange) else None,
        code=code,
        request_id=graph.request_id if graph else None,
    )
    return remembered(transfer, step)


def retry_step(ended: Transfer, at: datetime) -> Step:
    """What a retry leaves behind: with the code of the end before it."""
    code = ended.failure.code.value if ended.failure is not None else None
    return Step(at, ended.state, "", RETRY_REQUESTED, code=code)


def remembered(transfer: Transfer, step: Step) -> Transfer:
    """The transfer with this step as its latest."""
    history = (*transfer.history, step)
    if len(history) > LONGEST:
        history = (*history[:_KEPT_HEAD], *history[_KEPT_HEAD + 1 :])
    return replace(transfer, history=history)


def named(value: Action | Event) -> str:
    """The field's own words for an action or event: `PutRange` is `put range`."""
    return re.sub(r"(?<!^)(?=[A-Z])", " ", type(value).__name__).lower()


def began_at(transfer: Transfer) -> datetime:
    """Since when the transfer has not been over: its acceptance, or the last time that a person had it tried again.

    Where that step has been forgotten among many others, the oldest step behind the gap stands for it.
    """
    if transfer.retries == 0:
        return transfer.plan.created_at
    retried = next((step.at for step in reversed(transfer.history) if step.outcome == RETRY_REQUESTED), None)
    if retried is not None:
        return retried
    return transfer.history[_KEPT_HEAD].at if len(transfer.history) > _KEPT_HEAD else transfer.plan.created_at
