"""The ledger writes in order, knows its own writes, and stops where somebody else wrote."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from assurance.simulation.storage import AtOnce
from shared.core.events import CancelRequested, Event, RunStarted
from shared.core.model import Transfer
from shared.core.policy import Policy
from shared.engine.checkpoint import Lease, lease
from shared.engine.checkpoint_writer import CheckpointWriter, LostOwnership
from shared.run.transfer_process import CANCEL, TransferProcess
from shared.storage.ports import Checkpoint, Conflict, StorageUnavailable, Stored
from tests.unit.run.stage import Stage

RUN = "run-a"
PROCESS = TransferProcess(Policy())


class Desk:
    """A checkpoint that `RUN` has just claimed."""

    def __init__(self) -> None:
        self.stage = Stage()
        self.transfer = self.stage.transfer(b"x" * 20)
        self.store = self.stage.checkpoints
        claimed = Checkpoint(self.transfer, lease(RUN, self.stage.clock.now()), f"{RUN}.0")
        self.writer = CheckpointWriter(
            PROCESS, self.store, Stored(claimed, self.store.create(claimed)), RUN, self.stage.clock, AtOnce()
        )

    def stored(self) -> Checkpoint:
        found = self.store.peek(self.transfer.id)
        assert found is not None
        return found.checkpoint

    def moved(self, confirmed: int) -> Transfer:
        return replace(self.transfer, bytes_confirmed=confirmed)

    def somebody_writes(self, **change: object) -> None:
        found = self.store.peek(self.transfer.id)
        assert found is not None
        self.store.save(replace(found.checkpoint, **change), found.etag)  # type: ignore[arg-type]


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_save_is_durable_and_renews_the_lease(desk: Desk) -> None:
    desk.stage.clock.advance(7)
    desk.writer.save(desk.moved(8))
    assert desk.stored().instance.bytes_confirmed == 8
    assert desk.stored().lease == lease(RUN, desk.stage.clock.now())
    assert desk.writer.saved == desk.moved(8)


def test_a_release_is_durable_and_lets_go(desk: Desk) -> None:
    desk.writer.release(desk.moved(8))
    assert desk.stored().instance.bytes_confirmed == 8
    assert desk.stored().lease is None


def test_every_write_has_a_name_of_its_own(desk: Desk) -> None:
    names = set()
    for confirmed in (1, 2, 3):
        desk.writer.save(desk.moved(confirmed))
        names.add(desk.stored().write)
    assert names == {f"{RUN}.1", f"{RUN}.2", f"{RUN}.3"}


def test_a_write_whose_answer_was_lost_is_recognised(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    save = desk.store.save

    def lost_then_retried_blindly(checkpoint: Checkpoint, etag: str) -> str:
        save(checkpoint, etag)
        monkeypatch.undo()
        raise Conflict

    monkeypatch.setattr(desk.store, "save", lost_then_retried_blindly)
    desk.writer.save(desk.moved(8))
    desk.writer.save(desk.moved(16))
    assert desk.stored().instance.bytes_confirmed == 16


def test_an_etag_that_was_cut_off_is_read_again_where_nobody_else_wrote(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = desk.store.save
    monkeypatch.setattr(desk.store, "save", lambda checkpoint, etag: save(checkpoint, etag)[:-3])
    desk.writer.save(desk.moved(8))
    monkeypatch.undo()
    desk.writer.save(desk.moved(16))
    desk.writer.release(desk.moved(20))
    assert desk.stored().instance.bytes_confirmed == 20
    assert desk.writer.command is None


def test_an_etag_that_was_cut_off_overwrites_nobody(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    save = desk.store.save
    monkeypatch.setattr(desk.store, "save", lambda checkpoint, etag: save(checkpoint, etag)[:-3])
    desk.writer.save(desk.moved(8))
    monkeypatch.undo()

    load = desk.store.load

    def overtaken(transfer_id: str) -> Stored | None:
        found = load(transfer_id)
        desk.somebody_writes(write="run-b.0", instance=desk.moved(12))
        return found

    monkeypatch.setattr(desk.store, "load", overtaken)
    with pytest.raises(LostOwnership):
        desk.writer.save(desk.moved(16))
    monkeypatch.undo()
    assert desk.stored().instance.bytes_confirmed == 12


@pytest.mark.parametrize("owner", ["run-b", None])
def test_another_runs_write_ends_this_run_and_is_not_overwritten(desk: Desk, owner: str | None) -> None:
    theirs = Lease(owner, desk.stage.clock.now()) if owner else None
    desk.somebody_writes(lease=theirs, write="run-b.1", instance=desk.moved(12))
    with pytest.raises(LostOwnership):
        desk.writer.save(desk.moved(8))
    assert desk.stored().instance.bytes_confirmed == 12


def test_a_vanished_checkpoint_ends_this_run(desk: Desk) -> None:
    desk.store.blobs.clear()
    with pytest.raises(LostOwnership):
        desk.writer.save(desk.moved(8))
    assert desk.store.blobs == {}


def test_a_wish_to_end_is_taken_over_and_not_overwritten(desk: Desk) -> None:
    desk.somebody_writes(instance=replace(desk.transfer, cancel_requested=True), write="person.1")
    desk.writer.save(desk.moved(8))
    assert desk.writer.command == CANCEL
    assert desk.stored().instance.cancel_requested
    assert desk.stored().instance.bytes_confirmed == 8
    desk.writer.save(desk.moved(16))
    assert desk.stored().instance.cancel_requested


def test_a_wish_to_end_that_was_there_before_the_run_is_known_to_it() -> None:
    stage = Stage()
    asked = replace(stage.transfer(b"x"), cancel_requested=True)
    assert PROCESS.opening(asked) == (RunStarted(), CancelRequested())
    assert PROCESS.command(asked, asked) is None


def test_a_third_writer_behind_a_wish_to_end_ends_this_run(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.somebody_writes(instance=replace(desk.transfer, cancel_requested=True), write="person.1")
    load, save = desk.store.load, desk.store.save

    def overtaken(transfer_id: str) -> Stored | None:
        found = load(transfer_id)
        monkeypatch.undo()
        desk.somebody_writes(write="run-b.0", lease=None)
        return found

    monkeypatch.setattr(desk.store, "load", overtaken)
    with pytest.raises(LostOwnership):
        desk.writer.save(desk.moved(8))
    assert save == desk.store.save
    assert desk.stored().write == "run-b.0"


@pytest.mark.parametrize("conflicts", [1, 2, 3])
def test_a_conflict_where_nobody_wrote_is_no_theft(desk: Desk, monkeypatch: pytest.MonkeyPatch, conflicts: int) -> None:
    save, left = desk.store.save, [conflicts]

    def spurious(checkpoint: Checkpoint, etag: str) -> str:
        left[0] -= 1
        if left[0] >= 0:
            raise Conflict
        return save(checkpoint, etag)

    monkeypatch.setattr(desk.store, "save", spurious)
    desk.writer.save(desk.moved(8))
    desk.writer.save(desk.moved(16))
    assert desk.stored().instance.bytes_confirmed == 16


def test_conflicts_without_end_where_nobody_wrote_are_storage_that_does_not_work(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk.store, "save", _always_conflicts)
    with pytest.raises(StorageUnavailable):
        desk.writer.save(desk.moved(8))


def test_a_repeated_save_whose_answer_was_a_conflict_all_the_same_is_recognised(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    save, calls = desk.store.save, [0]

    def written_and_refused(checkpoint: Checkpoint, etag: str) -> str:
        calls[0] += 1
        if calls[0] == 1:
            raise Conflict
        if calls[0] == 2:
            save(checkpoint, etag)
            raise Conflict
        return save(checkpoint, etag)

    monkeypatch.setattr(desk.store, "save", written_and_refused)
    desk.writer.save(desk.moved(8))
    desk.writer.save(desk.moved(16))
    assert desk.stored().instance.bytes_confirmed == 16


def test_what_a_write_behind_ran_into_comes_out_at_the_next_save(desk: Desk) -> None:
    desk.somebody_writes(lease=None, write="run-b.1")
    desk.writer.save_behind(desk.moved(8))
    with pytest.raises(LostOwnership):
        desk.writer.settle()
    desk.writer.settle()


def _always_conflicts(_checkpoint: Checkpoint, _etag: str) -> str:
    raise Conflict


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


def ledger_of(desk: Desk, threads: ThreadPoolExecutor, **seconds: float) -> CheckpointWriter[Transfer, Event]:
    stored = desk.store.load(desk.transfer.id)
    assert stored is not None
    return CheckpointWriter(PROCESS, desk.store, stored, RUN, desk.stage.clock, threads, **seconds)


@pytest.mark.parametrize("seconds", [{"head_start": 0.05}, {"save_pause": 0.05}])
def test_a_write_behind_comes_later_and_takes_along_what_came_meanwhile(
    desk: Desk, threads: ThreadPoolExecutor, seconds: dict[str, float]
) -> None:
    writer = ledger_of(desk, threads, **seconds)
    writer.save_behind(desk.moved(4))
    assert desk.stored().instance.bytes_confirmed == 0
    writer.save_behind(desk.moved(8))
    threads.submit(lambda: None).result()
    assert desk.stored().instance.bytes_confirmed == 8
    assert desk.stored().write == f"{RUN}.1"


def test_a_write_behind_is_due_at_once_where_the_last_write_is_long_ago(
    desk: Desk, threads: ThreadPoolExecutor
) -> None:
    writer = ledger_of(desk, threads, save_pause=3600)
    desk.stage.clock.advance(3600)
    writer.save_behind(desk.moved(4))
    threads.submit(lambda: None).result()
    assert desk.stored().instance.bytes_confirmed == 4


@pytest.mark.parametrize("end", ["save", "release"])
def test_a_write_behind_that_is_only_due_is_overtaken_by_the_next_save_and_left_out(
    desk: Desk, threads: ThreadPoolExecutor, end: str
) -> None:
    writer = ledger_of(desk, threads, save_pause=3600)
    writer.save_behind(desk.moved(4))
    getattr(writer, end)(desk.moved(8))
    assert desk.stored().instance.bytes_confirmed == 8
    assert desk.stored().write == f"{RUN}.1"
