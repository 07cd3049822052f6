"""The line for places on a mailbox: an entry in storage for all who wait, the next few of them in the mailbox itself.

Whoever finds no place leaves an entry and goes; nobody looks again by itself. Whoever leaves calls those who are next,
out of `Mailbox.line`, which one listing of the entries fills for many of them. So what a transfer costs does not depend
on how many wait with it, and the mailbox's blob is written by those who work, not by those who wait.

No entry is overlooked. Whoever waits writes its entry first and looks at the mailbox once more after it: where it
cannot have a place then, it makes sure that `queued` is set. Whoever takes `queued` away lists once more after that: an
entry that came too late for the first listing is found by the second, or its transfer saw that `queued` was gone.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta

from shared.rate_limit.limits import Limits
from shared.rate_limit.mailbox import Mailbox, Slot, Waiting


def wants_entries(mailbox: Mailbox, now: datetime, limits: Limits, leaving: str | None = None) -> bool:
    """True where a place is free, or will be once `leaving` has left, and nobody in the mailbox's line can have it."""
    if not mailbox.queued or (mailbox.closed_until is not None and mailbox.closed_until > now):
        return False
    there = mailbox if leaving is None else mailbox.without_slot(leaving)
    if len(there.live(now)) >= limits.slots:
        return False
    if not there.line:
        return True
    is_due = mailbox.listed_at is None or now - mailbox.listed_at >= timedelta(seconds=limits.relist)
    return is_due and not any(_can_come(there, one, now) for one in there.line)


def filled(
    mailbox: Mailbox, entries: tuple[Waiting, ...], now: datetime, limits: Limits
) -> tuple[Mailbox, tuple[Waiting, ...]]:
    """The mailbox with the next entries in its line, and the entries that need not stay in storage.

    `entries` are the first of the line, at most `Limits.listed`; fewer mean that these are all.
    """
    known = {one.transfer for one in mailbox.line} | {slot.transfer for slot in mailbox.live(now) if slot.run}
    called = {slot.transfer for slot in mailbox.live(now) if not slot.run}  # it may just have come for nothing
    of_item = Counter(one.item for one in mailbox.line if one.item is not None)
    taken = list(mailbox.line)
    moved: list[Waiting] = []
    for one in entries:
        if one.transfer in known:
            moved.append(one)
            continue
        if one.transfer in called:
            continue
        if len(taken) >= limits.line or (one.item is not None and of_item[one.item] >= limits.line_of_item):
            continue
        if one.item is not None:
            of_item[one.item] += 1
        taken.append(one)
        moved.append(one)
    is_rest = len(moved) < len(entries) or len(entries) >= limits.listed
    return replace(mailbox, line=tuple(taken), queued=is_rest, listed_at=now), tuple(moved)


def noted(mailbox: Mailbox, waiting: Waiting) -> Mailbox:
    """The mailbox, once this transfer has left its entry. It may stand in the line already, and wait for more now."""
    if any(one.transfer == waiting.transfer for one in mailbox.line):
        line = tuple(waiting if one.transfer == waiting.transfer else one for one in mailbox.line)
        return replace(mailbox, line=line)
    return replace(mailbox, queued=True)


def without(mailbox: Mailbox, transfer: str) -> Mailbox:
    """The mailbox without this transfer in its line."""
    return replace(mailbox, line=tuple(one for one in mailbox.line if one.transfer != transfer))


def called(
    mailbox: Mailbox, now: datetime, limits: Limits, before: str | None = None
) -> tuple[Mailbox, tuple[str, ...]]:
    """Give free places to the line, in its order, up to the transfer `before`; whom to call.

    Whoever waits for an item that is still taken is passed over, and keeps its position.
    """
    calls: list[str] = []
    left: list[Waiting] = []
    for index, waiting in enumerate(mailbox.line):
        free = limits.slots - len(mailbox.live(now))
        if waiting.transfer == before or free <= 0 or mailbox.closed_until is not None:
            left += mailbox.line[index:]
            break
        if not _can_come(mailbox, waiting, now):
            left.append(waiting)
            continue
        kept_until = now + timedelta(seconds=limits.call)
        mailbox = mailbox.with_slot(Slot(waiting.transfer, None, kept_until, item=waiting.item))
        calls.append(waiting.transfer)
    return replace(mailbox, line=tuple(left)), tuple(calls)


def _can_come(mailbox: Mailbox, waiting: Waiting, now: datetime) -> bool:
    return waiting.item is None or not mailbox.is_wanted(waiting.item, waiting.transfer, now)
