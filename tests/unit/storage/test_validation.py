"""Whatever the core makes is sound, and whatever is sound the core can go on from."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings

from assurance.fuzz.generated import CHECKPOINTS, PATIENT
from shared.core import events as ev
from shared.core import planning
from shared.core.errors import Code
from shared.core.machine import apply, decide
from shared.core.model import LOOKUPS, Failure, Route, State, Step, Target, TargetKey, Transfer
from shared.core.policy import Policy
from shared.engine.checkpoint import Lease
from shared.storage.ports import Checkpoint
from shared.storage.validation import LARGEST_BLOB, first_fault, outside
from tests.unit.core.shapes import (
    ATTACHMENT,
    NOW,
    OUTCOMES,
    POLICY,
    SIZE,
    SOURCE,
    TARGET,
    between_requests,
    events,
    retried,
    session,
    stopped,
    transfer,
)

FAILURE = Failure(Code.ACCESS_DENIED, "no")


def checkpoint(one: Transfer, lease: Lease | None = None) -> Checkpoint:
    return Checkpoint(one, lease, "run-1.0")


def steps_from(started: Iterable[Transfer], depth: int) -> list[Transfer]:
    """Every transfer that so many steps lead to; those alike in all that a rule looks at are followed once."""
    seen: dict[object, Transfer] = {}
    todo = list(started)
    for _ in range(depth):
        fresh = {alike(one): one for one in todo if alike(one) not in seen}
        seen |= fresh
        todo = [after for one in fresh.values() for after in following(one)]
    return [*seen.values(), *todo]


FROM_OUTSIDE = frozenset({ev.Held, ev.CancelNoted, ev.Stopped})
"""What changes no step that follows: tried on every transfer at the end."""


def following(one: Transfer) -> list[Transfer]:
    if one.is_over:
        return []
    now = one.not_before or NOW
    kinds = (between_requests(one.state) - FROM_OUTSIDE) | OUTCOMES[type(decide(one, now, POLICY))]
    return [
        apply(one, event, now, POLICY) for kind in sorted(kinds, key=lambda k: k.__name__) for event in events(kind)
    ]


def alike(one: Transfer) -> object:
    return replace(
        one,
        updated_at=None,
        finished_at=None,
        not_before=None,
        announced_at=NOW if one.announced_at else None,
        missing_since=None,
        failure=None,
        verdict=FAILURE if one.verdict else None,
        transfer_tries=0,
        session_tries=0,
        throttles=0,
        outage=None,
        waiting_for=None,
        history=(),
    )


def test_whatever_the_core_makes_is_sound() -> None:
    started = [planning.accept(SOURCE, TARGET, ATTACHMENT, route, NOW) for route in Route]
    started += [
        planning.accept(replace(SOURCE, size=size), TARGET, ATTACHMENT, Route.POST, NOW) for size in (0, 10**12)
    ]
    started += [planning.refuse(SOURCE, FAILURE, NOW)]
    made = steps_from(started, 4)
    held = ev.Held(Code.MAILBOX_BUSY, NOW, known=True, recheck_at=NOW)
    made += [
        one
        for found in made
        if not found.is_over
        for one in (
            stopped(found, "it kept failing"),
            apply(found, held, NOW, POLICY),
            apply(found, ev.CancelNoted(), NOW, POLICY),
        )
    ]
    made += [retried(one) for one in made if planning.can_be_retried(one)]
    assert {one.state for one in made} == set(State)
    assert len(made) > 5_000
    assert [(first_fault(checkpoint(one)), one) for one in made if first_fault(checkpoint(one)) is not None] == []


@settings(PATIENT, max_examples=300)
@given(CHECKPOINTS)
def test_the_core_can_go_on_from_whatever_is_sound(found: Checkpoint) -> None:
    assert first_fault(found) is None
    one = found.instance
    now = one.not_before or one.plan.created_at
    between = set() if one.is_over and not planning.can_be_retried(one) else between_requests(one.state)
    for kind in sorted(OUTCOMES[type(decide(one, now, Policy()))] | between, key=str):
        for event in events(kind):
            after = apply(one, event, now, Policy())
            decide(after, after.not_before or now, Policy())


# --- what is not sound ---


def of(state: State, **changes: Any) -> Checkpoint:
    given: dict[str, Any] = {"updated_at": NOW}
    if state in {State.SENDING, State.ASKING, State.RESENDING, State.FENCING, State.COMMITTING}:
        given["session"] = session()
    if state is State.COMMITTING:
        given["announced_at"] = NOW
    if state is State.COMPARING:
        given["suspects"] = ("new",)
    if state in {State.ATTACHED, State.FAILED, State.CANCELLED}:
        given["finished_at"] = NOW
    if state is State.FAILED:
        given["failure"] = FAILURE
    return checkpoint(transfer(state, **{**given, **changes}))


@pytest.mark.parametrize("state", sorted(State))
def test_a_plain_transfer_of_each_state_is_sound(state: State) -> None:
    assert first_fault(of(state)) is None


NAIVE = NOW.replace(tzinfo=None)
A_TIME = "a time is no instant between 2000 and 2200"
A_COUNT = "a count is out of bounds"
BYTES = "a number of bytes is out of bounds"
ANNOUNCED = "the announcement of a commit does not fit the state"


def with_source(**changes: Any) -> dict[str, Any]:
    plan = transfer().plan
    return {"plan": replace(plan, source=replace(plan.source, **changes))}


def with_plan(**changes: Any) -> dict[str, Any]:
    return {"plan": replace(transfer().plan, **changes)}


@pytest.mark.parametrize(
    ("unsound", "said"),
    [
        (of(State.PLANNED, updated_at=NAIVE), A_TIME),
        (of(State.PLANNED, updated_at=datetime(1999, 12, 31, tzinfo=UTC)), A_TIME),
        (of(State.LOOKING, announced_at=datetime(2200, 1, 1, tzinfo=UTC)), A_TIME),
        (of(State.PLANNED, not_before=datetime.max.replace(tzinfo=UTC)), A_TIME),
        (of(State.PLANNED, **with_source(modified_at=NAIVE)), A_TIME),
        (of(State.PLANNED, **with_plan(created_at=NAIVE)), A_TIME),
        (of(State.SENDING, session=replace(session(), expires_at=NAIVE)), A_TIME),
        (of(State.PLANNED, history=(Step(NAIVE, State.PLANNED, "", ""),)), A_TIME),
        (checkpoint(transfer(), Lease("run-1", NAIVE)), A_TIME),
        *[
            (of(State.PLANNED, **{name: value}), A_COUNT)
            for name in ("routes_refused", "looks", "tries", "session_tries", "transfer_tries", "throttles")
            for value in (-1, 10**9)
        ],
        *[(of(State.PLANNED, **{name: -1}), A_COUNT) for name in ("strangers", "sessions", "runs", "retries")],
        (of(State.PLANNED, **with_source(size=-1)), BYTES),
        (of(State.FAILED, **with_source(size=LARGEST_BLOB + 1)), BYTES),
        (of(State.SENDING, bytes_confirmed=-1), BYTES),
        (of(State.SENDING, bytes_confirmed=SIZE + 1), BYTES),
        (of(State.SENDING, range_bytes=0), "the range is out of bounds"),
        (of(State.SENDING, range_bytes=4_194_305), "the range is out of bounds"),
        (of(State.SENDING, session=session(-1)), "the session's offset is outside the file"),
        (of(State.SENDING, session=session(SIZE)), "the session's offset is outside the file"),
        *[
            (of(state, session=session()), "a transfer that is over has a session")
            for state in (State.ATTACHED, State.FAILED, State.CANCELLED)
        ],
        (of(State.PLANNED, **with_plan(target=None)), "there is no target"),
        (of(State.PLANNED, **with_plan(attachment=None)), "there is no target"),
        (of(State.PLANNED, **with_source(size=0)), "the file has an impossible size"),
        (of(State.PLANNED, **with_source(size=157_286_401)), "the file has an impossible size"),
        (of(State.SENDING, failure=FAILURE), "it is under way and has an end"),
        (of(State.SENDING, finished_at=NOW), "it is under way and has an end"),
        (of(State.OPENING, item_id=None), "the item is not known"),
        (of(State.PLANNED, item_id=None), "the item is not known"),
        *[
            (of(State.PLANNED, item_id=odd), "the item is not known")
            for odd in ("", ".", "..", "a\nb", "é", "a" * 4097)
        ],
        *[
            (of(state, landed=True, announced_at=None), "it landed without being announced")
            for state in (State.PLANNED, State.OPENING, State.LOOKING)
        ],
        *[
            (of(state, sought=True, announced_at=NOW), "the item is sought where nobody looks for it")
            for state in (State.LOOKING, State.OPENING)  # its target is named by its id; and there nobody looks
        ],
        (of(State.CANCELLED, item_id=None, announced_at=NOW), "the item is not known"),
        (of(State.LOOKING, before=None), "what was attached before is not known"),
        *[
            (of(state, session=None), "the session does not fit the state")
            for state in (State.SENDING, State.ASKING, State.RESENDING, State.FENCING, State.COMMITTING)
        ],
        *[
            (of(state, session=session()), "the session does not fit the state")
            for state in (State.PLANNED, State.OPENING)
        ],
        (of(State.COMMITTING, route=Route.POST), "the session does not fit the state"),
        (of(State.COMMITTING, announced_at=None), ANNOUNCED),
        (of(State.PLANNED, announced_at=NOW), ANNOUNCED),
        (of(State.COMPARING, suspects=()), "the suspects do not fit the state"),
        (of(State.COMPARING, strangers=2), "the suspects do not fit the state"),
        (of(State.LOOKING, suspects=("new",)), "the suspects do not fit the state"),
    ],
)
def test_what_the_core_could_not_have_made_is_told_without_a_value(unsound: Checkpoint, said: str) -> None:
    assert first_fault(unsound) == said


@pytest.mark.parametrize("key", sorted(LOOKUPS))
def test_an_item_that_is_still_to_be_looked_up_need_not_be_known(key: TargetKey) -> None:
    looked_up = with_plan(target=Target("ada@contoso.example", key, "<one@contoso.example>"))
    assert first_fault(of(State.PLANNED, item_id=None, **looked_up)) is None


@pytest.mark.parametrize("state", sorted(State))
def test_a_file_in_another_container_is_refused_in_every_state(state: State) -> None:
    assert outside(of(state, **with_source(container="checkpoints")), "drop") == "its file is in another container"
    assert outside(of(state, **with_source(container="drop")), "drop") is None


@pytest.mark.parametrize(
    "change",
    [
        lambda one: replace(one, updated_at=NOW.astimezone(timezone(timedelta(hours=5)))),
        lambda one: replace(one, updated_at=datetime(2000, 1, 1, tzinfo=UTC)),
        lambda one: replace(one, updated_at=datetime(2199, 12, 31, tzinfo=UTC)),
        lambda one: replace(one, range_bytes=4_194_304, bytes_confirmed=SIZE, tries=10**9 - 1),
        lambda one: replace(one, session=session(SIZE - 1)),
        lambda one: replace(one, state=State.LOOKING),  # until its expiry fences it
        lambda one: replace(one, **with_source(size=157_286_400)),
    ],
)
def test_the_bounds_themselves_are_sound(change: Callable[[Transfer], Transfer]) -> None:
    assert first_fault(checkpoint(change(of(State.SENDING).instance))) is None
