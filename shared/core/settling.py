"""Settling a lost answer: gather evidence in the one order that never attaches twice.

1. Ask the session where it stands. A session that answers is not committed: go on from its offset.
2. No answer to that: send the same range again. At a wrong offset it changes nothing; its answer tells.
3. Session gone: DELETE it first. From here on nothing of it can land late. A DELETE that finds no session proves that
   only when it goes on finding none: seconds after a draft was made its upload URL may be unknown for a while.
4. List the attachments second, and compare with what was there before. Something new: compare its bytes.
5. Nothing new: look again, because a list may lag. Still nothing: only now a new session.

Steps 3 and 4 must not change places: a look before the fence misses a range that lands after it. A POST has no session
to fence: time is its fence (`Policy.post_landing`).
"""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from datetime import datetime, timedelta

from shared.core import ending, retry_budget
from shared.core.errors import Code
from shared.core.events import (
    AskRefused,
    AttachmentsListed,
    Compared,
    Event,
    FenceRefused,
    ItemMissing,
    ItemsFound,
    NotComparable,
    NotDone,
    OffsetKnown,
    OffsetRefused,
    Refused,
    RunStarted,
    SessionFenced,
    SessionGone,
    Unsure,
)
from shared.core.model import Failure, Listed, Route, State, Transfer
from shared.core.policy import Policy
from shared.core.retry import backoff
from shared.core.sending import ambiguous, end_of_range, moved, the_item


def run_started(transfer: Transfer, _event: RunStarted, _now: datetime, _policy: Policy) -> Transfer:
    """An earlier run may have died anywhere: whatever it had under way is in doubt."""
    transfer = replace(transfer, runs=transfer.runs + 1)
    if transfer.state not in {State.SENDING, State.COMMITTING, State.RESENDING}:
        return transfer
    return replace(transfer, state=State.LOOKING if transfer.session is None else State.ASKING)


def range_unsure(transfer: Transfer, event: Unsure, now: datetime, policy: Policy) -> Transfer:
    """A range's answer is lost: ask the session, which may hold all, part or none of the range."""
    held = retry_budget.hold(transfer, event, now, policy)
    return held if held.state is not transfer.state else replace(held, state=State.ASKING)


def commit_unsure(transfer: Transfer, event: Unsure, now: datetime, policy: Policy) -> Transfer:
    """A commit's answer is lost: a final range has its session to ask, a POST leaves only the item to look at."""
    if transfer.route is Route.SESSION:
        return range_unsure(transfer, event, now, policy)
    held = retry_budget.hold(transfer, event, now, policy)
    return held if held.state is not transfer.state else replace(held, state=State.LOOKING, tries=0)


def range_refused(transfer: Transfer, event: OffsetRefused, now: datetime, policy: Policy) -> Transfer:
    """The session stands elsewhere: go where it says, else ask."""
    transfer = retry_budget.counted(transfer)
    if retry_budget.is_spent(transfer, Code.UPLOAD_STALLED, policy):
        return retry_budget.give_up(
            transfer, retry_budget.exhausted(transfer, Code.UPLOAD_STALLED, event.graph), now, policy
        )
    if event.offset is None or event.offset >= transfer.size:
        return replace(transfer, state=State.ASKING)
    return moved(transfer, event.offset, policy)


def offset_answered(transfer: Transfer, event: OffsetKnown, _now: datetime, policy: Policy) -> Transfer:
    """The session stands and says where: so it is not committed. It holds every byte, or says nothing: send again."""
    if event.offset is None:
        return replace(transfer, state=State.RESENDING)
    if event.offset >= transfer.size:
        return replace(transfer, state=State.FENCING, tries=0)
    return moved(transfer, event.offset, policy)


def ask_refused(transfer: Transfer, _event: AskRefused, _now: datetime, _policy: Policy) -> Transfer:
    """404 and 405 may both mean that Graph does not know the question: never take them for "gone"."""
    return replace(transfer, state=State.RESENDING)


def ask_failed(transfer: Transfer, event: NotDone | Unsure, now: datetime, policy: Policy) -> Transfer:
    """Ask again a few times, then find out by sending."""
    held = retry_budget.hold(transfer, event, now, policy)
    asked_enough = held.state is State.ASKING and held.tries >= policy.ask_tries
    return replace(held, state=State.RESENDING) if asked_enough else held


