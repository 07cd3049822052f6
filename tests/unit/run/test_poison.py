"""Poison: what the host gave up on ends as failed, and nothing is guessed; over a world in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import pytest

from shared.core.errors import Code
from shared.core.model import Route, State, Transfer
from shared.core.policy import Policy
from shared.core.retry_budget import dead_at
from shared.engine.checkpoint import LEASE_SECONDS, lease
from shared.run.poison import Ending, Poison
from shared.storage.ports import Checkpoint, Conflict, StorageUnavailable
from tests.unit.core.shapes import retried
from tests.unit.run.stage import Stage

T = TypeVar("T")

BIG = bytes(range(256)) * 64
SMALL_RANGES = Policy(range_bytes=4096, smallest_range=512)


class Died(BaseException):
    """The process is gone."""


class Poisoned(Stage):
    """A stage whose runs die at the `nth` call of a name; before its effect, or after it."""

    def __init__(self, name: str = "", nth: int = 1, *, after: bool = False) -> None:
        self.left = nth

        def gate(called: str, effect: Callable[[], T], /) -> T:
            if called == name:
                self.left -= 1
                if self.left == 0:
                    if after:
                        effect()
                    raise Died
            return effect()

        super().__init__(gate, policy=SMALL_RANGES)
        self.route = Route.SESSION
        self.poison = Poison(self.edges, self.runs)

    def killed(self) -> Transfer:
        """A transfer whose run died, once its lease is over."""
        transfer = self.transfer(BIG)
        with pytest.raises(Died):
            self.runs.start(transfer)
        self.clock.advance(LEASE_SECONDS + 1)
        return self.now_is(transfer.id)


@pytest.fixture
def stage() -> Poisoned:
    return Poisoned()


def test_a_transfer_that_no_run_could_begin_ends_as_failed(stage: Poisoned) -> None:
    transfer = stage.transfer(BIG)
    stage.checkpoints.create(Checkpoint(transfer, None, "put.0"))
    stage.checkpoints.add_unfinished_entry(transfer.id)
    assert stage.poison.transfer_failed(transfer.id) is Ending.STOPPED
    ended = stage.now_is(transfer.id)
    assert ended.failure is not None
    assert (ended.state, ended.failure.code) == (State.FAILED, Code.RUNS_FAILED)
    assert [told.instance for told in stage.outcomes.notified] == [ended]
    assert stage.checkpoints.marks == {}


def test_its_session_is_deleted_first() -> None:
    stage = Poisoned("graph.PUT", 2)
    transfer = stage.killed()
    assert transfer.session is not None
    assert stage.poison.transfer_failed(transfer.id) is Ending.STOPPED
    assert [session.state for session in stage.graph.state.sessions.values()] == ["cancelled"]
    ended = stage.now_is(transfer.id)
    assert ended.failure is not None
    assert (ended.failure.code, ended.session) == (Code.RUNS_FAILED, None)
    assert [step.action for step in ended.history[-2:]] == ["cancel session", ""]


def test_a_session_that_cannot_be_reached_does_not_keep_it_from_ending(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Poisoned("graph.PUT", 2)
    transfer = stage.killed()
    stage.graph.fault({"action": "reset-before", "kind": "cancel", "times": 0})
    assert stage.poison.transfer_failed(transfer.id) is Ending.STOPPED
    assert stage.now_is(transfer.id).history[-2].outcome == "unsure"


def test_a_commit_that_may_have_landed_ends_in_doubt() -> None:
    stage = Poisoned("graph.PUT", 4)
    transfer = stage.killed()
    assert transfer.announced_at is not None
    stage.poison.transfer_failed(transfer.id)
    ended = stage.now_is(transfer.id)
    assert ended.failure is not None
    assert (ended.state, ended.failure.code) == (State.FAILED, Code.COMMIT_IN_DOUBT)
    assert ended.announced_at is not None


def have_retried(stage: Poisoned, transfer_id: str) -> Transfer:
    """A person has it tried again; what it is before any run of it."""
    stored = stage.checkpoints.peek(transfer_id)
    assert stored is not None
    again = retried(stored.checkpoint.instance, stage.clock.now())
    stage.checkpoints.save(Checkpoint(again, None, "retry.0"), stored.etag)
    return again


@pytest.mark.parametrize(
    "fault",
    [{"action": "reset-before"}, {"action": "status", "status": 404}, {"action": "status", "status": 503}],
    ids=["unreachable", "not found", "unavailable"],
)
def test_a_retry_waits_for_the_expiry_of_a_session_that_could_not_be_deleted(fault: dict[str, Any]) -> None:
    stage = Poisoned("graph.PUT", 4)
    transfer = stage.killed()
    assert transfer.session is not None
    stage.graph.fault({**fault, "kind": "cancel", "times": 0})
    stage.poison.transfer_failed(transfer.id)
    ended = stage.now_is(transfer.id)
    assert (ended.state, ended.session) == (State.FAILED, None)
    dead = dead_at(transfer.session, SMALL_RANGES)
    again = have_retried(stage, transfer.id)
    assert (again.state, again.not_before, again.may_land_until) == (State.LOOKING, None, dead)
    stage.runs.resume(transfer.id)
    while (waiting := stage.now_is(transfer.id)).not_before != dead:
        assert stage.clock.now() < dead
        assert (waiting.state, stage.deliver_one()) == (State.LOOKING, True)
    assert len(stage.graph.state.sessions) == 1  # looks that show nothing open no other one before
    stage.deliver_all()
    assert (stage.now_is(transfer.id).state, len(stage.graph.state.sessions)) == (State.ATTACHED, 2)
    assert stage.clock.now() > dead


def test_a_retry_finds_at_once_what_had_landed_though_its_session_may_be_alive() -> None:
    stage = Poisoned("graph.PUT", 4, after=True)
    transfer = stage.killed()
    stage.poison.transfer_failed(transfer.id)
    asked = stage.clock.now()
    again = have_retried(stage, transfer.id)
    assert again.may_land_until is not None
    stage.runs.resume(transfer.id)
    assert stage.now_is(transfer.id).state is State.ATTACHED
    assert stage.clock.now() == asked
    assert len(stage.attached()) == 1


@pytest.mark.parametrize("fences", range(len(SMALL_RANGES.fence_delays) + 1))
def test_a_session_that_was_missed_for_long_enough_is_not_waited_for(fences: int) -> None:
    stage = Poisoned("graph.PUT", 4)
    transfer = stage.killed()
    stored = stage.checkpoints.peek(transfer.id)
    assert stored is not None
    missed = replace(stored.checkpoint, instance=replace(transfer, fences=fences))
    stage.checkpoints.save(missed, stored.etag)
    stage.graph.fault({"action": "status", "status": 404, "kind": "cancel", "times": 0})
    stage.poison.transfer_failed(transfer.id)
    is_believed = fences == len(SMALL_RANGES.fence_delays)
    assert (have_retried(stage, transfer.id).may_land_until is None) is is_believed


def test_the_lease_of_the_run_that_failed_last_is_waited_for(stage: Poisoned) -> None:
    transfer = stage.transfer(BIG)
    stage.checkpoints.create(Checkpoint(transfer, lease("failed", stage.clock.now()), "failed.0"))
    began = stage.clock.now()
    assert stage.poison.transfer_failed(transfer.id) is Ending.STOPPED
    assert (stage.clock.now() - began).total_seconds() == LEASE_SECONDS + 1
    assert stage.now_is(transfer.id).state is State.FAILED


def test_a_transfer_that_another_run_has_in_hand_is_left_to_it(
    stage: Poisoned, monkeypatch: pytest.MonkeyPatch
) -> None:
    transfer = stage.transfer(BIG)
    etag = stage.checkpoints.create(Checkpoint(transfer, lease("other", stage.clock.now()), "other.0"))
    sleep = stage.clock.sleep

    def saved_meanwhile(seconds: float) -> None:
        stage.checkpoints.save(Checkpoint(transfer, lease("other", stage.clock.now()), "other.1"), etag)
        sleep(seconds)

    monkeypatch.setattr(stage.clock, "sleep", saved_meanwhile)
    assert stage.poison.transfer_failed(transfer.id) is Ending.LEFT
    assert stage.outcomes.notified == []
    monkeypatch.undo()
    assert stage.deliver_all() == 1
    assert stage.now_is(transfer.id).state is State.ATTACHED


@pytest.mark.parametrize("nth", [1, 2])
def test_a_transfer_that_is_taken_over_meanwhile_is_left_to_whoever_has_it(
    stage: Poisoned, nth: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    transfer = stage.transfer(BIG)
    stage.checkpoints.create(Checkpoint(transfer, None, "put.0"))
    save, writes = stage.checkpoints.save, iter(range(1, 9))

    def contested(checkpoint: Checkpoint, etag: str) -> str:
        if next(writes) == nth:
            raise Conflict
        return save(checkpoint, etag)

    monkeypatch.setattr(stage.checkpoints, "save", contested)
    assert stage.poison.transfer_failed(transfer.id) is Ending.LEFT
    assert stage.outcomes.notified == []
    assert len(stage.queue.messages) == 1


def test_a_transfer_that_is_over_stays_as_it_is(stage: Poisoned) -> None:
    transfer = stage.transfer(BIG)
    stage.runs.start(transfer)
    before = stage.checkpoints.peek(transfer.id)
    assert stage.poison.transfer_failed(transfer.id) is Ending.OVER
    assert stage.checkpoints.peek(transfer.id) == before


def test_a_message_about_nothing_is_said_to_be_about_nothing(stage: Poisoned) -> None:
    assert stage.poison.transfer_failed("0" * 32) is Ending.UNKNOWN


def test_storage_that_is_down_is_reported_so_that_the_message_comes_again(
    stage: Poisoned, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(_transfer_id: str) -> None:
        raise StorageUnavailable

    monkeypatch.setattr(stage.checkpoints, "load", down)
    with pytest.raises(StorageUnavailable):
        stage.poison.transfer_failed("0" * 32)


# --- the blob trigger's ---------------------------------------------------------------------------------------------


def test_a_file_whose_event_kept_failing_becomes_a_failed_transfer(stage: Poisoned) -> None:
    transfer = stage.transfer(BIG)
    assert stage.poison.drop_failed(transfer) is Ending.STOPPED
    ended = stage.now_is(transfer.id)
    assert ended.failure is not None
    assert (ended.state, ended.failure.code) == (State.FAILED, Code.RUNS_FAILED)
    assert "'a.bin'" in ended.failure.detail
    assert stage.outcomes.notified[0].instance == ended
    assert stage.checkpoints.marks == {}


def test_a_file_with_unusable_metadata_fails_for_that_reason(stage: Poisoned) -> None:
    transfer = stage.transfer(BIG, messageid="")
    assert stage.poison.drop_failed(transfer) is Ending.STOPPED
    failure = stage.now_is(transfer.id).failure
    assert failure is not None
    assert failure.code is Code.TARGET_MISSING


def test_a_transfer_that_the_event_had_begun_is_stopped_where_it_stands() -> None:
    stage = Poisoned("graph.PUT", 4)
    transfer = stage.killed()
    assert stage.poison.drop_failed(transfer) is Ending.STOPPED
    failure = stage.now_is(transfer.id).failure
    assert failure is not None
    assert failure.code is Code.COMMIT_IN_DOUBT
