"""A run's own message: whoever dies is followed within half a minute, and nothing multiplies."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

import pytest

from assurance.simulation.clock import VirtualClock
from assurance.simulation.storage import MemoryQueue
from shared.core.model import Route, State, Transfer
from shared.core.policy import Policy
from shared.engine.checkpoint import LEASE_SECONDS, lease
from shared.engine.continuation import Continuation
from shared.engine.driver import DRAIN_PAUSE
from shared.engine.guard import GUARD_DELAY, Guard
from shared.engine.runner import HANDOVER_PAUSE
from shared.run.runner import TransferRunner
from shared.storage.ports import Checkpoint, Receipt, StorageUnavailable
from tests.unit.run.stage import Stage

T = TypeVar("T")

BIG = bytes(range(256)) * 64
SMALL_RANGES = Policy(range_bytes=4096, smallest_range=512)


class Died(BaseException):
    """The process is gone."""


class Mortal(Stage):
    """A stage whose process dies before the `nth` call from now on; 0: never."""

    def __init__(self) -> None:
        self.left = 0
        self.calls: list[str] = []

        def gate(called: str, effect: Callable[[], T], /) -> T:
            self.calls.append(called)
            if self.left:
                self.left -= 1
                if not self.left:
                    raise Died
            return effect()

        super().__init__(gate, policy=SMALL_RANGES)
        self.began: list[datetime] = []
        self.edges = replace(self.edges, new_run_id=self._new_run_id)
        self.runs = TransferRunner(self.edges)

    def big(self) -> Transfer:
        """A transfer that takes an upload session of four ranges."""
        return replace(self.transfer(BIG), route=Route.SESSION)

    def _new_run_id(self) -> str:
        self.began.append(self.clock.now())
        return f"run-{len(self.began)}"


def clean_calls() -> list[str]:
    stage = Mortal()
    stage.runs.start(stage.big())
    return stage.calls


@pytest.mark.parametrize("nth", range(clean_calls().index("queue.send") + 2, len(clean_calls()) + 1))
def test_a_run_that_dies_anywhere_is_followed_though_the_host_gives_nothing_back(nth: int) -> None:
    """Neither the host's message nor the sweep helps here: both take minutes."""
    stage = Mortal()
    transfer = stage.big()
    stage.left = nth
    with pytest.raises(Died):
        stage.runs.start(transfer)
    died = stage.clock.now()
    stage.deliver_all()
    assert stage.now_is(transfer.id).state is State.ATTACHED
    assert len(stage.attached()) == 1
    assert stage.checkpoints.marks == {}
    assert stage.outcomes.notified
    followed = [*stage.began[1:], stage.clock.now()][0]  # by a run, or by whoever told the outcome
    assert followed - died <= timedelta(seconds=LEASE_SECONDS + GUARD_DELAY + 4)


def test_a_run_that_ends_well_takes_its_message_back() -> None:
    stage = Mortal()
    stage.runs.start(stage.big())
    assert stage.queue.sent == []
    assert (stage.calls.count("queue.send"), stage.calls.count("queue.delete")) == (1, 1)


def test_while_the_lease_is_renewed_the_message_stands_by() -> None:
    stage = Mortal()
    transfer = stage.big()
    stage.checkpoints.create(Checkpoint(transfer, lease("alive", stage.clock.now()), "alive.0"))
    for _ in range(3):
        stage.runs.carry_on(Continuation(transfer.id, run="alive", guards=True))
        [(due, again, _)] = stage.queue.sent
        assert again == Continuation(transfer.id, run="alive", guards=True)
        assert due - stage.clock.now() == timedelta(seconds=LEASE_SECONDS + HANDOVER_PAUSE)
        stage.queue.sent.clear()
    assert stage.attached() == []


@pytest.mark.parametrize("guards", [True, False])
def test_a_message_of_a_run_that_others_followed_means_nothing(*, guards: bool) -> None:
    stage = Mortal()
    transfer = stage.big()
    stage.checkpoints.create(Checkpoint(transfer, lease("second", stage.clock.now()), "second.0"))
    stage.clock.advance(LEASE_SECONDS + 1)
    stage.runs.carry_on(Continuation(transfer.id, run="first", guards=guards))
    assert (stage.queue.sent, stage.attached()) == ([], [])
    stage.runs.carry_on(Continuation(transfer.id, run="second", guards=guards))
    assert len(stage.attached()) == 1


def waiting(stage: Mortal, runs: int) -> str:
    """A transfer that `last` left waiting for an hour."""
    transfer = replace(stage.big(), not_before=stage.clock.now() + timedelta(hours=1), runs=runs)
    stage.checkpoints.create(Checkpoint(transfer, None, "last.3"))
    return transfer.id


@pytest.mark.parametrize(
    ("run", "runs", "messages"),
    [
        ("last", 3, 1),  # its own message, too early by a clock, or by the service's limit of seven days
        ("other", 3, 0),
        (None, 3, 0),  # an event that came again, or the sweep
        (None, 0, 1),  # a retry that has to wait: nobody else's message is there
    ],
)
def test_a_transfer_that_waits_has_one_live_message(run: str | None, runs: int, messages: int) -> None:
    stage = Mortal()
    transfer_id = waiting(stage, runs)
    stage.runs.carry_on(Continuation(transfer_id, run=run))
    assert [due - stage.clock.now() for due, _, _ in stage.queue.sent] == [timedelta(hours=1)] * messages


