"""A blob that is no file yet is waited for, and no verdict comes too early; what never becomes a file is told of."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from shared.core.errors import Code
from shared.core.model import State, Transfer
from shared.core.policy import Policy
from shared.intake.accept import transfer_for
from shared.intake.mailboxes import AllowedMailboxes
from shared.run.arrivals import Arrivals, Never, NoFile, NotYet, Ready, readiness
from shared.storage.ports import Dropped, StorageRefused
from tests.unit.run.stage import MAILBOX, Stage

POLICY = Policy()
KEYS = {"mailbox": MAILBOX}


@dataclass
class Awaited:
    """Implements `FileLooks` and `ArrivalObserver`."""

    due: list[tuple[str, datetime, float]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def send(self, blob: str, since: datetime, delay: float) -> None:
        self.due.append((blob, since, delay))

    def not_ready(self, why: str, until: datetime | None) -> None:
        self.said.append(f"{why}, {'waited for' if until else 'passed over'}")


class Door:
    """Where files arrive: a stage, and the looks that are due."""

    def __init__(self) -> None:
        self.stage = stage = Stage()
        self.awaited = Awaited()
        self.arrivals = Arrivals(
            stage.runs,
            self.awaited,
            lambda dropped: transfer_for(dropped, AllowedMailboxes(), stage.clock.now()),
            stage.clock,
            POLICY,
            self.awaited,
        )

    def put(self, content: bytes, copy: str | None = None, **metadata: str) -> Dropped:
        """Write the blob `a.bin`, or write it anew; `copy` is what storage says of the copy that makes it."""
        dropped = self.stage.sources.put("a.bin", content, {**KEYS, "messageid": self.stage.item, **metadata})
        dropped = replace(dropped, copy=copy)
        held = self.stage.sources.blobs["a.bin"]
        self.stage.sources.blobs["a.bin"] = replace(held, dropped=dropped)
        return dropped

    def look(self) -> None:
        """Carry out the one look that is due next, when it is due."""
        blob, since, delay = self.awaited.due.pop(0)
        self.stage.clock.advance(delay)
        dropped = self.stage.sources.describe(blob)
        assert dropped is not None
        self.arrivals.arrived(dropped, since)

    def transfers(self) -> list[Transfer]:
        return [self.stage.now_is(transfer_id) for transfer_id in self.stage.checkpoints.blobs]


def test_a_writer_that_creates_an_empty_blob_first_makes_one_transfer_and_no_failure() -> None:
    door = Door()
    door.arrivals.arrived(door.put(b""))
    assert door.transfers() == []
    door.arrivals.arrived(door.put(b"content"))
    door.look()
    [transfer] = door.transfers()
    assert (transfer.state, door.awaited.due) == (State.ATTACHED, [])
    assert door.stage.attached() == [("a.bin", b"content")]
    assert [told.instance.state for told in door.stage.outcomes.notified] == [State.ATTACHED]


def test_a_file_that_is_filled_without_an_event_is_found_by_the_next_look() -> None:
    door = Door()
    door.arrivals.arrived(door.put(b""))
    door.look()
    door.put(b"content")
    door.look()
    assert door.stage.attached() == [("a.bin", b"content")]


def test_a_file_that_stays_empty_fails_once_its_time_is_up() -> None:
    door = Door()
    began = door.stage.clock.now()
    door.arrivals.arrived(door.put(b""))
    looks = 0
    while door.awaited.due:
        assert door.transfers() == []
        door.look()
        looks += 1
    [transfer] = door.transfers()
    assert transfer.failure is not None
    assert transfer.failure.code is Code.SOURCE_EMPTY
    assert (door.stage.clock.now() - began).total_seconds() == POLICY.empty_wait
    assert looks < 20


def test_a_copy_is_attached_when_it_is_whole_and_not_before() -> None:
    door = Door()
    door.arrivals.arrived(door.put(b"conten\0", copy="pending"))
    for _ in range(30):
        door.look()
    assert (door.transfers(), door.stage.attached()) == ([], [])
    door.put(b"content")
    door.look()
    assert door.stage.attached() == [("a.bin", b"content")]


@pytest.mark.parametrize(("copy", "said"), [("failed", "is failed"), ("aborted", "is aborted"), ("pending", "86400 s")])
def test_a_copy_that_never_ends_well_is_a_failure_that_says_so(copy: str, said: str) -> None:
    door = Door()
    dropped = door.put(b"content", copy=copy)
    door.arrivals.arrived(dropped, door.stage.clock.now() - timedelta(days=2))
    [transfer] = door.transfers()
    assert transfer.failure is not None
    assert (transfer.failure.code, said in transfer.failure.detail) == (Code.SOURCE_INCOMPLETE, True)
    assert "'a.bin'" in transfer.failure.detail


@pytest.mark.parametrize("key", ["hdi_isfolder", "Hdi_IsFolder"])
@pytest.mark.parametrize("value", ["true", "True"])
def test_a_folder_is_passed_over_by_event_and_sweep(key: str, value: str) -> None:
    door = Door()
    folder = door.put(b"", **{key: value})
    door.arrivals.arrived(folder)
    door.stage.clock.advance(POLICY.copy_wait * 3)
    assert door.arrivals.found(folder) is None
    assert (door.transfers(), door.awaited.due, door.awaited.said) == ([], [], ["it is a folder, passed over"])


def test_the_sweep_leaves_what_is_none_yet_and_judges_when_its_time_is_up() -> None:
    door = Door()
    empty = door.put(b"")
    assert door.arrivals.found(empty) is None
    door.stage.clock.advance(POLICY.empty_wait)
    judged = door.arrivals.found(empty)
    assert judged is not None
    assert judged.failure is not None
    assert judged.failure.code is Code.SOURCE_EMPTY
    copying = door.put(b"content", copy="pending")
    with pytest.raises(StorageRefused, match="no whole file yet"):
        door.arrivals.found(copying)
    door.stage.clock.advance(POLICY.copy_wait)
    late = door.arrivals.found(copying)
    assert late is not None
    assert late.failure is not None
    assert late.failure.code is Code.SOURCE_INCOMPLETE


def test_a_whole_file_is_ready_whatever_the_time() -> None:
    now = Stage().clock.now()
    whole = Stage().sources.put("a", b"x", {"hdi_isfolder": "false"})
    assert readiness(whole, now - timedelta(days=9), now, POLICY) == Ready()
    assert isinstance(readiness(replace(whole, copy="pending"), now, now, POLICY), NotYet)
    assert isinstance(readiness(replace(whole, copy="failed"), now, now, POLICY), Never)
    assert readiness(replace(whole, metadata={"hdi_isfolder": "TRUE"}), now, now, POLICY) == NoFile()


def test_a_time_in_the_future_does_not_make_a_wait_longer() -> None:
    door = Door()
    door.arrivals.arrived(door.put(b""), door.stage.clock.now() + timedelta(days=9))
    [(_, since, _)] = door.awaited.due
    assert since == door.stage.clock.now()
