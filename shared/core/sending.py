"""The way forward, when Graph answers: find the item, note what is there, open a session, send range after range."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from shared.core import ending, retry_budget
from shared.core.errors import Code
from shared.core.events import (
    AttachmentsListed,
    CommitAborted,
    CommitPrepared,
    Committed,
    CommitUnsent,
    FoundItem,
    ItemMissing,
    ItemsFound,
    NotDone,
    OffsetKnown,
    PostTooLarge,
    RangeTooLarge,
    SessionOpened,
    SessionTooSmall,
)
from shared.core.model import Failure, Route, Session, State, Transfer, with_offset
from shared.core.policy import Policy
from shared.core.ranges import completes, halved, next_range


def range_bytes(transfer: Transfer, policy: Policy) -> int:
    """Bytes per range for this transfer: the policy's, or what Graph made us shrink to."""
    return transfer.range_bytes or policy.range_bytes


def item_found(transfer: Transfer, event: ItemsFound, now: datetime, policy: Policy) -> Transfer:
    """One match is the item; of several, the one draft; none is waited for.

    An item that was missed before counts as found once it is there for what follows, too: a list may name what no other
    call finds.
    """
    chosen = the_item(event)
    if chosen is not None:
        found = retry_budget.progressed(replace(transfer, item_id=chosen.id))
        return _still_missed(found, transfer)
    if not event.items:
        return retry_budget.wait_for_target(transfer, ItemMissing(graph=event.graph), now, policy)
    return ending.failed(transfer, ambiguous(transfer, event), now)


def the_item(event: ItemsFound) -> FoundItem | None:
    """The one match, or of several the one draft."""
    drafts = [item for item in event.items if item.is_draft]
    chosen = event.items if len(event.items) == 1 else drafts
    return chosen[0] if len(chosen) == 1 else None


def ambiguous(transfer: Transfer, event: ItemsFound) -> Failure:
    """Several items match, and they are not one draft among others."""
    target = transfer.target
    drafts = sum(item.is_draft for item in event.items)
    key = f"{target.key.value} {target.value!r}"
    detail = f"{len(event.items)} items in {target.mailbox} match {key}, {drafts} of them drafts."
    return Failure(Code.TARGET_AMBIGUOUS, detail, event.graph)


def before_noted(transfer: Transfer, event: AttachmentsListed, _now: datetime, _policy: Policy) -> Transfer:
    """What is attached now was there before us: later looks ignore it."""
    noted = retry_budget.progressed(replace(transfer, before=tuple(listed.id for listed in event.attachments)))
    return _still_missed(replace(noted, state=State.OPENING), transfer) if transfer.route is Route.SESSION else noted


def _still_missed(found: Transfer, before: Transfer) -> Transfer:
    """The wait for an item that was missed goes on, so that one that is found and gone by turns comes to an end."""
    return (
        found
        if before.missing_since is None
        else replace(found, missing_since=before.missing_since, tries=before.tries)
    )


def session_opened(transfer: Transfer, event: SessionOpened, _now: datetime, policy: Policy) -> Transfer:
    """A session stands. What Graph asked for on opening, 0 as documented, is where it begins."""
    offset = event.offset if event.offset < transfer.size else 0  # a new session holds nothing yet
    opened = replace(
        transfer,
        session=Session(event.url, event.expires_at, offset),
        sessions=transfer.sessions + 1,
        session_tries=0,
        bytes_confirmed=offset,
    )
    by_a_session = transfer.refusals is not None and transfer.refusals.state is not State.OPENING
    denied = transfer.refusals if by_a_session else None  # whether this one takes ranges, only a range tells
    return _onward(replace(retry_budget.progressed(opened), refusals=denied), policy)


def end_of_range(transfer: Transfer, policy: Policy) -> int:
    """The byte behind the range that was sent last."""
    start = transfer.session.offset if transfer.session else 0
    return start + next_range(start, transfer.size, range_bytes(transfer, policy)).length


def moved(transfer: Transfer, offset: int, policy: Policy) -> Transfer:
    """Graph named the next byte, ahead, behind or inside a range: follow it. Only going forward is progress."""
    before = transfer.session.offset if transfer.session else 0
    there = with_offset(transfer, offset)
    return _onward(retry_budget.progressed(there) if offset > before else there, policy)


def _onward(transfer: Transfer, policy: Policy) -> Transfer:
    """Back to sending; to committing where the commit was announced before and the next range is the final one."""
    offset = transfer.session.offset if transfer.session else 0
    final = completes(offset, transfer.size, range_bytes(transfer, policy))
    announced = transfer.announced_at is not None
    return replace(transfer, state=State.COMMITTING if final and announced else State.SENDING)


