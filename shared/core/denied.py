"""An upload URL that refuses a range: it may be dead, used up, or living and in trouble.

Expired, cancelled and used-up sessions may answer 401, and so may a living one, on and off for a day
(msgraph-sdk-javascript 1923). Where a commit may be under way the item tells which it is, so the evidence is gathered
as for a session that is gone. Where none is, nothing can be attached twice: it is waited out, from time to time with a
new session.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from shared.core import retry_budget
from shared.core.events import RangeDenied
from shared.core.model import State, Transfer
from shared.core.policy import Policy


def range_denied(transfer: Transfer, event: RangeDenied, now: datetime, policy: Policy) -> Transfer:
    """Wait and send the same range again, while the session can live and nothing can have been committed."""
    alive = transfer.session is not None and now < transfer.session.expires_at
    if transfer.announced_at is not None or not alive:
        marked, _ = retry_budget.refused_again(transfer, event.code, now, policy)
        if transfer.state is State.RESENDING or transfer.tries >= policy.ask_tries:
            return _gone(marked)
        return replace(retry_budget.counted(marked), state=State.ASKING)
    held = retry_budget.wait_out(transfer, event, now, policy)
    if held.state is transfer.state and held.refusals is not None and held.refusals.times % policy.denied_ranges == 0:
        return replace(_gone(held), not_before=held.not_before)
    return held


def _gone(transfer: Transfer) -> Transfer:
    return replace(retry_budget.counted(transfer), state=State.FENCING, tries=0)
