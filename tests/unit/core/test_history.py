"""What a transfer remembers for people."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from shared.core import actions as ac
from shared.core import events as ev
from shared.core import machine
from shared.core.errors import Code
from shared.core.history import LONGEST, began_at, named, recorded
from shared.core.model import GraphAnswer, State, Step
from tests.unit.core.shapes import FAILURE, NOW, POLICY, SEEN, SIZE, URL, at, events, retried, session, transfer

RANGE = ac.PutRange(URL, 8, 8, SIZE)


@pytest.mark.parametrize(
    ("action", "event", "step"),
    [
        (RANGE, ev.OffsetKnown(16), Step(NOW, State.SENDING, "put range", "offset known", 8)),
        (
            RANGE,
            ev.Unsure(Code.GRAPH_UNAVAILABLE, graph=SEEN),
            Step(NOW, State.SENDING, "put range", "unsure", 8, "GRAPH_UNAVAILABLE", "req-1"),
        ),
        (
            ac.AskSession(URL),
            ev.NotDone(Code.GRAPH_THROTTLED, 3),
            Step(NOW, State.SENDING, "ask session", "not done", None, "GRAPH_THROTTLED"),
        ),
        (
            RANGE,
            ev.Refused(FAILURE, ev.RefusedBy.GRAPH),
            Step(NOW, State.SENDING, "put range", "refused", 8, "ACCESS_DENIED", "req-1"),
        ),
        (None, ev.RunStarted(), Step(NOW, State.SENDING, "", "run started")),
        (
            ac.PrepareCommit(),
            ev.CommitPrepared(graph=GraphAnswer(201)),
            Step(NOW, State.SENDING, "prepare commit", "commit prepared"),
        ),
    ],
)
def test_a_step_says_what_was_tried_and_what_came_of_it(action: ac.Action | None, event: Any, step: Step) -> None:
    assert recorded(transfer(), NOW, State.SENDING, action, event).history == (step,)


def test_a_step_follows_the_ones_before() -> None:
    first = recorded(transfer(), NOW, State.PLANNED, None, ev.RunStarted())
    both = recorded(first, at(1), State.PLANNED, None, ev.CancelRequested())
    assert [step.outcome for step in both.history] == ["run started", "cancel requested"]


def test_a_long_history_keeps_its_beginning_and_its_end() -> None:
    remembered = transfer()
    for count in range(LONGEST + 30):
        remembered = recorded(remembered, at(count), State.SENDING, RANGE, ev.OffsetKnown(16))
        assert len(remembered.history) == min(count + 1, LONGEST)
    kept = [int((step.at - NOW).total_seconds()) for step in remembered.history]
    assert kept == [*range(20), *range(50, 150)]


@pytest.mark.parametrize("kind", sorted(vars(ev), key=str))
def test_no_step_of_any_event_holds_the_url(kind: str) -> None:
    event = getattr(ev, kind)
    if not (isinstance(event, type) and issubclass(event, ev.EventBase) and event is not ev.EventBase):
        return
    for one in events(event):
        step = recorded(transfer(session=session()), NOW, State.SENDING, RANGE, one).history[0]
        assert not any("canary" in str(getattr(step, field.name)) for field in fields(step))


@pytest.mark.parametrize(
    ("value", "name"),
    [(ac.CancelSession(URL), "cancel session"), (ev.AskRefused(), "ask refused"), (ac.Wait(NOW), "wait")],
)
def test_an_action_or_event_is_named_in_plain_words(value: Any, name: str) -> None:
    assert named(value) == name


def test_a_transfer_has_been_under_way_since_its_acceptance_or_its_last_retry() -> None:
    assert began_at(transfer()) == NOW
    again = retried(transfer(State.FAILED, failure=FAILURE, finished_at=NOW), at(60))
    assert began_at(again) == at(60)


def test_where_the_retry_is_forgotten_the_oldest_step_behind_the_gap_stands_for_it() -> None:
    steps = tuple(Step(at(number), State.SENDING, "put range", "unsure") for number in range(LONGEST))
    assert began_at(transfer(retries=1, history=steps)) == at(20)
    assert began_at(transfer(retries=1, history=steps[:3])) == NOW


def test_a_retry_is_remembered_and_what_only_notes_something_is_not() -> None:
    ended = transfer(State.FAILED, failure=FAILURE, finished_at=NOW)
    assert [one.outcome for one in retried(ended, at(60)).history] == ["retry requested"]
    noted = machine.step(transfer(State.SENDING, session=session()), None, ev.CancelNoted(), NOW, POLICY)
    assert (noted.cancel_requested, noted.history) == (True, ())
