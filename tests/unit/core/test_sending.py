"""The way forward, rule by rule."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.core import ending, sending
from shared.core.errors import Code
from shared.core.events import (
    CommitAborted,
    CommitPrepared,
    Committed,
    FoundItem,
    ItemMissing,
    ItemsFound,
    NotDone,
    OffsetKnown,
    PostTooLarge,
    RangeTooLarge,
    SessionOpened,
    SessionTooSmall,
)
from shared.core.model import Answered, Failure, Refusals, Route, Session, State, Transfer
from shared.core.retry import backoff
from shared.core.retry_budget import LEAST_LOOKS
from tests.unit.core.shapes import FINAL, NOW, POLICY, SEEN, SIZE, URL, at, listed, session, transfer

OWN = backoff(1, POLICY.backoff_first, POLICY.backoff_cap, "f" * 32)
POSTED = transfer(State.COMMITTING, Route.POST, announced_at=NOW, sessions=2)


def found(*kinds: str) -> ItemsFound:
    return ItemsFound(tuple(FoundItem(f"id{at}", kind == "draft") for at, kind in enumerate(kinds)), graph=SEEN)


@pytest.mark.parametrize(
    ("event", "item_id"),
    [
        (found("sent"), "id0"),
        (found("draft"), "id0"),
        (found("sent", "draft"), "id1"),
        (found("draft", "sent", "sent"), "id0"),
    ],
)
def test_the_only_match_or_the_only_draft_is_the_item(event: ItemsFound, item_id: str) -> None:
    looking = transfer(item_id=None, before=None, tries=2)
    assert sending.item_found(looking, event, NOW, POLICY) == transfer(item_id=item_id, before=None)
    missed = replace(looking, missing_since=NOW)
    found_again = sending.item_found(missed, event, NOW, POLICY)
    assert found_again == replace(missed, item_id=item_id)
    assert sending.before_noted(found_again, listed(), NOW, POLICY).missing_since == NOW


@pytest.mark.parametrize(("event", "drafts"), [(found("sent", "sent"), 0), (found("draft", "draft", "sent"), 2)])
def test_several_items_or_several_drafts_are_ambiguous(event: ItemsFound, drafts: int) -> None:
    ended = sending.item_found(transfer(item_id=None, before=None), event, at(1), POLICY)
    assert (ended.state, ended.finished_at) == (State.FAILED, at(1))
    assert ended.failure == Failure(
        Code.TARGET_AMBIGUOUS,
        f"{len(event.items)} items in ann@example.com match messageId 'AAMk=', {drafts} of them drafts.",
        SEEN,
    )


def test_no_match_is_waited_for() -> None:
    waiting = sending.item_found(transfer(item_id=None, before=None), found(), NOW, POLICY)
    assert (waiting.state, waiting.missing_since, waiting.item_id) == (State.PLANNED, NOW, None)


def test_no_match_in_time_is_told_with_the_answer() -> None:
    worn = transfer(item_id=None, before=None, missing_since=at(-POLICY.target_wait), tries=LEAST_LOOKS)
    ended = sending.item_found(worn, found(), NOW, POLICY)
    assert ended.failure is not None
    assert (ended.failure.code, ended.failure.graph) == (Code.TARGET_NOT_FOUND, SEEN)


@pytest.mark.parametrize(("route", "state"), [(Route.POST, State.PLANNED), (Route.SESSION, State.OPENING)])
def test_what_is_attached_already_is_noted(route: Route, state: State) -> None:
    event = listed(("a", "x", 1), ("b", "report.pdf", 20))
    noted = sending.before_noted(transfer(State.PLANNED, route, before=None, tries=2), event, NOW, POLICY)
    assert noted == transfer(state, route, before=("a", "b"))


@pytest.mark.parametrize(
    ("asked", "offset"), [(0, 0), (4, 4), (FINAL, FINAL), (SIZE - 1, SIZE - 1), (SIZE, 0), (SIZE + 9, 0)]
)
def test_a_session_begins_where_graph_asks_unless_that_is_beyond_the_file(asked: int, offset: int) -> None:
    opening = transfer(State.OPENING, tries=3, session_tries=4, transfer_tries=5, sessions=1, bytes_confirmed=9)
    opened = sending.session_opened(opening, SessionOpened(URL, at(60), asked), NOW, POLICY)
    assert opened == transfer(
        State.SENDING, session=Session(URL, at(60), offset), transfer_tries=5, sessions=2, bytes_confirmed=offset
    )


SENDING = transfer(State.SENDING, session=session(8), bytes_confirmed=8, tries=1, session_tries=2, transfer_tries=3)


@pytest.mark.parametrize(
    ("offset", "announced", "state", "tries"),
    [
        (9, False, State.SENDING, 0),
        (FINAL, False, State.SENDING, 0),
        (FINAL, True, State.COMMITTING, 0),
        (FINAL - 1, True, State.SENDING, 0),
        (8, False, State.SENDING, 1),
        (4, False, State.SENDING, 1),
    ],
)
def test_the_session_is_followed_wherever_it_stands(offset: int, *, announced: bool, state: State, tries: int) -> None:
    before = replace(SENDING, announced_at=NOW if announced else None)
    after = sending.moved(before, offset, POLICY)
    assert after == replace(before, state=state, session=session(offset), bytes_confirmed=offset, tries=tries)


def test_a_smaller_range_makes_the_final_one_come_later() -> None:
    before = replace(SENDING, announced_at=NOW, range_bytes=2)
    assert sending.moved(before, FINAL, POLICY).state is State.SENDING
    assert sending.moved(before, 18, POLICY).state is State.COMMITTING
    assert sending.range_bytes(before, POLICY) == 2
    assert sending.range_bytes(SENDING, POLICY) == POLICY.range_bytes


def test_a_range_that_was_taken_is_progress() -> None:
    after = sending.range_answered(SENDING, OffsetKnown(16), NOW, POLICY)
    assert after == replace(SENDING, session=session(16), bytes_confirmed=16, tries=0)


def test_a_range_whose_answer_names_no_offset_was_taken_as_it_was_sent() -> None:
    after = sending.range_answered(SENDING, OffsetKnown(None), NOW, POLICY)
    assert after == replace(SENDING, session=session(16), bytes_confirmed=16, tries=0)


def test_a_final_range_is_never_taken_without_201() -> None:
    finally_ = replace(SENDING, state=State.COMMITTING, session=session(FINAL), announced_at=NOW)
    assert sending.range_answered(finally_, OffsetKnown(None), NOW, POLICY).state is State.ASKING


@pytest.mark.parametrize("offset", [SIZE, SIZE + 1])
def test_an_answer_without_a_usable_offset_makes_us_ask(offset: int | None) -> None:
    after = sending.range_answered(SENDING, OffsetKnown(offset), NOW, POLICY)
    assert after == replace(SENDING, state=State.ASKING, tries=2, session_tries=3, transfer_tries=4)


@pytest.mark.parametrize("offset", [0, 8])
def test_an_answer_that_moves_nothing_costs_patience(offset: int) -> None:
    after = sending.range_answered(SENDING, OffsetKnown(offset), NOW, POLICY)
    stalled = replace(SENDING, session=session(offset), bytes_confirmed=offset)
    assert after == replace(stalled, tries=2, session_tries=3, transfer_tries=4)


def test_a_session_that_never_moves_is_given_up_by_name() -> None:
    worn = replace(SENDING, tries=POLICY.step_tries)
    after = sending.range_answered(worn, OffsetKnown(8, graph=SEEN), NOW, POLICY)
    assert (after.state, after.session) == (State.FENCING, session(8))
    assert after.verdict is not None
    assert (after.verdict.code, after.verdict.graph) == (Code.UPLOAD_STALLED, SEEN)


@pytest.mark.parametrize(("range_bytes", "halved"), [(None, 4), (8, 4), (5, 2), (4, 2)])
def test_a_range_that_is_too_large_is_halved(range_bytes: int | None, halved: int) -> None:
    before = replace(SENDING, range_bytes=range_bytes)
    assert sending.range_too_large(before, RangeTooLarge(), NOW, POLICY) == replace(before, range_bytes=halved)


def test_a_final_range_that_is_halved_is_final_no_more() -> None:
    before = transfer(State.COMMITTING, session=session(FINAL), announced_at=NOW)
    after = sending.range_too_large(before, RangeTooLarge(), NOW, POLICY)
    assert after == replace(before, state=State.SENDING, range_bytes=4)


def test_the_smallest_range_is_not_halved() -> None:
    before = replace(SENDING, range_bytes=3)
    after = sending.range_too_large(before, RangeTooLarge(graph=SEEN), NOW, POLICY)
    assert after.state is State.FENCING
    assert after.verdict is not None
    assert (after.verdict.code, after.verdict.graph) == (Code.RANGE_REFUSED, SEEN)


@pytest.mark.parametrize(("route", "sessions"), [(Route.POST, 3), (Route.SESSION, 2)])
def test_an_announcement_is_dated_and_a_post_counts_as_a_session(route: Route, sessions: int) -> None:
    before = transfer(State.SENDING, route, session=session(FINAL), sessions=2, looks=2, early_looks=1)
    after = sending.commit_announced(before, CommitPrepared(), at(1), POLICY)
    assert after == replace(
        before, state=State.COMMITTING, announced_at=at(1), looks=0, early_looks=0, sessions=sessions
    )


UNPOSTED = transfer(State.PLANNED, Route.POST, sessions=1)


def test_a_post_that_was_not_sent_in_time_is_announced_afresh_later() -> None:
    after = sending.commit_withdrawn(POSTED, CommitAborted(), NOW, POLICY)
    assert after == replace(UNPOSTED, tries=1, session_tries=1, transfer_tries=1, not_before=at(OWN))


def test_a_post_that_can_never_be_sent_in_time_fails_by_name() -> None:
    worn = replace(POSTED, tries=POLICY.step_tries)
    ended = sending.commit_withdrawn(worn, CommitAborted(graph=SEEN), NOW, POLICY)
    assert ended.failure is not None
    assert (ended.failure.code, ended.failure.graph) == (Code.SOURCE_UNREADABLE, SEEN)


@pytest.mark.parametrize(
    ("announced", "before"),
    [
        (POSTED, UNPOSTED),
        (
            transfer(State.COMMITTING, session=session(FINAL), announced_at=NOW, sessions=1),
            transfer(State.SENDING, session=session(FINAL), sessions=1),
        ),
    ],
    ids=["post", "session"],
)
def test_a_commit_that_was_not_sent_is_as_if_it_had_never_been_announced(announced: Transfer, before: Transfer) -> None:
    unsent = replace(announced, commit_unsent=True)
    assert replace(ending.taken_back(unsent), state=before.state) == before


def test_a_post_that_never_left_is_announced_afresh() -> None:
    after = sending.commit_not_done(POSTED, NotDone(Code.GRAPH_CONFLICT, 7), NOW, POLICY)
    assert after == replace(UNPOSTED, tries=1, session_tries=1, transfer_tries=1, not_before=at(7))


def test_a_post_that_was_answered_is_looked_for_when_its_answer_allows() -> None:
    after = sending.commit_not_done(replace(POSTED, tries=2), NotDone(Code.GRAPH_CONFLICT, 7, graph=SEEN), NOW, POLICY)
    looking = replace(POSTED, state=State.LOOKING, answered=Answered(3), not_before=at(7))
    assert after == replace(looking, tries=0, session_tries=1, transfer_tries=1)


def test_a_post_that_is_answered_so_too_often_ends_by_that_name_once_it_was_looked_for() -> None:
    worn = replace(POSTED, tries=POLICY.step_tries)
    after = sending.commit_not_done(worn, NotDone(Code.GRAPH_CONFLICT, graph=SEEN), NOW, POLICY)
    assert after.verdict is not None
    assert (after.state, after.verdict.code, after.answered) == (State.LOOKING, Code.GRAPH_CONFLICT, Answered())


def test_a_final_range_that_was_refused_for_now_stays_announced() -> None:
    before = transfer(State.COMMITTING, session=session(FINAL), announced_at=NOW, sessions=1)
    after = sending.commit_not_done(before, NotDone(Code.GRAPH_CONFLICT, 7), NOW, POLICY)
    assert after == replace(before, tries=1, session_tries=1, transfer_tries=1, not_before=at(7))


def test_a_post_to_a_missing_item_is_looked_for_when_the_item_may_be_there() -> None:
    after = sending.commit_missed(POSTED, ItemMissing(graph=SEEN), NOW, POLICY)
    assert (after.state, after.announced_at, after.answered) == (State.LOOKING, NOW, Answered(1, NOW))
    assert after.not_before is not None


@pytest.mark.parametrize("fields", [{"session": session(FINAL)}, {"route": Route.POST}])
def test_a_commit_that_graph_names_is_attached(fields: dict[str, Any]) -> None:
    before = transfer(State.COMMITTING, **{"announced_at": NOW, **fields})
    ended = sending.committed(before, Committed("new"), at(1), POLICY)
    assert (ended.state, ended.attachment_id, ended.finished_at) == (State.ATTACHED, "new", at(1))


@pytest.mark.parametrize("fields", [{"session": session(FINAL)}, {"route": Route.POST}])
def test_a_commit_that_graph_does_not_name_is_looked_up(fields: dict[str, Any]) -> None:
    before = transfer(State.COMMITTING, **{"announced_at": NOW, "tries": 3, **fields})
    after = sending.committed(before, Committed(None), at(1), POLICY)
    assert after == replace(before, state=State.LOOKING, landed=True, session=None, bytes_confirmed=SIZE, tries=0)


@pytest.mark.parametrize(("announced_at", "dated"), [(None, at(1)), (NOW, NOW)])
def test_a_commit_after_part_of_the_file_is_judged_by_its_bytes(announced_at: Any, dated: Any) -> None:
    before = replace(SENDING, announced_at=announced_at)
    after = sending.committed(before, Committed("new"), at(1), POLICY)
    assert after == replace(before, state=State.FENCING, announced_at=dated, tries=2, session_tries=3, transfer_tries=4)


def test_a_post_that_is_too_large_becomes_a_session_once_it_was_looked_for() -> None:
    after = sending.post_too_large(POSTED, PostTooLarge(), NOW, POLICY)
    looking = replace(POSTED, state=State.LOOKING, route=Route.SESSION, routes_refused=1, answered=Answered())
    assert after == looking


def test_what_a_post_was_refused_says_nothing_of_the_session_that_follows() -> None:
    refused = replace(POSTED, refusals=Refusals(at(-600), 5, 600, State.COMMITTING))
    after = sending.post_too_large(refused, PostTooLarge(), NOW, POLICY)
    assert after.refusals is None
    opened = sending.session_opened(replace(after, state=State.OPENING), SessionOpened(URL, at(60), 0), NOW, POLICY)
    assert opened.refusals is None


def test_a_file_too_small_for_a_session_becomes_a_post() -> None:
    after = sending.session_too_small(transfer(State.OPENING), SessionTooSmall(), NOW, POLICY)
    assert after == transfer(State.PLANNED, Route.POST, routes_refused=1)


def test_a_post_that_no_way_is_left_for_is_looked_for_before_it_fails() -> None:
    after = sending.post_too_large(replace(POSTED, routes_refused=1), PostTooLarge(graph=SEEN), at(1), POLICY)
    assert after.verdict is not None
    assert (after.state, after.verdict.code, after.answered) == (State.LOOKING, Code.SIZE_ROUTES_REFUSED, Answered())


def test_a_file_that_neither_way_takes_fails_by_name() -> None:
    before, event = transfer(State.OPENING, routes_refused=1), SessionTooSmall(graph=SEEN)
    ended = sending.session_too_small(before, event, at(1), POLICY)
    assert ended.failure is not None
    assert (ended.state, ended.finished_at, ended.announced_at) == (State.FAILED, at(1), None)
    assert (ended.failure.code, ended.failure.graph) == (Code.SIZE_ROUTES_REFUSED, SEEN)
