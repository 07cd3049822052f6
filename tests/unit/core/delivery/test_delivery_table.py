"""Every row of the delivery's table, with deliveries of every shape; and whole lives under any events."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.core.delivery import actions as ac
from shared.core.delivery import events as ev
from shared.core.delivery.machine import apply, decide
from shared.core.delivery.model import DELIVERED, TERMINAL, UNDER_WAY, Delivery, State
from shared.core.delivery.table import TABLE, Row, rows
from shared.core.errors import CATALOGUE, Code
from shared.core.machine import IllegalEvent
from tests.unit.core.delivery.delivery_shapes import (
    NOW,
    OUTCOMES,
    POLICIES,
    POLICY,
    between_requests,
    delivery,
    events,
    shapes,
)
from tests.unit.core.shapes import FACTOR

ROWS = [(state, kind) for state, rows in TABLE.items() for kind in rows]
NOTES = (ev.FilesNoted, ev.CancelNoted, ev.Held)
ALL_EVENTS = [kind for name, kind in vars(ev).items() if name in ev.__all__ and isinstance(kind, type)]
ALL_EVENTS.remove(ev.EventBase)


def possible(state: State, kind: type[ev.EventBase]) -> list[Delivery]:
    return [
        shape for shape in shapes(state) if kind in between_requests(state) | OUTCOMES[type(decide(shape, NOW, POLICY))]
    ]


def steps(state: State, kind: type[ev.EventBase]) -> list[tuple[Delivery, Delivery]]:
    """Before and after, for every shape, variant and policy."""
    return [
        (shape, apply(shape, event, NOW, policy))
        for policy in POLICIES
        for shape in possible(state, kind)
        for event in events(kind)
    ]


def test_every_state_has_its_rows() -> None:
    assert set(TABLE) == set(State)


def test_two_rows_of_one_event_are_refused() -> None:
    row = Row(ev.RunStarted, lambda one, *_: one, State.FINDING)
    with pytest.raises(ValueError, match="two rows"):
        rows(row, row)


@pytest.mark.parametrize("state", sorted(set(State) - TERMINAL))
def test_whatever_can_come_of_what_a_state_wants_has_a_row(state: State) -> None:
    wanted = {type(decide(shape, NOW, POLICY)) for shape in shapes(state)}
    assert set(TABLE[state]) == between_requests(state).union(*(OUTCOMES[kind] for kind in wanted))


@pytest.mark.parametrize(("state", "kind"), ROWS)
def test_a_row_leads_to_exactly_the_states_it_names(state: State, kind: type[ev.EventBase]) -> None:
    assert {after.state for _, after in steps(state, kind)} == TABLE[state][kind].leads_to


@pytest.mark.parametrize(("state", "kind"), ROWS)
def test_after_every_row_the_delivery_knows_what_to_do_next_and_why_it_stands(
    state: State, kind: type[ev.EventBase]
) -> None:
    for before, after in steps(state, kind):
        decide(after, after.not_before or NOW, POLICY)
        assert after.plan == before.plan
        assert after.updated_at == NOW
        assert kind not in NOTES or after.state is before.state
        assert (after.failure is not None) == (after.state in {State.FAILED, State.BLOCKED})
        assert after.failure is None or (after.failure.code in CATALOGUE and after.failure.detail)
        assert (after.finished_at is not None) == after.is_over
        assert not after.is_over or (after.not_before, after.waiting_for) == (None, None)
        assert after.state is not State.BLOCKED or after.not_before is not None or before.state is State.BLOCKED
        assert after.state not in UNDER_WAY or (after.acts >= 1 and after.acted_at is not None)


@pytest.mark.parametrize(("state", "kind"), ROWS)
def test_where_something_may_have_been_submitted_no_end_says_otherwise(state: State, kind: type[ev.EventBase]) -> None:
    for _, after in steps(state, kind):
        if after.acts and after.is_over and after.state not in DELIVERED:
            assert after.failure is not None
            assert after.failure.code in {Code.SEND_IN_DOUBT, Code.ALREADY_SENT}


@pytest.mark.parametrize("kind", [ev.NotDone, ev.Unsure, ev.ItemMissing, ev.Refused, ev.RunStarted])
@pytest.mark.parametrize("state", [State.SUBMITTING, State.SETTLING, State.UPDATING, State.VERIFYING])
def test_nothing_but_evidence_says_that_it_was_sent(state: State, kind: type[ev.EventBase]) -> None:
    assert all(after.state not in DELIVERED for _, after in steps(state, kind))


@pytest.mark.parametrize("state", sorted(State))
def test_an_event_without_a_row_changes_nothing_and_is_refused(state: State) -> None:
    for kind in set(ALL_EVENTS) - set(TABLE[state]):
        for event in events(kind):
            with pytest.raises(IllegalEvent, match=state.value):
                apply(delivery(state), event, NOW, POLICY)


@settings(max_examples=600 * FACTOR, deadline=None)
@given(st.integers(0, 2**64), st.sampled_from(POLICIES), st.sampled_from([State.FINDING, State.COLLECTING]))
def test_in_any_life_every_act_is_announced_and_looked_at_before(seed: int, policy: object, first: State) -> None:
    random = Random(seed)
    assert policy in POLICIES
    chosen = next(one for one in POLICIES if one == policy)
    present, now = delivery(first), NOW
    if first is State.FINDING:
        present = replace(present, item_id=None, marked=False)
    looked: list[type] = []
    for _ in range(150):
        action = decide(present, now, chosen)
        if isinstance(action, ac.Finish):
            break
        if isinstance(action, ac.Wait):
            now = action.until
            continue
        if isinstance(action, ac.Submit):
            assert present.acted_at is not None
            assert present.acts >= 1
            assert chosen.second_send or present.acts == 1 or present.retries
            assert {ac.ReadItem, ac.PrepareAct} <= set(looked[-6:])
        looked.append(type(action))
        kinds = sorted(OUTCOMES[type(action)], key=str) * 9 + sorted(between_requests(present.state), key=str)
        kind = random.choice(kinds)
        after = apply(present, random.choice(events(kind)), now, chosen)
        assert after.state in TABLE[present.state][kind].leads_to
        present = after
        now += timedelta(seconds=random.choice((0.1, 1, 60)))
