"""The sweep finds what was left behind and what no event told of, and costs no more than its bounds."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from devkit.simulation.storage import MemoryPosition
from shared.core.checkpoint import Checkpoint, lease
from shared.core.errors import Code
from shared.core.model import State
from shared.intake.accept import transfer_for
from shared.intake.mailboxes import AllowedMailboxes
from shared.run import sweep
from shared.run.sweep import GRACE, OVERLAP, PAGE, PAGES, STALE, Sweep
from shared.storage.ports import CheckpointUnreadable
from tests.unit.run.stage import Stage

MINUTE = 60.0


@dataclass
class Told:
    """Implements `SweepObserver`."""

    found: list[dict[str, int]] = field(default_factory=list)
    refused: list[Code] = field(default_factory=list)

    def swept(self, found: dict[str, int]) -> None:
        self.found.append(found)

    def unreadable(self, error: CheckpointUnreadable) -> None:
        self.refused.append(error.code)


class Floor:
    """A stage with a sweep."""

    def __init__(self) -> None:
        self.stage = stage = Stage()
        self.told = Told()
        self.calls: list[str] = []
        self.positions = MemoryPosition()
        self.sweep = Sweep(
            runs=stage.runs,
            checkpoints=stage.checkpoints,
            marks=stage.checkpoints,
            sources=stage.sources,
            queue=stage.queue,
            positions=self.positions,
            clock=stage.clock,
            observer=self.told,
            transfer_for=lambda dropped: transfer_for(dropped, AllowedMailboxes(), stage.clock.now()),
        )

    def tick(self, after_minutes: float = 0) -> dict[str, int]:
        self.stage.clock.advance(after_minutes * MINUTE)
        self.sweep.tick()
        return self.told.found[-1]


@pytest.fixture
def floor() -> Floor:
    return Floor()


def test_a_file_without_an_event_is_attached_once_it_is_old_enough(floor: Floor) -> None:
    floor.stage.transfer(b"hello")
    assert floor.tick(1)["accepted"] == 0
    assert floor.tick(10)["accepted"] == 1
    assert floor.tick(5)["accepted"] == 0
    floor.stage.deliver_all()
    assert len(floor.stage.attached()) == 1


def test_a_file_with_unusable_metadata_fails_once(floor: Floor) -> None:
    transfer = floor.stage.transfer(b"hello", mailbox="nobody")
    assert floor.tick(11)["accepted"] == 1
    assert floor.tick(5)["accepted"] == 0
    assert floor.stage.now_is(transfer.id).state is State.FAILED
    assert floor.stage.queue.messages == []


def test_a_killed_run_is_revived_once_it_has_been_silent_for_long(floor: Floor) -> None:
    stage = floor.stage
    transfer = stage.transfer(b"hello")
    stage.checkpoints.create(Checkpoint(transfer, lease("dead", stage.clock.now()), "dead.0"))
    stage.checkpoints.mark_unfinished(transfer.id)
    assert floor.tick(10)["revived"] == 0
    assert floor.tick(6)["revived"] == 1
    assert floor.tick(5)["revived"] == 0, "asked for once, not once a tick"
    stage.deliver_all()
    assert len(stage.attached()) == 1
    assert stage.checkpoints.marks == {}


@pytest.mark.parametrize("message", ["not_before", "recheck_at"])
def test_a_transfer_whose_message_is_still_to_come_is_left_alone(floor: Floor, message: str) -> None:
    stage = floor.stage
    transfer = stage.transfer(b"hello")
    waiting = replace(transfer, **{message: stage.clock.now() + timedelta(hours=2)})  # type: ignore[arg-type]  # both are times
    stage.checkpoints.create(Checkpoint(waiting, None, "a.0"))
    stage.checkpoints.mark_unfinished(transfer.id)
    assert floor.tick(119)["revived"] == 0
    assert floor.tick(20)["revived"] == 1


def test_an_outcome_that_was_never_told_is_told(floor: Floor) -> None:
    stage = floor.stage
    transfer = stage.transfer(b"hello")
    stage.runs.start(transfer)
    stage.outcomes.told.clear()
    stage.checkpoints.mark_unfinished(transfer.id)
    assert floor.tick(16)["concluded"] == 1
    assert [told.transfer.id for told in stage.outcomes.told] == [transfer.id]
    assert stage.checkpoints.marks == {}


def test_a_mark_without_a_checkpoint_goes(floor: Floor) -> None:
    floor.stage.checkpoints.mark_unfinished("0" * 32)
    floor.tick(16)
    assert floor.stage.checkpoints.marks == {}


def test_a_checkpoint_that_cannot_be_read_is_told_and_left_and_stops_nothing(floor: Floor) -> None:
    stage = floor.stage
    broken, sound = stage.transfer(b"broken", "a"), stage.transfer(b"sound", "b")
    for transfer in (broken, sound):
        stage.checkpoints.create(Checkpoint(transfer, None, "a.0"))
        stage.checkpoints.mark_unfinished(transfer.id)
    stage.checkpoints.blobs[broken.id] = (b'{"schema": 99}', '"7"')
    assert floor.tick(16)["revived"] == 1
    assert set(floor.told.refused) == {Code.CHECKPOINT_NEWER}
    assert stage.checkpoints.blobs[broken.id] == (b'{"schema": 99}', '"7"')


def test_a_full_container_costs_a_bounded_number_of_pages_a_tick(monkeypatch: pytest.MonkeyPatch, floor: Floor) -> None:
    monkeypatch.setattr(sweep, "PAGE", 10)
    for number in range(95):
        floor.stage.transfer(b"x", f"file-{number:03}")
    assert floor.tick(11)["accepted"] == 10 * PAGES
    assert floor.tick(5)["accepted"] == 10 * PAGES
    assert floor.tick(5)["accepted"] == 95 - 20 * PAGES
    assert PAGE == 1000


def test_a_file_that_a_pass_has_seen_is_not_looked_at_again(floor: Floor) -> None:
    floor.stage.transfer(b"x")
    floor.tick(11)
    floor.tick(OVERLAP.total_seconds() / MINUTE + 12)
    floor.stage.checkpoints.blobs.clear()  # were it looked at, it would be accepted anew
    assert floor.tick(5)["accepted"] == 0


def test_a_lost_position_costs_a_pass_and_nothing_else(floor: Floor) -> None:
    floor.stage.transfer(b"x")
    floor.tick(11)
    floor.positions.position = None
    assert floor.tick(5)["accepted"] == 0


def test_patience_fits_the_platform() -> None:
    assert timedelta(minutes=10) < STALE, "a dead instance's message comes back by itself within 10 minutes"
    assert GRACE < STALE
