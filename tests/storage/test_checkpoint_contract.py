"""Checkpoints and marks: what every storage the product runs on has to do."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from devkit.local.azurite import Azurite
from shared.core.errors import Code
from shared.core.sweep_cursor import SweepCursor
from shared.storage.checkpoints import CheckpointBlobs, TransferCodec
from shared.storage.ports import CheckpointUnreadable, Conflict
from tests.storage.rooms import NOW, AzuriteRoom, Room, checkpoint, transfer

pytestmark = pytest.mark.xdist_group("storage contract")


def test_a_checkpoint_comes_back_as_it_was_written(room: Room) -> None:
    written = checkpoint(runs=3)
    etag = room.checkpoints.create(written)
    stored = room.checkpoints.load(written.instance.id)
    assert stored is not None
    assert (stored.checkpoint, stored.etag) == (written, etag)


def test_a_transfer_that_was_never_written_is_none(room: Room) -> None:
    assert room.checkpoints.load(transfer().id) is None


def test_a_second_first_version_is_a_conflict_and_changes_nothing(room: Room) -> None:
    etag = room.checkpoints.create(checkpoint("one.0"))
    with pytest.raises(Conflict):
        room.checkpoints.create(checkpoint("two.0"))
    stored = room.checkpoints.load(transfer().id)
    assert stored is not None
    assert (stored.checkpoint.write, stored.etag) == ("one.0", etag)


def test_each_save_replaces_the_version_it_names_and_has_an_etag_of_its_own(room: Room) -> None:
    etags = [room.checkpoints.create(checkpoint("run.0"))]
    for number in range(1, 4):
        etags.append(room.checkpoints.save(checkpoint(f"run.{number}", runs=number), etags[-1]))
    assert len(set(etags)) == 4
    stored = room.checkpoints.load(transfer().id)
    assert stored is not None
    assert (stored.checkpoint.write, stored.etag) == ("run.3", etags[-1])


def test_a_save_over_another_version_is_a_conflict_and_changes_nothing(room: Room) -> None:
    first = room.checkpoints.create(checkpoint("run.0"))
    second = room.checkpoints.save(checkpoint("run.1"), first)
    for stale in (first, '"never-was"'):
        with pytest.raises(Conflict):
            room.checkpoints.save(checkpoint("late.0"), stale)
    stored = room.checkpoints.load(transfer().id)
    assert stored is not None
    assert (stored.checkpoint.write, stored.etag) == ("run.1", second)


def test_a_save_of_what_does_not_exist_is_a_conflict(room: Room) -> None:
    room.checkpoints.create(checkpoint(number=2))
    with pytest.raises(Conflict):
        room.checkpoints.save(checkpoint(), '"1"')
    assert room.checkpoints.load(transfer().id) is None


@pytest.mark.parametrize(
    ("text", "code"),
    [
        pytest.param(b" ", Code.CHECKPOINT_UNREADABLE, id="blank"),
        pytest.param(b'{"schema": 1, "transfer": {"id"', Code.CHECKPOINT_UNREADABLE, id="torn"),
        pytest.param(b'{"schema": 1, "hello": "world"}', Code.CHECKPOINT_UNREADABLE, id="foreign"),
        pytest.param(b"\x00\xff not text", Code.CHECKPOINT_UNREADABLE, id="not text"),
        pytest.param(b'{"schema": 99, "whatever": true}', Code.CHECKPOINT_NEWER, id="newer"),
    ],
)
def test_a_checkpoint_that_is_not_ours_is_refused_and_left_untouched(room: Room, text: bytes, code: Code) -> None:
    room.checkpoints.create(checkpoint())
    room.write_text(transfer().id, text)
    with pytest.raises(CheckpointUnreadable) as caught:
        room.checkpoints.load(transfer().id)
    assert caught.value.code is code
    assert room.read_text(transfer().id) == text


def test_another_transfers_checkpoint_is_refused(room: Room) -> None:
    room.checkpoints.create(checkpoint(number=1))
    room.checkpoints.create(checkpoint(number=2))
    room.write_text(transfer(1).id, room.read_text(transfer(2).id))
    with pytest.raises(CheckpointUnreadable) as caught:
        room.checkpoints.load(transfer(1).id)
    assert caught.value.code is Code.CHECKPOINT_UNREADABLE


def test_a_mark_is_set_once_renewed_and_taken_away_whether_it_is_there_or_not(room: Room) -> None:
    assert room.marks.unfinished(10, None) == ([], None)
    assert room.checkpoints.add_unfinished_entry("a") is True
    assert room.checkpoints.add_unfinished_entry("a") is False
    room.checkpoints.renew_unfinished_entry("a")
    assert [name for name, _ in room.marks.unfinished(10, None)[0]] == ["a"]
    room.checkpoints.remove_unfinished_entry("a")
    room.checkpoints.remove_unfinished_entry("a")
    assert room.marks.unfinished(10, None) == ([], None)
    room.checkpoints.renew_unfinished_entry("b")
    assert [name for name, _ in room.marks.unfinished(10, None)[0]] == ["b"]


def test_a_mark_knows_when_it_was_set(room: Room) -> None:
    room.checkpoints.add_unfinished_entry("a")
    ((_, at),) = room.marks.unfinished(10, None)[0]
    assert at.tzinfo is not None
    assert at.utcoffset() == timedelta(0)


def test_marks_come_page_by_page_each_once(room: Room) -> None:
    names = [f"{number:03}" for number in range(7)]
    for name in names:
        room.checkpoints.add_unfinished_entry(name)
    found: list[str] = []
    after: str | None = None
    pages = 0
    while True:
        marks, after = room.marks.unfinished(3, after)
        found += [name for name, _ in marks]
        pages += 1
        if after is None:
            break
    assert found == names
    assert pages == 3


def test_a_mark_is_no_checkpoint_and_a_checkpoint_no_mark(room: Room) -> None:
    room.checkpoints.create(checkpoint())
    assert room.marks.unfinished(10, None)[0] == []
    room.checkpoints.add_unfinished_entry(transfer(2).id)
    assert room.checkpoints.load(transfer(2).id) is None


def test_the_sweeps_position_comes_back_as_it_was_saved(room: Room) -> None:
    assert room.positions.load() is None
    room.checkpoints.create(checkpoint())
    for position in (
        SweepCursor(NOW),
        SweepCursor(NOW, datetime(2026, 3, 1, 8, 0, 0, 123456, tzinfo=UTC), "next page", "after that mark"),
    ):
        room.positions.save(position)
        assert room.positions.load() == position


def test_a_continuation_names_its_transfer_and_waits_as_long_as_told(room: Room) -> None:
    for delay, number in ((2.0, 1), (0.0, 2)):
        room.queue.send(transfer(number).id, delay)
    assert room.messages(0) == [transfer(2).id]
    assert room.messages(5) == [transfer(1).id]


def test_a_continuation_is_never_early(room: Room) -> None:
    room.queue.send(transfer().id, 1.5)
    assert room.messages(1.0) == []
    assert room.messages(4.0) == [transfer().id]


def test_a_checkpoint_whose_file_is_in_another_container_is_refused_and_left_untouched(room: Room) -> None:
    """As whoever may write checkpoints can make one: it would attach, or delete, whatever blob it names."""
    forged = checkpoint()
    source = replace(forged.instance.plan.source, container="checkpoints", blob="transfers/other.json")
    forged = replace(forged, instance=replace(forged.instance, plan=replace(forged.instance.plan, source=source)))
    room.checkpoints.create(forged)
    before = room.read_text(transfer().id)
    with pytest.raises(CheckpointUnreadable, match="its file is in another container"):
        room.checkpoints.load(transfer().id)
    assert room.read_text(transfer().id) == before


def test_another_process_has_folders_of_its_own_in_the_same_container(azurite: Azurite) -> None:
    room = AzuriteRoom(azurite.connection_string)
    try:
        room.checkpoints.create(checkpoint("one.0"))
        others = CheckpointBlobs(
            room.access,
            f"{room.name}-checkpoints",
            TransferCodec(),
            lambda one: one.id,
            folder="others/",
            unfinished="unfinished-others/",
        )
        assert others.load(transfer().id) is None
        others.create(checkpoint("other.0"))
        assert others.add_unfinished_entry(transfer().id)
        assert not room.checkpoints.has_unfinished_entry(transfer().id)
        assert [entry for entry, _ in others.unfinished(10, None)[0]] == [transfer().id]
        assert room.checkpoints.unfinished(10, None)[0] == []
        writes = [store.load(transfer().id) for store in (room.checkpoints, others)]
        assert [one.checkpoint.write for one in writes if one is not None] == ["one.0", "other.0"]
    finally:
        room.close()
