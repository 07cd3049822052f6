"""The rate limiter's record of one mailbox: slots, wait queue, and bytes sent of late. Times are UTC, sizes bytes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Slot:
    """The right to make one request at a time.

    Attributes:
        transfer, run: the holder; without a run it is reserved for a transfer that was admitted from the wait queue.
        until: the lease: a holder that has not renewed it by then is dead, and the slot is free.
        granted: bytes that may still be sent and are not recorded as sent.
        offset: the file's offset at which these bytes begin, as far as Graph had confirmed it.
        item: the item whose commits this slot has locked; None where another slot has.
        wants: the item whose commits it waits for: it gets the lock next.
    """

    transfer: str
    run: str | None
    until: datetime
    granted: int = 0
    offset: int = 0
    item: str | None = None
    wants: str | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A transfer in the wait queue for a slot: one entry.

    Attributes:
        item: the item whose commits it waits for as well; None where a slot is enough.
        since: when its file arrived: the earliest goes first.
    """

    transfer: str
    item: str | None = None
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Spent:
    """Bytes that were sent, and when they leave the window."""

    until: datetime
    size: int


@dataclass(frozen=True, slots=True)
class Promise:
    """Bytes for transfers that were deferred to about `at`, because the window was full."""

    at: datetime
    size: int


@dataclass(frozen=True, slots=True)
class Mailbox:
    """Everything about one mailbox, small enough to be read and written with every change.

    Attributes:
        line: the head of the wait queue, as last taken from its entries; a run that releases its slot admits from it.
        queued: the wait queue may have entries that are not in `line`.
        listed_at: when the entries were last listed.
        closed_until: a Retry-After closes the mailbox for every run until then.
        counted_until: Outlook is known to count bytes; until then the window is enforced.
    """

    slots: tuple[Slot, ...] = ()
    line: tuple[Waiting, ...] = ()
    spent: tuple[Spent, ...] = ()
    promises: tuple[Promise, ...] = ()
    closed_until: datetime | None = None
    counted_until: datetime | None = None
    queued: bool = False
    listed_at: datetime | None = None

    def live(self, now: datetime) -> tuple[Slot, ...]:
        """The slots whose leases have not expired."""
        return tuple(slot for slot in self.slots if slot.until > now)

    def slot_of(self, transfer: str) -> Slot | None:
        """The transfer's slot, expired or not."""
        return next((slot for slot in self.slots if slot.transfer == transfer), None)

    def with_slot(self, slot: Slot) -> Mailbox:
        """With this slot in place of the transfer's former one."""
        return replace(self, slots=(*self.without_slot(slot.transfer).slots, slot))

    def without_slot(self, transfer: str) -> Mailbox:
        """Without the transfer's slot."""
        return replace(self, slots=tuple(slot for slot in self.slots if slot.transfer != transfer))

    def is_taken(self, item: str, by_others_than: str, now: datetime) -> bool:
        """True where another transfer has locked the item's commits."""
        return any(slot.item == item and slot.transfer != by_others_than for slot in self.live(now))

    def is_wanted(self, item: str, by_others_than: str, now: datetime) -> bool:
        """True where another transfer has locked the item's commits, or is to lock them next."""
        return any(item in {slot.item, slot.wants} and slot.transfer != by_others_than for slot in self.live(now))
