"""A transfer's whole life under any events, in any order: what must hold after every single step (I9, I14)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.core import actions as ac
from shared.core import events as ev
from shared.core.history import recorded
from shared.core.machine import IllegalEvent, apply, decide
from shared.core.model import Route, State, Transfer
from shared.core.planning import accept
from shared.core.table import TABLE
from tests.unit.core.shapes import (
    ANYTIME,
    ATTACHMENT,
    BEFORE_HEEDED,
    FACTOR,
    NOW,
    OUTCOMES,
    POLICY,
    SOURCE,
    TARGET,
    between_requests,
    events,
    is_unheeded,
)

STEPS = 100


def holds(before: Transfer, after: Transfer) -> None:
    """What is true of every step."""
    assert after.state is not State.SENDING or after.session is not None
    if after.session is not None:
        assert 0 <= after.session.offset < after.size
        assert not after.is_over
        assert after.session != before.session or after.bytes_confirmed == before.bytes_confirmed
        assert after.session == before.session or after.bytes_confirmed == after.session.offset
    assert 0 <= after.bytes_confirmed <= after.size
    assert after.state is not State.COMMITTING or after.announced_at is not None
    assert after.state is not State.COMPARING or after.suspects
    assert after.sessions >= 0
    assert after.plan == before.plan


@settings(max_examples=2000 * FACTOR, deadline=None)
@given(st.integers(0, 2**64), st.sampled_from(list(Route)))
def test_after_every_step_of_any_life_the_transfer_makes_sense(seed: int, route: Route) -> None:
    random = Random(seed)
    present, now = accept(SOURCE, TARGET, ATTACHMENT, route, NOW), NOW
    for _ in range(STEPS):
        action = decide(present, now, POLICY)
        if isinstance(action, ac.Finish):
            break
        if isinstance(action, ac.Wait):
            now = action.until
            continue
        asked = [] if is_unheeded(present) else sorted(OUTCOMES[type(action)], key=str) * 9
        kinds = asked + sorted(BEFORE_HEEDED if is_unheeded(present) else between_requests(present.state), key=str)
        kind = random.choice(kinds)
        event = random.choice(events(kind))
        after = apply(present, event, now, POLICY)
        assert after.state in TABLE[present.state][kind].leads_to
        holds(present, after)
        present = recorded(after, now, present.state, action, event)
        now += timedelta(seconds=random.choice((0.1, 1, 60)))


@pytest.mark.parametrize("state", [State.ATTACHED, State.FAILED, State.CANCELLED])
def test_an_end_takes_no_event_but_a_late_command_and_wants_nothing(state: State) -> None:
    ended = replace(accept(SOURCE, TARGET, ATTACHMENT, Route.SESSION, NOW), state=state)
    assert decide(ended, NOW, POLICY) == ac.Finish()
    for kind in ANYTIME.union(*OUTCOMES.values()) - {ev.CancelNoted}:
        for event in events(kind):
            with pytest.raises(IllegalEvent):
                apply(ended, event, NOW, POLICY)