def range_answered(transfer: Transfer, event: OffsetKnown, now: datetime, policy: Policy) -> Transfer:
    """A range was taken, whole or in part. An answer that does not move the session costs patience.

    A 2xx that names no offset says that the range was taken as it was sent: there are services that never name one
    (onedrive-api-docs 14). After the final range it says nothing, because only 201 is the end.
    """
    offset = event.offset if event.offset is not None else end_of_range(transfer, policy)
    if offset >= transfer.size:
        # 200 is progress, never an end: what the session really holds has to be asked.
        return replace(retry_budget.counted(transfer), state=State.ASKING)
    stalled = transfer.session is not None and offset <= transfer.session.offset
    if not stalled:
        return moved(transfer, offset, policy)
    transfer = retry_budget.counted(transfer)
    if retry_budget.is_spent(transfer, Code.UPLOAD_STALLED, policy):
        return retry_budget.give_up(
            transfer, retry_budget.exhausted(transfer, Code.UPLOAD_STALLED, event.graph), now, policy
        )
    return moved(transfer, offset, policy)


def range_too_large(transfer: Transfer, event: RangeTooLarge, now: datetime, policy: Policy) -> Transfer:
    """Halve the range and go on; at the smallest, size is not what is wrong."""
    smaller = halved(range_bytes(transfer, policy), policy.smallest_range)
    if smaller is None:
        return retry_budget.give_up(
            transfer, retry_budget.exhausted(transfer, Code.RANGE_REFUSED, event.graph), now, policy
        )
    return _onward(replace(transfer, range_bytes=smaller), policy)


def commit_announced(transfer: Transfer, _event: CommitPrepared, now: datetime, _policy: Policy) -> Transfer:
    """From here on, until the answer, the attachment may exist. A POST counts as a session opened."""
    sessions = transfer.sessions + 1 if transfer.route is Route.POST else transfer.sessions
    return replace(transfer, state=State.COMMITTING, announced_at=now, looks=0, early_looks=0, sessions=sessions)


def commit_withdrawn(transfer: Transfer, event: CommitAborted, now: datetime, policy: Policy) -> Transfer:
    """The POST was announced and not sent in time, because the file was slow to read: announce it afresh, later."""
    return retry_budget.hold(_unposted(transfer), NotDone(Code.SOURCE_UNREADABLE, graph=event.graph), now, policy)


def commit_unsent(transfer: Transfer, _event: CommitUnsent, _now: datetime, _policy: Policy) -> Transfer:
    """The run ends before its commit was sent: as if it had never been announced, so the next one need not look."""
    return replace(ending.taken_back(transfer), state=_UNANNOUNCED[transfer.route])


def commit_not_done(transfer: Transfer, event: NotDone, now: datetime, policy: Policy) -> Transfer:
    """A final range stays: its session tells. So does a POST that never left; one that was answered is looked for."""
    if transfer.route is Route.SESSION:
        return retry_budget.hold(transfer, event, now, policy)
    if event.graph is None:
        return retry_budget.hold(_unposted(transfer), event, now, policy)
    return ending.answered(retry_budget.hold(transfer, event, now, policy))


def commit_missed(transfer: Transfer, event: ItemMissing, now: datetime, policy: Policy) -> Transfer:
    """The POST found no item, says its answer: look for the attachment all the same, and wait for the item."""
    return ending.answered(retry_budget.wait_for_target(transfer, event, now, policy))


_UNANNOUNCED = {Route.POST: State.PLANNED, Route.SESSION: State.SENDING}


def _unposted(transfer: Transfer) -> Transfer:
    return transfer if transfer.route is Route.SESSION else replace(ending.taken_back(transfer), state=State.PLANNED)


def committed(transfer: Transfer, event: Committed, now: datetime, policy: Policy) -> Transfer:
    """201. Believed where all bytes were sent; the id is looked up where Graph did not name it."""
    final = transfer.route is Route.POST or (
        transfer.session is not None
        and completes(transfer.session.offset, transfer.size, range_bytes(transfer, policy))
    )
    if not final:
        # A session that claims to be complete after part of the file is fenced, and judged by its bytes.
        return replace(retry_budget.counted(transfer), state=State.FENCING, announced_at=transfer.announced_at or now)
    if event.attachment_id is not None:
        return ending.attached(transfer, event.attachment_id, now)
    return replace(transfer, state=State.LOOKING, landed=True, session=None, bytes_confirmed=transfer.size, tries=0)


def post_too_large(transfer: Transfer, event: PostTooLarge, now: datetime, policy: Policy) -> Transfer:
    """Graph wants a session for this file. The POST may have been carried out all the same: look for it first."""
    return ending.answered(_rerouted(transfer, Route.SESSION, event, now, policy))


def session_too_small(transfer: Transfer, event: SessionTooSmall, now: datetime, policy: Policy) -> Transfer:
    """Graph wants a POST for this file."""
    return _rerouted(transfer, Route.POST, event, now, policy)


def _rerouted(
    transfer: Transfer, route: Route, event: PostTooLarge | SessionTooSmall, now: datetime, policy: Policy
) -> Transfer:
    """Take the other way; sent back again, neither is open. What was refused on the one says nothing of the other."""
    if transfer.routes_refused:
        failure = retry_budget.exhausted(transfer, Code.SIZE_ROUTES_REFUSED, event.graph)
        return retry_budget.give_up(transfer, failure, now, policy)
    state = State.OPENING if route is Route.SESSION else State.PLANNED
    refused = transfer.routes_refused + 1
    return replace(transfer, route=route, routes_refused=refused, state=state, refusals=None)
