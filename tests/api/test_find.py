"""A file is found by its name, its folder, its code and its time, at a bounded cost; on Azurite."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import product
from typing import Any

import pytest

from assurance.checkpoint_fixtures import ADA, GRACE, IN_DOUBT, NOW, CheckpointFixtures, transfer
from assurance.listing import sent
from devkit.local.azurite import Azurite
from shared.core import planning
from shared.core.errors import Code
from shared.core.model import (
    Acknowledgement,
    Failure,
    State,
    Transfer,
    WaitingFor,
)
from shared.core.public_state import public_state
from shared.core.unfinished import unfinished_entry_of
from shared.storage import places
from shared.storage.listing import Listing
from shared.storage.places import Wanted
from tests.unit.core.shapes import retried

pytestmark = pytest.mark.xdist_group("api listing")

LATER = NOW + timedelta(hours=1)
NOTED = Acknowledgement(NOW, "Sent by hand.")
WAITING = WaitingFor(Code.ACCESS_DENIED, NOW)
DENIED = Failure(Code.ACCESS_DENIED, "The app may not write to this mailbox.")
KINDS: list[tuple[State, dict[str, Any]]] = [
    (State.PLANNED, {}),
    (State.PLANNED, {"runs": 1, "not_before": LATER, "waiting_for": WAITING}),
    (State.ATTACHED, {}),
    (State.FAILED, {}),
    (State.FAILED, {"failure": DENIED}),
    (State.FAILED, {"failure": IN_DOUBT}),
    (State.FAILED, {"failure": DENIED, "acknowledged": NOTED}),
    (State.CANCELLED, {}),
]
FOLDERS = ("in/", "in/2026/", "Rechnungen März/", "")


def named(number: int, blob: str, state: State, changes: dict[str, Any]) -> Transfer:
    """The `number`th transfer, of a file of this name."""
    made = transfer(number, state, mailbox=(ADA, GRACE)[number % 2], **changes)
    return replace(made, plan=replace(made.plan, source=replace(made.plan.source, blob=blob)))


class Files:
    """Implements `DroppedFiles`: every third file is still there, as its transfer was made for it."""

    def __init__(self, transfers: list[Transfer]) -> None:
        self.there = {one.plan.source.blob: one.id for number, one in enumerate(transfers) if number % 3 == 0}

    def beginning_with(self, prefix: str, continuation: str | None, size: int) -> tuple[list[str], str | None]:
        names = sorted(name for name in self.there if name.startswith(prefix) and name > (continuation or ""))
        onward = names[size - 1] if len(names) > size else None
        return [self.there[name] for name in names[:size]], onward

    def transfer_of(self, blob: str) -> str | None:
        return self.there.get(blob)


@pytest.fixture(scope="module")
def there() -> list[Transfer]:
    return [
        named(number, f"{FOLDERS[number % 4]}{number % 5} file {number}.pdf", *KINDS[number % 8])
        for number in range(64)
    ]


@pytest.fixture(scope="module")
def room(azurite: Azurite, there: list[Transfer]) -> CheckpointFixtures:
    fixtures = CheckpointFixtures(azurite, "find")
    fixtures.put_all(there)
    return fixtures


@pytest.fixture(params=["with the files", "without the files"])
def listing(request: pytest.FixtureRequest, room: CheckpointFixtures, there: list[Transfer]) -> Listing:
    files = Files(there) if request.param == "with the files" else None
    return Listing(room.access, room.container, room.checkpoints, files)


def everything(listing: Listing, wanted: Wanted, limit: int) -> list[Transfer]:
    """Whatever is listed, over all pages."""
    found: list[Transfer] = []
    continuation: str | None = None
    for _ in range(200):
        page = listing.page(wanted, limit, continuation, NOW)
        assert len(page.transfers) <= limit
        found += page.transfers
        continuation = page.continuation
        if continuation is None:
            return found
    raise AssertionError("no end of pages")


def is_meant(one: Transfer, wanted: Wanted) -> bool:
    """What the listing should show, told without it."""
    plan, code = one.plan, one.failure.code if one.failure else one.waiting_for.code if one.waiting_for else None
    state = public_state(one, NOW).value
    states = {state} if one.acknowledged is None else {"acknowledged"}
    states |= {"in-doubt"} if one.failure == IN_DOUBT and one.acknowledged is None else set()
    states |= {"under-way"} if not one.is_over else set()
    return (
        (wanted.state is None or wanted.state in states)
        and (wanted.mailbox is None or (plan.mailbox or "").lower() == wanted.mailbox.lower())
        and (wanted.blob is None or plan.source.blob.startswith(wanted.blob))
        and (wanted.code is None or wanted.code is code)
        and (wanted.since is None or plan.source.modified_at >= wanted.since)
    )


STATES = (None, "queued", "waiting", "under-way", "attached", "failed", "in-doubt", "acknowledged", "cancelled")
MAILBOXES = (None, GRACE.upper())
BLOBS = (None, "in/", "in/2026/1 file 21.pdf", "Rechnungen März/2", "In/", "nowhere")
CODES = (None, Code.ACCESS_DENIED, Code.TARGET_NOT_FOUND, Code.MAILBOX_FULL)
SINCE: tuple[datetime | None, ...] = (None, NOW - timedelta(days=300) + timedelta(seconds=40))
ALL = [Wanted(*chosen) for chosen in product(STATES, MAILBOXES, BLOBS, CODES, SINCE)]
CHOSEN = random.Random(17).sample(ALL, 120)


@pytest.mark.parametrize("limit", [1, 7, 200])
def test_a_search_finds_exactly_what_is_meant_and_shows_none_of_it_twice(
    listing: Listing, there: list[Transfer], limit: int
) -> None:
    some = CHOSEN if limit == 200 else CHOSEN[:25]
    for wanted in some:
        found = [one.id for one in everything(listing, wanted, limit)]
        assert sorted(found) == sorted(one.id for one in there if is_meant(one, wanted)), wanted


def test_what_is_newest_comes_first_where_no_name_is_asked_for(listing: Listing) -> None:
    for wanted in (Wanted(code=Code.TARGET_NOT_FOUND), Wanted("failed"), Wanted(since=SINCE[1])):
        listed = [one.id for one in everything(listing, wanted, 5)]
        assert len(listed) > 5
        assert listed == sorted(listed)


COSTS = [
    (Wanted("failed", blob="in/"), 3),
    (Wanted("cancelled", GRACE, "in/"), 3),
    (Wanted(code=Code.ACCESS_DENIED), 1 + 3 + 10),
    (Wanted("failed", code=Code.ACCESS_DENIED), 3),
    (Wanted(since=SINCE[1]), 1),
    (Wanted("waiting", blob="in/"), 1 + 10),
    (Wanted(blob="in/2026/"), 8 + 10 + 10),
]


@pytest.mark.parametrize(("wanted", "most"), COSTS)
def test_a_search_costs_no_more_requests_than_the_table_says(listing: Listing, wanted: Wanted, most: int) -> None:
    continuation: str | None = None
    for _ in range(50):
        with sent() as urls:
            page = listing.page(wanted, 50, continuation, NOW)
        assert len(urls) <= most
        continuation = page.continuation
        if continuation is None:
            return


def test_a_search_among_many_passes_over_the_others_in_large_steps(
    room: CheckpointFixtures, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of attached transfers whose files are gone nothing but a walk through all knows the name."""
    monkeypatch.setattr(places, "SIEVED", 10)
    page = room.listing.page(Wanted("attached", blob="in/2026/"), 50, None, NOW)
    assert page.continuation is not None
    with sent() as urls:
        room.listing.page(Wanted("attached", blob="in/2026/"), 50, page.continuation, NOW)
    assert len(urls) <= places.ROUNDS


