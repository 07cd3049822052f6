"""What is known of one mailbox: who works on it, who waits, and what was sent of late. Times are UTC, sizes bytes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Slot:
    """The right to make one request at a time.

    Attributes:
        transfer, run: whose it is; without a run it is kept for a transfer that was called from the line.
        until: whoever is not heard of before then is dead, and the place is free.
        granted: bytes that may still be sent and have not been told as sent.
        offset: the file's offset at which these bytes begin, as far as Graph had confirmed it.
        item: the item whose commits are this place's alone; None where another place has them.
        wants: the item whose commits it waits for: they are its own next.
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
    """A transfer in the line for a place.

    Attributes:
        item: the item whose commits it waits for as well; None where a place is enough.
        since: when its file came: whoever came first goes first.
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
    """Bytes for transfers that were told to come at about `at`, because the window was full."""

    at: datetime
    size: int


@dataclass(frozen=True, slots=True)
class Mailbox:
    """Everything about one mailbox, small enough to be read and written with every change.

    Attributes:
        line: the next of the line, as they were last taken from its entries; those who leave call them.
        queued: the line may have entries that are not in `line`.
        listed_at: when the entries were last listed.
        closed_until: Graph asked everybody to stay away until then.
        counted_until: Outlook is known to count bytes; until then the window is kept.
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
        """The places whose holders have been heard of."""
        return tuple(slot for slot in self.slots if slot.until > now)

    def slot_of(self, transfer: str) -> Slot | None:
        """The transfer's place, alive or dead."""
        return next((slot for slot in self.slots if slot.transfer == transfer), None)

    def with_slot(self, slot: Slot) -> Mailbox:
        """With this place in place of the transfer's former one."""
        return replace(self, slots=(*self.without_slot(slot.transfer).slots, slot))

    def without_slot(self, transfer: str) -> Mailbox:
        """Without the transfer's place."""
        return replace(self, slots=tuple(slot for slot in self.slots if slot.transfer != transfer))

    def is_taken(self, item: str, by_others_than: str, now: datetime) -> bool:
        """True where another transfer has the item's commits."""
        return any(slot.item == item and slot.transfer != by_others_than for slot in self.live(now))

    def is_wanted(self, item: str, by_others_than: str, now: datetime) -> bool:
        """True where another transfer has the item's commits, or is to have them next."""
        return any(item in {slot.item, slot.wants} and slot.transfer != by_others_than for slot in self.live(now))
