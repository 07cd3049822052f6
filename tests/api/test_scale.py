"""A page costs the same however many transfers there are; on Azurite, with LISTING_TRANSFERS of them (1,000).

`LISTING_TRANSFERS=10000 python3 dev.py test tests/api/test_scale.py -n 0 -s` prints what each page took.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Iterator
from typing import Any

import pytest
from azure.core.pipeline.transport import RequestsTransport

from devkit.azurite import Azurite
from shared.api.models import DEFAULT_PAGE
from shared.api.page.overview import Filter, overview
from shared.core.model import State
from shared.storage.listing import Page, Wanted
from tests.api.shelf import IN_DOUBT, NOW, Shelf, transfer

pytestmark = [pytest.mark.xdist_group("api listing"), pytest.mark.timeout(900)]

TRANSFERS = int(os.environ.get("LISTING_TRANSFERS", "1000"))
LONGEST = 0.3
"""Seconds a page may take: the requirement, for 10,000 transfers on Azurite."""

PAGES = 5
MAILBOX = "user7@example.org"

KINDS: list[tuple[State, dict[str, Any]]] = [
    *[(State.ATTACHED, {})] * 80,
    *[(State.FAILED, {})] * 10,
    (State.FAILED, {"failure": IN_DOUBT}),
    *[(State.CANCELLED, {})] * 4,
    *[(State.SENDING, {"runs": 1})] * 3,
    *[(State.PLANNED, {})] * 2,
]
WANTED = [
    (Wanted(), 1),
    (Wanted("attached"), 3),
    (Wanted("failed"), 1),
    (Wanted("cancelled"), 1),
    (Wanted("in-doubt"), 1),
    (Wanted("queued"), 21),
    (Wanted("sending"), 21),
    (Wanted("waiting"), 21),
    (Wanted(mailbox=MAILBOX), 22),
    (Wanted("attached", MAILBOX), 3),
]


@pytest.fixture(scope="module")
def shelf() -> Iterator[Shelf]:
    """Of a hundred transfers eighty are attached, the others everything else; five hundred mailboxes in turn."""
    with Azurite() as azurite:
        full = Shelf(azurite, "full")
        numbers = ((number, KINDS[number * 37 % len(KINDS)]) for number in range(TRANSFERS))
        full.put_all(
            transfer(number, state, mailbox=f"user{number % 500}@example.org", **changes)
            for number, (state, changes) in numbers
        )
        yield full


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The URLs of the requests to storage."""
    urls: list[str] = []
    send = RequestsTransport.send

    def counted(self: RequestsTransport, request: Any, **arguments: Any) -> Any:
        urls.append(request.url)
        return send(self, request, **arguments)

    monkeypatch.setattr(RequestsTransport, "send", counted)
    return urls


def tell(what: object, seconds: float, requests: int) -> None:
    """One line for whoever measures."""
    print(f"\n{TRANSFERS} transfers, {what}: {1000 * seconds:.0f} ms, {requests} requests")  # noqa: T201 - see the module


@pytest.mark.parametrize(("wanted", "requests"), WANTED, ids=lambda value: str(value)[:60])
def test_a_page_takes_few_requests_and_little_time(
    shelf: Shelf, wanted: Wanted, requests: int, sent: list[str]
) -> None:
    shelf.listing.page(wanted, 1, None, NOW)  # the first call opens connections
    took: list[float] = []
    page: Page | None = None
    for _ in range(PAGES):
        sent.clear()
        began = time.perf_counter()
        page = shelf.listing.page(wanted, DEFAULT_PAGE, page.continuation if page else None, NOW)
        took.append(time.perf_counter() - began)
        assert len(sent) <= requests
    tell(wanted, statistics.median(took), len(sent))
    assert min(took) < LONGEST  # of five: what else the machine does is not the listing's cost


def test_the_operators_page_costs_the_same_number_of_requests(shelf: Shelf, sent: list[str]) -> None:
    began = time.perf_counter()
    overview(shelf.listing, Filter("", "", None), NOW)
    tell("overview", time.perf_counter() - began, len(sent))
    assert len(sent) <= 5 + 1 + 2 + 21
