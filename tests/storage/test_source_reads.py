"""How the real reader goes about it: what it asks of storage, and when, beside the bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import SimpleNamespace

import pytest

from devkit.local.harness import content
from shared.storage import source
from shared.storage.source import BlobReader
from shared.storage.stream import BlobStream
from tests.storage.rooms import AzuriteRoom

pytestmark = pytest.mark.xdist_group("storage contract")

STEP = 100_000
RANGES = 6
SIZE = STEP * RANGES


@pytest.fixture
def reader(real: AzuriteRoom) -> Iterator[BlobReader]:
    opened = real.sources.open(real.put("a.bin", content(SIZE)).source)
    assert isinstance(opened, BlobReader)
    yield opened
    opened.close()


def read_all(reader: BlobReader) -> None:
    for at in range(0, SIZE, STEP):
        reader.expect(at, STEP)
        reader.read(at, STEP)


@pytest.mark.parametrize(
    ("seconds", "asked"),
    [(3600.0, 2), (-1.0, RANGES + 1)],
    ids=["fast: behind the last range, and before it goes", "slow: behind every range, and before the last goes"],
)
def test_the_version_is_asked_for_as_often_as_time_passes_and_always_before_the_last_bytes(
    reader: BlobReader, monkeypatch: pytest.MonkeyPatch, seconds: float, asked: int
) -> None:
    monkeypatch.setattr(source, "VERSION_SECONDS", seconds)
    heads: list[str] = []
    head = reader._connections.head

    def counted(url: str, headers: Mapping[str, str]) -> BlobStream:
        heads.append(headers["If-Match"])
        return head(url, headers)

    monkeypatch.setattr(reader._connections, "head", counted)
    read_all(reader)
    assert heads == [reader._source.etag] * asked


def test_a_range_that_was_handed_out_goes_before_the_next_one_is_read_unless_ranges_are_fast(
    reader: BlobReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, pauses = [100.0], list[float]()
    monkeypatch.setattr(source, "time", SimpleNamespace(monotonic=lambda: now[0], sleep=pauses.append))
    for at, took in ((0, 0.04), (STEP, 0.06), (2 * STEP, 60), (3 * STEP, 0), (4 * STEP, 0)):
        reader.read(at, STEP)
        now[0] += took
    assert pauses[:4] == [source.HEAD_START, 0, source.HEAD_START, source.HEAD_START]
