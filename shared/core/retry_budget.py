"""What waits, what is tried again, and when enough is enough.

Failures are counted three ways: in a row at one step, while one session is open, and in the transfer's whole life. Any
progress that Graph confirms ends the row. While settling only the row counts: evidence is worth more than a quota.
What heals by itself is not counted but timed: refusals that may pass, and outages of Graph (`outage.py`).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from shared.core import ending, outage
from shared.core.errors import CATALOGUE, Code
from shared.core.events import ItemMissing, NotDone, RangeDenied, Refused, RefusedBy, Unsure
from shared.core.model import LOOKUPS, Failure, GraphAnswer, Refusals, Session, State, Transfer
from shared.core.policy import Policy
from shared.core.retry import backoff, wait_for

ACCESS = frozenset({Code.ACCESS_DENIED, Code.TOKEN_REJECTED, Code.IDENTITY_UNAVAILABLE, Code.UPLOAD_DENIED})
"""Rights, tokens and identities: they heal within hours (Exchange caches permissions; section 9)."""

UNEXPLAINED = frozenset({Code.GRAPH_REFUSED, Code.MAILBOX_NOT_FOUND, Code.MAILBOX_NOT_SUPPORTED})
"""Refusals that nobody explains, or that were seen to pass: tried again over minutes."""

FENCED_AGAIN = 6
"""A session that refuses everything is asked to end again after a part of what is left of its life, one in so many.
Chosen: about ten times in three hours, thirty in a week."""

LEAST_LOOKS = 6
"""A wait by the clock ends with a look, and with at least so many in all: while a run is dead, or storage is down,
nobody looks, and one more miss behind such a gap says little. Chosen: their pauses take minutes."""

WAITED_OUT = ACCESS | UNEXPLAINED
SETTLED_BY_EVIDENCE = frozenset({State.FENCING, State.LOOKING, State.COMPARING})


def progressed(transfer: Transfer) -> Transfer:
    """Graph confirmed something new: the row of failures is over."""
    return replace(transfer, tries=0, throttles=0, missing_since=None, refusals=None)


def counted(transfer: Transfer) -> Transfer:
    """One more failure, of the kind that costs patience."""
    return replace(
        transfer,
        tries=transfer.tries + 1,
        session_tries=transfer.session_tries + 1,
        transfer_tries=transfer.transfer_tries + 1,
    )


def is_spent(transfer: Transfer, code: Code, policy: Policy) -> bool:
    """True once the patience for this kind of failure is used up."""
    if code is Code.GRAPH_THROTTLED:
        return transfer.throttles > policy.throttles
    if transfer.tries > policy.step_tries:
        return True
    if transfer.state in SETTLED_BY_EVIDENCE:
        return _is_mere_courtesy(transfer) and transfer.tries >= policy.best_effort_tries
    return transfer.session_tries > policy.session_tries or transfer.transfer_tries > policy.transfer_tries


def hold(transfer: Transfer, event: NotDone | Unsure, now: datetime, policy: Policy) -> Transfer:
    """Stay at this step and try it again later, or give up."""
    if event.code in WAITED_OUT:
        return wait_out(transfer, event, now, policy)
    if event.code in outage.CODES:
        return outlast(transfer, event, now, policy)
    cap = policy.backoff_cap
    if event.code is Code.GRAPH_THROTTLED:
        cap = policy.throttle_cap
        transfer = replace(transfer, throttles=transfer.throttles + 1)
        row = transfer.throttles
    else:
        transfer = counted(transfer)
        row = transfer.tries
    if is_spent(transfer, event.code, policy):
        return give_up(transfer, exhausted(transfer, event.code, event.graph), now, policy)
    own = backoff(row, policy.backoff_first, cap, transfer.id)
    return replace(transfer, not_before=now + timedelta(seconds=wait_for(event.retry_after, own)))


def outlast(transfer: Transfer, event: NotDone | Unsure, now: datetime, policy: Policy) -> Transfer:
    """Graph itself fails: stay, and try again ever more rarely, for as long as outages last.

    A fence that cannot be set is not waited for so long: a look may tell. Nor is an attachment's id, or mere courtesy.
    """
    transfer, row = outage.failed_again(transfer, now, policy)
    over = outage.ends_at(row)
    enough = row.times >= least_looks(row.wait, policy.backoff_first, policy.outage_cap)
    is_over = (now >= over and enough) or (transfer.landed and row.times > policy.step_tries)
    if is_over or (_is_mere_courtesy(transfer) and transfer.tries >= policy.best_effort_tries):
        return give_up(transfer, _outlasted(transfer, row, event), now, policy)
    fencing = transfer.state is State.FENCING
    if fencing and transfer.tries > policy.step_tries:
        return fence_by_expiry(transfer, now, policy)
    often = transfer.tries if fencing else max(transfer.tries, row.times)
    cap = policy.backoff_cap if often <= policy.step_tries else policy.outage_cap
    return replace(transfer, not_before=_next_look(now, backoff(often, policy.backoff_first, cap, transfer.id), over))


def _outlasted(transfer: Transfer, row: Refusals, event: NotDone | Unsure) -> Failure:
    """The named failure at the end of an outage that outlasted our patience."""
    detail = (
        f"{CATALOGUE[event.code].title} {transfer.plan.source.blob!r} was {transfer.state.value} at byte "
        f"{transfer.bytes_confirmed} of {transfer.size}; {row.times} attempts since {row.since:%Y-%m-%d %H:%M} UTC "
        f"failed."
    )
    return Failure(event.code, detail, event.graph)


def _is_mere_courtesy(transfer: Transfer) -> bool:
    """Whether nothing can have been committed, and only the fence, or the look, before an end is left."""
    settling = transfer.state in SETTLED_BY_EVIDENCE
    return settling and ending.is_ending(transfer) and transfer.announced_at is None


def wait_out(transfer: Transfer, event: NotDone | Unsure | RangeDenied, now: datetime, policy: Policy) -> Transfer:
    """A refusal that may pass by itself: stay, and try again ever more rarely, for as long as its kind is given.

    Where only courtesy is left, or only the attachment's id is still to be learned, it is not waited for.
    """
    transfer, refusals = refused_again(transfer, event.code, now, policy)
    over = refusals.since + timedelta(seconds=refusals.wait)
    enough = refusals.times >= least_looks(refusals.wait, policy.refused_first, policy.refused_cap)
    is_over = now >= over and enough
    if is_over or transfer.landed or (_is_mere_courtesy(transfer) and refusals.times >= policy.best_effort_tries):
        return give_up(transfer, _refused(transfer, event.code, event.graph), now, policy)
    pause = backoff(refusals.times, policy.refused_first, policy.refused_cap, transfer.id)
    return replace(transfer, not_before=_next_look(now, pause, over))


def _next_look(now: datetime, pause: float, over: datetime) -> datetime:
    """After a pause, but no later than the end of the wait, as long as that is still to come."""
    later = now + timedelta(seconds=pause)
    return min(later, over) if now < over else later


def refused_again(transfer: Transfer, code: Code, now: datetime, policy: Policy) -> tuple[Transfer, Refusals]:
    """The transfer with one more refusal in its row."""
    earlier = transfer.refusals or Refusals(now, 0, 0, transfer.state)
    wait = max(earlier.wait, patience_with(code, policy))
    refusals = Refusals(earlier.since, earlier.times + 1, wait, transfer.state)
    return replace(transfer, refusals=refusals), refusals


def is_waited_out(transfer: Transfer, now: datetime) -> bool:
    """Whether refusals that may pass are still given their time; beyond it what fails counts by number again."""
    row = transfer.refusals
    return row is not None and now < row.since + timedelta(seconds=row.wait)


def least_looks(wait: float, first: float, cap: float) -> int:
    """Looks, counted from 1, without which a wait of so many seconds is not over; pauses double from `first` to `cap`.

    Never more than an undisturbed wait has anyhow, so a short one is not drawn out.
    """
    looks, pause, left = 1, first, wait
    while looks < LEAST_LOOKS and pause <= left:
        looks, left, pause = looks + 1, left - pause, min(cap, pause * 2)
    return looks


def patience_with(code: Code, policy: Policy) -> float:
    """Seconds that a refusal of this kind is waited out, from the first one on."""
    return policy.access_wait if code in ACCESS else min(policy.unexplained_wait, policy.access_wait)


def _refused(transfer: Transfer, code: Code, graph: GraphAnswer | None) -> Failure:
    """The named failure at the end of that wait: what was refused, and for how long it was tried."""
    detail = f"{CATALOGUE[code].title} {transfer.plan.source.blob!r} was {transfer.state.value}."
    if graph is not None:
        detail += f" Graph answered {graph.status} {graph.code or 'without a code'}."
    if transfer.refusals is not None and transfer.refusals.times > 1:
        detail += f" It was tried {transfer.refusals.times} times within {transfer.refusals.wait:g} seconds."
    return Failure(code, detail, graph)


def exhausted(transfer: Transfer, code: Code, graph: GraphAnswer | None = None) -> Failure:
    """The named failure at the end of patience: what went on failing, how often, for which file."""
    often = transfer.throttles if code is Code.GRAPH_THROTTLED else transfer.tries
    detail = (
        f"{CATALOGUE[code].title} {transfer.plan.source.blob!r} was {transfer.state.value} at byte "
        f"{transfer.bytes_confirmed} of {transfer.size}; {often} attempts in a row failed, "
        f"{transfer.transfer_tries} in all."
    )
    return Failure(code, detail, graph)


def give_up(transfer: Transfer, failure: Failure, now: datetime, policy: Policy) -> Transfer:
    """Stop trying. Where a commit may be under way the evidence comes first, and the failure is its verdict."""
    if transfer.landed:
        return ending.attached(transfer, None, now)
    judged = replace(transfer, verdict=transfer.verdict if ending.is_ending(transfer) else failure, tries=0)
    if transfer.state not in SETTLED_BY_EVIDENCE:
        return ending.wind_down(judged, now)
    is_known_missing = transfer.answered is not None and transfer.answered.missing_since is not None
    if transfer.announced_at is None or (is_known_missing and failure.code is Code.TARGET_NOT_FOUND):
        return ending.end(judged, now)
    if transfer.state is State.FENCING:
        return fence_by_expiry(transfer, now, policy)
    return ending.in_doubt(transfer, failure, now)


def fence_by_expiry(transfer: Transfer, now: datetime, policy: Policy) -> Transfer:
    """A session that cannot be deleted is dead once its expiry, and the clocks' difference, have passed.

    Until then a look can still show the attachment; that it shows nothing proves nothing, so the session stays. Where
    no commit was ever announced nothing of the session can become an attachment: there is nothing to fence off.
    """
    session = transfer.session
    if session is None or transfer.announced_at is None or now >= dead_at(session, policy):
        return replace(transfer, state=State.LOOKING, session=None, fences=0, looks=0, tries=0)
    return replace(transfer, state=State.LOOKING, fences=len(policy.fence_delays) + 1, looks=0, tries=0)


def to_fence_again(transfer: Transfer, now: datetime, policy: Policy) -> datetime | None:
    """When a session that may still be open is asked again to end; once that was tried, when it is dead anyhow."""
    if transfer.session is None:
        return None
    end = dead_at(transfer.session, policy)
    if 0 < transfer.fences <= len(policy.fence_delays):
        return min(end, now + timedelta(seconds=policy.fence_delays[transfer.fences - 1]))
    if transfer.refusals is not None:  # it refuses everything for a time, and may answer again long before it dies
        pause = max(timedelta(seconds=policy.refused_cap), (end - now) / FENCED_AGAIN)
        return min(end, now + pause)
    return end


def dead_at(session: Session, policy: Policy) -> datetime:
    """From when on the session refuses every range, whatever the clocks say."""
    return session.expires_at + timedelta(seconds=policy.expiry_margin)


def wait_for_target(transfer: Transfer, event: ItemMissing, now: datetime, policy: Policy) -> Transfer:
    """The item does not exist (yet): look again later, up to `target_wait` seconds after the first miss.

    Time in which nobody looked does not count against it: see `LEAST_LOOKS`.
    """
    since = transfer.missing_since or now
    over = since + timedelta(seconds=policy.target_wait)
    tries = transfer.tries + 1
    if now >= over and tries >= least_looks(policy.target_wait, policy.target_poll_first, policy.target_poll_cap):
        return give_up(transfer, _missing(transfer, event.graph, policy), now, policy)
    pause = backoff(tries, policy.target_poll_first, policy.target_poll_cap, transfer.id)
    until = _next_look(now, pause, over)
    if transfer.target.key in LOOKUPS:  # its id changes when the item is moved
        unsent = transfer.announced_at is None
        anew = {"state": State.PLANNED, "item_id": None, "before": None} if unsent else {"sought": True}
        transfer = replace(transfer, **anew)
    return replace(transfer, missing_since=since, tries=tries, not_before=until)


def look_missed(transfer: Transfer, event: ItemMissing, now: datetime, policy: Policy) -> Transfer:
    """The item is gone while we look at it. With nothing committed there is nothing left to wait for."""
    if ending.is_ending(transfer) and transfer.announced_at is None:
        return ending.end(transfer, now)
    return wait_for_target(transfer, event, now, policy)


def look_refused(transfer: Transfer, event: Refused, now: datetime, policy: Policy) -> Transfer:
    """We may not look. With a commit in doubt it is tried again: what Graph refuses now it may allow in an hour.

    What the source refuses stays refused: its bytes are gone, and nothing can be compared with them.
    """
    hopeless = event.by is not RefusedBy.GRAPH or transfer.tries >= policy.step_tries
    if transfer.announced_at is None or transfer.landed or hopeless:
        return ending.refused_a_look(transfer, event, now, policy)
    transfer = counted(transfer)
    own = backoff(transfer.tries, policy.backoff_first, policy.backoff_cap, transfer.id)
    return replace(transfer, not_before=now + timedelta(seconds=own))


def _missing(transfer: Transfer, graph: GraphAnswer | None, policy: Policy) -> Failure:
    target = transfer.target
    which = f"{target.kind.value} with {target.key.value} {target.value!r}"
    detail = f"No {which} appeared in {target.mailbox} within {policy.target_wait:g} seconds."
    if transfer.before is not None and target.key not in LOOKUPS:
        detail = (
            f"The {which} was in {target.mailbox}, and then not found there for {policy.target_wait:g} seconds: it was "
            f"deleted, or moved, which changes its id."
        )
    return Failure(Code.TARGET_NOT_FOUND, detail, graph)