def resend_answered(transfer: Transfer, event: OffsetKnown, _now: datetime, policy: Policy) -> Transfer:
    """The range was taken, now or before: go on behind it where no offset is named. The final one leaves a doubt."""
    offset = event.offset if event.offset is not None else end_of_range(transfer, policy)
    if offset >= transfer.size:
        return replace(transfer, state=State.FENCING, tries=0)
    return moved(transfer, offset, policy)


def resend_refused(transfer: Transfer, event: OffsetRefused, _now: datetime, policy: Policy) -> Transfer:
    """The session stands elsewhere. It did not say where when asked, nor now: start over, behind a fence."""
    if event.offset is None or event.offset >= transfer.size:
        return replace(retry_budget.counted(transfer), state=State.FENCING, tries=0)
    return moved(transfer, event.offset, policy)


def session_missing(transfer: Transfer, event: SessionGone, now: datetime, policy: Policy) -> Transfer:
    """A range found no session. That may be a slip of the service: ask, and send again, a few times."""
    if transfer.tries >= policy.ask_tries:
        return session_gone(transfer, event, now, policy)
    return replace(retry_budget.counted(transfer), state=State.ASKING)


def session_gone(transfer: Transfer, _event: SessionGone, _now: datetime, _policy: Policy) -> Transfer:
    """Expired, cancelled or committed: which one, only the item tells, and only behind the fence."""
    return replace(retry_budget.counted(transfer), state=State.FENCING, tries=0)


def fenced(transfer: Transfer, _event: SessionFenced | SessionGone, _now: datetime, _policy: Policy) -> Transfer:
    """Nothing of the session can land any more: now a look tells the truth."""
    return replace(transfer, state=State.LOOKING, session=None, fences=0, looks=0, tries=0)


def fence_missed(transfer: Transfer, event: SessionGone, now: datetime, policy: Policy) -> Transfer:
    """There is no session, says the answer. Such a 404 may pass: it is believed once it has lasted.

    Meanwhile looks may show the attachment; that they show nothing proves nothing. Where no commit was announced there
    is nothing to fence off.
    """
    again = _to_be_fenced_again(transfer, now, policy)
    return fenced(transfer, event, now, policy) if again is None else again


def fence_refused(transfer: Transfer, _event: FenceRefused | Refused, now: datetime, policy: Policy) -> Transfer:
    """Graph will not delete the session, so it says. In the end only its expiry is left as a fence."""
    if ending.is_ending(transfer) and transfer.announced_at is None:
        return ending.end(transfer, now)  # its final range was never sent: what is left of it comes to nothing
    again = _to_be_fenced_again(transfer, now, policy)
    return retry_budget.fence_by_expiry(transfer, now, policy) if again is None else again


def is_fenced(transfer: Transfer, event: Event, now: datetime, policy: Policy) -> bool:
    """Whether nothing of the session can land any more after this answer to its DELETE.

    A session that was not found is believed to be gone as by `fence_missed`: once that has lasted.
    """
    if isinstance(event, SessionGone):
        return _to_be_fenced_again(transfer, now, policy) is None
    return isinstance(event, SessionFenced)


def _to_be_fenced_again(transfer: Transfer, now: datetime, policy: Policy) -> Transfer | None:
    """The transfer, to look and then to ask its session once more to end; None where that tells nothing new."""
    session = transfer.session
    if session is None or transfer.announced_at is None or now >= retry_budget.dead_at(session, policy):
        return None
    if transfer.fences >= len(policy.fence_delays):
        return None
    return replace(transfer, state=State.LOOKING, fences=transfer.fences + 1, looks=0, tries=0)


def item_sought(transfer: Transfer, event: ItemsFound, now: datetime, policy: Policy) -> Transfer:
    """The item was not found under its id, and is looked up: it is looked at under the id that it has now.

    Where the lookup finds nothing either, the old id is tried next: a lookup may lag behind.
    """
    found = the_item(event)
    if found is not None:
        return replace(transfer, item_id=found.id, sought=False)
    if event.items:
        return retry_budget.give_up(transfer, ambiguous(transfer, event), now, policy)
    return replace(retry_budget.wait_for_target(transfer, ItemMissing(graph=event.graph), now, policy), sought=False)


