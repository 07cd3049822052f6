"""Runs: start, carry on, hand over, conclude; each of them safe to repeat."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import pytest

from assurance.simulation.io import Gate
from shared.core.errors import Code
from shared.core.model import Route, State
from shared.core.policy import Policy
from shared.engine.checkpoint import LEASE_SECONDS, lease
from shared.graph import prepare
from shared.intake.accept import transfer_for
from shared.intake.mailboxes import AllowedMailboxes
from shared.storage.ports import Checkpoint, Conflict
from tests.unit.run.stage import Stage

T = TypeVar("T")

BIG = bytes(range(256)) * 64  # 16 KiB: with ranges of 4 KiB, four of them
SMALL_RANGES = Policy(range_bytes=4096, smallest_range=512)


def by_session(stage: Stage) -> Stage:
    """Even a small file takes a session: a POST's body may have no more than a few bytes here."""
    stage.route = Route.SESSION
    return stage


@pytest.fixture
def stage() -> Stage:
    return Stage(policy=SMALL_RANGES)


@pytest.mark.parametrize("size", [1, 100, 16_384])
def test_a_new_transfer_is_attached_and_concluded(stage: Stage, size: int) -> None:
    transfer = stage.transfer(BIG[:size])
    stage.runs.start(transfer)
    ended = stage.now_is(transfer.id)
    assert ended.state is State.ATTACHED
    assert ended.session is None
    assert stage.attached() == [("a.bin", BIG[:size])]
    assert stage.checkpoints.marks == {}
    assert [told.instance for told in stage.outcomes.notified] == [ended]


def test_the_same_event_again_changes_nothing(stage: Stage) -> None:
    transfer = stage.transfer(BIG)
    stage.runs.start(transfer)
    for _ in range(2):
        stage.clock.advance(60)
        again = transfer_for(stage.sources.blobs["a.bin"].dropped, AllowedMailboxes(), stage.clock.now())
        assert again.id == transfer.id
        stage.runs.start(again)
    assert len(stage.attached()) == 1
    assert len(stage.outcomes.notified) == 1
    assert stage.queue.messages == []
    assert stage.checkpoints.marks == {}


def test_an_outcome_that_was_not_told_keeps_its_mark_though_the_event_comes_again() -> None:
    stage = Stage(dying_at("outcome.notify"), policy=SMALL_RANGES)
    transfer = stage.transfer(BIG)
    with pytest.raises(KeyboardInterrupt):
        stage.runs.start(transfer)
    stage.runs.start(transfer)
    assert stage.now_is(transfer.id).state is State.ATTACHED
    assert list(stage.checkpoints.marks) == [transfer.id]


def test_a_transfer_refused_at_intake_ends_at_once_and_is_told(stage: Stage) -> None:
    transfer = stage.transfer(BIG, messageid="")
    stage.runs.start(transfer)
    assert stage.now_is(transfer.id).state is State.FAILED
    assert [told.instance.id for told in stage.outcomes.notified] == [transfer.id]
    assert stage.attached() == []


def test_a_transfer_in_other_hands_is_asked_for_again_when_they_let_go(stage: Stage) -> None:
    transfer = stage.transfer(BIG)
    stage.checkpoints.create(Checkpoint(transfer, lease("other", stage.clock.now()), "other.0"))
    stage.runs.resume(transfer.id)
    [(due, named)] = stage.queue.messages
    assert named == transfer.id
    assert (due - stage.clock.now()).total_seconds() == LEASE_SECONDS + 1
    assert stage.attached() == []
    assert stage.deliver_all() == 1
    assert len(stage.attached()) == 1


def test_a_transfer_that_waits_is_left_alone_until_its_time(stage: Stage) -> None:
    stage.graph.remove_item(stage.item)
    transfer = stage.transfer(BIG)
    stage.runs.start(transfer)
    waiting = stage.now_is(transfer.id)
    assert waiting.not_before is not None
    [(due, _)] = stage.queue.messages
    assert due == waiting.not_before
    calls = len(stage.graph.log)
    stage.runs.resume(transfer.id)
    assert len(stage.graph.log) == calls


def test_a_missing_item_fails_after_the_wait_without_holding_a_worker(stage: Stage) -> None:
    stage.graph.remove_item(stage.item)
    transfer = stage.transfer(BIG)
    began = stage.clock.now()
    stage.runs.start(transfer)
    assert (stage.clock.now() - began).total_seconds() <= stage.edges.policy.inline_wait
    stage.deliver_all()
    ended = stage.now_is(transfer.id)
    assert ended.failure is not None
    assert ended.failure.code is Code.TARGET_NOT_FOUND
    assert (stage.clock.now() - began).total_seconds() >= stage.edges.policy.target_wait


