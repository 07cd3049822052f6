"""The driver adds time to the core: budgets, short sleeps, long waits; and saves what must be saved when it must."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TypeVar

import pytest

from shared.core.actions import PrepareCommit
from shared.core.errors import Code
from shared.core.model import Route, State
from shared.core.policy import Policy
from shared.engine.driver import LEAST_ACTIONS
from shared.engine.permit import FreePermit, Unlimited
from shared.engine.ports import Clock
from shared.engine.process import Deferred
from shared.run.runner import TransferRunner
from shared.storage.ports import StorageUnavailable
from tests.unit.run.stage import MAILBOX, Stage

T = TypeVar("T")
BIG = bytes(range(256)) * 64
POLICY = Policy(range_bytes=4096, smallest_range=512)


class Recorder:
    """A gate that writes down every call."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def __call__(self, name: str, effect: Callable[[], T], /) -> T:
        self.calls.append(name)
        return effect()


class Never:
    """Implements `Background`: what nobody waits for is left out."""

    def submit(self, _work: Callable[[], None], /) -> Future[None]:
        done: Future[None] = Future()
        done.set_result(None)
        return done


def big_stage(gate: Recorder, *, budget: float = 480) -> Stage:
    stage = Stage(gate, budget=budget, policy=POLICY)
    stage.route = Route.SESSION
    return stage


def test_the_url_is_durable_before_the_first_range_and_the_announcement_before_the_last() -> None:
    gate = Recorder()
    stage = big_stage(gate)
    stage.runs.start(stage.transfer(BIG))
    sends = [(at, call) for at, call in enumerate(gate.calls) if call == "graph.PUT"]
    opened = gate.calls.index("graph.POST")
    assert "checkpoint.save" in gate.calls[opened : sends[0][0]]
    before_last = gate.calls[sends[-2][0] + 1 : sends[-1][0]]
    assert before_last.count("checkpoint.save") >= 1
    assert gate.calls[-4:] == ["checkpoint.save", "outcome.notify", "mark.clear", "queue.delete"]


def test_a_small_file_is_announced_before_it_is_posted() -> None:
    gate = Recorder()
    stage = Stage(gate, policy=POLICY)
    stage.runs.start(stage.transfer(b"hello"))
    posted = gate.calls.index("graph.POST")
    listed = gate.calls.index("graph.GET")
    assert "checkpoint.save" in gate.calls[listed:posted]


def test_between_two_ranges_there_is_one_save_and_the_last_one_carries_the_announcement() -> None:
    gate = Recorder()
    stage = big_stage(gate)
    stage.runs.start(stage.transfer(BIG))
    sends = [at for at, call in enumerate(gate.calls) if call == "graph.PUT"]
    saves = [gate.calls[one:next_one].count("checkpoint.save") for one, next_one in pairwise(sends)]
    assert saves == [1, 1, 1]


@pytest.mark.parametrize(("retry_after", "runs"), [(3, 1), (30, 2)])
def test_a_short_wait_is_slept_and_a_long_one_goes_back_to_the_queue(retry_after: int, runs: int) -> None:
    stage = big_stage(Recorder())
    stage.graph.fault({"action": "status", "kind": "put", "nth": 2, "status": 429, "retry_after": retry_after})
    transfer = stage.transfer(BIG)
    began = stage.clock.now()
    stage.runs.start(transfer)
    stage.deliver_all()
    assert stage.now_is(transfer.id).state is State.ATTACHED
    assert stage.now_is(transfer.id).runs == runs
    assert (stage.clock.now() - began).total_seconds() >= retry_after


def test_nothing_is_slept_through_that_would_end_after_the_budget() -> None:
    stage = big_stage(Recorder(), budget=2)
    stage.graph.fault({"action": "status", "kind": "put", "nth": 2, "status": 429, "retry_after": 4})
    transfer = stage.transfer(BIG)
    began = stage.clock.now()
    stage.runs.start(transfer)
    assert (stage.clock.now() - began).total_seconds() < 2
    assert len(stage.queue.messages) == 1
    stage.deliver_all()
    assert len(stage.attached()) == 1


def test_a_run_without_budget_still_gets_somewhere() -> None:
    stage = Stage(budget=0, policy=POLICY)
    transfer = stage.transfer(b"hello")
    stage.runs.start(transfer)
    assert 1 + stage.deliver_all() <= 2
    assert LEAST_ACTIONS >= 2, "a list and a POST"
    assert len(stage.attached()) == 1


def test_dead_storage_ends_the_run_and_the_next_one_settles_what_was_under_way() -> None:
    down: list[str] = []

    def gate(name: str, effect: Callable[[], T], /) -> T:
        if name == "checkpoint.save" and down:
            raise StorageUnavailable(down[0])
        result = effect()
        if name == "graph.PUT":
            down.append("no answer")
        return result

    stage = Stage(gate, policy=POLICY)
    stage.route = Route.SESSION
    transfer = stage.transfer(BIG)
    with pytest.raises(StorageUnavailable):
        stage.runs.start(transfer)
    down.clear()
    stage.edges.transport._gate = Recorder()  # type: ignore[attr-defined]
    stage.clock.advance(60)
    stage.runs.resume(transfer.id)
    assert stage.now_is(transfer.id).state is State.ATTACHED
    assert stage.attached() == [("a.bin", BIG)]


def test_a_wish_to_end_is_heeded_between_two_requests() -> None:
    stage = big_stage(Recorder())
    transfer = stage.transfer(BIG)

    def wish(name: str, effect: Callable[[], T], /) -> T:
        result = effect()
        if name == "graph.PUT" and not stage.now_is(transfer.id).cancel_requested:
            stage.wish_the_end(transfer.id)
        return result

    stage.edges.transport._gate = wish  # type: ignore[attr-defined]
    stage.runs.start(transfer)
    stage.deliver_all()
    assert stage.now_is(transfer.id).state is State.CANCELLED
    assert stage.attached() == []
    assert [entry.status for entry in stage.graph.log if entry.method == "DELETE"] == [204]


