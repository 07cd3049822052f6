"""The wait queue for a mailbox's slots: an entry in storage for each waiting transfer, the head of it in the mailbox.

A transfer that gets no slot writes an entry, and its run ends; it does not poll. A run that releases its slot admits
the next ones from `Mailbox.line`, which one listing of the entries refills for many of them. So what a transfer costs
does not depend on how many wait with it, and the mailbox's blob is written by runs that work, not by those that wait.

No entry is lost. A waiting transfer writes its entry first and reads the mailbox once more after it: where it cannot
have a slot then, it makes sure that `queued` is set. A run that clears `queued` lists once more after that: an entry
that came too late for the first listing is found by the second, or its transfer saw that `queued` was cleared.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta

from shared.rate_limit.limits import Limits
from shared.rate_limit.mailbox import Mailbox, Slot, Waiting


def needs_refill(mailbox: Mailbox, now: datetime, limits: Limits, leaving: str | None = None) -> bool:
    """True where a slot is free, or will be once `leaving` releases its own, and no known entry can have it."""
    if not mailbox.queued or (mailbox.closed_until is not None and mailbox.closed_until > now):
        return False
    there = mailbox if leaving is None else mailbox.without_slot(leaving)
    if len(there.live(now)) >= limits.slots:
        return False
    if not there.line:
        return True
    is_due = mailbox.listed_at is None or now - mailbox.listed_at >= timedelta(seconds=limits.relist)
    return is_due and not any(_is_admissible(there, one, now) for one in there.line)


def refilled(
    mailbox: Mailbox, entries: tuple[Waiting, ...], now: datetime, limits: Limits
) -> tuple[Mailbox, tuple[Waiting, ...]]:
    """The mailbox with the next entries in its `line`, and the entries that need not stay in storage.

    `entries` are the first of the wait queue, at most `Limits.listed`; fewer mean that these are all.
    """
    known = {one.transfer for one in mailbox.line} | {slot.transfer for slot in mailbox.live(now) if slot.run}
    reserved = {
        slot.transfer for slot in mailbox.live(now) if not slot.run
    }  # its run may just have been deferred again
    of_item = Counter(one.item for one in mailbox.line if one.item is not None)
    taken = list(mailbox.line)
    moved: list[Waiting] = []
    for one in entries:
        if one.transfer in known:
            moved.append(one)
            continue
        if one.transfer in reserved:
            continue
        if len(taken) >= limits.kept_entries or (one.item is not None and of_item[one.item] >= limits.kept_per_item):
            continue
        if one.item is not None:
            of_item[one.item] += 1
        taken.append(one)
        moved.append(one)
    is_rest = len(moved) < len(entries) or len(entries) >= limits.listed
    return replace(mailbox, line=tuple(taken), queued=is_rest, listed_at=now), tuple(moved)


def with_entry(mailbox: Mailbox, waiting: Waiting) -> Mailbox:
    """The mailbox, once this transfer's entry is written; it replaces one in `line`, which may wait for less."""
    if any(one.transfer == waiting.transfer for one in mailbox.line):
        line = tuple(waiting if one.transfer == waiting.transfer else one for one in mailbox.line)
        return replace(mailbox, line=line)
    return replace(mailbox, queued=True)


def without(mailbox: Mailbox, transfer: str) -> Mailbox:
    """The mailbox without this transfer in its `line`."""
    return replace(mailbox, line=tuple(one for one in mailbox.line if one.transfer != transfer))


def admit(
    mailbox: Mailbox, now: datetime, limits: Limits, before: str | None = None
) -> tuple[Mailbox, tuple[str, ...]]:
    """Reserve free slots for the transfers of `line`, in order, up to the transfer `before`; which were admitted.

    A transfer that waits for an item that is still locked is passed over, and keeps its position.
    """
    admitted: list[str] = []
    left: list[Waiting] = []
    for index, waiting in enumerate(mailbox.line):
        free = limits.slots - len(mailbox.live(now))
        if waiting.transfer == before or free <= 0 or mailbox.closed_until is not None:
            left += mailbox.line[index:]
            break
        if not _is_admissible(mailbox, waiting, now):
            left.append(waiting)
            continue
        kept_until = now + timedelta(seconds=limits.admission)
        mailbox = mailbox.with_slot(Slot(waiting.transfer, None, kept_until, item=waiting.item))
        admitted.append(waiting.transfer)
    return replace(mailbox, line=tuple(left)), tuple(admitted)


def _is_admissible(mailbox: Mailbox, waiting: Waiting, now: datetime) -> bool:
    return waiting.item is None or not mailbox.is_wanted(waiting.item, waiting.transfer, now)
