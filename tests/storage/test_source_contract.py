"""The drop container and the bytes of one blob version: what every storage the product runs on has to do."""

from __future__ import annotations

import pytest

from devkit.local.harness import content
from shared.core.errors import Code
from shared.storage.ports import SourceLost, SourceReader
from tests.storage.rooms import Room

pytestmark = pytest.mark.xdist_group("storage contract")

DATA = content(1_000_000)
STEP = 130_000


def test_a_blob_says_what_it_is(room: Room) -> None:
    put = room.put("in/a ü.bin", b"hello", {"mailbox": "ada@example.org"})
    found = room.sources.describe("in/a ü.bin")
    assert found == put
    assert found is not None
    assert (found.source.blob, found.source.size, found.metadata) == ("in/a ü.bin", 5, {"mailbox": "ada@example.org"})
    assert found.source.etag.startswith('"')
    assert found.source.modified_at.microsecond == 0
    assert found.content_type == "application/octet-stream"


def test_a_blob_that_is_not_there_is_none(room: Room) -> None:
    assert room.sources.describe("nothing") is None


def test_a_new_version_has_another_etag(room: Room) -> None:
    assert room.put("a", b"one").source.etag != room.put("a", b"one").source.etag


def test_ranges_come_in_order_and_each_is_exactly_what_was_asked_for(room: Room) -> None:
    reader = room.sources.open(room.put("a", DATA).source)
    assert read_all(reader) == DATA
    reader.close()


@pytest.mark.parametrize("offsets", [(0, 500_000), (500_000, 0), (999_999, 0, 1), (0, 0, STEP, STEP, 3 * STEP)])
def test_a_read_may_begin_anywhere_forwards_and_backwards(room: Room, offsets: tuple[int, ...]) -> None:
    reader = room.sources.open(room.put("a", DATA).source)
    for at in offsets:
        length = min(STEP, len(DATA) - at)
        assert bytes(reader.read(at, length)) == DATA[at : at + length]
    reader.close()


@pytest.mark.parametrize("lengths", [(STEP, STEP // 2, STEP // 4), (1, 1, 1), (STEP // 2, STEP)])
def test_the_length_may_change_from_read_to_read(room: Room, lengths: tuple[int, ...]) -> None:
    reader = room.sources.open(room.put("a", DATA).source)
    at = 0
    for length in lengths:
        assert bytes(reader.read(at, length)) == DATA[at : at + length]
        at += length
    reader.close()


def test_what_was_read_stays_until_the_second_read_after_it(room: Room) -> None:
    reader = room.sources.open(room.put("a", DATA).source)
    first = reader.read(0, STEP)
    second = reader.read(STEP, STEP)
    assert bytes(first) == DATA[:STEP]
    assert bytes(second) == DATA[STEP : 2 * STEP]
    reader.close()


@pytest.mark.parametrize("size", [1, STEP])
def test_a_file_of_one_range_is_read_whole(room: Room, size: int) -> None:
    reader = room.sources.open(room.put("a", DATA[:size]).source)
    assert bytes(reader.read(0, size)) == DATA[:size]
    reader.close()


@pytest.mark.parametrize("read_before", [False, True])
def test_a_version_that_was_overwritten_is_lost_as_changed(room: Room, read_before: bool) -> None:
    reader = room.sources.open(room.put("a", DATA).source)
    if read_before:
        reader.read(0, STEP)
    room.put("a", DATA)
    assert lost(reader) is Code.SOURCE_CHANGED


@pytest.mark.parametrize("read_before", [False, True])
def test_a_version_that_was_deleted_is_lost_as_gone(room: Room, read_before: bool) -> None:
    reader = room.sources.open(room.put("a", DATA).source)
    if read_before:
        reader.read(0, STEP)
    room.remove("a")
    assert lost(reader) is Code.SOURCE_GONE


def lost(reader: SourceReader) -> Code:
    """Why the reader gives up; AssertionError where it hands out the file's last byte."""
    with pytest.raises(SourceLost) as caught:
        read_all(reader)
    reader.close()
    return caught.value.code


def read_all(reader: SourceReader) -> bytes:
    return b"".join(bytes(reader.read(at, min(STEP, len(DATA) - at))) for at in range(0, len(DATA), STEP))


def test_the_last_bytes_are_kept_back_once_the_version_is_another(room: Room) -> None:
    size = 3 * STEP
    reader = room.sources.open(room.put("a", DATA[:size]).source)
    reader.read(0, STEP)
    reader.read(STEP, STEP)
    room.put("a", DATA)
    with pytest.raises(SourceLost):
        reader.read(2 * STEP, STEP)
    reader.close()


def test_only_the_version_that_is_named_is_deleted(room: Room) -> None:
    old = room.put("a", b"one").source
    new = room.put("a", b"two").source
    room.sources.delete(old)
    assert room.sources.describe("a") is not None
    room.sources.delete(new)
    assert room.sources.describe("a") is None
    room.sources.delete(new)


def test_the_container_is_listed_page_by_page_each_blob_once_with_its_metadata(room: Room) -> None:
    put = [room.put(f"{number:03}", b"x" * number, {"mailbox": str(number)}) for number in range(7)]
    found, after, pages = [], None, 0
    while True:
        page, after = room.sources.page(after, 3)
        found += page
        pages += 1
        if after is None:
            break
    assert found == put
    assert pages == 3


def test_an_empty_container_is_one_empty_page(room: Room) -> None:
    assert room.sources.page(None, 3) == ([], None)
