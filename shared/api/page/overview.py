"""What the page's overview shows: counts by state, what needs a person first, what is in progress, what has ended."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from shared.api.page.shown import LABELS, row
from shared.core.model import State, Transfer
from shared.core.public_state import PublicState
from shared.storage import outcome_index
from shared.storage.checkpoints import TRANSFERS, UNFINISHED
from shared.storage.listing import Listing, Page
from shared.storage.places import ACKNOWLEDGED, IN_DOUBT, MOST_HEADS, UNDER_WAY, Wanted

_ATTACHED, _FAILED, _CANCELLED = PublicState.ATTACHED.value, PublicState.FAILED.value, PublicState.CANCELLED.value

STATES = (
    IN_DOUBT,
    _FAILED,
    UNDER_WAY,
    PublicState.QUEUED.value,
    PublicState.SENDING.value,
    PublicState.WAITING.value,
    _ATTACHED,
    _CANCELLED,
    ACKNOWLEDGED,
)
"""What the filter offers, in the order of what needs a person; the counts above it are some of them."""

CHOICES = tuple((state, LABELS[state]) for state in STATES)

ROWS = 25
"""Transfers of the listing that one page shows."""

FIRST = 10
"""Transfers that each of the parts before it shows."""

MOST_COUNTED = 500
"""Where counting stops, and a `+` stands instead: a page costs the same however many transfers there are."""


@dataclass(frozen=True, slots=True)
class Filter:
    """What the caller wants to see; empty texts = everything. `shows_all`: the list of all, and not the overview."""

    state: str = ""
    mailbox: str = ""
    blob: str = ""
    code: str = ""
    since: str = ""
    wanted: Wanted = field(default_factory=Wanted)
    continuation: str | None = None
    shows_all: bool = False

    @property
    def is_start(self) -> bool:
        """True for the page that a person opens first: nothing filtered, nothing passed over."""
        return self.wanted == Wanted() and self.continuation is None and not self.shows_all


@dataclass(frozen=True, slots=True)
class Count:
    """One number. `shown` ends in `+` where there may be more."""

    state: str
    label: str
    shown: str


@dataclass(frozen=True, slots=True)
class Part:
    """One table."""

    id: str
    title: str
    items: list[dict[str, Any]]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything that the template needs of it. `is_empty`: there is no transfer at all."""

    counts: list[Count]
    parts: list[Part]
    unreadable: tuple[str, ...]
    continuation: str | None
    is_empty: bool


def overview(listing: Listing, asked: Filter, now: datetime) -> Overview:
    """One page. Raises ContinuationInvalid and StorageUnavailable."""
    prefixes = (
        TRANSFERS,
        UNFINISHED,
        outcome_index.FAILED,
        outcome_index.IN_DOUBT,
        outcome_index.CANCELLED,
        outcome_index.ACKNOWLEDGED,
    )
    with ThreadPoolExecutor(len(prefixes), thread_name_prefix="overview") as pool:
        listed = pool.submit(listing.page, asked.wanted, ROWS, asked.continuation, now)
        wants = ((IN_DOUBT, FIRST), (_FAILED, FIRST), (UNDER_WAY, MOST_HEADS)) if asked.is_start else ()
        first = [pool.submit(listing.page, Wanted(state), most, None, now) for state, most in wants]
        counted = [pool.submit(listing.count, prefix, MOST_COUNTED) for prefix in prefixes]
        numbers = dict(zip(prefixes, (count.result() for count in counted), strict=True))
        page, parts = listed.result(), [part.result() for part in first]
    counts = _counts(numbers)
    if not asked.is_start:
        order = "By where they stand, then by name." if asked.wanted.blob else ""
        title = "Transfers found" if asked.wanted != Wanted() else "All transfers, newest file first"
        shown = [Part("listed", title, _rows(page.transfers, now), " ".join(filter(None, (order, _note(page)))))]
        return Overview(counts, shown, page.unreadable, page.continuation, is_empty=False)
    return Overview(
        counts,
        _parts(page, *parts, now=now),
        page.unreadable,
        page.continuation,
        is_empty=not numbers[TRANSFERS] and not numbers[UNFINISHED],
    )


def _parts(page: Page, doubtful: Page, failed: Page, busy: Page, *, now: datetime) -> list[Part]:
    """What a person should see before anything else; each transfer once, and a part with nothing in it left out.

    What is in doubt comes first among the failed ones: somebody has to open the item and look.
    """
    doubted = {transfer.id for transfer in doubtful.transfers}
    troubles = [*doubtful.transfers, *(one for one in failed.transfers if one.id not in doubted)]
    shown = {one.id for one in (*troubles, *busy.transfers)}
    ended = [one for one in page.transfers if one.is_over and one.id not in shown and not _is_open(one)]
    more = doubtful.continuation is not None or failed.continuation is not None
    parts = [
        Part(_FAILED, "Failed", _rows(troubles, now), "The newest; the counts above lead to all." if more else ""),
        Part(
            UNDER_WAY,
            "In progress",
            _rows(busy.transfers, now),
            "The newest; the counts above lead to all." if busy.continuation is not None else "",
        ),
        Part("listed", "Lately ended", _rows(ended, now)),
    ]
    return [part for part in parts if part.items]


def _is_open(transfer: Transfer) -> bool:
    """A failure that nobody has dealt with: it stands among the failed ones."""
    return transfer.state is State.FAILED and transfer.acknowledged is None


def _counts(numbers: dict[str, int]) -> list[Count]:
    """In the order of what needs a person. Attached transfers are those that are nothing else."""
    others = sum(
        numbers[prefix]
        for prefix in (UNFINISHED, outcome_index.FAILED, outcome_index.CANCELLED, outcome_index.ACKNOWLEDGED)
    )
    is_bound = any(number >= MOST_COUNTED for number in numbers.values())
    attached = max(0, numbers[TRANSFERS] - others)
    shown = {
        IN_DOUBT: _capped(numbers[outcome_index.IN_DOUBT]),
        _FAILED: _capped(numbers[outcome_index.FAILED]),
        UNDER_WAY: _capped(numbers[UNFINISHED]),
        _ATTACHED: f"{attached}{'+' if is_bound else ''}",
        _CANCELLED: _capped(numbers[outcome_index.CANCELLED]),
        ACKNOWLEDGED: _capped(numbers[outcome_index.ACKNOWLEDGED]),
    }
    return [Count(state, LABELS[state], number) for state, number in shown.items()]


def _capped(number: int) -> str:
    return f"{number}+" if number >= MOST_COUNTED else str(number)


def _rows(transfers: tuple[Transfer, ...] | list[Transfer], now: datetime) -> list[dict[str, Any]]:
    return [row(transfer, now) for transfer in transfers]


def _note(page: Page) -> str:
    is_short = page.continuation is not None and len(page.transfers) < ROWS
    return "This page has looked at as many transfers as one page does; there may be more." if is_short else ""
