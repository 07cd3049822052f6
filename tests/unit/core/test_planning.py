"""The birth of a transfer, its id, and its second chance."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core import ending
from shared.core.actions import FindItem, ListAttachments
from shared.core.errors import Code
from shared.core.machine import decide
from shared.core.model import (
    Acknowledgement,
    Answered,
    Failure,
    GraphAnswer,
    Plan,
    Refusals,
    Route,
    Source,
    State,
    Step,
    Target,
    TargetKey,
    Transfer,
    WaitingFor,
)
from shared.core.planning import accept, can_be_retried, refuse, transfer_id
from shared.core.policy import LARGEST_ATTACHMENT
from tests.unit.core.shapes import (
    ATTACHMENT,
    FAILURE,
    NOW,
    POLICY,
    SOURCE,
    TARGET,
    at,
    retried,
    session,
    shapes,
    stopped,
    transfer,
)

DIFFERENT: list[tuple[Source, Target | None, str | None]] = [
    (SOURCE, TARGET, "report.pdf"),
    (SOURCE, TARGET, "Report.pdf"),
    (SOURCE, TARGET, None),
    (SOURCE, None, None),
    (SOURCE, None, "report.pdf"),
    (replace(SOURCE, container="other"), TARGET, "report.pdf"),
    (replace(SOURCE, blob="in/other.pdf"), TARGET, "report.pdf"),
    (replace(SOURCE, etag='"0x2"'), TARGET, "report.pdf"),
    (SOURCE, replace(TARGET, mailbox="bob@example.com"), "report.pdf"),
    (SOURCE, replace(TARGET, value="aamk="), "report.pdf"),
    (SOURCE, replace(TARGET, key=TargetKey.EVENT_ID), "report.pdf"),
]


@pytest.mark.parametrize(("one", "other"), [*combinations(DIFFERENT, 2)])
def test_whatever_makes_a_different_transfer_makes_a_different_id(one: Any, other: Any) -> None:
    assert transfer_id(*one)[8:] != transfer_id(*other)[8:]


def test_the_same_event_delivered_again_makes_the_same_id() -> None:
    again = replace(TARGET, mailbox="Ann@Example.COM")
    assert transfer_id(SOURCE, TARGET, "report.pdf") == transfer_id(SOURCE, again, "report.pdf")


def test_an_id_stays_what_it_was_in_every_earlier_version() -> None:
    assert transfer_id(SOURCE, TARGET, "report.pdf") == "965abcbb303da2715349f0273ffe7e1e"


def test_a_listing_by_id_is_newest_first() -> None:
    times = [NOW + timedelta(seconds=seconds) for seconds in (0, 1, 60, 10**8)]
    ids = [transfer_id(replace(SOURCE, modified_at=time), TARGET, "a") for time in times]
    assert ids == sorted(ids, reverse=True)
    assert ids[0][:8] == f"{0xFFFFFFFF - int(NOW.timestamp()):08x}"


@given(
    st.text(), st.text(), st.text(), st.integers(0, 2**32 - 1).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
)
def test_an_id_is_32_hex_digits_whatever_the_names(blob: str, value: str, name: str, modified_at: datetime) -> None:
    source = replace(SOURCE, blob=blob, modified_at=modified_at)
    made = transfer_id(source, Target("ann@example.com", TargetKey.MESSAGE_ID, value), name)
    assert len(made) == 32
    assert set(made) <= set("0123456789abcdef")


def test_a_name_no_utf8_can_hold_still_has_an_id() -> None:
    assert len(transfer_id(SOURCE, TARGET, "\ud800")) == 32


@pytest.mark.parametrize("route", list(Route))
def test_an_accepted_transfer_is_planned(route: Route) -> None:
    accepted = accept(SOURCE, TARGET, ATTACHMENT, route, NOW)
    assert accepted == Transfer(
        id=transfer_id(SOURCE, TARGET, "report.pdf"),
        plan=Plan(SOURCE, TARGET, ATTACHMENT, NOW),
        route=route,
        state=State.PLANNED,
        item_id="AAMk=",
        updated_at=NOW,
    )


@pytest.mark.parametrize("key", [TargetKey.INTERNET_MESSAGE_ID, TargetKey.ICAL_UID])
def test_an_item_that_is_looked_up_is_not_known_yet(key: TargetKey) -> None:
    assert accept(SOURCE, replace(TARGET, key=key), ATTACHMENT, Route.POST, NOW).item_id is None


@pytest.mark.parametrize(
    ("size", "failure"),
    [
        (0, Failure(Code.SOURCE_EMPTY, "'in/report.pdf' has 0 bytes.")),
        (1, None),
        (LARGEST_ATTACHMENT, None),
        (
            LARGEST_ATTACHMENT + 1,
            Failure(
                Code.SOURCE_TOO_LARGE,
                "'in/report.pdf' has 157286401 bytes; an attachment may have at most 157286400.",
            ),
        ),
    ],
)
def test_a_size_that_cannot_work_fails_at_once(size: int, failure: Failure | None) -> None:
    accepted = accept(replace(SOURCE, size=size), TARGET, ATTACHMENT, Route.SESSION, NOW)
    ended = (State.FAILED, NOW) if failure else (State.PLANNED, None)
    assert (accepted.state, accepted.finished_at) == ended
    assert accepted.failure == failure


def test_a_file_without_a_usable_target_is_a_failed_transfer_that_says_why() -> None:
    assert refuse(SOURCE, FAILURE, NOW) == Transfer(
        id=transfer_id(SOURCE, None, None),
        plan=Plan(SOURCE, None, None, NOW),
        route=Route.SESSION,
        state=State.FAILED,
        failure=FAILURE,
        updated_at=NOW,
        finished_at=NOW,
    )


STORMY: dict[str, Any] = {
    "runs": 7,
    "range_bytes": 4,
    "item_id": "AAMk=",
    "before": ("old",),
    "sought": True,
    "ids_changed": True,
    "session": session(),
    "commit_unsent": True,
    "answered": Answered(9, NOW),
    "fences": 2,
    "looks": 2,
    "early_looks": 3,
    "suspects": ("new",),
    "namesakes": ("like",),
    "strangers": 1,
    "verdict": FAILURE,
    "cancel_requested": True,
    "not_before": at(9),
    "may_land_until": at(8),
    "waiting_for": WaitingFor(Code.GRAPH_THROTTLED, NOW),
    "refusals": Refusals(NOW, 2, 7200, State.OPENING),
    "outage": Refusals(NOW, 3, 86_400, State.SENDING),
    "missing_since": NOW,
    "acknowledged": Acknowledgement(NOW, "Sent by hand."),
    "tries": 1,
    "session_tries": 2,
    "transfer_tries": 3,
    "throttles": 4,
    "sessions": 5,
    "routes_refused": 1,
    "bytes_confirmed": 8,
    "failure": FAILURE,
    "finished_at": NOW,
}


ASKED = Step(at(5), State.FAILED, "", "retry requested", code="ACCESS_DENIED")


def test_a_retry_forgets_all_trouble_and_nothing_else() -> None:
    again = retried(transfer(State.FAILED, **STORMY), at(5))
    kept: dict[str, Any] = {"range_bytes": 4}
    assert again == transfer(State.PLANNED, before=None, retries=1, history=(ASKED,), updated_at=at(5), **kept)


@pytest.mark.parametrize("route", list(Route))
def test_a_retry_of_a_commit_in_doubt_looks_first_and_believes_it_once_its_session_is_dead(route: Route) -> None:
    again = retried(transfer(State.FAILED, route, announced_at=NOW, **STORMY), at(5))
    kept: dict[str, Any] = {"announced_at": NOW, "may_land_until": at(9), "range_bytes": 4, "answered": Answered()}
    assert again == transfer(State.LOOKING, route, retries=1, history=(ASKED,), updated_at=at(5), **kept)


def test_a_second_retry_believes_its_looks_no_earlier_than_the_first() -> None:
    ended = transfer(State.FAILED, announced_at=NOW, may_land_until=at(900), finished_at=NOW)
    assert retried(ended, at(5)).may_land_until == at(900)


def test_a_retry_of_a_refused_file_keeps_its_plan() -> None:
    assert retried(refuse(SOURCE, FAILURE, NOW), at(1)).plan == Plan(SOURCE, None, None, NOW)


@pytest.mark.parametrize("state", sorted(State))
def test_a_retried_transfer_looks_or_notes_what_is_there_before_anything_else(state: State) -> None:
    for shape in shapes(state):
        again = retried(ending.failed(shape, FAILURE, NOW), NOW)
        assert type(decide(again, NOW, POLICY)) in {FindItem, ListAttachments}


@pytest.mark.parametrize("state", list(State))
def test_only_what_failed_or_was_cancelled_can_be_retried(state: State) -> None:
    assert can_be_retried(transfer(state)) == (state in {State.FAILED, State.CANCELLED})


@pytest.mark.parametrize("size", [0, LARGEST_ATTACHMENT + 1])
def test_a_file_of_an_impossible_size_cannot_be_retried(size: int) -> None:
    born = accept(replace(SOURCE, size=size), TARGET, ATTACHMENT, Route.SESSION, NOW)
    assert not can_be_retried(born)


def test_a_file_with_refused_metadata_cannot_be_retried() -> None:
    assert not can_be_retried(refuse(SOURCE, FAILURE, NOW))


def test_a_stopped_transfer_says_why() -> None:
    stormy = transfer(State.SENDING, session=session(), not_before=at(9))
    assert stopped(stormy, "Five runs failed.", at(1)) == transfer(
        State.FAILED,
        failure=Failure(Code.RUNS_FAILED, "Five runs failed.", GraphAnswer(None)),
        history=(Step(at(1), State.SENDING, "", "stopped", code="RUNS_FAILED"),),
        finished_at=at(1),
        updated_at=at(1),
    )


def test_a_transfer_that_is_stopped_while_its_commit_is_in_doubt_says_so() -> None:
    stormy = transfer(State.COMMITTING, session=session(), announced_at=NOW, not_before=at(9))
    ended = stopped(stormy, "Five runs failed.", at(1))
    assert (ended.state, ended.announced_at, ended.session) == (State.FAILED, NOW, None)
    assert (ended.finished_at, ended.updated_at) == (at(1), at(1))
    assert ended.failure is not None
    assert ended.failure.code is Code.COMMIT_IN_DOUBT
    assert "Five runs failed." in ended.failure.detail


@pytest.mark.parametrize(
    ("announced_at", "kept_until"), [(None, None), (NOW, at(9))], ids=["nothing announced", "in doubt"]
)
def test_only_a_commit_in_doubt_makes_the_expiry_matter(
    announced_at: datetime | None, kept_until: datetime | None
) -> None:
    stormy = transfer(State.SENDING, session=session(), announced_at=announced_at)
    assert stopped(stormy, "Five runs failed.", at(1), at(9)).not_before == kept_until


@pytest.mark.parametrize(
    ("found", "state"),
    [
        (transfer(State.SENDING, cancel_requested=True), State.CANCELLED),
        (transfer(State.LOOKING, cancel_requested=True, announced_at=NOW), State.FAILED),  # in doubt: never guessed
        (transfer(State.LOOKING, cancel_requested=True, announced_at=NOW, landed=True), State.ATTACHED),
    ],
)
def test_a_transfer_that_is_stopped_after_a_person_cancelled_it_is_cancelled(found: Transfer, state: State) -> None:
    ended = stopped(found, "Five.", at(1))
    assert (ended.state, ended.failure is None) == (state, state is not State.FAILED)


def test_a_transfer_that_is_stopped_after_graph_confirmed_it_is_attached() -> None:
    ended = stopped(transfer(State.LOOKING, announced_at=NOW, landed=True), "Five.", at(1))
    assert (ended.state, ended.failure, ended.finished_at) == (State.ATTACHED, None, at(1))
    assert ended.updated_at == at(1)


def test_every_field_of_a_transfer_is_kept_or_forgotten_on_purpose() -> None:
    kept = {"id", "plan", "route", "state", "item_id", "before", "range_bytes", "announced_at", "landed", "runs"}
    kept |= {"attachment_id", "updated_at", "history", "retries", "recheck_at"}
    assert kept | set(STORMY) == {field.name for field in fields(Transfer)}


def test_an_id_stays_what_it_was_for_names_of_any_alphabet() -> None:
    assert (
        transfer_id(replace(SOURCE, blob="in/Übersicht.pdf"), TARGET, "Übersicht.pdf")
        == "965abcbb0e5a2a25f334e899a6ed8bf1"
    )


def test_a_commit_that_was_announced_for_an_item_that_is_not_known_cannot_be_retried() -> None:
    """No rule of the core makes such a transfer: a retry would have to look, and has nowhere to."""
    forged = transfer(State.FAILED, failure=FAILURE, finished_at=NOW, announced_at=NOW, item_id=None)
    assert not can_be_retried(forged)
    assert can_be_retried(replace(forged, item_id="AAMk="))