def test_a_run_that_let_go_and_died_before_it_asked_for_the_next_is_made_up_for() -> None:
    stage = Mortal()
    transfer_id = waiting(stage, 3)
    stage.runs.carry_on(Continuation(transfer_id, run="last", guards=True))
    [(due, again, _)] = stage.queue.sent
    assert (due - stage.clock.now(), again) == (timedelta(hours=1), Continuation(transfer_id, run="last"))


# --- an end that was not carried out ----------------------------------------------------------------------------------


@pytest.mark.parametrize("call", ["outcome.notify", "mark.clear"])
@pytest.mark.parametrize("by_event", [True, False])
def test_an_outcome_that_was_not_told_is_told_when_event_or_message_comes_again(call: str, *, by_event: bool) -> None:
    stage = Mortal()
    transfer = stage.big()
    stage.left = clean_calls().index(call) + 1
    with pytest.raises(Died):
        stage.runs.start(transfer)
    told = len(stage.outcomes.notified)
    stage.queue.sent.clear()

    def again() -> None:
        if by_event:
            stage.clock.advance(1)
            stage.runs.start(replace(transfer, plan=replace(transfer.plan, created_at=stage.clock.now())))
        else:
            stage.runs.resume(transfer.id)

    again()
    assert len(stage.outcomes.notified) == told, "whoever ended it may be at that just now"
    assert stage.deliver_all() == 1
    assert len(stage.outcomes.notified) == told + 1
    assert stage.checkpoints.marks == {}
    again()
    assert len(stage.outcomes.notified) == told + 1


# --- a process that is told to end -----------------------------------------------------------------------------------


def test_a_run_that_is_told_to_end_yields_after_the_range_in_hand() -> None:
    stage = Mortal()
    transfer = stage.big()
    drained = replace(stage.edges, is_draining=lambda: "graph.PUT" in stage.calls)
    TransferRunner(drained).start(transfer)
    left = stage.now_is(transfer.id)
    assert stage.calls.count("graph.PUT") == 1
    assert (left.state, left.bytes_confirmed) == (State.SENDING, 4096)
    [(due, _, _)] = stage.queue.sent
    assert due - stage.clock.now() == timedelta(seconds=DRAIN_PAUSE)
    stage.deliver_all()
    assert stage.attached() == [("a.bin", BIG)]


def test_a_small_file_whose_run_is_told_to_end_before_its_post_is_not_in_doubt() -> None:
    stage = Mortal()
    transfer = stage.transfer(b"small")
    assert transfer.route is Route.POST
    asked = iter([False])  # for the look before; not for the POST
    drained = replace(stage.edges, is_draining=lambda: next(asked, True))
    TransferRunner(drained).start(transfer)
    left = stage.now_is(transfer.id)
    assert (left.state, left.announced_at) == (State.PLANNED, None)
    told = stage.clock.now()
    stage.deliver_all()
    assert stage.attached() == [("a.bin", b"small")]
    assert stage.clock.now() - told <= timedelta(seconds=DRAIN_PAUSE + 1)


def test_a_run_that_is_told_to_end_sleeps_through_no_wait() -> None:
    stage = Mortal()
    pause = timedelta(seconds=stage.edges.policy.inline_wait)
    transfer = replace(stage.big(), not_before=stage.clock.now() + pause)
    began = stage.clock.now()
    TransferRunner(replace(stage.edges, is_draining=lambda: True)).start(transfer)
    assert stage.clock.now() == began
    [(due, _, _)] = stage.queue.sent
    assert due - began == timedelta(seconds=DRAIN_PAUSE)
    stage.deliver_all()
    assert stage.attached() == [("a.bin", BIG)]


# --- the message itself ----------------------------------------------------------------------------------------------


class Refusing(MemoryQueue):
    """A queue that takes nothing, and gives nothing back."""

    def ask(self, continuation: Continuation, delay: float) -> Receipt:
        raise StorageUnavailable

    def take_back(self, receipt: Receipt) -> None:
        raise StorageUnavailable


def test_a_run_that_ends_sooner_pays_for_no_message() -> None:
    queue = MemoryQueue(VirtualClock())
    guard = Guard(queue, Continuation("a"), "run", 3600)
    guard.take_back()
    guard.send()
    assert queue.sent == []


def test_a_run_that_lasts_sends_it_once() -> None:
    queue = MemoryQueue(VirtualClock())
    guard = Guard(queue, Continuation("a", tries=3), "run", 0.001)
    for thread in threading.enumerate():
        if isinstance(thread, threading.Timer):
            thread.join(10)
    guard.send()
    assert [continuation for _, continuation, _ in queue.sent] == [
        Continuation("a", run="run", guards=True, poisoned=1)
    ]
    guard.take_back()
    assert queue.sent == []


def test_a_queue_that_is_down_does_not_disturb_the_run() -> None:
    guard = Guard(Refusing(VirtualClock()), Continuation("a"), "run", math.inf)
    guard.send()
    guard.take_back()
