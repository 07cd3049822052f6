"""What a delivery remembers for people."""

from __future__ import annotations

import pytest

from shared.core.delivery import events as ev
from shared.core.delivery.actions import Action, FindDeletedItems
from shared.core.delivery.history import LONGEST, recorded, step
from shared.core.delivery.model import State, Step
from shared.core.errors import Code
from shared.core.events import RefusedBy
from tests.unit.core.delivery.delivery_shapes import FAILURE, NOW, OFF, POLICY, SEEN, at, delivery

LOOK: Action = FindDeletedItems("ann@example.com")


@pytest.mark.parametrize(
    ("event", "code", "request_id"),
    [
        (ev.RunStarted(), None, None),
        (ev.NotDone(Code.GRAPH_UNAVAILABLE, graph=SEEN), "GRAPH_UNAVAILABLE", "req-1"),
        (ev.Unsure(Code.GRAPH_UNAVAILABLE), "GRAPH_UNAVAILABLE", None),
        (ev.Refused(FAILURE, RefusedBy.GRAPH), "MESSAGE_LIMIT_EXCEEDED", "req-1"),
        (ev.Forbidden(OFF), "SENDING_OFF", None),
    ],
)
def test_a_step_says_what_was_asked_what_came_of_it_and_what_speaks_against_it(
    event: ev.Event, code: str | None, request_id: str | None
) -> None:
    [made] = recorded(delivery(), NOW, State.COLLECTING, LOOK, event).history
    assert (made.at, made.state, made.action, made.code, made.request_id) == (
        NOW,
        State.COLLECTING,
        "find deleted items",
        code,
        request_id,
    )


def test_where_nothing_was_asked_the_step_names_no_action() -> None:
    [made] = step(delivery(), None, ev.RunStarted(), NOW, POLICY).history
    assert (made.action, made.outcome) == ("", "run started")


def test_what_only_notes_something_leaves_no_step() -> None:
    assert step(delivery(), None, ev.CancelNoted(), NOW, POLICY).history == ()


def test_a_long_history_loses_its_middle() -> None:
    steps = tuple(Step(at(number), State.COLLECTING, "", "run started") for number in range(LONGEST))
    longer = recorded(delivery(history=steps), at(LONGEST), State.COLLECTING, None, ev.RunStarted()).history
    assert len(longer) == LONGEST
    assert (longer[0], longer[19]) == (steps[0], steps[19])
    assert (longer[20], longer[-1].at) == (steps[21], at(LONGEST))
