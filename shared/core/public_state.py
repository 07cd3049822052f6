"""The states of a transfer as people and other systems see them: fewer than the core's own."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from shared.core.model import State, Transfer
from shared.core.waits import current


class PublicState(StrEnum):
    """What the HTTP API, the page and the notifications call a transfer's state, in the order of its life."""

    QUEUED = "queued"  # no run has it yet
    SENDING = "sending"  # a run has it, or will go on with it at once
    WAITING = "waiting"  # something holds it up
    ATTACHED = "attached"
    FAILED = "failed"
    CANCELLED = "cancelled"


NOT_OVER = frozenset({PublicState.QUEUED, PublicState.SENDING, PublicState.WAITING})
"""The states of a transfer that is not over."""

_ENDS = {
    State.ATTACHED: PublicState.ATTACHED,
    State.FAILED: PublicState.FAILED,
    State.CANCELLED: PublicState.CANCELLED,
}


def public_state(transfer: Transfer, now: datetime) -> PublicState:
    """`queued` until a run has it, `waiting` while something holds it up, `sending` between the two; or its end."""
    end = _ENDS.get(transfer.state)
    if end is not None:
        return end
    if current(transfer, now) is not None:
        return PublicState.WAITING
    return PublicState.QUEUED if transfer.runs == 0 else PublicState.SENDING
