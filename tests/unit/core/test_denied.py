"""Refusals that may pass by themselves: waited out ever more rarely, said so, and in the end named."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from shared.core import events as ev
from shared.core.actions import FindItem, ListAttachments
from shared.core.errors import Code
from shared.core.machine import apply, decide
from shared.core.model import Plan, Refusals, Route, State, Target, TargetKey, Transfer, WaitingFor
from tests.unit.core.shapes import ATTACHMENT, NOW, POLICY, SEEN, SOURCE, TARGET, URL, at, retried, session, transfer

PLAN = Plan(SOURCE, TARGET, ATTACHMENT, NOW)


def denied(code: Code = Code.UPLOAD_DENIED) -> ev.RangeDenied:
    return ev.RangeDenied(code, graph=SEEN)


@pytest.mark.parametrize(
    ("code", "wait"),
    [
        (Code.ACCESS_DENIED, POLICY.access_wait),
        (Code.TOKEN_REJECTED, POLICY.access_wait),
        (Code.IDENTITY_UNAVAILABLE, POLICY.access_wait),
        (Code.GRAPH_REFUSED, POLICY.unexplained_wait),
        (Code.MAILBOX_NOT_SUPPORTED, POLICY.unexplained_wait),
    ],
)
def test_it_is_tried_ever_more_rarely_for_as_long_as_its_kind_is_given_and_then_named(code: Code, wait: float) -> None:
    one, now, tries = transfer(State.OPENING), NOW, [NOW]
    while True:
        one = apply(one, ev.NotDone(code, graph=SEEN), now, POLICY)
        if one.is_over:
            break
        assert one.waiting_for == WaitingFor(code, NOW, NOW + timedelta(seconds=wait))
        assert one.not_before is not None
        now = one.not_before
        tries.append(now)
    assert tries[-1] == NOW + timedelta(seconds=wait)
    pauses = [(later - sooner).total_seconds() for sooner, later in pairwise(tries)]
    assert all(POLICY.inline_wait < pause <= POLICY.refused_cap for pause in pauses[:-1])
    assert sum(pauses[:2]) < sum(pauses[2:4])
    assert one.failure is not None
    assert one.failure.code is code
    assert f"tried {len(tries)} times within {wait:g} seconds" in one.failure.detail


def test_no_patience_is_a_refusal_at_once() -> None:
    hasty = replace(POLICY, access_wait=0)
    for code in (Code.ACCESS_DENIED, Code.GRAPH_REFUSED):
        ended = apply(transfer(State.OPENING), ev.NotDone(code, graph=SEEN), NOW, hasty)
        assert (ended.state, ended.failure.code if ended.failure else None) == (State.FAILED, code)


def test_the_longest_patience_of_a_mixed_row_counts_and_progress_ends_it() -> None:
    one = apply(transfer(State.OPENING), ev.NotDone(Code.GRAPH_REFUSED, graph=SEEN), NOW, POLICY)
    one = apply(one, ev.NotDone(Code.ACCESS_DENIED, graph=SEEN), at(500), POLICY)
    one = apply(one, ev.NotDone(Code.GRAPH_REFUSED, graph=SEEN), at(5000), POLICY)
    assert one.refusals == Refusals(NOW, 3, POLICY.access_wait, State.OPENING)
    opened = apply(one, ev.SessionOpened(URL, at(9000), 0), at(5001), POLICY)
    assert (opened.refusals, opened.waiting_for) == (None, None)


def sending(**changes: Any) -> Transfer:
    return transfer(State.SENDING, session=session(8), sessions=1, **changes)


def test_an_upload_url_that_refuses_is_tried_again_where_nothing_can_be_committed() -> None:
    held = apply(sending(), denied(), NOW, POLICY)
    assert (held.state, held.session) == (State.SENDING, session(8))
    assert held.waiting_for == WaitingFor(Code.UPLOAD_DENIED, NOW, at(POLICY.access_wait))
    moved = apply(held, ev.OffsetKnown(12), at(30), POLICY)
    assert (moved.refusals, moved.waiting_for) == (None, None)


def test_after_a_row_of_refusals_a_new_session_is_opened_which_has_to_prove_itself() -> None:
    row = Refusals(NOW, POLICY.denied_ranges - 1, POLICY.access_wait, State.SENDING)
    gone = apply(sending(refusals=row), denied(), at(300), POLICY)
    assert gone.state is State.FENCING
    assert gone.not_before is not None
    fenced = apply(gone, ev.SessionFenced(), at(600), POLICY)
    looked = apply(fenced, ev.AttachmentsListed(()), at(600), POLICY)
    assert looked.state is State.OPENING
    again = apply(looked, ev.SessionOpened(URL, at(9000), 0), at(610), POLICY)
    assert again.refusals == Refusals(NOW, POLICY.denied_ranges, POLICY.access_wait, State.SENDING)


def test_sessions_that_were_refused_are_counted_by_the_clock() -> None:
    row = Refusals(NOW, 12, POLICY.access_wait, State.SENDING)
    looking = transfer(State.LOOKING, sessions=POLICY.sessions, refusals=row)
    assert apply(looking, ev.AttachmentsListed(()), at(60), POLICY).state is State.OPENING
    stalled = apply(transfer(State.LOOKING, sessions=POLICY.sessions), ev.AttachmentsListed(()), at(60), POLICY)
    assert stalled.state is State.FAILED


@pytest.mark.parametrize("expires_in", [3600, -1])
def test_where_a_commit_may_be_under_way_or_the_session_is_over_the_item_tells(expires_in: float) -> None:
    announced: dict[str, Any] = {"announced_at": NOW} if expires_in > 0 else {}
    resending = transfer(State.RESENDING, session=session(12, expires_in=expires_in), **announced)
    assert apply(resending, denied(), NOW, POLICY).state is State.FENCING
    unfenced = apply(apply(resending, denied(), NOW, POLICY), ev.FenceRefused(), NOW, POLICY)
    assert unfenced.state is State.LOOKING


def test_a_fence_that_is_refused_for_a_time_is_tried_again_long_before_the_session_dies() -> None:
    row = Refusals(NOW, 2, POLICY.access_wait, State.COMMITTING)
    looking = transfer(State.LOOKING, session=session(12, expires_in=9000), announced_at=NOW, refusals=row)
    after = apply(looking, ev.AttachmentsListed(()), NOW, POLICY)
    assert after.state is State.FENCING
    assert after.not_before is not None
    assert at(POLICY.refused_cap) <= after.not_before <= at(9300 / 5)


def test_what_graph_confirmed_needs_no_rights_to_be_told() -> None:
    landed = transfer(State.LOOKING, announced_at=NOW, landed=True)
    assert apply(landed, ev.NotDone(Code.ACCESS_DENIED, graph=SEEN), NOW, POLICY).state is State.ATTACHED


def test_throttling_without_a_time_backs_off_to_an_hour() -> None:
    row = transfer(State.OPENING, throttles=30)
    held = apply(row, ev.NotDone(Code.GRAPH_THROTTLED, graph=SEEN), NOW, POLICY)
    assert held.not_before is not None
    assert at(1800) <= held.not_before <= at(3600)


LOOKED_UP = replace(PLAN, target=Target("ann@example.com", TargetKey.INTERNET_MESSAGE_ID, "<x@y>"))


@pytest.mark.parametrize("state", [State.PLANNED, State.OPENING, State.LOOKING])
def test_a_looked_up_item_whose_id_is_gone_is_looked_up_again(state: State) -> None:
    moved = replace(transfer(state, before=None if state is State.PLANNED else ("old",)), plan=LOOKED_UP)
    waiting = apply(moved, ev.ItemMissing(graph=SEEN), NOW, POLICY)
    assert (waiting.state, waiting.item_id, waiting.missing_since) == (State.PLANNED, None, NOW)
    assert isinstance(decide(waiting, at(600), POLICY), FindItem)
    found = apply(waiting, ev.ItemsFound((ev.FoundItem("new", is_draft=True),)), at(20), POLICY)
    assert (found.item_id, found.before, found.missing_since) == ("new", None, NOW)


def test_a_looked_up_item_that_is_found_and_gone_by_turns_ends_as_missing() -> None:
    by_turns, now = replace(transfer(item_id=None, before=None), plan=LOOKED_UP), NOW
    for _ in range(99):
        if by_turns.is_over:
            break
        now = by_turns.not_before or now
        found = apply(by_turns, ev.ItemsFound((ev.FoundItem("new", is_draft=True),)), now, POLICY)
        opening = apply(found, ev.AttachmentsListed(()), now, POLICY)
        by_turns = apply(opening, ev.ItemMissing(graph=SEEN), now, POLICY)
    assert by_turns.failure is not None
    assert (by_turns.failure.code, now) == (Code.TARGET_NOT_FOUND, at(POLICY.target_wait))


MOVED = ev.ItemsFound((ev.FoundItem("new", is_draft=True),), graph=SEEN)


@pytest.mark.parametrize("state", [State.LOOKING, State.COMMITTING])
def test_a_commit_in_doubt_is_looked_for_under_the_id_that_its_item_has_now(state: State) -> None:
    doubtful = replace(transfer(state, Route.POST, announced_at=NOW), plan=LOOKED_UP)
    sought = apply(doubtful, ev.ItemMissing(graph=SEEN), NOW, POLICY)
    assert (sought.state, sought.sought, sought.before, sought.missing_since) == (State.LOOKING, True, ("old",), NOW)
    assert isinstance(decide(sought, at(600), POLICY), FindItem)
    found = apply(sought, MOVED, at(20), POLICY)
    assert (found.state, found.item_id, found.sought, found.missing_since) == (State.LOOKING, "new", False, NOW)
    assert isinstance(decide(found, at(20), POLICY), ListAttachments)


def test_where_the_lookup_finds_nothing_the_old_id_is_tried_next_until_the_wait_is_over() -> None:
    sought = replace(transfer(State.LOOKING, announced_at=NOW, sought=True), plan=LOOKED_UP)
    again = apply(sought, ev.ItemsFound(()), NOW, POLICY)
    assert (again.sought, again.item_id, again.missing_since) == (False, "AAMk=", NOW)
    ended = apply(replace(sought, missing_since=at(-600), tries=9), ev.ItemsFound(()), NOW, POLICY)
    assert ended.failure is not None
    assert ended.failure.code is Code.COMMIT_IN_DOUBT


@pytest.mark.parametrize(("landed", "state"), [(False, State.FAILED), (True, State.ATTACHED)])
def test_several_items_under_the_key_of_one_leave_the_doubt(landed: bool, state: State) -> None:
    sought = replace(transfer(State.LOOKING, announced_at=NOW, sought=True, landed=landed), plan=LOOKED_UP)
    two = ev.ItemsFound((ev.FoundItem("a", is_draft=False), ev.FoundItem("b", is_draft=False)))
    ended = apply(sought, two, NOW, POLICY)
    assert (ended.state, ended.attachment_id) == (state, None)
    if ended.failure is not None:
        assert ended.failure.code is Code.COMMIT_IN_DOUBT
        assert "2 items in ann@example.com match internetMessageId" in ended.failure.detail


def test_an_item_that_was_there_and_is_not_found_any_more_was_deleted_or_moved_and_that_is_said() -> None:
    waiting = transfer(State.OPENING, missing_since=at(-600), tries=9)
    ended = apply(waiting, ev.ItemMissing(graph=SEEN), NOW, POLICY)
    assert ended.failure is not None
    assert ended.failure.detail == (
        "The message with messageId 'AAMk=' was in ann@example.com, and then not found there for 600 seconds: it was "
        "deleted, or moved, which changes its id."
    )


def test_a_named_item_keeps_its_id_while_it_is_waited_for() -> None:
    assert apply(transfer(before=None), ev.ItemMissing(graph=SEEN), NOW, POLICY).item_id == "AAMk="


def test_a_persons_retry_looks_the_item_up_again() -> None:
    failed = replace(transfer(State.FAILED), plan=LOOKED_UP, finished_at=NOW)
    assert retried(failed, NOW).item_id is None
    assert retried(transfer(State.FAILED, finished_at=NOW), NOW).item_id == "AAMk="
    assert retried(replace(failed, announced_at=NOW), NOW).item_id == "AAMk="  # what is in doubt is looked for there
