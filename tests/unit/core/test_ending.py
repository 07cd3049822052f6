"""How a transfer ends."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.core import ending
from shared.core.errors import Code
from shared.core.events import CancelRequested, Refused, RefusedBy
from shared.core.model import Answered, Failure, Route, State
from tests.unit.core.shapes import FAILURE, NOW, POLICY, SEEN, SIZE, at, session, transfer

REFUSED = Refused(FAILURE, RefusedBy.GRAPH)
STORMY: dict[str, Any] = {
    "failure": replace(FAILURE, detail="an older one"),
    "strangers": 1,
    "session": session(),
    "suspects": ("new",),
    "not_before": at(9),
    "announced_at": NOW,
    "verdict": FAILURE,
}
QUIET: dict[str, Any] = {"announced_at": NOW, "finished_at": at(1)}


@pytest.mark.parametrize("attachment_id", ["new", None])
def test_an_attached_transfer_drops_its_secret_and_its_verdict(attachment_id: str | None) -> None:
    assert ending.attached(transfer(State.LOOKING, **STORMY), attachment_id, at(1)) == transfer(
        State.ATTACHED, attachment_id=attachment_id, bytes_confirmed=SIZE, **QUIET
    )


def test_a_failed_transfer_drops_its_secret_and_says_why() -> None:
    assert ending.failed(transfer(State.LOOKING, **STORMY), FAILURE, at(1)) == transfer(
        State.FAILED, failure=FAILURE, verdict=FAILURE, **QUIET
    )


def test_a_cancelled_transfer_drops_its_secret_and_its_verdict() -> None:
    assert ending.cancelled(transfer(State.LOOKING, **STORMY), at(1)) == transfer(State.CANCELLED, **QUIET)


@pytest.mark.parametrize(
    ("fields", "is_ending"),
    [({}, False), ({"verdict": FAILURE}, True), ({"cancel_requested": True}, True)],
)
def test_a_verdict_or_a_persons_wish_is_an_end(fields: dict[str, Any], *, is_ending: bool) -> None:
    assert ending.is_ending(transfer(**fields)) is is_ending


@pytest.mark.parametrize(
    ("fields", "state", "failure"),
    [
        ({"verdict": FAILURE}, State.FAILED, FAILURE),
        ({"verdict": FAILURE, "cancel_requested": True}, State.FAILED, FAILURE),
        ({"cancel_requested": True}, State.CANCELLED, None),
    ],
)
def test_a_verdict_is_told_before_a_wish(fields: dict[str, Any], state: State, failure: Failure | None) -> None:
    ended = ending.end(transfer(State.LOOKING, **fields), NOW)
    assert (ended.state, ended.failure, ended.finished_at) == (state, failure, NOW)


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({"session": session(), "announced_at": NOW}, State.FENCING),
        ({"session": session()}, State.FENCING),
        ({"announced_at": NOW}, State.LOOKING),
        ({}, State.FAILED),
    ],
)
def test_winding_down_fences_then_looks_then_ends(fields: dict[str, Any], state: State) -> None:
    down = ending.wind_down(transfer(State.COMMITTING, verdict=FAILURE, suspects=("x",), **fields), NOW)
    assert (down.state, down.suspects, down.verdict) == (state, (), FAILURE)
    assert down.is_over or down.session == fields.get("session")


def test_a_final_no_winds_down_with_that_verdict() -> None:
    down = ending.refused(transfer(State.SENDING, session=session(), tries=3), REFUSED, NOW, POLICY)
    assert down == transfer(State.FENCING, session=session(), verdict=FAILURE)


def test_the_first_final_no_stands() -> None:
    first = replace(FAILURE, code=Code.SOURCE_GONE)
    down = ending.refused(transfer(State.SENDING, session=session(), verdict=first), REFUSED, NOW, POLICY)
    assert down.verdict == first


def test_a_post_that_graph_refused_is_looked_for_before_that_is_believed() -> None:
    before = transfer(State.COMMITTING, Route.POST, announced_at=NOW, missing_since=NOW)
    down = ending.post_refused(before, REFUSED, at(1), POLICY)
    said = Answered(0, NOW)
    assert down == replace(before, state=State.LOOKING, verdict=FAILURE, answered=said)


def test_a_post_that_never_left_leaves_no_doubt() -> None:
    gone = Failure(Code.SOURCE_GONE, "The file is gone.")
    before = transfer(State.COMMITTING, Route.POST, announced_at=NOW)
    ended = ending.post_refused(before, Refused(gone, RefusedBy.SOURCE), at(1), POLICY)
    assert ended == transfer(State.FAILED, Route.POST, failure=gone, verdict=gone, finished_at=at(1))


def test_a_refused_final_range_leaves_its_session_in_doubt() -> None:
    down = ending.post_refused(transfer(State.COMMITTING, session=session(), announced_at=NOW), REFUSED, NOW, POLICY)
    assert down == transfer(State.FENCING, session=session(), announced_at=NOW, verdict=FAILURE)


@pytest.mark.parametrize("state", [State.LOOKING, State.COMPARING])
def test_a_look_refused_with_a_commit_in_doubt_is_left_to_a_person(state: State) -> None:
    ended = ending.refused_a_look(transfer(state, announced_at=NOW), REFUSED, NOW, POLICY)
    assert ended.failure == Failure(
        Code.COMMIT_IN_DOUBT,
        "The last part of 'report.pdf' was sent and its answer lost. The item showed nothing new; looking further "
        "failed: The app may not write to this mailbox. Open the item in ann@example.com and look for 'report.pdf', "
        "20 bytes.",
        SEEN,
    )


def test_a_look_refused_after_a_confirmed_commit_is_not_needed() -> None:
    ended = ending.refused_a_look(transfer(State.LOOKING, announced_at=NOW, landed=True), REFUSED, NOW, POLICY)
    assert (ended.state, ended.attachment_id) == (State.ATTACHED, None)


@pytest.mark.parametrize(
    ("fields", "state", "failure"),
    [
        ({}, State.FAILED, FAILURE),
        ({"verdict": replace(FAILURE, detail="first")}, State.FAILED, replace(FAILURE, detail="first")),
        ({"cancel_requested": True}, State.CANCELLED, None),
    ],
)
def test_a_look_refused_with_nothing_in_doubt_ends(
    fields: dict[str, Any], state: State, failure: Failure | None
) -> None:
    ended = ending.refused_a_look(transfer(State.LOOKING, **fields), REFUSED, at(1), POLICY)
    assert (ended.state, ended.failure, ended.finished_at) == (state, failure, at(1))


def test_what_is_in_doubt_names_the_attachments_that_could_not_be_compared() -> None:
    doubtful = transfer(State.COMPARING, suspects=("a", "b"), announced_at=NOW)
    ended = ending.in_doubt(doubtful, FAILURE, at(1))
    assert ended.failure is not None
    assert "The item showed 2 new attachment(s) that could not be compared;" in ended.failure.detail
    assert (ended.state, ended.announced_at, ended.finished_at) == (State.FAILED, NOW, at(1))


@pytest.mark.parametrize("state", [State.FENCING, State.LOOKING, State.COMPARING])
def test_a_wish_to_end_lets_the_evidence_be_gathered(state: State) -> None:
    settling = transfer(state, session=session(), suspects=("new",), not_before=at(9), tries=3)
    asked = ending.cancel(settling, CancelRequested(), NOW, POLICY)
    assert asked == replace(settling, cancel_requested=True, tries=0)


@pytest.mark.parametrize(
    ("before", "state"),
    [
        (transfer(State.PLANNED, not_before=at(9)), State.CANCELLED),
        (transfer(State.OPENING, not_before=at(9)), State.CANCELLED),
        (transfer(State.SENDING, session=session(), not_before=at(9)), State.FENCING),
        (transfer(State.ASKING, session=session(), not_before=at(9)), State.FENCING),
        (transfer(State.RESENDING, session=session(), not_before=at(9)), State.FENCING),
        (transfer(State.COMMITTING, session=session(), announced_at=NOW, not_before=at(9)), State.FENCING),
        (transfer(State.COMMITTING, Route.POST, announced_at=NOW, not_before=at(9)), State.LOOKING),
    ],
)
def test_a_wish_to_end_winds_down_at_once(before: Any, state: State) -> None:
    asked = ending.cancel(replace(before, tries=3), CancelRequested(), NOW, POLICY)
    assert (asked.state, asked.cancel_requested, asked.not_before, asked.tries) == (state, True, None, 0)
