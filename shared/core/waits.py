"""What a transfer waits for, told in one place for every wait there is.

The rules say until when nothing is done (`not_before`); this says why, from the answer that led to it, and since when.
Progress ends it. Only what the mailbox's pacing holds up is said from outside, by the event `Held`.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from shared.core import outage, retry_budget
from shared.core.errors import Code
from shared.core.events import (
    CancelRequested,
    Event,
    Forbidden,
    Held,
    NotDone,
    RangeDenied,
    Refused,
    RunStarted,
    Unsure,
)
from shared.core.model import State, Transfer, WaitingFor
from shared.core.policy import Policy

PACING = frozenset({Code.MAILBOX_ALLOWANCE_USED, Code.MAILBOX_BUSY})
"""Waits that are over as soon as the transfer has its turn."""


def noted(transfer: Transfer, event: Event, now: datetime, policy: Policy) -> Transfer:
    """The transfer, as the event left it, with what it waits for now."""
    if transfer.is_over:
        return replace(transfer, waiting_for=None)
    waits = transfer.not_before is not None
    if isinstance(event, RunStarted | CancelRequested | Forbidden):
        is_stale = isinstance(event, CancelRequested | Forbidden) and not waits
        return replace(transfer, waiting_for=None) if is_stale or _had_its_turn(transfer) else transfer
    if waits:
        return waiting(transfer, _code(transfer, event), now, _until(transfer, event, policy))
    has_progressed = transfer.tries == 0 and transfer.throttles == 0
    return replace(transfer, waiting_for=None) if has_progressed or _had_its_turn(transfer) else transfer


def waiting(transfer: Transfer, code: Code, now: datetime, until: datetime | None) -> Transfer:
    """The transfer, waiting for this. It has waited for as long as for the same thing before."""
    earlier = transfer.waiting_for
    since = earlier.since if earlier is not None and earlier.code is code else now
    return replace(transfer, waiting_for=WaitingFor(code, since, until))


def held(transfer: Transfer, event: Held, now: datetime, _policy: Policy) -> Transfer:
    """The transfer, held up by its mailbox: until a time that is known, or until it is called at the latest then."""
    told = waiting(transfer, event.code, now, event.until if event.known else None)
    told = replace(told, recheck_at=event.recheck_at or transfer.recheck_at)
    return replace(told, not_before=event.until) if event.known else told


def current(transfer: Transfer, now: datetime) -> WaitingFor | None:
    """What to say of a transfer that waits; None of any other.

    Checkpoints of versions that did not write it down say when the next attempt is, and that is all that is known.
    """
    if transfer.is_over:
        return None
    if transfer.waiting_for is not None or transfer.not_before is None or now >= transfer.not_before:
        return transfer.waiting_for
    since = transfer.missing_since or transfer.updated_at or transfer.plan.created_at
    return WaitingFor(_likely(transfer), since, transfer.not_before)


def _had_its_turn(transfer: Transfer) -> bool:
    return transfer.waiting_for is not None and transfer.waiting_for.code in PACING


def _code(transfer: Transfer, event: Event) -> Code:
    if isinstance(event, NotDone | Unsure | RangeDenied):
        return event.code
    if isinstance(event, Refused):
        return event.failure.code
    return _likely(transfer)


def _likely(transfer: Transfer) -> Code:
    """What a state waits for, where no answer named it."""
    if transfer.missing_since is not None:
        return Code.TARGET_NOT_FOUND
    if transfer.throttles:
        return Code.GRAPH_THROTTLED
    if transfer.state in {State.FENCING, State.LOOKING, State.COMPARING}:
        return Code.EVIDENCE_PENDING
    return Code.UPLOAD_STALLED if transfer.sessions else Code.GRAPH_UNAVAILABLE


def _until(transfer: Transfer, event: Event, policy: Policy) -> datetime | None:
    """When that is over, or given up: what Graph asked for, or how long our patience lasts; None where nobody knows."""
    if isinstance(event, NotDone | Unsure | RangeDenied):
        if transfer.refusals is not None and event.code in retry_budget.WAITED_OUT:
            return _end_of(transfer, transfer.refusals.since, transfer.refusals.wait)
        if event.retry_after is not None:
            return transfer.not_before
        if transfer.outage is not None and event.code in outage.CODES:
            return _end_of(transfer, transfer.outage.since, transfer.outage.wait)
        return None
    if transfer.missing_since is not None:
        return _end_of(transfer, transfer.missing_since, policy.target_wait)
    return None if isinstance(event, Refused) else transfer.not_before


def _end_of(transfer: Transfer, since: datetime, wait: float) -> datetime:
    """When a wait ends; one that outlasted its time because nobody looked ends with its next look at the earliest."""
    over = since + timedelta(seconds=wait)
    return over if transfer.not_before is None else max(over, transfer.not_before)
