"""Whatever a transfer waits for, it says so, since when, and until when where that is known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.core import events as ev
from shared.core import waits
from shared.core.errors import CATALOGUE, Code
from shared.core.machine import apply, decide
from shared.core.model import TERMINAL, Route, State, Transfer, WaitingFor
from tests.unit.core.shapes import (
    ANYTIME,
    FAILURE,
    NOW,
    OUTCOMES,
    POLICY,
    SEEN,
    at,
    events,
    listed,
    retried,
    session,
    shapes,
    stopped,
    transfer,
)

A_DAY = POLICY.outage_wait
EARLIER = WaitingFor(Code.GRAPH_THROTTLED, at(-60), at(-5))


def missing(code: str | None = None) -> ev.ItemMissing:
    return ev.ItemMissing(graph=replace(SEEN, code=code))


@pytest.mark.parametrize(
    ("state", "fields", "event", "code", "until"),
    [
        (State.PLANNED, {"before": None}, missing(), Code.TARGET_NOT_FOUND, at(POLICY.target_wait)),
        (State.PLANNED, {"item_id": None}, ev.ItemsFound(()), Code.TARGET_NOT_FOUND, at(POLICY.target_wait)),
        (State.OPENING, {"missing_since": at(-100)}, missing(), Code.TARGET_NOT_FOUND, at(POLICY.target_wait - 100)),
        (State.OPENING, {}, ev.NotDone(Code.GRAPH_THROTTLED, 90.0), Code.GRAPH_THROTTLED, at(90)),
        (State.OPENING, {}, ev.NotDone(Code.GRAPH_THROTTLED), Code.GRAPH_THROTTLED, None),
        (State.SENDING, {"session": session()}, ev.Unsure(Code.GRAPH_UNAVAILABLE), Code.GRAPH_UNAVAILABLE, at(A_DAY)),
        (
            State.SENDING,
            {"session": session()},
            ev.Unsure(Code.GRAPH_UNAVAILABLE, 90.0),
            Code.GRAPH_UNAVAILABLE,
            at(90),
        ),
        (State.SENDING, {"session": session()}, ev.NotDone(Code.SOURCE_UNREADABLE), Code.SOURCE_UNREADABLE, None),
        (State.ASKING, {"session": session()}, ev.NotDone(Code.GRAPH_UNREACHABLE), Code.GRAPH_UNREACHABLE, at(A_DAY)),
        (State.ASKING, {"session": session()}, ev.NotDone(Code.GRAPH_CONFLICT), Code.GRAPH_CONFLICT, None),
        (State.LOOKING, {"announced_at": NOW}, listed(), Code.EVIDENCE_PENDING, at(POLICY.look_delays[0])),
        (State.LOOKING, {"announced_at": at(-400), "looks": 2, "sessions": 1}, listed(), Code.UPLOAD_STALLED, ...),
    ],
)
def test_a_wait_says_what_it_is_for(
    state: State, fields: dict[str, Any], event: ev.Event, code: Code, until: Any
) -> None:
    after = apply(transfer(state, **fields), event, NOW, POLICY)
    assert after.not_before is not None
    assert after.waiting_for == WaitingFor(code, NOW, after.not_before if until is ... else until)
    assert waits.current(after, NOW) == after.waiting_for


@pytest.mark.parametrize("state", sorted(set(State) - TERMINAL))
def test_no_wait_is_bare_and_no_end_waits(state: State) -> None:
    for before in shapes(state):
        possible = (OUTCOMES[type(decide(before, NOW, POLICY))] | ANYTIME) - {ev.Held, ev.CancelNoted}
        for event in (variant for kind in possible for variant in events(kind)):
            after = apply(replace(before, waiting_for=EARLIER), event, NOW, POLICY)
            if after.is_over:
                assert after.waiting_for is None
            elif after.not_before is not None:
                assert after.waiting_for is not None
            elif after.tries == after.throttles == 0 and not isinstance(event, ev.RunStarted):
                assert after.waiting_for is None


def test_the_same_wait_goes_on_and_another_one_begins() -> None:
    held = transfer(State.OPENING, waiting_for=EARLIER)
    again = apply(held, ev.NotDone(Code.GRAPH_THROTTLED, 30.0), NOW, POLICY)
    assert again.waiting_for == WaitingFor(Code.GRAPH_THROTTLED, at(-60), at(30))
    other = apply(again, ev.Unsure(Code.GRAPH_UNAVAILABLE), at(40), POLICY)
    assert other.waiting_for == WaitingFor(Code.GRAPH_UNAVAILABLE, at(40), at(40 + A_DAY))


def test_an_announcement_between_two_refusals_is_no_progress() -> None:
    waiting = transfer(State.PLANNED, Route.POST, waiting_for=EARLIER, throttles=1)
    announced = apply(waiting, ev.CommitPrepared(), NOW, POLICY)
    assert announced.waiting_for == EARLIER


def test_what_the_mailbox_holds_up_is_over_with_its_turn() -> None:
    until = at(200)
    held = apply(transfer(), ev.Held(Code.MAILBOX_ALLOWANCE_USED, until, known=True), NOW, POLICY)
    assert (held.not_before, held.waiting_for) == (until, WaitingFor(Code.MAILBOX_ALLOWANCE_USED, NOW, until))
    assert apply(held, ev.RunStarted(), until, POLICY).waiting_for is None
    in_line = apply(transfer(), ev.Held(Code.MAILBOX_BUSY, until, known=False), NOW, POLICY)
    assert (in_line.not_before, in_line.waiting_for) == (None, WaitingFor(Code.MAILBOX_BUSY, NOW, None))
    assert waits.current(in_line, NOW) == in_line.waiting_for


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"state": State.PLANNED, "missing_since": at(-9)}, Code.TARGET_NOT_FOUND),
        ({"state": State.SENDING, "throttles": 2}, Code.GRAPH_THROTTLED),
        ({"state": State.LOOKING}, Code.EVIDENCE_PENDING),
        ({"state": State.OPENING, "sessions": 1}, Code.UPLOAD_STALLED),
        ({"state": State.PLANNED}, Code.GRAPH_UNAVAILABLE),
    ],
)
def test_a_wait_of_an_earlier_version_is_not_bare_either(fields: dict[str, Any], code: Code) -> None:
    old = transfer(**fields, not_before=at(60), updated_at=at(-9))
    assert waits.current(old, NOW) == WaitingFor(code, at(-9), at(60))
    assert waits.current(old, at(60)) is None


def over(one: Transfer) -> Transfer:
    return stopped(one, "why")


def test_neither_an_end_from_outside_nor_a_retry_keeps_the_old_wait() -> None:
    ended = over(transfer(waiting_for=EARLIER))
    assert ended.waiting_for is None
    assert retried(replace(ended, failure=FAILURE), NOW).waiting_for is None


def test_every_wait_has_words_for_it() -> None:
    for code in (*waits.PACING, Code.EVIDENCE_PENDING, Code.TARGET_NOT_FOUND, Code.GRAPH_THROTTLED):
        entry = CATALOGUE[code]
        assert (entry.waiting or entry.title).endswith(".")


def test_a_wait_that_older_versions_did_not_write_down_says_what_is_known_of_it() -> None:
    held = transfer(not_before=at(60), updated_at=at(-5))
    found = waits.current(held, NOW)
    assert found is not None
    assert (found.since, found.until) == (at(-5), at(60))
    assert waits.current(held, at(60)) is None


def test_what_is_over_waits_for_nothing() -> None:
    over = transfer(State.FAILED, failure=FAILURE, waiting_for=WaitingFor(Code.GRAPH_UNAVAILABLE, NOW))
    assert waits.current(over, NOW) is None
