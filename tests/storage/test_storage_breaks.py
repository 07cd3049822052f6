"""The real adapters over a connection that breaks: own writes are known again, and streams go on at the right byte."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from devkit.local.azurite import Azurite
from devkit.local.harness import content
from devkit.local.proxy import Fault, Proxy
from devkit.local.waiting import came_true
from shared.composition import SystemClock
from shared.core.events import Event
from shared.core.model import Transfer
from shared.core.policy import Policy
from shared.engine.checkpoint_writer import CheckpointWriter, LostOwnership
from shared.run.transfer_process import TransferProcess
from shared.storage import source, stream
from shared.storage.ports import SourceUnreadable, Stored
from tests.storage.rooms import AzuriteRoom, checkpoint

pytestmark = pytest.mark.xdist_group("storage breaks")

MIB = 1024 * 1024
SIZE = 6 * MIB + 7
RANGE = 2 * MIB
READ = rb"GET /[^ ]*a\.bin"
SAVE = rb"PUT /[^ ]*/transfers/"


@pytest.fixture
def proxy(azurite: Azurite) -> Iterator[Proxy]:
    parts = urlsplit(azurite.origins["Blob"])
    with Proxy(str(parts.hostname), int(parts.port or 0)) as running:
        yield running


@pytest.fixture
def room(azurite: Azurite, proxy: Proxy) -> Iterator[AzuriteRoom]:
    through = azurite.connection_string.replace(azurite.origins["Blob"], proxy.origin)
    room = AzuriteRoom(through, direct=azurite.connection_string)
    yield room
    room.close()


@pytest.fixture
def writer(room: AzuriteRoom) -> Iterator[CheckpointWriter[Transfer, Event]]:
    first = checkpoint("run.0")
    stored = Stored(first, room.checkpoints.create(first))
    with ThreadPoolExecutor(1) as background:
        yield CheckpointWriter(TransferProcess(Policy()), room.checkpoints, stored, "run", SystemClock(), background)


def advanced(writer: CheckpointWriter[Transfer, Event]) -> Transfer:
    return replace(writer.saved, runs=writer.saved.runs + 1)


def test_a_save_whose_answer_was_lost_is_known_again_and_not_taken_for_theft(
    proxy: Proxy, room: AzuriteRoom, writer: CheckpointWriter[Transfer, Event]
) -> None:
    for _ in range(3):
        proxy.remove(SAVE)
        proxy.add(Fault("reset", match=SAVE, direction="down"))
        writer.save(advanced(writer))
        assert proxy.hits() == 1
    proxy.remove(SAVE)
    writer.save(advanced(writer))
    stored = room.checkpoints.load(writer.saved.id)
    assert stored is not None
    assert stored.checkpoint.instance == writer.saved
    assert stored.checkpoint.instance.runs == 4


def test_a_save_that_never_arrived_is_sent_again(
    proxy: Proxy, room: AzuriteRoom, writer: CheckpointWriter[Transfer, Event]
) -> None:
    proxy.add(Fault("reset", match=SAVE, after=50))
    writer.save(advanced(writer))
    stored = room.checkpoints.load(writer.saved.id)
    assert stored is not None
    assert stored.checkpoint.instance.runs == 1


def test_a_save_whose_answer_was_lost_behind_another_run_is_lost_ownership(
    proxy: Proxy, room: AzuriteRoom, writer: CheckpointWriter[Transfer, Event]
) -> None:
    writer.save(advanced(writer))
    stored = room.checkpoints.load(writer.saved.id)
    assert stored is not None
    theirs = replace(stored.checkpoint, write="other.0", lease=None)
    room.checkpoints.save(theirs, stored.etag)
    proxy.add(Fault("reset", match=SAVE, direction="down"))
    with pytest.raises(LostOwnership):
        writer.save(advanced(writer))
    after = room.checkpoints.load(writer.saved.id)
    assert after is not None
    assert after.checkpoint == theirs


@pytest.mark.parametrize("action", ["reset", "close"])
@pytest.mark.parametrize("after", [0, 5, 700, MIB, RANGE, RANGE + 1, SIZE - 1])
def test_a_stream_that_breaks_goes_on_at_the_byte_that_is_missing(
    proxy: Proxy, room: AzuriteRoom, after: int, action: str
) -> None:
    data = content(SIZE)
    reader = room.sources.open(room.put("a.bin", data).source)
    proxy.add(Fault(action, match=READ, direction="down", after=after))  # type: ignore[arg-type]  # the table's texts
    got = [bytes(reader.read(at, min(RANGE, SIZE - at))) for at in range(0, SIZE, RANGE)]
    reader.close()
    assert b"".join(got) == data
    assert proxy.hits() == 1


def test_a_range_that_breaks_every_time_is_told_and_readable_once_the_line_holds(
    proxy: Proxy, room: AzuriteRoom
) -> None:
    data = content(SIZE)
    reader = room.sources.open(room.put("a.bin", data).source)
    proxy.add(Fault("reset", match=READ, direction="down", times=source.ATTEMPTS))
    with pytest.raises(SourceUnreadable):
        reader.read(0, RANGE)
    assert proxy.hits() == source.ATTEMPTS
    assert bytes(reader.read(0, RANGE)) == data[:RANGE]
    reader.close()


def test_a_reader_that_is_closed_while_storage_is_silent_does_not_wait_for_it(proxy: Proxy, room: AzuriteRoom) -> None:
    reader = room.sources.open(room.put("a.bin", content(SIZE)).source)
    proxy.add(Fault("black-hole", match=READ, direction="down", after=MIB + 1000))
    reader.read(0, MIB)
    came_true(proxy.hits, 10, pause=0.01)
    began = time.monotonic()
    reader.close()
    assert proxy.hits() == 1
    assert time.monotonic() - began < stream.STALL_TIMEOUT / 3


def test_reading_the_largest_file_holds_two_ranges_and_a_little(real: AzuriteRoom) -> None:
    size = 40 * MIB
    reader = real.sources.open(real.put("large.bin", bytes(size)).source)
    reader.read(0, RANGE)
    tracemalloc.start()
    try:
        for at in range(RANGE, size, RANGE):
            reader.read(at, RANGE)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    reader.close()
    assert peak < 3 * RANGE
