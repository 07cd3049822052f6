"""What waits, what is tried again, and when enough is enough."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.core import retry_budget, waits
from shared.core.errors import Code
from shared.core.events import ItemMissing, NotDone, Refused, RefusedBy, Unsure
from shared.core.model import Failure, Plan, Refusals, Route, State, Target, TargetKey
from shared.core.retry import backoff
from shared.core.retry_budget import LEAST_LOOKS
from tests.unit.core.shapes import ATTACHMENT, FAILURE, NOW, POLICY, SEEN, SOURCE, at, session, transfer

ID = "f" * 32
SENDING = transfer(State.SENDING, session=session())
CHANGED = Failure(Code.SOURCE_CHANGED, "The file was overwritten.")


def own(row: int) -> float:
    return backoff(row, POLICY.backoff_first, POLICY.backoff_cap, ID)


def test_progress_ends_the_row_of_failures_and_keeps_the_totals() -> None:
    stormy = transfer(tries=3, throttles=4, missing_since=NOW, session_tries=5, transfer_tries=6)
    assert retry_budget.progressed(stormy) == transfer(session_tries=5, transfer_tries=6)


def test_a_failure_is_counted_three_ways() -> None:
    assert retry_budget.counted(transfer(tries=1, session_tries=2, transfer_tries=3)) == transfer(
        tries=2, session_tries=3, transfer_tries=4
    )


@pytest.mark.parametrize(
    ("state", "fields", "code", "spent"),
    [
        (State.SENDING, {}, Code.GRAPH_CONFLICT, False),
        (State.SENDING, {"tries": POLICY.step_tries}, Code.GRAPH_CONFLICT, False),
        (State.SENDING, {"tries": POLICY.step_tries + 1}, Code.GRAPH_CONFLICT, True),
        (State.SENDING, {"session_tries": POLICY.session_tries}, Code.GRAPH_CONFLICT, False),
        (State.SENDING, {"session_tries": POLICY.session_tries + 1}, Code.GRAPH_CONFLICT, True),
        (State.SENDING, {"transfer_tries": POLICY.transfer_tries}, Code.GRAPH_CONFLICT, False),
        (State.SENDING, {"transfer_tries": POLICY.transfer_tries + 1}, Code.GRAPH_CONFLICT, True),
        (State.SENDING, {"tries": 999, "session_tries": 999, "transfer_tries": 999}, Code.GRAPH_THROTTLED, False),
        (State.SENDING, {"throttles": POLICY.throttles}, Code.GRAPH_THROTTLED, False),
        (State.SENDING, {"throttles": POLICY.throttles + 1}, Code.GRAPH_THROTTLED, True),
        (State.SENDING, {"throttles": POLICY.throttles + 1}, Code.GRAPH_CONFLICT, False),
        # While evidence is gathered only the row counts ...
        (State.LOOKING, {"session_tries": 999, "transfer_tries": 999}, Code.GRAPH_CONFLICT, False),
        (State.FENCING, {"session_tries": 999, "transfer_tries": 999}, Code.GRAPH_CONFLICT, False),
        (State.COMPARING, {"session_tries": 999, "transfer_tries": 999}, Code.GRAPH_CONFLICT, False),
        (State.LOOKING, {"tries": POLICY.step_tries + 1}, Code.GRAPH_CONFLICT, True),
        # ... but a fence that nothing depends on is a courtesy.
        (State.FENCING, {"tries": POLICY.best_effort_tries, "verdict": FAILURE}, Code.GRAPH_CONFLICT, True),
        (State.FENCING, {"tries": POLICY.best_effort_tries - 1, "verdict": FAILURE}, Code.GRAPH_CONFLICT, False),
        (State.FENCING, {"tries": POLICY.best_effort_tries, "cancel_requested": True}, Code.GRAPH_CONFLICT, True),
        (State.FENCING, {"tries": POLICY.best_effort_tries}, Code.GRAPH_CONFLICT, False),
        (
            State.FENCING,
            {"tries": POLICY.best_effort_tries, "verdict": FAILURE, "announced_at": NOW},
            Code.GRAPH_CONFLICT,
            False,
        ),
    ],
)
def test_patience_ends_where_the_policy_says(state: State, fields: dict[str, Any], code: Code, *, spent: bool) -> None:
    assert retry_budget.is_spent(transfer(state, **fields), code, POLICY) is spent


@pytest.mark.parametrize("kind", [NotDone, Unsure])
@pytest.mark.parametrize(("retry_after", "least"), [(None, 0.0), (0.1, 0.0), (900.0, 900.0)])
def test_a_failure_waits_longer_each_time_and_never_less_than_graph_asked(
    kind: type[NotDone | Unsure], retry_after: float | None, least: float
) -> None:
    held = retry_budget.hold(replace(SENDING, tries=2), kind(Code.GRAPH_CONFLICT, retry_after), NOW, POLICY)
    expected = replace(SENDING, tries=3, session_tries=1, transfer_tries=1)
    assert held == replace(expected, not_before=at(max(own(3), least)))


def test_a_throttle_is_counted_apart_and_waits_by_its_own_row() -> None:
    held = retry_budget.hold(replace(SENDING, tries=7, throttles=1), NotDone(Code.GRAPH_THROTTLED), NOW, POLICY)
    assert held == replace(SENDING, tries=7, throttles=2, not_before=at(own(2)))


def test_the_last_failure_winds_down_with_a_name() -> None:
    worn = replace(SENDING, tries=POLICY.step_tries, bytes_confirmed=8)
    ended = retry_budget.hold(worn, Unsure(Code.GRAPH_CONFLICT, graph=SEEN), NOW, POLICY)
    assert ended.state is State.FENCING
    assert ended.tries == 0
    assert ended.verdict == Failure(
        Code.GRAPH_CONFLICT,
        "Other writers kept changing the item. 'in/report.pdf' was sending at byte 8 of 20; 25 attempts in a row "
        "failed, 1 in all.",
        SEEN,
    )


def test_the_last_throttle_names_how_often_it_was_asked_to_slow_down() -> None:
    worn = replace(SENDING, throttles=POLICY.throttles, tries=3, transfer_tries=5)
    ended = retry_budget.hold(worn, NotDone(Code.GRAPH_THROTTLED, graph=SEEN), NOW, POLICY)
    assert ended.verdict is not None
    assert ended.verdict.detail.endswith("; 201 attempts in a row failed, 5 in all.")


@pytest.mark.parametrize(
    ("before", "state", "failure"),
    [
        (transfer(State.OPENING), State.FAILED, FAILURE),
        (transfer(State.PLANNED, Route.POST), State.FAILED, FAILURE),
        (transfer(State.COMMITTING, Route.POST, announced_at=NOW), State.LOOKING, None),
        (transfer(State.COMMITTING, session=session(), announced_at=NOW), State.FENCING, None),
        (transfer(State.ASKING, session=session()), State.FENCING, None),
        (transfer(State.FENCING, session=session()), State.FAILED, FAILURE),
        (transfer(State.LOOKING), State.FAILED, FAILURE),
        (transfer(State.LOOKING, cancel_requested=True), State.CANCELLED, None),
        (transfer(State.FENCING, session=session(), cancel_requested=True), State.CANCELLED, None),
    ],
)
def test_giving_up_gathers_evidence_first_where_a_commit_may_be_under_way(
    before: Any, state: State, failure: Failure | None
) -> None:
    ended = retry_budget.give_up(replace(before, tries=9), FAILURE, NOW, POLICY)
    assert (ended.state, ended.failure) == (state, failure)
    assert ended.is_over or (ended.verdict, ended.tries) == (FAILURE, 0)


def test_the_first_verdict_stands() -> None:
    first = Failure(Code.SOURCE_CHANGED, "The file was overwritten.")
    judged = transfer(State.LOOKING, verdict=first)
    assert retry_budget.give_up(judged, FAILURE, NOW, POLICY).failure == first


@pytest.mark.parametrize("state", [State.LOOKING, State.COMPARING])
def test_a_look_that_cannot_be_taken_leaves_a_commit_in_doubt(state: State) -> None:
    ended = retry_budget.give_up(transfer(state, announced_at=NOW), FAILURE, NOW, POLICY)
    assert ended.state is State.FAILED
    assert ended.failure is not None
    assert ended.failure.code is Code.COMMIT_IN_DOUBT


@pytest.mark.parametrize("state", [State.LOOKING, State.COMPARING])
def test_a_confirmed_commit_is_attached_though_nobody_can_look(state: State) -> None:
    ended = retry_budget.give_up(transfer(state, announced_at=NOW, landed=True), FAILURE, NOW, POLICY)
    assert (ended.state, ended.attachment_id, ended.failure) == (State.ATTACHED, None, None)


def test_where_a_fence_cannot_be_set_the_item_is_looked_at_and_the_session_kept() -> None:
    doubtful = transfer(State.FENCING, session=session(expires_in=100), announced_at=NOW, tries=9, verdict=FAILURE)
    looking = retry_budget.give_up(doubtful, replace(FAILURE, detail="later"), NOW, POLICY)
    assert looking == replace(doubtful, state=State.LOOKING, tries=0, looks=0, fences=len(POLICY.fence_delays) + 1)


def test_a_session_without_a_commit_announced_needs_no_fence() -> None:
    gone = transfer(State.FENCING, session=session(expires_in=100), tries=9)
    assert retry_budget.fence_by_expiry(gone, NOW, POLICY) == transfer(State.LOOKING)


@pytest.mark.parametrize(
    ("expires_in", "fenced"),
    [(-POLICY.expiry_margin + 0.001, False), (-POLICY.expiry_margin, True), (-900, True)],
)
def test_expiry_fences_only_after_the_clocks_may_agree(expires_in: float, fenced: bool) -> None:
    fencing = transfer(State.FENCING, session=session(expires_in=expires_in), announced_at=NOW, tries=3)
    after = retry_budget.fence_by_expiry(fencing, NOW, POLICY)
    assert (after.state, after.tries) == (State.LOOKING, 0)
    assert (after.session is None) == fenced


def test_without_a_session_there_is_nothing_to_fence() -> None:
    assert retry_budget.fence_by_expiry(transfer(State.FENCING, tries=2), NOW, POLICY) == transfer(State.LOOKING)


MISSING = ItemMissing(graph=SEEN)


def poll(tries: int) -> float:
    return backoff(tries, POLICY.target_poll_first, POLICY.target_poll_cap, ID)


def test_a_missing_item_is_waited_for_from_the_first_time_it_was_missing() -> None:
    missed = retry_budget.wait_for_target(transfer(), MISSING, NOW, POLICY)
    assert missed == transfer(missing_since=NOW, tries=1, not_before=at(poll(1)))
    again = retry_budget.wait_for_target(missed, MISSING, at(50), POLICY)
    assert again == transfer(missing_since=NOW, tries=2, not_before=at(50 + poll(2)))


def test_the_last_look_for_an_item_is_at_the_end_of_the_wait() -> None:
    waiting = transfer(missing_since=at(-POLICY.target_wait + 1), tries=9)
    assert retry_budget.wait_for_target(waiting, MISSING, NOW, POLICY).not_before == at(1)


@pytest.mark.parametrize(
    ("key", "kind"),
    [(TargetKey.MESSAGE_ID, "message"), (TargetKey.ICAL_UID, "event")],
)
def test_an_item_that_never_appears_fails_by_name(key: TargetKey, kind: str) -> None:
    plan = Plan(SOURCE, Target("ann@example.com", key, "x'y"), ATTACHMENT, NOW)
    waiting = transfer(missing_since=at(-POLICY.target_wait), tries=LEAST_LOOKS - 1, plan=plan, before=None)
    ended = retry_budget.wait_for_target(waiting, MISSING, NOW, POLICY)
    assert ended.failure == Failure(
        Code.TARGET_NOT_FOUND,
        f'No {kind} with {key.value} "x\'y" appeared in ann@example.com within 600 seconds.',
        SEEN,
    )


def test_a_wait_in_which_hardly_anybody_looked_goes_on_after_its_time() -> None:
    for tries in range(1, LEAST_LOOKS - 1):
        waiting = transfer(missing_since=at(-2 * POLICY.target_wait), tries=tries)
        held = retry_budget.wait_for_target(waiting, MISSING, NOW, POLICY)
        assert held == replace(waiting, tries=tries + 1, not_before=at(poll(tries + 1)))
        told = waits.noted(held, MISSING, NOW, POLICY).waiting_for
        assert told is not None
        assert (told.code, told.until) == (Code.TARGET_NOT_FOUND, held.not_before)


@pytest.mark.parametrize("code", [Code.ACCESS_DENIED, Code.GRAPH_REFUSED])
def test_refusals_that_hardly_anybody_saw_are_waited_out_after_their_time(code: Code) -> None:
    wait = retry_budget.patience_with(code, POLICY)
    for times in range(1, LEAST_LOOKS - 1):
        waiting = transfer(State.OPENING, refusals=Refusals(at(-2 * wait), times, wait, State.OPENING))
        held = retry_budget.hold(waiting, NotDone(code, graph=SEEN), NOW, POLICY)
        assert held.state is State.OPENING
        assert held.not_before == at(backoff(times + 1, POLICY.refused_first, POLICY.refused_cap, ID))
    seen = replace(waiting, refusals=Refusals(at(-2 * wait), LEAST_LOOKS - 1, wait, State.OPENING))
    assert retry_budget.hold(seen, NotDone(code, graph=SEEN), NOW, POLICY).state is State.FAILED


@pytest.mark.parametrize(
    ("wait", "looks"), [(0, 1), (11, 1), (12, 2), (35, 2), (36, 3), (83, 3), (84, 4), (144, 5), (204, 6), (9999, 6)]
)
def test_a_wait_needs_no_more_looks_than_it_has_room_for(wait: float, looks: int) -> None:
    assert retry_budget.least_looks(wait, 12, 60) == looks


def test_an_item_that_vanished_ends_a_transfer_that_was_ending_anyway() -> None:
    ending = transfer(State.LOOKING, verdict=FAILURE)
    assert retry_budget.look_missed(ending, MISSING, NOW, POLICY).failure == FAILURE
    asked = transfer(State.LOOKING, cancel_requested=True)
    assert retry_budget.look_missed(asked, MISSING, NOW, POLICY).state is State.CANCELLED


@pytest.mark.parametrize("fields", [{}, {"verdict": FAILURE, "announced_at": NOW}, {"announced_at": NOW}])
def test_an_item_that_vanished_is_waited_for_where_a_look_still_matters(fields: dict[str, Any]) -> None:
    missed = retry_budget.look_missed(transfer(State.LOOKING, **fields), MISSING, NOW, POLICY)
    assert (missed.state, missed.missing_since) == (State.LOOKING, NOW)


@pytest.mark.parametrize("state", [State.LOOKING, State.COMPARING])
@pytest.mark.parametrize("tries", [0, POLICY.step_tries - 1])
def test_a_look_that_graph_refuses_is_tried_again_while_a_commit_is_in_doubt(state: State, tries: int) -> None:
    looking = transfer(state, announced_at=NOW, tries=tries)
    held = retry_budget.look_refused(looking, Refused(FAILURE, RefusedBy.GRAPH), NOW, POLICY)
    counted = replace(looking, tries=tries + 1, session_tries=1, transfer_tries=1)
    assert held == replace(counted, not_before=at(own(tries + 1)))


@pytest.mark.parametrize(
    ("fields", "failure", "by", "state"),
    [
        ({"announced_at": NOW, "tries": POLICY.step_tries}, FAILURE, RefusedBy.GRAPH, State.FAILED),
        ({"announced_at": NOW}, CHANGED, RefusedBy.SOURCE, State.FAILED),
        ({"announced_at": NOW}, FAILURE, RefusedBy.POLICY, State.FAILED),
        ({"announced_at": NOW, "landed": True}, FAILURE, RefusedBy.GRAPH, State.ATTACHED),
        ({"cancel_requested": True}, FAILURE, RefusedBy.GRAPH, State.CANCELLED),
        ({}, FAILURE, RefusedBy.GRAPH, State.FAILED),
    ],
)
def test_a_look_that_cannot_help_is_not_tried_again(
    fields: dict[str, Any], failure: Failure, by: RefusedBy, state: State
) -> None:
    assert (
        retry_budget.look_refused(transfer(State.LOOKING, **fields), Refused(failure, by), NOW, POLICY).state is state
    )


@pytest.mark.parametrize("expires_in", [3600, -1000])
def test_the_looks_behind_an_expired_fence_are_counted_afresh(expires_in: float) -> None:
    fencing = transfer(State.FENCING, session=session(expires_in=expires_in), announced_at=NOW, looks=2, tries=3)
    after = retry_budget.fence_by_expiry(fencing, NOW, POLICY)
    assert (after.state, after.looks, after.tries) == (State.LOOKING, 0, 0)


def test_where_no_session_is_open_none_is_asked_again_to_end() -> None:
    assert retry_budget.to_fence_again(transfer(State.LOOKING), NOW, POLICY) is None
