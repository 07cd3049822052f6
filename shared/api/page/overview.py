"""What the page's overview shows: counts by state, what needs a person first, what is under way, and everything."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.api.page.shown import row
from shared.core.public_state import NOT_OVER, PublicState, public_state
from shared.storage import outcome_index
from shared.storage.checkpoints import TRANSFERS, UNFINISHED
from shared.storage.listing import Listing, Page
from shared.storage.places import IN_DOUBT, MOST_HEADS, UNDER_WAY, Wanted

CHOICES = (IN_DOUBT, *(state.value for state in PublicState))
"""What the filter offers."""

_GOING = tuple(state.value for state in PublicState if state in NOT_OVER)
_ATTACHED, _FAILED, _CANCELLED = PublicState.ATTACHED.value, PublicState.FAILED.value, PublicState.CANCELLED.value

ROWS = 25
"""Transfers of the listing that one page shows."""

FIRST = 10
"""Transfers that each of the parts before it shows."""

MOST_COUNTED = 500
"""Where counting stops, and a `+` stands instead: a page costs the same however many transfers there are."""


@dataclass(frozen=True, slots=True)
class Filter:
    """What the caller wants to see; empty texts = everything."""

    state: str
    mailbox: str
    continuation: str | None

    @property
    def wanted(self) -> Wanted:
        """The same in the listing's words."""
        return Wanted(self.state or None, self.mailbox or None)

    @property
    def is_start(self) -> bool:
        """True for the page that a person opens first: nothing filtered, nothing passed over."""
        return not self.state and not self.mailbox and self.continuation is None


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
    """Everything that the template needs of it."""

    counts: list[Count]
    parts: list[Part]
    unreadable: tuple[str, ...]
    continuation: str | None


def overview(listing: Listing, asked: Filter, now: datetime) -> Overview:
    """One page. Raises ContinuationInvalid and StorageUnavailable."""
    prefixes = (TRANSFERS, UNFINISHED, outcome_index.FAILED, outcome_index.IN_DOUBT, outcome_index.CANCELLED)
    with ThreadPoolExecutor(len(prefixes), thread_name_prefix="overview") as pool:
        listed = pool.submit(listing.page, asked.wanted, ROWS, asked.continuation, now)
        under_way = pool.submit(listing.page, Wanted(UNDER_WAY), MOST_HEADS, None, now)
        first = [pool.submit(listing.page, Wanted(state), FIRST, None, now) for state in (IN_DOUBT, _FAILED)]
        counted = [pool.submit(listing.count, prefix, MOST_COUNTED) for prefix in prefixes]
        numbers = dict(zip(prefixes, (count.result() for count in counted), strict=True))
        page, busy, (doubtful, failed) = listed.result(), under_way.result(), (part.result() for part in first)
    parts = _first_parts(doubtful, failed, busy, now) if asked.is_start else []
    title = "All transfers, newest file first" if asked.is_start else "Transfers"
    parts.append(Part("listed", title, _rows(page, now), _note(page)))
    return Overview(_counts(numbers, busy, now), parts, page.unreadable, page.continuation)


def _first_parts(doubtful: Page, failed: Page, busy: Page, now: datetime) -> list[Part]:
    """What a person should see before anything else; a part with nothing in it is left out."""
    doubted = {transfer.id for transfer in doubtful.transfers}
    others = [transfer for transfer in failed.transfers if transfer.id not in doubted]
    parts = [
        Part(IN_DOUBT, "In doubt: open the item and look", _rows(doubtful, now), _more(doubtful, FIRST)),
        Part(_FAILED, "Failed", [row(transfer, now) for transfer in others], _more(failed, FIRST)),
        Part(UNDER_WAY, "Under way", _rows(busy, now)[:FIRST], _more(busy, FIRST)),
    ]
    return [part for part in parts if part.items]


def _counts(numbers: dict[str, int], busy: Page, now: datetime) -> list[Count]:
    """In the order of what needs a person. Attached transfers are those that are nothing else.

    `busy` are the unfinished ones that were looked at; with more of them, their states' counts are lower bounds.
    """
    states = Counter(public_state(transfer, now).value for transfer in busy.transfers)
    more = "+" if busy.continuation is not None else ""
    others = numbers[UNFINISHED] + numbers[outcome_index.FAILED] + numbers[outcome_index.CANCELLED]
    is_bound = any(
        numbers[prefix] >= MOST_COUNTED
        for prefix in (TRANSFERS, UNFINISHED, outcome_index.FAILED, outcome_index.CANCELLED)
    )
    attached = max(0, numbers[TRANSFERS] - others)
    return [
        Count(IN_DOUBT, "in doubt", _capped(numbers[outcome_index.IN_DOUBT])),
        Count(_FAILED, "failed in all", _capped(numbers[outcome_index.FAILED])),
        *(Count(state, state, f"{states[state]}{more}") for state in _GOING),
        Count(_CANCELLED, _CANCELLED, _capped(numbers[outcome_index.CANCELLED])),
        Count(_ATTACHED, _ATTACHED, f"{attached}{'+' if is_bound else ''}"),
    ]


def _capped(number: int) -> str:
    return f"{number}+" if number >= MOST_COUNTED else str(number)


def _rows(page: Page, now: datetime) -> list[dict[str, Any]]:
    return [row(transfer, now) for transfer in page.transfers]


def _more(page: Page, shown: int) -> str:
    is_cut = page.continuation is not None or len(page.transfers) > shown
    return f"The newest {shown}; the counts above lead to all of them." if is_cut else ""


def _note(page: Page) -> str:
    is_short = page.continuation is not None and len(page.transfers) < ROWS
    return "This page has looked at as many transfers as one page does; there may be more." if is_short else ""
