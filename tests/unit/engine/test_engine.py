"""Another process than the transfer runs on the same engine, with everything that a run is owed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.core.errors import Code
from shared.engine.checkpoint import Checkpoint, lease
from shared.engine.continuation import Continuation
from shared.engine.driver import DRAIN_PAUSE
from shared.engine.permit import FreePermit, Unlimited
from shared.engine.ports import StorageRefused
from shared.engine.process import Deferred
from shared.engine.runner import Runner
from shared.engine.runtime import Leftover
from tests.unit.engine.counting import KIND, Count, Room


@pytest.fixture
def room() -> Room:
    return Room()


def test_an_instance_runs_to_its_end_which_is_durable_before_it_is_carried_out(room: Room) -> None:
    room.runner.start(room.count())
    ended = room.now_is()
    assert (ended.instance.reached, ended.lease) == (3, None)
    assert ended.instance.finished_at is not None
    assert room.concluded == [ended.instance]
    assert (room.shelf.entries, room.line.asked, room.hand.open) == (set(), {}, 0)
    assert room.decided_events == ["began", "added", "added", "added", "done"]


def test_what_came_of_an_action_is_durable_before_the_next_one(room: Room) -> None:
    seen: list[int] = []
    room.hand.meddle = lambda: seen.append(room.now_is().instance.reached)
    room.runner.start(room.count())
    assert seen == [0, 1, 2]


def test_a_run_that_is_out_of_time_goes_on_by_a_message_that_names_its_process() -> None:
    room = Room(budget=0)
    room.runner.accept(room.count())
    for _ in range(20):
        if not room.line.asked:
            break
        asked = room.line.take()
        assert asked.kind == KIND
        assert room.runner.carry_on(asked)
    assert room.now_is().instance.reached == 3
    assert room.now_is().instance.runs == 3
    assert len(room.concluded) == 1


def test_a_long_wait_goes_back_to_the_queue_and_a_short_one_is_slept(room: Room) -> None:
    slow = Room(naps=60)
    slow.runner.start(slow.count())
    [(due, asked)] = slow.line.asked.values()
    assert (due, asked.run, slow.now_is().lease) == (slow.now_is().instance.not_before, "run-1", None)
    quick = Room(naps=2)
    began = quick.clock.now()
    quick.runner.start(quick.count())
    assert quick.now_is().instance.finished_at == began + timedelta(seconds=6)


def test_a_command_that_comes_while_a_run_has_it_is_found_by_the_next_save_and_heeded(room: Room) -> None:
    def command() -> None:
        stored = room.shelf.blobs["a" * 32]
        told = replace(stored.checkpoint, instance=replace(stored.checkpoint.instance, noted=True), write="person.1")
        room.shelf.save(told, stored.etag)
        room.hand.meddle = lambda: None

    room.hand.meddle = command
    room.runner.start(room.count())
    ended = room.now_is().instance
    assert (ended.noted, ended.stopping, room.hand.done) == (True, True, ["add"])
    assert ended.history == ("began", "added", "stop", "done")


def test_a_run_that_lost_the_instance_stops_and_undoes_what_nobody_else_knows_of(room: Room) -> None:
    def theft() -> None:
        stored = room.shelf.blobs["a" * 32]
        room.shelf.save(
            Checkpoint(stored.checkpoint.instance, lease("run-b", room.clock.now()), "run-b.0"), stored.etag
        )
        room.hand.meddle = lambda: None

    room.hand.meddle = theft
    room.runner.start(room.count())
    assert room.handed == ["a" * 32]
    assert room.hand.done == ["add", "undo"]
    assert (room.now_is().write, room.concluded) == ("run-b.0", [])


def test_a_run_of_a_process_that_is_told_to_end_yields_before_its_next_action(room: Room) -> None:
    room.hand.meddle = lambda: setattr(room, "draining", True)
    room.runner.start(room.count())
    [(due, _)] = room.line.asked.values()
    assert room.hand.done == ["add"]
    assert due == room.clock.now() + timedelta(seconds=DRAIN_PAUSE)


def test_an_instance_without_a_permit_is_let_go_and_looked_at_again(room: Room) -> None:
    class Full(Unlimited):
        def acquire(self, *_given: object) -> FreePermit | Deferred:  # type: ignore[override]
            return Deferred(room.clock.now() + timedelta(seconds=300), known=True)

    runner = Runner(replace(room.runtime, rate_limiter=Full()))
    runner.start(room.count())
    held = room.now_is()
    assert (held.lease, room.hand.done) == (None, [])
    assert held.instance.not_before == held.instance.recheck_at == room.clock.now() + timedelta(seconds=300)
    assert [asked for _, asked in room.line.asked.values()] == [Continuation("a" * 32, kind=KIND)]


@pytest.mark.parametrize("comes_back", [True, False])
def test_what_is_left_over_of_an_end_is_raised_and_its_entry_stays_where_it_comes_back(
    room: Room, *, comes_back: bool
) -> None:
    room.left = Leftover(StorageRefused(Code.STORAGE_LEASED, "a lease"), comes_back)
    with pytest.raises(StorageRefused, match="a lease"):
        room.runner.start(room.count())
    assert bool(room.shelf.entries) == comes_back
    assert room.now_is().instance.finished_at is not None


def test_the_same_instance_again_is_found_and_not_run_twice(room: Room) -> None:
    room.runner.start(room.count())
    room.clock.advance(60)
    room.runner.start(room.count())
    assert room.runner.accept(room.count()) is False
    assert (room.hand.done, len(room.concluded)) == (["add"] * 3, 1)
    assert room.shelf.entries == set()


def test_a_message_stands_by_for_the_death_of_the_run_that_has_the_instance(room: Room) -> None:
    room.shelf.create(Checkpoint(room.count(), lease("run-a", room.clock.now()), "run-a.0"))
    assert room.runner.resume("a" * 32)
    [asked] = [asked for _, asked in room.line.asked.values()]
    assert (asked.run, asked.guards, asked.kind) == ("run-a", True, KIND)
    assert room.runner.carry_on(room.line.take())
    assert room.now_is().instance.reached == 3


def test_nobody_is_found_by_an_id_that_names_nothing(room: Room) -> None:
    assert room.runner.resume("b" * 32) is False


def test_an_instance_that_was_over_before_it_was_made_durable_is_concluded_once(room: Room) -> None:
    refused: Count = replace(room.count(), finished_at=room.clock.now())
    room.runner.start(refused)
    assert (room.concluded, room.hand.done, room.shelf.entries) == ([refused], [], set())
