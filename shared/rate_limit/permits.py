"""Taking turns: what becomes of a mailbox when somebody comes, sends, asks for more, or leaves.

Every function takes the mailbox as it was read and gives it back as it is to be written, tidied. Order is kept in two
lines: for bytes everybody is told a time, in the order they came; for places the first in the line is called when one
becomes free. Whoever has waited for bytes, or has begun to send, goes before whoever comes anew.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.core.errors import Code
from shared.rate_limit import allowance, wait_queue, window
from shared.rate_limit.allowance import is_kept
from shared.rate_limit.limits import Limits
from shared.rate_limit.mailbox import Mailbox, Slot, Waiting

PATIENCE = 30
"""A part of the window, one in so many, that a transfer rather waits longer if it can then send all at once."""


@dataclass(frozen=True, slots=True)
class PermitRequest:
    """What a run wants of a mailbox.

    Attributes:
        need: bytes still to be sent; 0 where none will be.
        offset: the file's offset that Graph has confirmed.
        whole: all of it goes in one request.
        commits: its next request commits, so that it can do nothing without the item.
        waited: it was told to come at this time, or has begun to send.
        since: when its file came: its position in the line.
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
        """Bytes without which it is not worth beginning."""
        return self.need if self.whole else min(self.need, limits.least_grant)


@dataclass(frozen=True, slots=True)
class Deferred:
    """Not now. `until` is known where bytes are short (`known`); else it is when to look again if nobody calls.

    `code` says why: others are at work there, the allowance is used up, or Graph asked everybody to wait.
    """

    until: datetime
    known: bool
    code: Code = Code.MAILBOX_BUSY


@dataclass(frozen=True, slots=True)
class Change:
    """What came of it: the mailbox to be written; a place, a time, or None where one left; whom to call.

    `was_called`: it came for a place that was kept for it.
    """

    mailbox: Mailbox
    outcome: Slot | Deferred | None
    calls: tuple[str, ...] = ()
    was_called: bool = False


def enter(mailbox: Mailbox, asked: PermitRequest, now: datetime, limits: Limits) -> Change:
    """A run wants to begin."""
    mailbox = _returned(window.tidied(mailbox, now, limits), asked, now, limits)
    held = mailbox.slot_of(asked.transfer)
    mailbox = mailbox.without_slot(asked.transfer)
    if asked.waited:
        mailbox = window.without_promise(mailbox, asked.need)
    later = _closed(mailbox, asked) or _short(mailbox, asked, now, limits)
    if later is not None:
        return _then_call(window.with_promise(mailbox, asked.need, later.until, limits), later, now, limits)
    if held is None:
        mailbox, calls = wait_queue.called(mailbox, now, limits, before=asked.transfer)
    else:
        calls = ()
    no_item = asked.commits and mailbox.is_wanted(asked.item, asked.transfer, now)
    if no_item or len(mailbox.live(now)) >= limits.slots:
        mailbox = wait_queue.noted(mailbox, waiting(asked))
        return Change(mailbox, Deferred(_recheck(asked, now, limits), known=False), calls)
    slot = Slot(asked.transfer, asked.run, now + timedelta(seconds=limits.lease), offset=asked.offset)
    if not mailbox.is_wanted(asked.item, asked.transfer, now):
        slot = replace(slot, item=asked.item)
    slot = replace(slot, granted=_grant(mailbox, asked, now, limits))
    was_called = held is not None and held.run is None
    return Change(wait_queue.without(mailbox, asked.transfer).with_slot(slot), slot, calls, was_called)


def more(mailbox: Mailbox, slot: Slot, asked: PermitRequest, sent: int, now: datetime, limits: Limits) -> Change:
    """A run has used up what it was granted, `sent` bytes since it last told, and needs more."""
    mailbox, slot = _told(mailbox, slot, sent, now, limits)
    later = _closed(mailbox, asked) or _short(mailbox, asked, now, limits)
    if later is not None:
        return Change(window.with_promise(mailbox, asked.need, later.until, limits), later)
    slot = replace(slot, granted=slot.granted + _grant(mailbox, asked, now, limits), offset=asked.offset)
    return Change(mailbox.with_slot(slot), slot)


def claim(mailbox: Mailbox, slot: Slot, asked: PermitRequest, sent: int, now: datetime, limits: Limits) -> Change:
    """A run is about to commit, and does not have its item's commits yet."""
    mailbox, slot = _told(mailbox, slot, sent, now, limits)
    if mailbox.is_taken(asked.item, asked.transfer, now):
        slot = replace(slot, wants=asked.item)
        return Change(mailbox.with_slot(slot), Deferred(now, known=False))
    slot = replace(slot, item=asked.item, wants=None)
    return Change(mailbox.with_slot(slot), slot)


def renew(mailbox: Mailbox, slot: Slot, sent: int, now: datetime, limits: Limits) -> Change:
    """A run tells that it is alive, and what it has sent since it last told."""
    mailbox, slot = _told(mailbox, slot, sent, now, limits)
    if mailbox.closed_until is not None or (is_kept(mailbox, now, limits) and window.room(mailbox, limits) < 0):
        slot = replace(slot, granted=0)  # it asks before its next range, and hears why it has to wait
        mailbox = mailbox.with_slot(slot)
    return Change(mailbox, slot)


