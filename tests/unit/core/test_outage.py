"""Graph itself fails: waited out for a day by the clock, at no cost to any other patience."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from shared.core import events as ev
from shared.core import outage
from shared.core.actions import Wait
from shared.core.errors import Code
from shared.core.machine import apply, decide
from shared.core.model import Refusals, Route, State, Transfer
from shared.core.retry import backoff
from tests.unit.core.shapes import FAILURE, NOW, POLICY, SEEN, at, listed, session, transfer

DOWN = ev.Unsure(Code.GRAPH_UNAVAILABLE, graph=SEEN)
UNREACHABLE = ev.NotDone(Code.GRAPH_UNREACHABLE)
A_DAY = POLICY.outage_wait
SENDING = transfer(State.SENDING, session=session())


def row(times: int, state: State, since: float = 0) -> Refusals:
    return Refusals(at(since), times, A_DAY, state)


def failing(before: Transfer, event: ev.Event, most: int = 999) -> tuple[Transfer, list[float]]:
    """Whatever is asked fails so, until that is the end of it; and when it was asked, in seconds after NOW."""
    now, asked = NOW, []
    for _ in range(most):
        action = decide(before, now, POLICY)
        if isinstance(action, Wait):
            now = action.until
        asked.append((now - NOW).total_seconds())
        before = apply(before, event, now, POLICY)
        if before.is_over or before.verdict is not None:
            break
    return before, asked


@pytest.mark.parametrize("event", [DOWN, UNREACHABLE])
@pytest.mark.parametrize("before", [transfer(item_id=None, before=None), transfer(State.OPENING)])
def test_a_day_is_waited_ever_more_rarely_and_then_it_ends_with_its_code(before: Transfer, event: Any) -> None:
    ended, asked = failing(before, event)
    assert ended.failure is not None
    assert (ended.failure.code, ended.failure.graph) == (event.code, event.graph)
    assert ended.failure.detail.endswith(f"{len(asked)} attempts since 2026-03-02 08:00 UTC failed.")
    assert asked[-1] == A_DAY
    pauses = [later - earlier for earlier, later in pairwise(asked)]
    assert max(pauses) <= POLICY.outage_cap
    assert max(pauses[: POLICY.step_tries]) <= POLICY.backoff_cap
    assert len(asked) < 100


def test_a_range_that_fails_costs_no_tries_beyond_those_that_rules_ask_for() -> None:
    worn = replace(SENDING, session_tries=POLICY.session_tries, transfer_tries=POLICY.transfer_tries)
    ended, asked = failing(worn, UNREACHABLE, most=60)
    assert len(asked) == 60
    assert ended == replace(
        worn,
        tries=POLICY.ask_tries,
        outage=row(60, State.SENDING),
        not_before=ended.not_before,
        updated_at=ended.updated_at,
        waiting_for=ended.waiting_for,
    )
    moved = apply(ended, ev.OffsetKnown(16), at(80_000), POLICY)
    assert (moved.tries, moved.outage, moved.state) == (0, None, State.SENDING)


def test_the_end_of_an_outage_that_left_a_session_open_is_a_fence_first() -> None:
    over = replace(SENDING, outage=row(70, State.SENDING, -A_DAY))
    ended = apply(over, DOWN, NOW, POLICY)
    assert (ended.state, ended.verdict.code if ended.verdict else None) == (State.FENCING, Code.GRAPH_UNAVAILABLE)


def test_an_outage_in_which_hardly_anybody_tried_is_not_over() -> None:
    for times in range(5):
        held = apply(replace(SENDING, outage=row(times, State.SENDING, -2 * A_DAY)), UNREACHABLE, NOW, POLICY)
        assert held.state is (State.SENDING if times < 5 else State.FENCING)


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({}, State.LOOKING),
        ({"announced_at": NOW}, State.LOOKING),
        ({"announced_at": NOW, "verdict": FAILURE}, State.LOOKING),
    ],
)
def test_a_fence_that_cannot_be_set_is_left_for_a_look_after_an_hour(fields: dict[str, Any], state: State) -> None:
    fencing = transfer(State.FENCING, session=session(), **fields)
    now = NOW
    for _ in range(POLICY.step_tries + 1):
        now = fencing.not_before or now
        assert fencing.state is State.FENCING
        fencing = apply(fencing, DOWN, now, POLICY)
    assert fencing.state is state
    assert (now - NOW).total_seconds() < 2 * 3600
    assert (fencing.session is not None) == ("announced_at" in fields)


@pytest.mark.parametrize("fields", [{"verdict": FAILURE}, {"cancel_requested": True}])
@pytest.mark.parametrize("state", [State.FENCING, State.LOOKING])
def test_courtesy_is_not_waited_for(state: State, fields: dict[str, Any]) -> None:
    ending = transfer(state, session=session() if state is State.FENCING else None, **fields)
    for _ in range(POLICY.best_effort_tries - 1):
        ending = apply(ending, DOWN, NOW, POLICY)
        assert not ending.is_over
    assert apply(ending, DOWN, NOW, POLICY).is_over


def test_an_id_that_cannot_be_learned_is_not_waited_for_a_day() -> None:
    landed = transfer(State.LOOKING, announced_at=NOW, landed=True, outage=row(POLICY.step_tries - 1, State.LOOKING))
    held = apply(landed, DOWN, NOW, POLICY)
    assert held.state is State.LOOKING
    assert apply(held, DOWN, NOW, POLICY).state is State.ATTACHED


def test_a_doubt_that_outlasts_the_day_is_left_to_a_person() -> None:
    looking = transfer(State.LOOKING, announced_at=NOW, outage=row(70, State.LOOKING, -A_DAY))
    ended = apply(looking, DOWN, NOW, POLICY)
    assert ended.failure is not None
    assert ended.failure.code is Code.COMMIT_IN_DOUBT


@pytest.mark.parametrize(
    ("began", "before", "event", "over"),
    [
        (State.SENDING, SENDING, ev.OffsetKnown(8), True),
        (State.SENDING, SENDING, ev.SessionGone(), True),
        (State.SENDING, SENDING, ev.NotDone(Code.GRAPH_THROTTLED, graph=SEEN), True),
        (State.SENDING, SENDING, ev.NotDone(Code.SOURCE_UNREADABLE), False),
        (State.SENDING, SENDING, DOWN, False),
        (State.SENDING, SENDING, ev.RunStarted(), False),
        (State.SENDING, transfer(State.ASKING, session=session()), ev.OffsetKnown(8), False),
        (State.ASKING, transfer(State.ASKING, session=session()), ev.OffsetKnown(8), True),
        (State.COMMITTING, transfer(State.LOOKING, Route.POST, announced_at=NOW), listed(), False),
        (State.COMMITTING, transfer(State.OPENING), ev.SessionOpened("https://x", at(900), 0), False),
        (State.LOOKING, transfer(State.LOOKING, Route.POST, announced_at=NOW), listed(), True),
        (State.PLANNED, transfer(before=None), listed(), True),
    ],
)
def test_only_an_answer_to_what_failed_ends_an_outage(
    began: State, before: Transfer, event: ev.Event, over: bool
) -> None:
    after = apply(replace(before, outage=row(3, began)), event, at(60), POLICY)
    assert (after.outage is None) == over


def test_posts_that_an_outage_swallows_end_by_the_clock_and_not_by_number() -> None:
    late = transfer(
        State.LOOKING,
        Route.POST,
        announced_at=at(-400),
        looks=2,
        routes_refused=1,
        sessions=POLICY.sessions,
        outage=row(9, State.COMMITTING),
    )
    again = apply(late, listed(), NOW, POLICY)
    assert (again.state, again.sessions) == (State.PLANNED, POLICY.posts)
    assert again.not_before == at(backoff(POLICY.sessions, POLICY.backoff_first, POLICY.backoff_cap, late.id))
    assert apply(replace(late, outage=None), listed(), NOW, POLICY).state is State.FAILED


def test_the_row_knows_its_end() -> None:
    assert outage.ends_at(row(1, State.OPENING)) == at(A_DAY)
