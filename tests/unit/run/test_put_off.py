"""A run whose mailbox has no place: it lets go, and exactly one message looks again by itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.core.errors import Code
from shared.core.model import Transfer
from shared.engine.permit import FreePermit
from shared.engine.ports import Background
from shared.engine.process import Deferred
from shared.run.permit import Permit, Prefetch
from shared.run.runner import TransferRunner
from tests.unit.run.stage import Stage


class FullRateLimiter:
    """Implements `RateLimiter`: no place until it is told otherwise, and then come back after `seconds`."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.seconds = 300.0
        self.known = False
        self.has_place = False

    def prefetch(self, transfer: Transfer, background: Background) -> None:
        pass

    def acquire(
        self, transfer: Transfer, run_id: str, background: Background, prefetched: Prefetch | None
    ) -> Permit | Deferred:
        if self.has_place:
            return FreePermit()
        code = Code.MAILBOX_ALLOWANCE_USED if self.known else Code.MAILBOX_BUSY
        return Deferred(self.stage.clock.now() + timedelta(seconds=self.seconds), self.known, code)


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
def house(stage: Stage) -> FullRateLimiter:
    return FullRateLimiter(stage)


@pytest.fixture
def runs(stage: Stage, house: FullRateLimiter) -> TransferRunner:
    return TransferRunner(replace(stage.edges, rate_limiter=house))


def due(stage: Stage) -> list[float]:
    """Seconds until each message."""
    return sorted((at - stage.clock.now()).total_seconds() for at, _ in stage.queue.messages)


def test_however_often_it_is_called_for_nothing_one_message_is_under_way(stage: Stage, runs: TransferRunner) -> None:
    transfer = stage.transfer(b"hello")
    runs.start(transfer)
    for _ in range(5):
        stage.clock.advance(10)
        runs.resume(transfer.id)  # called, and somebody else has the place
    assert due(stage) == [250]


def test_the_message_that_looks_again_is_followed_by_another_one(stage: Stage, runs: TransferRunner) -> None:
    transfer = stage.transfer(b"hello")
    runs.start(transfer)
    message = stage.queue.take()
    assert message is not None
    stage.clock.advance_to(message[0])
    runs.resume(transfer.id)
    assert due(stage) == [300]


def test_a_message_that_is_sooner_than_the_one_under_way_is_sent(
    stage: Stage, runs: TransferRunner, house: FullRateLimiter
) -> None:
    transfer = stage.transfer(b"hello")
    runs.start(transfer)
    house.seconds = 3
    runs.resume(transfer.id)
    assert due(stage) == [3, 300]


def test_a_time_that_is_known_has_its_own_message_and_the_transfer_says_until_when(
    stage: Stage, runs: TransferRunner, house: FullRateLimiter
) -> None:
    house.known = True
    transfer = stage.transfer(b"hello")
    runs.start(transfer)
    held = stage.now_is(transfer.id)
    assert due(stage) == [300]
    assert held.waiting_for is not None
    assert held.waiting_for.code is Code.MAILBOX_ALLOWANCE_USED
    assert held.waiting_for.until == held.not_before == stage.clock.now() + timedelta(seconds=300)


def test_whoever_is_called_and_gets_its_place_is_attached_and_the_late_message_finds_it_over(
    stage: Stage, runs: TransferRunner, house: FullRateLimiter
) -> None:
    transfer = stage.transfer(b"hello")
    runs.start(transfer)
    house.has_place = True
    runs.resume(transfer.id)
    assert stage.attached() == [("a.bin", b"hello")]
    assert stage.deliver_all() == 1
    assert stage.attached() == [("a.bin", b"hello")]
    assert stage.queue.messages == []