def test_a_run_out_of_budget_goes_on_in_another_and_sends_no_confirmed_byte_twice() -> None:
    stage = by_session(Stage(budget=0, policy=SMALL_RANGES))
    transfer = stage.transfer(BIG)
    stage.runs.start(transfer)
    runs = 1 + stage.deliver_all()
    assert stage.now_is(transfer.id).state is State.ATTACHED
    assert runs == stage.now_is(transfer.id).runs == 4
    puts = [entry.content_range for entry in stage.graph.log if entry.method == "PUT"]
    assert puts == [f"bytes {at}-{at + 4095}/16384" for at in (0, 4096, 8192, 12288)]


def test_a_transfer_nobody_knows_is_no_work(stage: Stage) -> None:
    stage.runs.resume("0" * 32)
    assert stage.queue.messages == []


def test_accepting_makes_it_durable_asks_for_a_run_and_happens_once(stage: Stage) -> None:
    transfer = stage.transfer(BIG)
    assert stage.runs.accept(transfer)
    assert not stage.runs.accept(transfer)
    assert list(stage.checkpoints.marks) == [transfer.id]
    stage.deliver_all()
    assert stage.now_is(transfer.id).runs == 1
    assert len(stage.attached()) == 1


def dying_at(call: str) -> Gate:
    """A world in which the process dies just before its first call of that name."""
    alive = [True]

    def gate(name: str, effect: Callable[[], T], /) -> T:
        if name == call and alive:
            alive.clear()
            raise KeyboardInterrupt
        return effect()

    return gate


@pytest.mark.parametrize("call", ["mark.set", "checkpoint.create", "queue.send"])
def test_accepting_again_makes_up_for_a_process_that_died_in_between(call: str) -> None:
    stage = Stage(dying_at(call), policy=SMALL_RANGES)
    transfer = stage.transfer(BIG)
    with pytest.raises(KeyboardInterrupt):
        stage.runs.accept(transfer)
    stage.runs.accept(transfer)
    assert list(stage.checkpoints.marks) == [transfer.id]
    stage.deliver_all()
    assert len(stage.attached()) == 1


def test_a_refusal_that_was_never_told_leaves_a_mark_for_the_sweep() -> None:
    stage = Stage(dying_at("outcome.notify"))
    transfer = stage.transfer(b"")
    with pytest.raises(KeyboardInterrupt):
        stage.runs.start(transfer)
    stage.runs.start(transfer)
    assert stage.outcomes.notified == []
    assert list(stage.checkpoints.marks) == [transfer.id]


def test_accepting_what_intake_refused_tells_the_failure_and_asks_for_no_run(stage: Stage) -> None:
    transfer = stage.transfer(b"")
    assert stage.runs.accept(transfer)
    assert stage.queue.messages == []
    assert [told.instance.failure for told in stage.outcomes.notified] == [transfer.failure]


@pytest.mark.parametrize(("delete", "left"), [(True, []), (False, ["a.bin"])])
def test_the_source_is_deleted_only_when_wished_and_only_after_the_outcome(delete: bool, left: list[str]) -> None:
    order: list[str] = []

    def gate(name: str, effect: object, /) -> object:
        order.append(name)
        return effect()  # type: ignore[operator]

    stage = Stage(gate, delete_source=delete, policy=SMALL_RANGES)  # type: ignore[arg-type]
    transfer = stage.transfer(BIG)
    stage.runs.start(transfer)
    assert list(stage.sources.blobs) == left
    assert order[-2:] == ["mark.clear", "queue.delete"]
    if delete:
        assert order[-5:-1] == ["checkpoint.save", "outcome.notify", "source.delete", "mark.clear"]


def test_the_source_of_a_failed_transfer_is_kept() -> None:
    stage = Stage(delete_source=True, policy=SMALL_RANGES)
    stage.graph.state.mailboxes["ada@contoso.example"].message_limit = 10
    transfer = stage.transfer(BIG)
    stage.runs.start(transfer)
    stage.deliver_all()
    assert stage.now_is(transfer.id).state is State.FAILED
    assert list(stage.sources.blobs) == ["a.bin"]


def test_a_run_that_lost_the_transfer_stops_and_tells_nothing(stage: Stage) -> None:
    by_session(stage)
    transfer = stage.transfer(BIG)

    def steal(name: str, effect: object, /) -> object:
        result = effect()  # type: ignore[operator]
        if name == "graph.PUT":
            found = stage.checkpoints.peek(transfer.id)
            assert found is not None
            thief = replace(found.checkpoint, lease=lease("thief", stage.clock.now()), write="thief.1")
            stage.checkpoints.save(thief, found.etag)
        return result

    stage.edges.transport._gate = steal  # type: ignore[attr-defined]
    stage.runs.start(transfer)
    assert stage.witness.handed == [transfer.id]
    assert stage.outcomes.notified == []
    found = stage.checkpoints.peek(transfer.id)
    assert found is not None
    assert found.checkpoint.write == "thief.1"