# --- names ------------------------------------------------------------------------------------------------------------

NAMES = [
    "a.pdf",
    "a/b.pdf",
    "a//b",
    "..",
    "../x",
    "a%2Fb",
    "ä",
    "\u65e5\u672c.pdf",
    "a b",
    "a+b",
    "\u202e",
    "x" * 1024,
    "\\",
]


@pytest.mark.parametrize("name", NAMES)
def test_whatever_a_failed_file_is_called_it_is_found_by_its_name_and_by_what_that_begins_with(
    azurite: Azurite, name: str
) -> None:
    fixtures = CheckpointFixtures(azurite, f"names{NAMES.index(name)}")
    one = fixtures.put(named(1, name, State.FAILED, {}))
    other = fixtures.put(named(2, f"!{name}"[:1024], State.FAILED, {}))
    for asked in {name, name[:1], name[:700]}:
        assert everything(fixtures.listing, Wanted("failed", blob=asked), 5) == [one], asked
    assert everything(fixtures.listing, Wanted(blob="!"), 5) == [other]


def test_two_long_names_that_differ_at_their_end_are_told_apart(azurite: Azurite) -> None:
    fixtures = CheckpointFixtures(azurite, "longnames")
    first, second = (fixtures.put(named(n, f"{'x' * 1000}{n}", State.FAILED, {})) for n in (1, 2))
    assert everything(fixtures.listing, Wanted(blob=f"{'x' * 1000}1"), 1) == [first]
    assert everything(fixtures.listing, Wanted(blob=f"{'x' * 1000}2"), 1) == [second]