def looked(transfer: Transfer, event: AttachmentsListed, now: datetime, policy: Policy) -> Transfer:
    """Whatever is new is a suspect, and names weigh more than sizes: what has our name is one at any size.

    Where no commit was announced nothing can be ours, whatever its bytes: other files arrive at the same item. Nor can
    a link, which has no bytes, or what another transfer has: two of the same file for one item are two attachments.

    A confirmed commit that names no attachment proves that there is one, and not which: the list may lag, and show what
    somebody else attached under our name. So it too is found by its bytes.

    Nobody says whether Outlook may change a name, so attachments of other names are suspects too, the last ones, unless
    they are listed with less than the file has: Outlook counts more bytes, not fewer (reference section 5).
    """
    transfer = replace(transfer, tries=0, missing_since=None)
    if transfer.refusals is not None and transfer.refusals.state in retry_budget.SETTLED_BY_EVIDENCE:
        transfer = replace(transfer, refusals=None)
    transfer = replace(transfer, ids_changed=_shows_nothing_known(transfer, event))
    shown = {listed.id for listed in event.attachments} - event.others
    transfer = replace(transfer, namesakes=tuple(one for one in transfer.namesakes if one in shown))
    known = {*(transfer.before or ()), *transfer.namesakes, *event.others}
    fresh = [listed for listed in event.attachments if listed.id not in known and _may_be_ours(listed, transfer)]
    fresh.sort(key=lambda listed: not _has_our_name(listed, transfer))
    if not fresh or transfer.announced_at is None:
        return nothing_new(transfer, now, policy)
    if transfer.landed and transfer.ids_changed:
        return ending.attached(transfer, None, now)  # it is there, and nobody can tell which it is
    ours = sum(_has_our_name(listed, transfer) for listed in fresh)
    suspects = tuple(listed.id for listed in fresh)
    return replace(transfer, state=State.COMPARING, suspects=suspects, strangers=len(fresh) - ours)


def _shows_nothing_known(transfer: Transfer, event: AttachmentsListed) -> bool:
    """Whether what was attached before is gone altogether: then nobody can tell new from old.

    It was taken away, or the item was moved: that changes attachments' ids, which contain the item's.
    """
    shown = {listed.id for listed in event.attachments}
    return bool(shown and transfer.before) and shown.isdisjoint(transfer.before or ())


def _has_our_name(listed: Listed, transfer: Transfer) -> bool:
    return folded(listed.name) == folded(transfer.attachment.name)


