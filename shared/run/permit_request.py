"""The permit request of a transfer, and of each of its actions: bytes to upload, and the lock on its item's commits."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from shared.core.actions import Action, OpenSession, PostAttachment, PrepareCommit, PutRange
from shared.core.ending import is_ending
from shared.core.model import Route, State, Transfer
from shared.core.ranges import next_range
from shared.graph.prepare import post_body_bytes
from shared.rate_limit.permits import PermitRequest

SESSION_BYTES = 1024
"""What opening a session carries: a small JSON body, counted as this much."""

_SENDS_NOTHING = frozenset({State.FENCING, State.LOOKING, State.COMPARING})


def of_transfer(transfer: Transfer, run_id: str, range_bytes: int) -> PermitRequest:
    """What a run of this transfer needs, as far as is known of it."""
    target = transfer.target
    request = PermitRequest(
        transfer=transfer.id,
        run=run_id,
        item=hashlib.sha256(f"{target.key.value}:{target.item_id or target.value}".encode()).hexdigest()[:16],
        need=0,
        waited=transfer.not_before is not None or transfer.session is not None,
        since=transfer.plan.created_at,
    )
    if transfer.state in _SENDS_NOTHING or is_ending(transfer):
        return request
    if transfer.route is Route.POST:
        return replace(request, need=post_body_bytes(transfer.attachment, transfer.size), whole=True, commits=True)
    if transfer.session is None:
        return replace(request, need=transfer.size + SESSION_BYTES, commits=transfer.size <= range_bytes)
    offset = transfer.session.offset
    return replace(request, need=transfer.size - offset, offset=offset, commits=transfer.size - offset <= range_bytes)


def of_action(action: Action, transfer: Transfer, range_bytes: int) -> tuple[int, bool]:
    """Bytes that the action needs, and whether it commits; a PrepareCommit stands for the commit that follows."""
    match action:
        case PutRange():
            return carried(action), action.is_final
        case PostAttachment():
            return carried(action), True
        case PrepareCommit() if transfer.route is Route.POST:
            return post_body_bytes(transfer.attachment, transfer.size), True
        case PrepareCommit():
            offset = transfer.session.offset if transfer.session else 0
            return next_range(offset, transfer.size, range_bytes).length, True
        case _:
            return carried(action), False


def carried(action: Action) -> int:
    """Bytes that a request carries to the mailbox."""
    match action:
        case PutRange(length=length):
            return length
        case PostAttachment(attachment=attachment, size=size):
            return post_body_bytes(attachment, size)
        case OpenSession():
            return SESSION_BYTES
        case _:
            return 0
