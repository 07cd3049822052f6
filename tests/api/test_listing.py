"""Pages of transfers from the checkpoint container, and the marks that keep them cheap; on Azurite."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import Any

import pytest

from assurance.checkpoint_fixtures import ADA, GRACE, IN_DOUBT, NOW, CheckpointFixtures, transfer
from devkit.local.azurite import Azurite
from shared.core import planning
from shared.core.model import Acknowledgement, State, Transfer
from shared.storage import outcome_index
from shared.storage.listing import ContinuationInvalid
from shared.storage.places import Wanted
from shared.storage.ports import Checkpoint, StorageRefused
from tests.unit.core.shapes import retried

pytestmark = pytest.mark.xdist_group("api listing")

LATER = NOW + timedelta(hours=1)


@pytest.fixture(scope="module")
def mixed(azurite: Azurite) -> CheckpointFixtures:
    """Four of every state, of two mailboxes in turn."""
    fixtures = CheckpointFixtures(azurite, "mixed")
    kinds: list[tuple[State, dict[str, Any]]] = [
        (State.PLANNED, {}),
        (State.SENDING, {"runs": 1}),
        (State.PLANNED, {"runs": 1, "not_before": LATER}),
        (State.ATTACHED, {}),
        (State.FAILED, {}),
        (State.FAILED, {"failure": IN_DOUBT}),
        (State.CANCELLED, {}),
    ]
    fixtures.put_all(
        transfer(number, *kinds[number % 7][:1], mailbox=(ADA, GRACE)[number % 2], **kinds[number % 7][1])
        for number in range(28)
    )
    return fixtures


@pytest.fixture
def empty(azurite: Azurite, request: pytest.FixtureRequest) -> CheckpointFixtures:
    return CheckpointFixtures(azurite, "empty" + str(abs(hash(request.node.name)))[:12])


def pages(fixtures: CheckpointFixtures, wanted: Wanted, limit: int = 200) -> list[Transfer]:
    """Everything that is listed, over all pages."""
    found: list[Transfer] = []
    continuation: str | None = None
    for _ in range(100):
        page = fixtures.listing.page(wanted, limit, continuation, NOW)
        assert len(page.transfers) <= limit
        found += page.transfers
        continuation = page.continuation
        if continuation is None:
            return found
    raise AssertionError("no end of pages")


def numbers(listed: list[Transfer]) -> list[int]:
    return [int(one.plan.source.blob.split()[1].removesuffix(".pdf")) for one in listed]


BY_STATE = {"queued": 0, "sending": 1, "waiting": 2, "attached": 3, "cancelled": 6, "in-doubt": 5}


@pytest.mark.parametrize("limit", [1, 3, 4, 200])
@pytest.mark.parametrize(
    ("state", "kinds"),
    [
        (None, {0, 1, 2, 3, 4, 5, 6}),
        ("failed", {4, 5}),
        ("under-way", {0, 1, 2}),
        *((state, {kind}) for state, kind in BY_STATE.items()),
    ],
)
@pytest.mark.parametrize("mailbox", [None, ADA, GRACE.upper()])
def test_a_listing_has_exactly_what_is_wanted(
    mixed: CheckpointFixtures, state: str | None, kinds: set[int], mailbox: str | None, limit: int
) -> None:
    parity = {None: (0, 1), ADA: (0,), GRACE.upper(): (1,)}[mailbox]
    expected = [number for number in range(27, -1, -1) if number % 7 in kinds and number % 2 in parity]
    listed = numbers(pages(mixed, Wanted(state, mailbox), limit))
    if mailbox is not None and state is None:  # those under way come first, then the others
        assert sorted(listed, reverse=True) == expected
        assert len(listed) == len(set(listed))
    else:
        assert listed == expected


def test_an_unknown_mailbox_has_none(mixed: CheckpointFixtures) -> None:
    assert pages(mixed, Wanted(mailbox="nobody@example.org")) == []


@pytest.mark.parametrize("state", [None, "failed", "sending", "attached"])
def test_where_there_is_no_container_yet_nothing_is_listed(empty: CheckpointFixtures, state: str | None) -> None:
    assert pages(empty, Wanted(state)) == []
    assert empty.listing.count("failed/", 10) == 0


def test_a_transfer_whose_summary_is_missing_is_read_itself(empty: CheckpointFixtures) -> None:
    one = empty.put(transfer(1))
    empty.blob(f"transfers/{one.id}.json").set_blob_metadata({})
    assert pages(empty, Wanted()) == [one]


def test_a_checkpoint_that_cannot_be_read_is_named_and_the_others_are_listed(empty: CheckpointFixtures) -> None:
    good, bad = empty.put(transfer(1)), empty.put(transfer(2, State.SENDING))
    empty.blob(f"transfers/{bad.id}.json").upload_blob(b"{}", overwrite=True)
    for wanted in (Wanted(), Wanted("sending")):
        page = empty.listing.page(wanted, 10, None, NOW)
        assert page.unreadable == (bad.id,)
        assert page.transfers == ((good,) if wanted.state is None else ())


def test_a_mark_without_a_transfer_is_passed_over(empty: CheckpointFixtures) -> None:
    one = empty.put(transfer(1, State.SENDING))
    empty.checkpoints.add_unfinished_entry("0" * 32)
    assert numbers(pages(empty, Wanted("under-way"), 1)) == numbers([one])


def test_a_transfer_that_ended_a_moment_ago_is_not_under_way(empty: CheckpointFixtures) -> None:
    one = empty.put(transfer(1, State.SENDING))
    empty.change(one, state=State.ATTACHED, session=None, finished_at=NOW)
    assert pages(empty, Wanted("under-way")) == []


def test_progress_is_listed_as_it_is_and_not_as_it_was_when_the_mark_was_made(empty: CheckpointFixtures) -> None:
    one = empty.put(transfer(1, State.SENDING))
    empty.change(one, bytes_confirmed=500, runs=1)
    [listed] = pages(empty, Wanted("sending"))
    assert listed.bytes_confirmed == 500


@pytest.mark.parametrize(
    "continuation",
    [
        "",
        "x",
        "é",
        base64.urlsafe_b64encode(b"[]").decode(),
        base64.urlsafe_b64encode(b"5").decode(),
        base64.urlsafe_b64encode(json.dumps(["00000000", 0, "x"]).encode()).decode(),
    ],
)
def test_a_continuation_that_nobody_handed_out_is_refused(mixed: CheckpointFixtures, continuation: str) -> None:
    with pytest.raises(ContinuationInvalid):
        mixed.listing.page(Wanted(), 10, continuation, NOW)


@pytest.mark.parametrize("change", [[0, -1], [0, 1], [0, True], [0, 0.5], [1, 5], [1, "a\nb"], [1, "é"]])
def test_a_continuation_that_was_changed_is_refused(mixed: CheckpointFixtures, change: list[Any]) -> None:
    page = mixed.listing.page(Wanted(), 1, None, NOW)
    assert page.continuation is not None
    text = page.continuation
    parts = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    parts[1 + change[0]] = change[1]
    with pytest.raises(ContinuationInvalid):
        mixed.listing.page(Wanted(), 1, base64.urlsafe_b64encode(json.dumps(parts).encode()).decode(), NOW)


def test_a_continuation_names_no_mailbox(mixed: CheckpointFixtures) -> None:
    page = mixed.listing.page(Wanted(mailbox=ADA), 1, None, NOW)
    assert page.continuation is not None
    text = page.continuation
    assert b"ada" not in base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_a_listing_that_storage_refuses_says_so(azurite: Azurite) -> None:
    gone = CheckpointFixtures(azurite, "Not_A_Container")
    with pytest.raises(StorageRefused, match="STORAGE_REFUSED: storage answered 400 InvalidResourceName"):
        gone.listing.page(Wanted(), 1, None, NOW)


# --- the marks of ends ----------------------------------------------------------------------------------------------

NOTED = Acknowledgement(NOW, "Sent by hand.")
NAME = "names/in%2Ffile%201%2Epdf/"
PLACES = [
    (State.ATTACHED, {}, set[str]()),
    (State.FAILED, {}, {"failed/", "codes/TARGET_NOT_FOUND/", NAME}),
    (State.FAILED, {"failure": IN_DOUBT}, {"failed/", "in-doubt/", "codes/COMMIT_IN_DOUBT/", NAME}),
    (State.FAILED, {"acknowledged": NOTED}, {"acknowledged/", "codes/TARGET_NOT_FOUND/", NAME}),
    (State.FAILED, {"failure": IN_DOUBT, "acknowledged": NOTED}, {"acknowledged/", "codes/COMMIT_IN_DOUBT/", NAME}),
    (State.CANCELLED, {}, {"cancelled/", NAME}),
]


@pytest.mark.parametrize(("state", "changes", "places"), PLACES)
def test_an_end_is_marked_where_it_is_looked_for(
    empty: CheckpointFixtures, state: State, changes: dict[str, Any], places: set[str]
) -> None:
    one = empty.put(transfer(1, state, **changes))
    expected = {f"{place}{one.id}" for place in places | {outcome_index.of_mailbox(ADA)}}
    assert set(empty.names()) - {f"transfers/{one.id}.json"} == expected
    empty.ends.notify(Checkpoint(one, None, "again"))
    assert set(empty.names()) - {f"transfers/{one.id}.json"} == expected
    empty.ends.forget(one)
    assert set(empty.names()) == {f"transfers/{one.id}.json"}
    empty.ends.forget(one)


@pytest.mark.parametrize(("state", "changes", "places"), PLACES)
@pytest.mark.parametrize(("before", "changed", "old"), PLACES[1:])
def test_an_end_after_a_retry_leaves_no_mark_of_the_one_before(
    empty: CheckpointFixtures,
    before: State,
    changed: dict[str, Any],
    old: set[str],
    state: State,
    changes: dict[str, Any],
    places: set[str],
) -> None:
    ended = empty.put(transfer(1, before, **changed))
    failure = transfer(1, state, **changes).failure
    kept = {"retries": 1, "history": retried(ended, NOW).history}
    again = empty.change(ended, state=state, **{"acknowledged": None, **kept, **changes, "failure": failure})
    empty.ends.notify(Checkpoint(again, None, "again"))
    left = {name.removesuffix(again.id) for name in empty.names()} - {outcome_index.of_mailbox(ADA)}
    assert {name for name in left if not name.startswith("transfers/")} == places


def test_a_refused_file_has_no_mailbox_and_is_marked_as_failed(empty: CheckpointFixtures) -> None:
    refused = planning.refuse(transfer(1).plan.source, IN_DOUBT, NOW)
    empty.put(refused)
    assert numbers(pages(empty, Wanted("failed"))) == [1]
    assert empty.names("mailboxes/") == []
