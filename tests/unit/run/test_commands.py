"""Wishes: an end, or another try, whoever has the transfer in hand; over a world in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import count
from typing import TypeVar

import pytest

from shared.core.errors import Code
from shared.core.model import Failure, Route, Session, State, Transfer
from shared.core.policy import Policy
from shared.core.unfinished import unfinished_entry_of
from shared.engine.checkpoint import LEASE_SECONDS, lease
from shared.run.commands import ATTEMPTS, Accepted, Commands, NotFound, Rejected
from shared.storage.ports import Checkpoint, Conflict, StorageUnavailable
from tests.unit.run.stage import Stage

T = TypeVar("T")

BIG = bytes(range(256)) * 64  # with ranges of 4 KiB, four of them
SMALL_RANGES = Policy(range_bytes=4096, smallest_range=512)


@dataclass
class Ends:
    """Implements `OutcomeIndex`: remembers what was forgotten, and what was listed anew."""

    forgotten: list[str] = field(default_factory=list)
    notified: list[Transfer] = field(default_factory=list)

    def notify(self, checkpoint: Checkpoint) -> None:
        self.notified.append(checkpoint.instance)

    def forget(self, transfer: Transfer) -> None:
        self.forgotten.append(transfer.id)


class Meddled(Stage):
    """A stage where something happens just before the `nth` call of a name."""

    def __init__(self, name: str = "", nth: int = 1, meddle: Callable[[], None] = lambda: None) -> None:
        seen = count(1)

        def gate(called: str, effect: Callable[[], T], /) -> T:
            if called == name and next(seen) == nth:
                meddle()
            return effect()

        super().__init__(gate, policy=SMALL_RANGES)
        self.route = Route.SESSION
        self.ends = Ends()
        writes = count(1)
        self.commands = Commands(self.checkpoints, self.queue, self.ends, self.clock, lambda: f"wish-{next(writes)}")

    def put(self, transfer: Transfer, **changes: object) -> Transfer:
        """A checkpoint that nobody has in hand."""
        if changes.get("state") is State.SENDING:
            changes |= {"before": (), "session": Session("https://gone.example/s", self.clock.now(), 0)}
        self.checkpoints.create(Checkpoint(replace(transfer, **changes), None, "put.0"))  # type: ignore[arg-type]
        return self.now_is(transfer.id)


@pytest.fixture
def stage() -> Meddled:
    return Meddled()


# --- cancel -------------------------------------------------------------------------------------------------------


def test_a_transfer_that_nobody_has_in_hand_is_cancelled_by_the_run_that_is_asked_for(stage: Meddled) -> None:
    transfer = stage.put(stage.transfer(BIG))
    reply = stage.commands.cancel(transfer.id)
    assert isinstance(reply, Accepted)
    assert reply.transfer.cancel_requested
    assert stage.deliver_all() == 1
    assert stage.now_is(transfer.id).state is State.CANCELLED
    assert stage.attached() == []


@pytest.mark.parametrize("nth", [1, 2])
def test_a_run_heeds_the_wish_at_its_next_save_and_deletes_its_session(nth: int) -> None:
    stage = Meddled("graph.PUT", nth, lambda: wish())  # noqa: PLW0108 - it is defined below
    transfer = stage.transfer(BIG)

    def wish() -> None:
        assert isinstance(stage.commands.cancel(transfer.id), Accepted)

    stage.runs.start(transfer)
    ended = stage.now_is(transfer.id)
    assert (ended.state, ended.session) == (State.CANCELLED, None)
    assert stage.witness.handed == []
    assert [session.state for session in stage.graph.state.sessions.values()] == ["cancelled"]
    assert stage.attached() == []
    stage.deliver_all()
    assert stage.now_is(transfer.id).state is State.CANCELLED


def test_a_commit_that_wins_the_race_makes_the_transfer_attached() -> None:
    stage = Meddled("graph.PUT", 4, lambda: wish())  # noqa: PLW0108 - it is defined below
    transfer = stage.transfer(BIG)

    def wish() -> None:
        assert isinstance(stage.commands.cancel(transfer.id), Accepted)

    stage.runs.start(transfer)
    ended = stage.now_is(transfer.id)
    assert (ended.state, ended.cancel_requested) == (State.ATTACHED, True)
    assert stage.attached() == [("a.bin", BIG)]


def test_the_wish_leaves_the_lease_with_its_owner_and_asks_for_a_run_when_it_ends(stage: Meddled) -> None:
    transfer = stage.transfer(BIG)
    owned = lease("other", stage.clock.now())
    stage.checkpoints.create(Checkpoint(transfer, owned, "other.0"))
    stage.commands.cancel(transfer.id)
    stored = stage.checkpoints.peek(transfer.id)
    assert stored is not None
    assert stored.checkpoint.lease == owned
    [(due, _)] = stage.queue.messages
    assert (due - stage.clock.now()).total_seconds() == LEASE_SECONDS + 1


def test_a_wish_that_is_repeated_writes_nothing_but_asks_again(stage: Meddled) -> None:
    transfer = stage.put(stage.transfer(BIG))
    stage.commands.cancel(transfer.id)
    first = stage.checkpoints.peek(transfer.id)
    stage.commands.cancel(transfer.id)
    assert stage.checkpoints.peek(transfer.id) == first
    assert len(stage.queue.messages) == 2


def test_a_transfer_that_waits_for_its_item_is_cancelled_without_waiting(stage: Meddled) -> None:
    stage.graph.remove_item(stage.item)
    transfer = stage.transfer(BIG)
    stage.runs.start(transfer)
    stage.clock.advance(100)
    while stage.queue.messages:  # until the pause is longer than a run sleeps
        message = stage.queue.take()
        assert message is not None
        stage.clock.advance_to(message[0])
        stage.runs.resume(transfer.id)
        waits_until = stage.now_is(transfer.id).not_before
        if waits_until is not None and (waits_until - stage.clock.now()).total_seconds() > 20:
            break
    stage.commands.cancel(transfer.id)
    before = stage.clock.now()
    message = stage.queue.take()
    assert message is not None
    assert (message[0] - before).total_seconds() == 0
    stage.runs.resume(transfer.id)
    assert stage.now_is(transfer.id).state is State.CANCELLED


@pytest.mark.parametrize(
    ("state", "code"), [(State.ATTACHED, Code.TRANSFER_ATTACHED), (State.FAILED, Code.TRANSFER_FAILED)]
)
def test_what_is_over_cannot_be_cancelled(stage: Meddled, state: State, code: Code) -> None:
    transfer = stage.put(stage.transfer(BIG), state=state)
    assert stage.commands.cancel(transfer.id) == Rejected(transfer, code)
    assert stage.queue.messages == []


def test_what_is_cancelled_stays_so(stage: Meddled) -> None:
    transfer = stage.put(stage.transfer(BIG), state=State.CANCELLED)
    assert stage.commands.cancel(transfer.id) == Accepted(transfer)
    assert stage.queue.messages == []


# --- retry --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [State.FAILED, State.CANCELLED])
def test_what_failed_or_was_cancelled_is_tried_again_and_attached(stage: Meddled, state: State) -> None:
    transfer = stage.put(stage.transfer(BIG), state=state, finished_at=stage.clock.now())
    reply = stage.commands.retry(transfer.id)
    assert isinstance(reply, Accepted)
    assert stage.ends.forgotten == [transfer.id]
    assert stage.deliver_all() == 1
    assert stage.now_is(transfer.id).state is State.ATTACHED
    assert stage.checkpoints.marks == {}


def test_a_retry_in_doubt_finds_what_is_attached_and_attaches_nothing(stage: Meddled) -> None:
    """The answer of the final range was lost, and a person tries again."""
    transfer = stage.transfer(BIG)
    stage.runs.start(transfer)
    attached = stage.now_is(transfer.id)
    doubtful = replace(
        attached, state=State.FAILED, announced_at=stage.clock.now(), failure=Failure(Code.COMMIT_IN_DOUBT, "?")
    )
    stored = stage.checkpoints.peek(transfer.id)
    assert stored is not None
    stage.checkpoints.save(Checkpoint(doubtful, None, "doubt"), stored.etag)
    stage.commands.retry(transfer.id)
    stage.deliver_all()
    assert stage.now_is(transfer.id).state is State.ATTACHED
    assert stage.attached() == [("a.bin", BIG)]


@pytest.mark.parametrize(
    ("state", "code"),
    [
        (State.ATTACHED, Code.TRANSFER_ATTACHED),
        (State.SENDING, Code.TRANSFER_NOT_OVER),
        (State.PLANNED, Code.TRANSFER_NOT_OVER),
    ],
)
def test_what_has_not_failed_cannot_be_tried_again(stage: Meddled, state: State, code: Code) -> None:
    transfer = stage.put(stage.transfer(BIG), state=state)
    assert stage.commands.retry(transfer.id) == Rejected(transfer, code)
    assert (stage.queue.messages, stage.checkpoints.marks) == ([], {})


def test_what_intake_refused_cannot_be_tried_again(stage: Meddled) -> None:
    transfer = stage.put(stage.transfer(BIG, messageid=""))
    assert stage.commands.retry(transfer.id) == Rejected(transfer, Code.RETRY_POINTLESS)


# --- both ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wish", ["cancel", "retry"])
def test_an_unknown_transfer_is_said_to_be_unknown(stage: Meddled, wish: str) -> None:
    assert getattr(stage.commands, wish)("0" * 32) == NotFound()


@pytest.mark.parametrize(("wish", "state"), [("cancel", State.SENDING), ("retry", State.FAILED)])
def test_a_wish_is_written_over_a_version_that_came_in_between(
    stage: Meddled, wish: str, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    transfer = stage.put(stage.transfer(BIG), state=state)
    save, conflicts = stage.checkpoints.save, count(1)

    def contested(checkpoint: Checkpoint, etag: str) -> str:
        if next(conflicts) < ATTEMPTS:
            raise Conflict
        return save(checkpoint, etag)

    monkeypatch.setattr(stage.checkpoints, "save", contested)
    assert isinstance(getattr(stage.commands, wish)(transfer.id), Accepted)
    assert len(stage.queue.messages) == 1


@pytest.mark.parametrize(("wish", "state"), [("cancel", State.SENDING), ("retry", State.FAILED)])
def test_a_wish_that_is_never_written_is_reported(
    stage: Meddled, wish: str, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    transfer = stage.put(stage.transfer(BIG), state=state)

    def refused(_checkpoint: Checkpoint, _etag: str) -> str:
        raise Conflict

    monkeypatch.setattr(stage.checkpoints, "save", refused)
    with pytest.raises(StorageUnavailable):
        getattr(stage.commands, wish)(transfer.id)
    assert stage.queue.messages == []


class Gone(BaseException):
    """The process that carried the wish is gone."""


@pytest.mark.parametrize("state", [State.FAILED, State.CANCELLED])
def test_a_retry_that_dies_before_any_of_its_calls_leaves_an_end_or_a_mark(state: State) -> None:
    """In the order of its writes: the mark, then the checkpoint, then the message."""
    calls: list[str] = []
    dies_at = [0]

    def gate(called: str, effect: Callable[[], T], /) -> T:
        calls.append(called)
        if len(calls) == dies_at[0]:
            raise Gone
        return effect()

    for dies in range(1, 6):
        stage = Stage(gate, policy=SMALL_RANGES)
        one = Commands(stage.checkpoints, stage.queue, Ends(), stage.clock, lambda: "wish-1")
        dies_at[0] = 0
        transfer = replace(stage.transfer(BIG), state=state, finished_at=stage.clock.now())
        stage.checkpoints.create(Checkpoint(transfer, None, "put.0"))
        calls.clear()
        dies_at[0] = dies
        try:
            one.retry(transfer.id)
        except Gone:
            found = stage.now_is(transfer.id)
            assert found.is_over or unfinished_entry_of(found) in stage.checkpoints.marks
        else:
            assert calls == ["checkpoint.load", "mark.set", "checkpoint.save", "queue.send"]
            return
    raise AssertionError("it never came to its end")
