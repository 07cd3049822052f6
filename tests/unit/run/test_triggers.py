"""Triggers: storage that is unavailable costs a later message and never an invocation; poison is put back."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar

import pytest

from shared.core.errors import Code
from shared.core.model import Route, State, Transfer
from shared.core.policy import Policy
from shared.engine.continuation import Continuation
from shared.engine.driver import Driver
from shared.intake.accept import transfer_for
from shared.intake.mailboxes import AllowedMailboxes
from shared.run.poison import Ending
from shared.run.triggers import Triggers
from shared.storage.ports import Conflict, Dropped, StorageUnavailable
from tests.unit.run.stage import Stage

T = TypeVar("T")

BIG = bytes(range(256)) * 64
POLICY = Policy(range_bytes=4096, smallest_range=512)
NAMES = [
    "source.describe",
    "mark.set",
    "checkpoint.create",
    "checkpoint.save",
    "outcome.notify",
    "mark.clear",
]


class Told:
    """Implements `TroubleObserver`."""

    def __init__(self) -> None:
        self.delays: list[float] = []
        self.gone_ = 0

    def put_off(self, continuation: Continuation, trouble: Exception, delay: float) -> None:
        del continuation, trouble
        self.delays.append(delay)

    def gone(self) -> None:
        self.gone_ += 1


class Troubled(Stage):
    """A stage whose calls of some names fail while there is trouble."""

    def __init__(self, *names: str, error: type[Exception] = StorageUnavailable) -> None:
        self.names = names

        def gate(called: str, effect: Callable[[], T], /) -> T:
            if called.startswith(self.names):
                raise error
            return effect()

        super().__init__(gate, policy=POLICY)
        self.told = Told()
        self.triggers = Triggers(
            self.edges,
            self.runs,
            lambda dropped, asked: self.runs.start(self._asks_for(dropped), asked),
            self._asks_for,
            self.told,
        )

    def _asks_for(self, dropped: Dropped) -> Transfer:
        return transfer_for(dropped, AllowedMailboxes(), self.clock.now())

    def deliver_some(self, most: int) -> int:
        for delivered in range(most):
            message = self.queue.take()
            if message is None:
                return delivered
            self.clock.advance_to(message[0])
            self.triggers.due(message[1])
        return most


@pytest.mark.parametrize("error", [StorageUnavailable, Conflict])
@pytest.mark.parametrize("name", NAMES)
def test_storage_that_fails_at_any_call_is_waited_for_and_the_file_attached(name: str, error: type[Exception]) -> None:
    if error is Conflict and name in {"checkpoint.create", "checkpoint.save"}:
        pytest.skip("a lost race, which is what a Conflict means there")
    stage = Troubled(name, error=error)
    transfer = stage.transfer(BIG)
    stage.triggers.dropped("a.bin")
    assert stage.queue.sent, "no message is left to carry it on"
    stage.deliver_some(30)
    assert stage.queue.sent, "patience was spent"
    stage.names = ("-",)
    stage.deliver_some(9)
    assert stage.now_is(transfer.id).state is State.ATTACHED
    assert len(stage.attached()) == 1
    assert stage.outcomes.notified
    assert (stage.checkpoints.marks, stage.queue.messages) == ({}, [])


def test_where_the_queue_is_down_too_the_invocation_fails_so_that_the_host_comes_again() -> None:
    stage = Troubled("queue.", "checkpoint.")
    stage.transfer(BIG)
    with pytest.raises(StorageUnavailable):
        stage.triggers.dropped("a.bin")


def test_a_create_that_is_refused_though_nothing_exists_does_not_swallow_the_event() -> None:
    stage = Troubled("checkpoint.create", error=Conflict)
    transfer = stage.transfer(BIG)
    stage.triggers.dropped("a.bin")
    [(_, continuation, _)] = stage.queue.sent
    assert continuation.key == transfer.plan.source.blob
    stage.names = ("-",)
    stage.deliver_some(5)
    assert stage.now_is(transfer.id).state is State.ATTACHED


def test_a_file_that_is_gone_is_no_work() -> None:
    stage = Troubled("-")
    stage.triggers.dropped("gone.bin")
    assert (stage.told.gone_, stage.queue.sent) == (1, [])


@pytest.mark.parametrize("by_blob", [True, False])
def test_poison_is_put_back_for_a_day_and_then_its_transfer_fails(*, by_blob: bool) -> None:
    stage = Troubled("-")
    transfer = stage.transfer(BIG)
    message = Continuation(blob="a.bin") if by_blob else Continuation(transfer.id)
    if not by_blob:
        stage.runs.accept(transfer)
        stage.queue.take()
    began = stage.clock.now()
    endings: list[Ending] = []
    while not endings or endings[-1] is Ending.PUT_BACK:
        endings.append(stage.triggers.poisoned(message))
        assert len(endings) < 1000
        taken = stage.queue.take()
        if taken is not None:
            stage.clock.advance_to(taken[0])
            message = taken[1]
    assert endings[-1] is Ending.STOPPED
    assert len(endings) >= POLICY.poison_tries
    assert stage.clock.now() - began >= timedelta(seconds=POLICY.poison_patience)
    ended = stage.now_is(transfer.id)
    assert ended.failure is not None
    assert (ended.state, ended.failure.code) == (State.FAILED, Code.RUNS_FAILED)
    assert stage.queue.sent == []


def test_poison_is_put_back_without_a_look_at_what_may_be_down() -> None:
    stage = Troubled("checkpoint.", "source.", "mark.")
    assert stage.triggers.poisoned(Continuation("0" * 32)) is Ending.PUT_BACK
    assert stage.triggers.poisoned(Continuation(blob="a.bin")) is Ending.PUT_BACK
    assert len(stage.queue.sent) == 2


def test_a_transfer_is_not_given_up_on_while_storage_is_down() -> None:
    stage = Troubled("checkpoint.load")
    old = stage.clock.now() - timedelta(days=30)
    spent = Continuation("0" * 32, poisoned=POLICY.poison_tries, since=old)
    assert stage.triggers.poisoned(spent) is Ending.PUT_BACK
    [(_, again, _)] = stage.queue.sent
    assert again.since == old
    stage.names = ("-",)
    assert stage.triggers.poisoned(again) is Ending.UNKNOWN


def test_a_file_that_is_gone_when_patience_ends_is_unknown() -> None:
    stage = Troubled("-")
    old = stage.clock.now() - timedelta(days=30)
    spent = Continuation(blob="gone.bin", poisoned=POLICY.poison_tries, since=old)
    assert stage.triggers.poisoned(spent) is Ending.UNKNOWN


def test_runs_that_die_in_a_row_for_a_day_end_their_transfer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is begun by the message of the one before, and none by a message that the host counts."""
    stage = Troubled("-")
    transfer = replace(stage.transfer(BIG), route=Route.SESSION)

    def defect(_driver: Driver[Any, Any, Any]) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr(Driver, "run", defect)
    began = stage.clock.now()
    with pytest.raises(RuntimeError):
        stage.runs.start(transfer)
    while stage.queue.sent:
        message = stage.queue.take()
        assert message is not None
        stage.clock.advance_to(message[0])
        with suppress(RuntimeError):
            stage.triggers.due(message[1])
    ended = stage.now_is(transfer.id)
    assert ended.failure is not None
    assert ended.failure.code is Code.RUNS_FAILED
    assert stage.clock.now() - began >= timedelta(seconds=POLICY.poison_patience)