@pytest.mark.parametrize("is_theirs", [False, True])
def test_a_session_that_a_run_opened_and_lost_is_cancelled_unless_whoever_has_the_transfer_goes_on_with_it(
    stage: Stage, *, is_theirs: bool
) -> None:
    by_session(stage)
    transfer = stage.transfer(BIG)

    def steal() -> None:
        found = stage.checkpoints.peek(transfer.id)
        assert found is not None
        thief = replace(found.checkpoint, lease=lease("thief", stage.clock.now()), write="thief.1")
        stage.checkpoints._gate = lambda _name, effect, /: effect()
        stage.checkpoints.save(thief, found.etag)

    def once_opened(name: str, effect: object, /) -> object:
        result = effect()  # type: ignore[operator]
        if name == "graph.POST" and not is_theirs:
            steal()
        return result

    def once_saved(name: str, effect: object, /) -> object:
        result = effect()  # type: ignore[operator]
        if name == "checkpoint.save" and is_theirs and stage.now_is(transfer.id).session is not None:
            steal()
            raise Conflict  # the answer that a client library gets which asks again by itself
        return result

    stage.edges.transport._gate = once_opened  # type: ignore[attr-defined]
    stage.checkpoints._gate = once_saved  # type: ignore[assignment]
    stage.runs.start(transfer)
    assert stage.witness.handed == [transfer.id]
    [session] = stage.graph.state.sessions.values()
    assert (session.state, session.received) == ("open" if is_theirs else "cancelled", 0)


@pytest.mark.parametrize(("least", "ways"), [(1, {"post", "create", "put"}), (1000, {"post", "create"})])
def test_posts_that_are_500_without_a_body_again_and_again_try_the_session_once(
    stage: Stage, least: int, ways: set[str]
) -> None:
    stage.graph.switch(min_session_size=least)
    stage.graph.fault({"action": "status", "kind": "post", "status": 500, "body": "empty", "times": 5})
    transfer = stage.transfer(b"a small file")
    stage.runs.start(transfer)
    stage.deliver_all()
    assert stage.now_is(transfer.id).state is State.ATTACHED
    assert stage.attached() == [("a.bin", b"a small file")]
    sent = [entry.kind.removeprefix("final-") for entry in stage.graph.log if entry.method in {"POST", "PUT"}]
    assert set(sent) == ways
    assert sent[:4] == ["post", "post", "post", "create"]
    assert sent.count("create") == 1


@pytest.mark.parametrize(
    ("route", "immutable_ids"), [(Route.POST, True), (Route.SESSION, True), (Route.SESSION, False)]
)
def test_a_looked_up_item_that_is_moved_while_it_is_worked_on_gets_its_file(
    monkeypatch: pytest.MonkeyPatch, route: Route, *, immutable_ids: bool
) -> None:
    moved: list[str] = []
    moving_stage: Stage

    def moving(name: str, effect: Callable[[], object], /) -> object:
        if name == "graph.POST" and not moved:
            moved.append(moving_stage.item)
            moving_stage.item = moving_stage.graph.move_item(moving_stage.item)
        return effect()

    moving_stage = Stage(moving, policy=SMALL_RANGES)  # type: ignore[arg-type]
    moving_stage.route = route
    if not immutable_ids:
        monkeypatch.setattr(prepare, "_FIND", {"Accept": "application/json"})  # as where Graph does not heed it
    moving_stage.graph.state.items[moving_stage.item].lookup = "<x@y>"
    transfer = moving_stage.transfer(BIG, messageid="", internetmessageid="<x@y>")
    moving_stage.runs.start(transfer)
    moving_stage.deliver_all()
    assert moved
    assert moving_stage.now_is(transfer.id).state is State.ATTACHED
    assert len(moving_stage.attached()) == 1


@pytest.mark.parametrize(("granted_after", "state"), [(6000, State.ATTACHED), (90_000, State.FAILED)])
def test_access_that_is_granted_late_is_waited_for(stage: Stage, granted_after: float, state: State) -> None:
    stage.graph.switch(access_seconds=granted_after)
    stage.graph.add_mailbox("new@contoso.example", now=stage.clock.now())
    item = stage.graph.add_message("new@contoso.example")
    transfer = stage.transfer(b"a small file", mailbox="new@contoso.example", messageid=item)
    stage.runs.start(transfer)
    waiting = stage.now_is(transfer.id).waiting_for
    assert waiting is not None
    assert waiting.code is Code.ACCESS_DENIED
    stage.deliver_all()
    ended = stage.now_is(transfer.id)
    assert ended.state is state
    assert (ended.failure is None) == (state is State.ATTACHED)
