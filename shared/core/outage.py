"""Graph itself fails, or is out of reach: waited out for a day, ever more rarely, because no person can mend it.

Such failures are counted by the clock and not by number: they cost neither the session nor the transfer any of its
tries, so that whatever comes after the outage finds the patience that there was before it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from shared.core.errors import Code
from shared.core.events import (
    CancelRequested,
    CommitAborted,
    CommitPrepared,
    CommitUnsent,
    Event,
    Forbidden,
    NotDone,
    RunStarted,
    Stopped,
    Unsure,
)
from shared.core.model import Refusals, State, Transfer
from shared.core.policy import Policy

CODES = frozenset({Code.GRAPH_UNAVAILABLE, Code.GRAPH_UNREACHABLE})
"""Failures of the service: 408 and 5xx, no connection, and connections that break."""

_BYTES_SENT = frozenset({State.SENDING, State.COMMITTING, State.RESENDING})
_UNASKED = (RunStarted, CancelRequested, Forbidden, Stopped, CommitPrepared, CommitAborted, CommitUnsent)


def noted(transfer: Transfer, event: Event) -> Transfer:
    """The transfer, its outage over where Graph answered what it failed at before.

    Where it failed to take bytes only an answer to bytes tells: lists and questions may have worked all the time.
    """
    if transfer.outage is None or isinstance(event, _UNASKED):
        return transfer
    if isinstance(event, NotDone | Unsure) and (event.code in CODES or event.graph is None):
        return transfer  # it fails still, or was not asked
    if transfer.outage.state in _BYTES_SENT and transfer.state not in _BYTES_SENT:
        return transfer
    return replace(transfer, outage=None)


def failed_again(transfer: Transfer, now: datetime, policy: Policy) -> tuple[Transfer, Refusals]:
    """The transfer with one more failure in that row, and the row.

    Its `tries` grow as far as rules ask for them (`Policy.ask_tries`), and no further: they are for what Graph answers.
    """
    earlier = transfer.outage or Refusals(now, 0, policy.outage_wait, transfer.state)
    grows = transfer.state is State.FENCING or transfer.tries < policy.ask_tries
    tries = transfer.tries + 1 if grows else transfer.tries
    row = replace(earlier, times=earlier.times + 1)
    return replace(transfer, tries=tries, outage=row), row


def ends_at(row: Refusals) -> datetime:
    """When it is given up."""
    return row.since + timedelta(seconds=row.wait)
