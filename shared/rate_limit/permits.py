"""The rate limiter's transitions: what a mailbox's record becomes when a run acquires, extends or releases a permit.

Every function takes the mailbox as it was read and returns it as it is to be written, tidied. Requests are ordered in
two ways. For bytes, each request that has to wait is given a time, in order of arrival. For slots, the first entry of
the wait queue is admitted when one becomes free. A transfer that has waited for bytes, or has begun to send, goes
before a new one.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.core.errors import Code
from shared.engine.process import Deferred
from shared.rate_limit import allowance, wait_queue, window
from shared.rate_limit.allowance import is_enforced
from shared.rate_limit.limits import Limits
from shared.rate_limit.mailbox import Mailbox, Slot, Waiting

WORTH_WAITING = 30
"""A transfer waits up to this fraction (1/n) of the window longer if it can then send all of its bytes at once."""


@dataclass(frozen=True, slots=True)
class PermitRequest:
    """What a run asks of a mailbox.

    Attributes:
        need: bytes still to be sent; 0 where none will be.
        offset: the file's offset that Graph has confirmed.
        whole: all of it goes in one request.
        commits: its next request commits, so that it can do nothing without the item.
        waited: it was given this time to come back at, or has begun to send.
        since: when its file arrived: its position in the wait queue.
    """

    transfer: str
    run: str
    item: str
    need: int
    offset: int = 0
    whole: bool = False
    commits: bool = False
    waited: bool = False
    since: datetime | None = None

    def least(self, limits: Limits) -> int:
        """The smallest grant worth starting with, in bytes."""
        return self.need if self.whole else min(self.need, limits.least_grant)


@dataclass(frozen=True, slots=True)
class Change:
    """The result of a transition.

    Attributes:
        mailbox: as it is to be written.
        outcome: the slot that was granted, or why and until when it was not; None of a release.
        admitted: transfers of the wait queue for which a slot is now reserved: each needs a run.
        was_admitted: the slot had been reserved for this transfer.
    """

    mailbox: Mailbox
    outcome: Slot | Deferred | None
    admitted: tuple[str, ...] = ()
    was_admitted: bool = False


def acquire(mailbox: Mailbox, request: PermitRequest, now: datetime, limits: Limits) -> Change:
    """Ask for a slot and bytes at the beginning of a run."""
    mailbox = _reclaimed(window.tidied(mailbox, now, limits), request, now, limits)
    held = mailbox.slot_of(request.transfer)
    mailbox = mailbox.without_slot(request.transfer)
    if request.waited:
        mailbox = window.without_promise(mailbox, request.need)
    deferred = _closed(mailbox, request) or _awaiting_bytes(mailbox, request, now, limits)
    if deferred is not None:
        return _then_admit(window.with_promise(mailbox, request.need, deferred.until, limits), deferred, now, limits)
    if held is None:
        mailbox, admitted = wait_queue.admit(mailbox, now, limits, before=request.transfer)
    else:
        admitted = ()
    no_item = request.commits and mailbox.is_wanted(request.item, request.transfer, now)
    if no_item or len(mailbox.live(now)) >= limits.slots:
        mailbox = wait_queue.with_entry(mailbox, wait_entry(request))
        return Change(mailbox, Deferred(_recheck(request, now, limits), known=False), admitted)
    slot = Slot(request.transfer, request.run, now + timedelta(seconds=limits.lease), offset=request.offset)
    if not mailbox.is_wanted(request.item, request.transfer, now):
        slot = replace(slot, item=request.item)
    slot = replace(slot, granted=_grant(mailbox, request, now, limits))
    was_admitted = held is not None and held.run is None
    return Change(wait_queue.without(mailbox, request.transfer).with_slot(slot), slot, admitted, was_admitted)


def extend(mailbox: Mailbox, slot: Slot, request: PermitRequest, sent: int, now: datetime, limits: Limits) -> Change:
    """Ask for more bytes: the grant is used up, `sent` bytes of it since the last record."""
    mailbox, slot = _recorded(mailbox, slot, sent, now, limits)
    deferred = _closed(mailbox, request) or _awaiting_bytes(mailbox, request, now, limits)
    if deferred is not None:
        return Change(window.with_promise(mailbox, request.need, deferred.until, limits), deferred)
    slot = replace(slot, granted=slot.granted + _grant(mailbox, request, now, limits), offset=request.offset)
    return Change(mailbox.with_slot(slot), slot)


def lock_item(mailbox: Mailbox, slot: Slot, request: PermitRequest, sent: int, now: datetime, limits: Limits) -> Change:
    """Take the lock on the item's commits, before a commit; Deferred while another transfer has it."""
    mailbox, slot = _recorded(mailbox, slot, sent, now, limits)
    if mailbox.is_taken(request.item, request.transfer, now):
        slot = replace(slot, wants=request.item)
        return Change(mailbox.with_slot(slot), Deferred(now, known=False))
    slot = replace(slot, item=request.item, wants=None)
    return Change(mailbox.with_slot(slot), slot)


def renew(mailbox: Mailbox, slot: Slot, sent: int, now: datetime, limits: Limits) -> Change:
    """Renew the slot's lease and record what was sent since the last record."""
    mailbox, slot = _recorded(mailbox, slot, sent, now, limits)
    if mailbox.closed_until is not None or (is_enforced(mailbox, now, limits) and window.room(mailbox, limits) < 0):
        slot = replace(slot, granted=0)  # so that it asks before its next range, and is deferred with the reason
        mailbox = mailbox.with_slot(slot)
    return Change(mailbox, slot)


