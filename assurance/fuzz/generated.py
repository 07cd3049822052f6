"""Hypothesis strategies for what the product keeps: checkpoints that are sound, with every field filled in some way."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from shared.core.errors import Code
from shared.core.model import (
    LOOKUPS,
    TERMINAL,
    Attachment,
    Failure,
    GraphAnswer,
    Plan,
    Refusals,
    Route,
    Session,
    Source,
    State,
    Step,
    Target,
    TargetKey,
    Transfer,
    WaitingFor,
)
from shared.core.policy import LARGEST_ATTACHMENT, LARGEST_RANGE
from shared.engine.checkpoint import Lease
from shared.storage.ports import Checkpoint
from shared.storage.validation import LARGEST_BLOB, YEARS

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
"""Any text that UTF-8 can hold: control characters, every script and every direction of writing among it."""

WORDS = TEXTS.filter(bool)
TIMES = st.datetimes(datetime(YEARS[0], 1, 1), datetime(YEARS[-1], 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
COUNTS = st.integers(0, 1000)
STATUSES = st.none() | st.integers(100, 599)
IDS = st.text("0123456789abcdef", min_size=32, max_size=32)
ITEMS = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=60).filter(
    lambda text: text.strip(".")
)
"""Ids of Outlook items, as far as they have to be: printable ASCII, and no step in a path."""

SEEN = st.builds(GraphAnswer, STATUSES, st.none() | TEXTS, st.none() | TEXTS)
FAILURES = st.builds(Failure, st.sampled_from(Code), TEXTS, st.none() | SEEN)
TARGETS = st.builds(Target, WORDS, st.sampled_from(TargetKey), WORDS)
ATTACHMENTS = st.builds(Attachment, WORDS, WORDS, st.booleans(), st.none() | WORDS)
REFUSALS = st.builds(Refusals, TIMES, COUNTS, st.floats(0, 604_800), st.sampled_from(State))
WAITS = st.builds(WaitingFor, st.sampled_from(Code), TIMES, st.none() | TIMES)
STEPS = st.builds(
    Step,
    TIMES,
    st.sampled_from(State),
    TEXTS,
    TEXTS,
    st.none() | st.integers(0, LARGEST_ATTACHMENT),
    st.none() | TEXTS,
    st.none() | TEXTS,
)
_LISTED = st.lists(WORDS, max_size=4).map(tuple)


@st.composite
def transfers(draw: st.DrawFn) -> Transfer:
    """A transfer as the core could have made it, whatever led to it."""
    state = draw(st.sampled_from(State))
    over = state in TERMINAL
    size = draw(st.integers(0, LARGEST_BLOB) if over else st.integers(1, LARGEST_ATTACHMENT))
    source = draw(st.builds(Source, WORDS, WORDS, WORDS, st.just(size), TIMES))
    missing = st.none() if over else st.nothing()
    plan = Plan(source, draw(missing | TARGETS), draw(missing | ATTACHMENTS), draw(TIMES))
    suspects = draw(st.lists(WORDS, min_size=1, max_size=4)) if state is State.COMPARING else []
    route = draw(st.sampled_from(Route))
    announced_at = draw(_announced(state))
    return Transfer(
        id=draw(IDS),
        plan=plan,
        route=route,
        state=state,
        item_id=draw(ITEMS if announced_at is not None else _item(state, plan.target)),
        before=draw(_before(state, route)),
        session=draw(_session(state, route, size)),
        range_bytes=draw(st.none() | st.integers(1, LARGEST_RANGE)),
        announced_at=announced_at,
        landed=draw(st.booleans() if over or announced_at is not None else st.just(False)),  # noqa: FBT003 - drawn
        suspects=tuple(suspects),
        strangers=draw(st.integers(0, len(suspects))),
        verdict=draw(st.none() | FAILURES),
        cancel_requested=draw(st.booleans()),
        not_before=draw(st.none() | TIMES),
        refusals=draw(st.none() | REFUSALS),
        outage=draw(st.none() | REFUSALS),
        ids_changed=draw(st.booleans()),
        waiting_for=draw(st.none() if over else st.none() | WAITS),
        missing_since=draw(st.none() | TIMES),
        bytes_confirmed=draw(st.integers(0, size)),
        attachment_id=draw(st.none() | WORDS),
        failure=draw(FAILURES if state is State.FAILED else st.none()),
        updated_at=draw(st.none() | TIMES),
        finished_at=draw(TIMES if over else st.none()),
        history=tuple(draw(st.lists(STEPS, max_size=3))),
        **draw(_COUNTS),
    )


_BOUND = frozenset({"strangers", "bytes_confirmed"})  # by something else
_COUNTED = [one.name for one in fields(Transfer) if one.type == "int" and one.name not in _BOUND]
_COUNTS: st.SearchStrategy[Any] = st.fixed_dictionaries(dict.fromkeys(_COUNTED, COUNTS))
_ALWAYS_OPEN = frozenset({State.SENDING, State.ASKING, State.RESENDING, State.FENCING})


def _before(state: State, route: Route) -> st.SearchStrategy[tuple[str, ...] | None]:
    if state in TERMINAL or (state is State.PLANNED and route is Route.POST):
        return st.none() | _LISTED
    return st.none() if state is State.PLANNED else _LISTED


def _item(state: State, target: Target | None) -> st.SearchStrategy[str | None]:
    if state in TERMINAL:
        return st.none() | ITEMS
    is_to_be_found = state is State.PLANNED and target is not None and target.key in LOOKUPS
    return st.none() | ITEMS if is_to_be_found else ITEMS


def _announced(state: State) -> st.SearchStrategy[datetime | None]:
    if state is State.PLANNED:
        return st.none()
    return TIMES if state is State.COMMITTING else st.none() | TIMES


def _session(state: State, route: Route, size: int) -> st.SearchStrategy[Session | None]:
    opened = st.builds(Session, WORDS, TIMES, st.integers(0, max(0, size - 1)))
    if state in _ALWAYS_OPEN or (state is State.COMMITTING and route is Route.SESSION):
        return opened
    return st.none() | opened if state in {State.LOOKING, State.COMPARING} else st.none()


CHECKPOINTS = st.builds(Checkpoint, transfers(), st.none() | st.builds(Lease, WORDS, TIMES), TEXTS)

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""For tests that draw checkpoints: large values, on a machine that may be doing other things."""