def folded(name: str) -> str:
    """A name as it is compared: Outlook's own may differ in case, in how its letters are composed, and in blanks."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def _may_be_ours(listed: Listed, transfer: Transfer) -> bool:
    large_enough = listed.size is None or listed.size >= transfer.size
    return not listed.is_reference and (large_enough or _has_our_name(listed, transfer))


def nothing_new(transfer: Transfer, now: datetime, policy: Policy) -> Transfer:
    """Look again while something of ours may still turn up; then end, or start over."""
    transfer = replace(transfer, state=State.LOOKING, suspects=(), strangers=0)
    if transfer.session is not None:  # not fenced yet: the look that counts comes behind the fence
        return replace(transfer, state=State.FENCING, not_before=retry_budget.to_fence_again(transfer, now, policy))
    later = _to_look_again(transfer, now, policy)
    if later is not None:
        return later
    if transfer.landed:
        return ending.attached(transfer, None, now)
    if transfer.namesakes:
        namesake = "A new attachment has that name and other bytes, or none that can be read: it may be the file."
        return ending.in_doubt(transfer, Failure(Code.COMMIT_IN_DOUBT, namesake), now)
    if ending.is_ending(transfer):
        return ending.end(transfer, now)
    return _start_over(transfer, now, policy)


def _to_look_again(transfer: Transfer, now: datetime, policy: Policy) -> Transfer | None:
    """The transfer, waiting for its next look; None where another look cannot show anything that this one did not.

    A series of looks, a pause of `look_delays` before each but the first, outlasts the lag of a list. It begins when
    nothing can land any more: behind the fence; for a POST, at the end of its landing time; for a session that an ended
    run left behind undeleted, at its expiry. Earlier looks may find it sooner; they prove nothing, and are counted
    apart.
    """
    if transfer.announced_at is None:
        return None
    landed_by = transfer.may_land_until
    if transfer.route is Route.POST and not transfer.landed and transfer.answered is None:
        landed_by = transfer.announced_at + timedelta(seconds=policy.post_landing)
    if landed_by is not None and now < landed_by:
        pauses = policy.look_delays[transfer.early_looks :]
        soon = now + timedelta(seconds=pauses[0]) if pauses else landed_by
        return replace(transfer, early_looks=transfer.early_looks + 1, not_before=min(soon, landed_by))
    pauses = policy.look_delays[transfer.looks :]
    if not pauses:
        return None
    return replace(transfer, looks=transfer.looks + 1, not_before=now + timedelta(seconds=pauses[0]))


def _start_over(transfer: Transfer, now: datetime, policy: Policy) -> Transfer:
    """Nothing is attached and nothing can land: the doubt is over, and the way is free for a new attempt.

    A POST that was answered costs what its answer costs, and not an attempt. Nor does a session that was refused, or
    what an outage of Graph came between: those are waited out by the clock. POSTs that come to nothing again and again
    are followed by a session: a body that is too large was answered 500 without a word about its size.
    """
    state = State.OPENING if transfer.route is Route.SESSION else State.PLANNED
    clear = replace(transfer, state=state, announced_at=None, answered=None, looks=0, early_looks=0, bytes_confirmed=0)
    clear = replace(clear, may_land_until=None)
    if transfer.ids_changed:  # what is there now has to be noted anew
        clear = replace(clear, state=State.PLANNED, before=None, ids_changed=False)
    if transfer.answered is not None:
        tries, missing_since = transfer.answered.tries, transfer.answered.missing_since
        return replace(clear, tries=tries, missing_since=missing_since, sessions=max(0, transfer.sessions - 1))
    if transfer.outage is not None:
        clear = replace(clear, sessions=min(transfer.sessions, policy.posts))
    elif transfer.sessions >= policy.sessions and not retry_budget.is_waited_out(transfer, now):
        return ending.failed(transfer, retry_budget.exhausted(transfer, Code.UPLOAD_STALLED), now)
    pause = backoff(transfer.sessions, policy.backoff_first, policy.backoff_cap, transfer.id)
    if transfer.route is Route.POST and not transfer.routes_refused and transfer.sessions >= policy.posts:
        clear = replace(clear, route=Route.SESSION, state=State.OPENING, refusals=None)
    return replace(clear, not_before=now + timedelta(seconds=pause))


def compared(transfer: Transfer, event: Compared, now: datetime, policy: Policy) -> Transfer:
    """The same bytes: it is ours. Others under another name: somebody else's, never to be suspected again.

    The same bytes under another name are ours renamed, or another file's twin: only a confirmed commit tells which.
    """
    if event.taken:
        return _cleared(replace(transfer, before=(*(transfer.before or ()), transfer.suspects[0])), now, policy)
    if not event.equal:
        return not_comparable(transfer, event, now, policy)
    if transfer.ids_changed:
        moved = "The item was moved, which changed all ids; what has the same bytes may have been there before."
        return ending.in_doubt(transfer, Failure(Code.COMMIT_IN_DOUBT, moved, event.graph), now)
    if is_stranger(transfer) and not transfer.landed:
        twin = "A new attachment has the same bytes under another name."
        return ending.in_doubt(transfer, Failure(Code.COMMIT_IN_DOUBT, twin, event.graph), now)
    return ending.attached(transfer, transfer.suspects[0], now)


def not_comparable(
    transfer: Transfer, _event: Compared | NotComparable | Refused, now: datetime, policy: Policy
) -> Transfer:
    """Not the file's bytes, or none to compare. Either way it is not asked for again.

    One of our name is remembered: Outlook rewrites some files (.eml, .msg and .ics; msgraph-sdk-dotnet 2712), so it may
    be ours all the same, and there must be no second copy beside it.
    """
    suspect = transfer.suspects[0]
    if is_stranger(transfer):
        return _cleared(replace(transfer, before=(*(transfer.before or ()), suspect)), now, policy)
    return _cleared(replace(transfer, namesakes=(*transfer.namesakes, suspect)), now, policy)


def _cleared(transfer: Transfer, now: datetime, policy: Policy) -> Transfer:
    """The first suspect is judged: on to the next, or there is nothing new."""
    others = transfer.suspects[1:]
    cleared = replace(transfer, suspects=others, tries=0)
    return cleared if others else nothing_new(cleared, now, policy)


def compare_refused(transfer: Transfer, event: Refused, now: datetime, policy: Policy) -> Transfer:
    """Graph will not show the bytes. Where nobody knows why, it is asked a few times; then there are none."""
    if event.failure.code is Code.GRAPH_REFUSED and transfer.tries >= policy.ask_tries:
        return not_comparable(transfer, event, now, policy)
    return retry_budget.look_refused(transfer, event, now, policy)


def is_stranger(transfer: Transfer) -> bool:
    """True where the suspect that is compared has another name than ours."""
    return len(transfer.suspects) <= transfer.strangers


def suspect_missing(transfer: Transfer, _event: ItemMissing, now: datetime, policy: Policy) -> Transfer:
    """The suspect, or the item, is gone meanwhile: that look showed nothing."""
    return nothing_new(transfer, now, policy)