# --- what was refused, retried, and is left over ----------------------------------------------------------------------


def test_a_refused_file_is_found_by_the_mailbox_that_its_metadata_gave(azurite: Azurite) -> None:
    fixtures = CheckpointFixtures(azurite, "refused")
    source = transfer(1).plan.source
    failure = Failure(Code.TARGET_MISSING, "No item.")
    one = fixtures.put(planning.refuse(source, failure, NOW, (("mailbox", "Ada@Example.org"),)))
    for wanted in (Wanted(mailbox=ADA), Wanted("failed", ADA), Wanted("failed", ADA, code=Code.TARGET_MISSING)):
        assert everything(fixtures.listing, wanted, 5) == [one]
    assert everything(fixtures.listing, Wanted(mailbox=GRACE), 5) == []


def test_a_retried_transfer_is_under_way_and_has_one_row_whatever_its_older_entry_does(azurite: Azurite) -> None:
    fixtures = CheckpointFixtures(azurite, "retried")
    again = retried(transfer(1, State.FAILED), NOW)
    fixtures.put(again)
    fixtures.checkpoints.add_unfinished_entry(again.id, again)
    assert fixtures.names("unfinished/") == [f"unfinished/{again.id}", f"unfinished/{unfinished_entry_of(again)}"]
    for wanted in (Wanted("queued"), Wanted(mailbox=ADA), Wanted(blob="in/"), Wanted("under-way")):
        assert [one.id for one in everything(fixtures.listing, wanted, 5)] == [again.id]


def test_an_unfinished_entry_of_an_earlier_version_of_the_app_hides_nothing(azurite: Azurite) -> None:
    fixtures = CheckpointFixtures(azurite, "olderentries")
    one = transfer(1, State.PLANNED)
    fixtures.put(one)
    fixtures.blob(f"unfinished/{one.id}").upload_blob(b"", overwrite=True)
    for wanted in (Wanted(blob="in/"), Wanted(mailbox=ADA), Wanted("queued", ADA, "in/file 1.pdf")):
        assert [found.id for found in everything(fixtures.listing, wanted, 5)] == [one.id]
    assert everything(fixtures.listing, Wanted(mailbox=GRACE), 5) == []


@pytest.mark.parametrize("mailbox", [None, ADA])
def test_among_many_that_are_under_way_a_search_asks_only_for_those_that_it_may_mean(
    azurite: Azurite, mailbox: str | None
) -> None:
    fixtures = CheckpointFixtures(azurite, f"busy{mailbox is None}".lower())
    fixtures.put_all(transfer(number, State.PLANNED, mailbox=GRACE) for number in range(40))
    meant = fixtures.put(named(100, "wanted.pdf", State.PLANNED, {}))
    with sent() as urls:
        page = fixtures.listing.page(Wanted("queued", mailbox, "wanted"), 50, None, NOW)
    assert [one.id for one in page.transfers] == [meant.id]
    assert len(urls) == 2


@pytest.mark.parametrize("blob", ["a\x14", "\x00", "\ud800", "x\uffff", "in/"])
def test_a_name_that_no_listing_can_hold_is_searched_for_all_the_same(azurite: Azurite, blob: str) -> None:
    fixtures = CheckpointFixtures(azurite, f"odd{abs(hash(blob)) % 10**8}")
    kept = fixtures.keep("in/kept.pdf")
    page = fixtures.listing_by_files.page(Wanted(blob=blob), 10, None, NOW)
    assert [one.id for one in page.transfers] == ([kept.id] if blob == "in/" else [])
