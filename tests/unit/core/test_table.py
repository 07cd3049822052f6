"""Every row of the table, with transfers of every shape."""

from __future__ import annotations

import pytest

from shared.core import events as ev
from shared.core import settling
from shared.core.errors import CATALOGUE
from shared.core.machine import NOTES, IllegalEvent, apply, decide
from shared.core.model import TERMINAL, State, Transfer
from shared.core.table import TABLE, Row, rows
from tests.unit.core.shapes import (
    BEFORE_HEEDED,
    NOW,
    OUTCOMES,
    POLICY,
    between_requests,
    events,
    is_unheeded,
    shapes,
    transfer,
)

ROWS = [(state, kind) for state, rows in TABLE.items() for kind in rows]
ALL_EVENTS = [kind for kind in vars(ev).values() if isinstance(kind, type) and issubclass(kind, ev.EventBase)]
ALL_EVENTS.remove(ev.EventBase)


def possible(state: State, kind: type[ev.EventBase]) -> list[Transfer]:
    """The shapes of this state to which this event can happen, by what they want next."""
    known = [shape for shape in shapes(state) if kind in BEFORE_HEEDED or state in TERMINAL or not is_unheeded(shape)]
    between = between_requests(state)
    return [shape for shape in known if kind in between | OUTCOMES[type(decide(shape, NOW, POLICY))]]


def test_every_state_has_its_rows() -> None:
    assert set(TABLE) == set(State)


@pytest.mark.parametrize("state", sorted(set(State) - TERMINAL))
def test_whatever_can_come_of_what_a_state_wants_has_a_row(state: State) -> None:
    wanted = {type(decide(shape, NOW, POLICY)) for shape in shapes(state)}
    assert set(TABLE[state]) == between_requests(state).union(*(OUTCOMES[kind] for kind in wanted))


@pytest.mark.parametrize(("state", "kind"), ROWS)
def test_a_row_leads_to_exactly_the_states_it_names(state: State, kind: type[ev.EventBase]) -> None:
    reached = {apply(shape, event, NOW, POLICY).state for shape in possible(state, kind) for event in events(kind)}
    assert reached == TABLE[state][kind].leads_to


@pytest.mark.parametrize(("state", "kind"), ROWS)
def test_after_every_row_the_transfer_knows_what_to_do_next(state: State, kind: type[ev.EventBase]) -> None:
    for shape in possible(state, kind):
        for event in events(kind):
            after = apply(shape, event, NOW, POLICY)
            decide(after, after.not_before or NOW, POLICY)
            assert after.updated_at == (shape.updated_at if isinstance(event, NOTES) else NOW)


@pytest.mark.parametrize(("state", "kind"), ROWS)
def test_a_transfer_ends_without_a_session_and_says_when_and_why(state: State, kind: type[ev.EventBase]) -> None:
    for shape in possible(state, kind):
        for event in events(kind):
            after = apply(shape, event, NOW, POLICY)
            if after.is_over:
                assert (after.session, after.suspects) == (None, ())
                in_doubt = kind is ev.Stopped and shape.announced_at is not None and not shape.landed
                assert after.not_before == (event.alive_until if in_doubt else None)
                assert after.finished_at == NOW
                assert (after.failure is not None) == (after.state is State.FAILED)
                assert after.failure is None or after.failure.code in CATALOGUE
            else:
                assert after.finished_at is None
                assert after.failure is None


@pytest.mark.parametrize("state", sorted(State))
def test_an_event_that_cannot_happen_raises_and_leaves_the_transfer_as_it_was(state: State) -> None:
    for kind in set(ALL_EVENTS) - set(TABLE[state]):
        for shape in shapes(state):
            twin = transfer(state, **{name: getattr(shape, name) for name in shape.__slots__ if name != "state"})
            for event in events(kind):
                with pytest.raises(IllegalEvent, match=f"^{kind.__name__} cannot happen .* is {state.value}$"):
                    apply(shape, event, NOW, POLICY)
                assert shape == twin


@pytest.mark.parametrize("state", sorted(TERMINAL))
def test_nothing_but_a_persons_retry_leaves_a_terminal_state(state: State) -> None:
    leaving = {kind for kind, row in TABLE[state].items() if row.leads_to != {state}}
    assert leaving == (set() if state is State.ATTACHED else {ev.RetryRequested})


@pytest.mark.parametrize("state", sorted(State))
def test_every_row_stands_under_its_own_event(state: State) -> None:
    assert all(row.event is kind for kind, row in TABLE[state].items())


def test_two_rows_for_one_event_are_refused() -> None:
    one = Row(ev.SessionFenced, settling.fenced, State.LOOKING)
    with pytest.raises(ValueError, match="two rows for one event"):
        rows(one, one)
