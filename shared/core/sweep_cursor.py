"""Where the sweep stands between two ticks, and what it could not handle: plain values and their arithmetic."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

MOST_TROUBLES = 200
"""Things that failed and are kept by name; of more, a pass is walked again. Chosen: 250 KB of JSON at most, with file
names of 1,024 characters."""

MOST_OLDEST = 20
"""Unfinished transfers that are kept as candidates for the oldest. Chosen: one HEAD each, once it has ended."""

FIRST_PAUSE = timedelta(minutes=5)
LONGEST_PAUSE = timedelta(days=1)
"""Between two tries of what failed: doubles from the first to the longest. Chosen: what heals by itself does so within
minutes; what needs a person is looked at soon enough once a day."""


class Kind(StrEnum):
    """What a trouble is about."""

    FILE = "file"  # a file of the drop container, by its name
    TRANSFER = "transfer"  # an unfinished mark, by its name
    PART = "part"  # one of the sweep's own parts, by its name


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that could not be handled.

    Attributes:
        code: of the catalogue: what the last try ran into.
        detail: the same in words.
        tries: how often it was tried, in a row.
        since: when it failed first.
        due: when it is tried again.
    """

    kind: Kind
    key: str
    code: str
    detail: str
    tries: int
    since: datetime
    due: datetime


@dataclass(frozen=True, slots=True)
class Unended:
    """A transfer that is not over, and since when: its acceptance, or the last time that it was tried again."""

    transfer_id: str
    since: datetime


@dataclass(frozen=True, slots=True)
class SweepCursor:
    """The walk through the drop container. Times are UTC.

    Attributes:
        pass_started_at: when the present pass began.
        known_until: when the pass before began: every older file has been looked at. None in the first pass.
        continuation: where the next page of files begins; None = at the first.
        marks_after: where the next page of unfinished transfers begins; None = at the first.
        file_done, mark_done: the last name on that page that was looked at already; None = not one.
        overflowed: more failed in this pass than is kept by name: the pass after it looks at the same files again.
        troubles: what failed, and when it is tried again.
        oldest: the unfinished transfers that have been so longest, oldest first.
    """

    pass_started_at: datetime
    known_until: datetime | None = None
    continuation: str | None = None
    marks_after: str | None = None
    file_done: str | None = None
    mark_done: str | None = None
    overflowed: bool = False
    troubles: tuple[Trouble, ...] = ()
    oldest: tuple[Unended, ...] = ()

    def trouble(self, kind: Kind, key: str) -> Trouble | None:
        """What is known to be wrong with this."""
        return next((one for one in self.troubles if one.kind is kind and one.key == key), None)


def failed(position: SweepCursor, kind: Kind, key: str, code: str, detail: str, now: datetime) -> SweepCursor:
    """The position once this has failed, again or for the first time."""
    known = position.trouble(kind, key)
    tries = known.tries + 1 if known is not None else 1
    pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(tries - 1, 10))
    trouble = Trouble(kind, key, code, detail, tries, known.since if known is not None else now, now + pause)
    others = tuple(one for one in position.troubles if one is not known)
    if len(others) >= MOST_TROUBLES:
        return replace(position, overflowed=True)
    return replace(position, troubles=(*others, trouble))


def healed(position: SweepCursor, kind: Kind, key: str) -> SweepCursor:
    """The position once this has worked."""
    if position.trouble(kind, key) is None:
        return position
    return replace(position, troubles=tuple(one for one in position.troubles if (one.kind, one.key) != (kind, key)))


def seen_unended(position: SweepCursor, transfer_id: str, since: datetime) -> SweepCursor:
    """The position with one more candidate for the oldest unfinished transfer."""
    others = [one for one in position.oldest if one.transfer_id != transfer_id]
    oldest = sorted([*others, Unended(transfer_id, since)], key=lambda one: (one.since, one.transfer_id))
    return replace(position, oldest=tuple(oldest[:MOST_OLDEST]))


def pass_ended(position: SweepCursor) -> SweepCursor:
    """The position once every file has been looked at, or noted as a trouble."""
    known_until = position.known_until if position.overflowed else position.pass_started_at
    return replace(position, known_until=known_until, continuation=None, file_done=None, overflowed=False)
