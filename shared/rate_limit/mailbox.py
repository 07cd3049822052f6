"""What is known of one mailbox: who works on it, who waits, and what was sent of late. Times are UTC, sizes bytes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Place:
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

    places: tuple[Place, ...] = ()
    line: tuple[Waiting, ...] = ()
    spent: tuple[Spent, ...] = ()
    promises: tuple[Promise, ...] = ()
    closed_until: datetime | None = None
    counted_until: datetime | None = None
    queued: bool = False
    listed_at: datetime | None = None

    def live(self, now: datetime) -> tuple[Place, ...]:
        """The places whose holders have been heard of."""
        return tuple(place for place in self.places if place.until > now)

    def place_of(self, transfer: str) -> Place | None:
        """The transfer's place, alive or dead."""
        return next((place for place in self.places if place.transfer == transfer), None)

    def with_place(self, place: Place) -> Mailbox:
        """With this place in place of the transfer's former one."""
        return replace(self, places=(*self.without_place(place.transfer).places, place))

    def without_place(self, transfer: str) -> Mailbox:
        """Without the transfer's place."""
        return replace(self, places=tuple(place for place in self.places if place.transfer != transfer))

    def is_taken(self, item: str, by_others_than: str, now: datetime) -> bool:
        """True where another transfer has the item's commits."""
        return any(place.item == item and place.transfer != by_others_than for place in self.live(now))

    def is_wanted(self, item: str, by_others_than: str, now: datetime) -> bool:
        """True where another transfer has the item's commits, or is to have them next."""
        return any(item in {place.item, place.wants} and place.transfer != by_others_than for place in self.live(now))
