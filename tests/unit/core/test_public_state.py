"""The state that people see, for every state of the core."""

from __future__ import annotations

import pytest

from shared.core.model import TERMINAL, State
from shared.core.public_state import NOT_OVER, PublicState, public_state
from tests.unit.core.shapes import NOW, at, shapes, transfer


@pytest.mark.parametrize("state", sorted(State))
def test_a_transfer_is_under_way_to_people_exactly_while_it_is_not_over(state: State) -> None:
    for shape in shapes(state):
        seen = public_state(shape, NOW)
        assert (seen in NOT_OVER) == (state not in TERMINAL)
        assert state not in TERMINAL or seen.value == state.value


def test_the_words_are_those_of_the_contract_in_its_order() -> None:
    assert list(PublicState) == ["queued", "sending", "waiting", "attached", "failed", "cancelled"]


def test_a_transfer_that_is_held_up_is_waiting_and_else_queued_until_a_run_has_it() -> None:
    held = transfer(not_before=at(60))
    assert public_state(held, NOW) is PublicState.WAITING
    assert public_state(held, at(60)) is PublicState.QUEUED
    assert public_state(transfer(runs=1), NOW) is PublicState.SENDING