def test_a_source_overwritten_midway_ends_the_old_version_and_leaves_nothing_of_it() -> None:
    stage = big_stage(Recorder())
    transfer = stage.transfer(BIG)

    def overwrite(name: str, effect: Callable[[], T], /) -> T:
        result = effect()
        if name == "graph.PUT" and len(stage.sources.blobs["a.bin"].content) == len(BIG):
            stage.sources.put("a.bin", b"newer")
        return result

    stage.edges.transport._gate = overwrite  # type: ignore[attr-defined]
    stage.runs.start(transfer)
    stage.deliver_all()
    failure = stage.now_is(transfer.id).failure
    assert failure is not None
    assert failure.code is Code.SOURCE_CHANGED
    assert stage.attached() == []
    assert stage.graph.attachments(MAILBOX, stage.item) == []


def wishing_at(stage: Stage, transfer_id: str, call: str, nth: int) -> Callable[..., object]:
    """A gate behind whose `nth` call of that name a person wishes the end."""
    seen: list[str] = []

    def gate(name: str, effect: Callable[[], T], /) -> T:
        result = effect()
        seen.append(name)
        if name == call and seen.count(call) == nth:
            stage.wish_the_end(transfer_id)
        return result

    return gate


@pytest.mark.parametrize("content", [b"hello", BIG], ids=["post", "session"])
def test_a_wish_that_is_found_while_the_commit_is_announced_ends_the_transfer_at_once(content: bytes) -> None:
    stage = Stage(policy=POLICY) if content == b"hello" else big_stage(Recorder())
    transfer = stage.transfer(content)
    wish = wishing_at(stage, transfer.id, *("graph.GET", 1) if content == b"hello" else ("graph.PUT", 3))
    if content == BIG:  # the wish is found by the save of the announcement: nothing is saved in between
        stage.runs = TransferRunner(replace(stage.edges, background=lambda: nullcontext(Never())))
    stage.edges.transport._gate = wish  # type: ignore[attr-defined]
    began = stage.clock.now()
    stage.runs.start(transfer)
    ended = stage.now_is(transfer.id)
    assert (ended.state, ended.announced_at, stage.clock.now()) == (State.CANCELLED, None, began)
    assert [(step.state, step.outcome) for step in ended.history if step.outcome == "cancel requested"] == [
        (State.COMMITTING, "cancel requested")
    ]
    assert stage.attached() == []


def test_a_source_overwritten_before_its_last_range_leaves_no_doubt_though_its_new_version_is_attached() -> None:
    stage = big_stage(Recorder())
    transfer = stage.transfer(BIG)
    puts: list[str] = []

    def overwrite(name: str, effect: Callable[[], T], /) -> T:
        result = effect()
        puts.extend([name] if name == "graph.PUT" else [])
        if len(puts) == 3:
            puts.append("overwritten")
            newer = stage.transfer(BIG[::-1] + b"longer")
            stage.runs.start(newer)
        return result

    stage.edges.transport._gate = overwrite  # type: ignore[attr-defined]
    began = stage.clock.now()
    stage.runs.start(transfer)
    failure = stage.now_is(transfer.id).failure
    assert failure is not None
    assert (failure.code, stage.clock.now()) == (Code.SOURCE_CHANGED, began)
    assert stage.attached() == [("a.bin", BIG[::-1] + b"longer")]


def test_a_commit_that_was_sent_once_stays_in_doubt_whoever_wishes_the_end() -> None:
    stage = big_stage(Recorder())
    stage.graph.fault({"action": "status", "kind": "final-put", "status": 503, "times": 100})
    transfer = stage.transfer(BIG)
    stage.edges.transport._gate = wishing_at(stage, transfer.id, "graph.PUT", 4)  # type: ignore[attr-defined]
    stage.runs.start(transfer)
    stage.deliver_all()
    ended = stage.now_is(transfer.id)
    assert ended.state is State.CANCELLED
    assert ended.announced_at is not None
    assert len([step for step in ended.history if step.action == "list attachments"]) > 2
    assert "commit unsent" not in [step.outcome for step in ended.history]


class Reluctant(FreePermit):
    """A permit that says "not now" a few times, without a time that is known, before every commit."""

    def __init__(self, clock: Clock) -> None:
        self.asked: list[datetime] = []
        self._clock = clock

    def check(self, action: object, instance: object) -> Deferred | None:
        """See `Permit.check`."""
        if not isinstance(action, PrepareCommit) or len(self.asked) >= 3:
            return None
        self.asked.append(self._clock.now())
        return Deferred(self._clock.now() + timedelta(seconds=0.25), known=False)


class ReluctantLimiter(Unlimited):
    """Gives everybody that permit."""

    def __init__(self, permit: Reluctant) -> None:
        self._permit = permit

    def acquire(self, *_: object) -> Reluctant:
        """See `RateLimiter.acquire`."""
        return self._permit


def test_a_run_that_is_told_not_now_asks_again_after_the_pause_it_was_given_and_not_before() -> None:
    stage = Stage(policy=POLICY)
    reluctant = Reluctant(stage.clock)
    stage.runs = TransferRunner(replace(stage.edges, rate_limiter=ReluctantLimiter(reluctant)))
    transfer = stage.transfer(b"hello")
    stage.runs.start(transfer)
    assert stage.now_is(transfer.id).state is State.ATTACHED
    pauses = [(later - earlier).total_seconds() for earlier, later in pairwise(reluctant.asked)]
    assert pauses == [0.25, 0.25]