def throttled(
    mailbox: Mailbox, slot: Slot, sent: int, refused: int, closed_until: datetime, now: datetime, limits: Limits
) -> Change:
    """Record a 429: the mailbox is closed for every run until then, and counts as evidence about bytes.

    `refused`: bytes of the request, where nothing else explains the answer; else 0.
    """
    mailbox, slot = _recorded(mailbox, slot, sent, now, limits)
    return Change(allowance.after_refusal(_with_closed(mailbox, closed_until, now, limits), refused, now, limits), slot)


def dispatch(mailbox: Mailbox, now: datetime, limits: Limits) -> Change:
    """Admit whichever transfers of the wait queue there are slots for."""
    return _then_admit(window.tidied(mailbox, now, limits), None, now, limits)


def release(
    mailbox: Mailbox, slot: Slot, sent: int, closed_until: datetime | None, now: datetime, limits: Limits
) -> Change:
    """Give the slot back at the end of a run. One that belongs to the transfer's next run by now stays."""
    own = mailbox.slot_of(slot.transfer)
    mailbox, _ = _recorded(mailbox, slot, sent, now, limits)
    mailbox = mailbox.without_slot(slot.transfer)
    if own is not None and own.run != slot.run:
        mailbox = mailbox.with_slot(own)
    if closed_until is not None:
        mailbox = _with_closed(mailbox, closed_until, now, limits)
    return _then_admit(mailbox, None, now, limits)


def wait_entry(request: PermitRequest) -> Waiting:
    """The transfer's entry for the wait queue."""
    return Waiting(request.transfer, request.item if request.commits else None, request.since)


def _then_admit(mailbox: Mailbox, outcome: Deferred | None, now: datetime, limits: Limits) -> Change:
    mailbox, admitted = wait_queue.admit(mailbox, now, limits)
    return Change(mailbox, outcome, admitted)


def _reclaimed(mailbox: Mailbox, request: PermitRequest, now: datetime, limits: Limits) -> Mailbox:
    """Settle the grant of a run that died: what its checkpoint confirms, and `Limits.unconfirmed`, counts as sent.

    The rest of the grant is free again.
    """
    held = mailbox.slot_of(request.transfer)
    if held is None or not held.granted:
        return mailbox
    sent = min(held.granted, max(0, request.offset - held.offset) + limits.unconfirmed)
    mailbox = mailbox.with_slot(replace(held, granted=0))
    return window.with_spent(mailbox, sent, min(held.until, now), limits)


def _recorded(mailbox: Mailbox, slot: Slot, sent: int, now: datetime, limits: Limits) -> tuple[Mailbox, Slot]:
    """With the slot's lease renewed and its bytes spent. A slot whose lease had expired is restored."""
    mailbox = window.with_spent(window.tidied(mailbox, now, limits), sent, now, limits)
    until = now + timedelta(seconds=limits.lease)
    slot = replace(slot, until=until, granted=max(0, slot.granted - sent), offset=slot.offset + sent)
    return mailbox.with_slot(slot), slot


def _with_closed(mailbox: Mailbox, until: datetime, now: datetime, limits: Limits) -> Mailbox:
    latest = min(until, now + timedelta(seconds=limits.longest_closed))
    return replace(mailbox, closed_until=max(latest, mailbox.closed_until or latest))


def _closed(mailbox: Mailbox, request: PermitRequest) -> Deferred | None:
    """Deferred while the mailbox is closed; the runs come back spread over a few seconds."""
    if mailbox.closed_until is None:
        return None
    until = mailbox.closed_until + timedelta(seconds=3 * _spread(request))
    return Deferred(until, known=True, code=Code.GRAPH_THROTTLED)


def _awaiting_bytes(mailbox: Mailbox, request: PermitRequest, now: datetime, limits: Limits) -> Deferred | None:
    """Deferred until enough bytes fit the window; None where they fit now."""
    if not is_enforced(mailbox, now, limits):
        return None
    ahead = 0 if request.waited else window.promised(mailbox)
    least = request.least(limits)
    if not least or (window.is_empty(mailbox) and not ahead):
        return None
    soonest = window.when(mailbox, ahead + least, now, limits)
    if soonest <= now:
        return None
    at_once = window.when(mailbox, ahead + min(request.need, limits.window_bytes), now, limits)
    worth_it = at_once - soonest <= timedelta(seconds=limits.window_seconds / WORTH_WAITING)
    return Deferred(at_once if worth_it else soonest, known=True, code=Code.MAILBOX_ALLOWANCE_USED)


def _grant(mailbox: Mailbox, request: PermitRequest, now: datetime, limits: Limits) -> int:
    """Bytes granted to this slot. An empty window grants any one file whole: Graph decides about its last few bytes."""
    if not is_enforced(mailbox, now, limits) or window.is_empty(mailbox):
        return request.need
    kept = 0 if request.waited else window.promised(mailbox)
    return max(0, min(request.need, window.room(mailbox, limits) - kept))


def _recheck(request: PermitRequest, now: datetime, limits: Limits) -> datetime:
    return now + timedelta(seconds=limits.recheck * (0.75 + _spread(request) / 2))


def _spread(request: PermitRequest) -> float:
    """A number in [0, 1) derived from the transfer's id: spreads the runs that were given the same time."""
    return int.from_bytes(hashlib.sha256(request.transfer.encode()).digest()[:4]) / 2**32