def throttled(
    mailbox: Mailbox, slot: Slot, sent: int, refused: int, closed_until: datetime, now: datetime, limits: Limits
) -> Change:
    """A run was answered 429: everybody stays away until then, and what that shows of bytes is noted.

    `refused`: bytes of the request, where nothing else explains the answer; else 0.
    """
    mailbox, slot = _told(mailbox, slot, sent, now, limits)
    return Change(allowance.after_refusal(_closed_at(mailbox, closed_until, now, limits), refused, now, limits), slot)


def dispatch(mailbox: Mailbox, now: datetime, limits: Limits) -> Change:
    """Call whoever of the line there is a place for."""
    return _then_call(window.tidied(mailbox, now, limits), None, now, limits)


def leave(
    mailbox: Mailbox, slot: Slot, sent: int, closed_until: datetime | None, now: datetime, limits: Limits
) -> Change:
    """A run ends. A place that meanwhile belongs to the transfer's next run stays."""
    own = mailbox.slot_of(slot.transfer)
    mailbox, _ = _told(mailbox, slot, sent, now, limits)
    mailbox = mailbox.without_slot(slot.transfer)
    if own is not None and own.run != slot.run:
        mailbox = mailbox.with_slot(own)
    if closed_until is not None:
        mailbox = _closed_at(mailbox, closed_until, now, limits)
    return _then_call(mailbox, None, now, limits)


def waiting(asked: PermitRequest) -> Waiting:
    """What the run's transfer would wait for in the line."""
    return Waiting(asked.transfer, asked.item if asked.commits else None, asked.since)


def _then_call(mailbox: Mailbox, outcome: Deferred | None, now: datetime, limits: Limits) -> Change:
    mailbox, calls = wait_queue.called(mailbox, now, limits)
    return Change(mailbox, outcome, calls)


def _returned(mailbox: Mailbox, asked: PermitRequest, now: datetime, limits: Limits) -> Mailbox:
    """A transfer comes back whose last run died: what its checkpoint says was sent is spent, and a little for doubt.

    The rest of what that run was granted is free again.
    """
    held = mailbox.slot_of(asked.transfer)
    if held is None or not held.granted:
        return mailbox
    sent = min(held.granted, max(0, asked.offset - held.offset) + limits.doubt)
    mailbox = mailbox.with_slot(replace(held, granted=0))
    return window.with_spent(mailbox, sent, min(held.until, now), limits)


def _told(mailbox: Mailbox, slot: Slot, sent: int, now: datetime, limits: Limits) -> tuple[Mailbox, Slot]:
    """The place is alive, and what it sent is spent. One that was given up for dead comes back as it was."""
    mailbox = window.with_spent(window.tidied(mailbox, now, limits), sent, now, limits)
    until = now + timedelta(seconds=limits.lease)
    slot = replace(slot, until=until, granted=max(0, slot.granted - sent), offset=slot.offset + sent)
    return mailbox.with_slot(slot), slot


def _closed_at(mailbox: Mailbox, until: datetime, now: datetime, limits: Limits) -> Mailbox:
    latest = min(until, now + timedelta(seconds=limits.longest_closed))
    return replace(mailbox, closed_until=max(latest, mailbox.closed_until or latest))


def _closed(mailbox: Mailbox, asked: PermitRequest) -> Deferred | None:
    """Graph asked everybody to wait; they come back spread over a few seconds."""
    if mailbox.closed_until is None:
        return None
    until = mailbox.closed_until + timedelta(seconds=3 * _spread(asked))
    return Deferred(until, known=True, code=Code.GRAPH_THROTTLED)


def _short(mailbox: Mailbox, asked: PermitRequest, now: datetime, limits: Limits) -> Deferred | None:
    """When to come for bytes; None where enough of them fit now."""
    if not is_kept(mailbox, now, limits):
        return None
    ahead = 0 if asked.waited else window.promised(mailbox)
    least = asked.least(limits)
    if not least or (window.is_empty(mailbox) and not ahead):
        return None
    soonest = window.when(mailbox, ahead + least, now, limits)
    if soonest <= now:
        return None
    at_once = window.when(mailbox, ahead + min(asked.need, limits.window_bytes), now, limits)
    worth_it = at_once - soonest <= timedelta(seconds=limits.window_seconds / PATIENCE)
    return Deferred(at_once if worth_it else soonest, known=True, code=Code.MAILBOX_ALLOWANCE_USED)


def _grant(mailbox: Mailbox, asked: PermitRequest, now: datetime, limits: Limits) -> int:
    """Bytes for this place. An empty window takes any one file whole: Graph decides about the last few bytes of it."""
    if not is_kept(mailbox, now, limits) or window.is_empty(mailbox):
        return asked.need
    kept = 0 if asked.waited else window.promised(mailbox)
    return max(0, min(asked.need, window.room(mailbox, limits) - kept))


def _recheck(asked: PermitRequest, now: datetime, limits: Limits) -> datetime:
    return now + timedelta(seconds=limits.recheck * (0.75 + _spread(asked) / 2))


def _spread(asked: PermitRequest) -> float:
    """A number in [0, 1) that belongs to the transfer, so that those who were told together come apart."""
    return int.from_bytes(hashlib.sha256(asked.transfer.encode()).digest()[:4]) / 2**32
