"""The harness in small: it runs, the bytes are right, and what it writes can be read. How fast it was is not judged."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from bench import command, measure, peer, report, svg
from bench.bed import Bed, WrongBytesError, about
from bench.measure import Plan
from shared.core.policy import LARGEST_RANGE

MB = 1_000_000
PEER = peer.installed()
PLAN = Plan(
    contestants=("limit", "product", "loop", *(("o365",) if PEER else ())),
    rounds=1,
    size=9 * MB,
    sizes=(1 * MB, 9 * MB),
    sizes_rounds=1,
    together=(1, 2),
    together_size=5 * MB,
    latencies=((0, 0), (1, 2)),
)
pytestmark = pytest.mark.xdist_group("bench")


@pytest.fixture(scope="module")
def bed() -> Iterator[Bed]:
    with Bed({"o365": PEER} if PEER else None) as running:
        yield running


@pytest.fixture(scope="module")
def found(bed: Bed) -> dict[str, Any]:
    return {name: part(bed, PLAN) for name, part in command.ON_BED.items()}


def test_every_contestant_sends_the_file_at_every_latency(found: dict[str, Any]) -> None:
    for latency in found["side-by-side"]["latencies"]:
        assert set(latency["contestants"]) == set(PLAN.contestants)
        for one in latency["contestants"].values():
            assert one["seconds"] >= one["span"] > 0
            assert one["cpu"] > 0
        assert latency["contestants"]["limit"]["seconds_ratio"] == 1


def test_the_curves_have_a_point_for_every_size_and_count(found: dict[str, Any]) -> None:
    assert [row["size"] for row in found["sizes"]["rows"]] == list(PLAN.sizes)
    assert [row["count"] for row in found["together"]["rows"]] == list(PLAN.together)


@pytest.mark.parametrize("size", [9 * MB, 25 * MB])
def test_a_transfer_makes_one_put_a_range_and_a_bounded_number_of_storage_calls(bed: Bed, size: int) -> None:
    bed.latency(blob_ms=1, put_ms=2)
    graph, storage = bed.requests("product", size)
    ranges = ceil(size / LARGEST_RANGE)
    assert [storage.pop(f"message against a run's death {what}") for what in ("sent", "taken back")] == [1, 1]
    assert sum(storage.values()) <= 12 + 2 * ranges
    assert graph == {"list": 1, "create": 1, "put": ranges - 1, "final-put": 1}
    checkpoints, versions = storage.pop("checkpoint written"), storage.pop("version of the file asked")
    assert storage == {
        "file streamed": 1,
        "unfinished mark written": 1,
        "unfinished mark deleted": 1,
        "mailbox's record read": 1,
        "mailbox's record written": 2,
        "mark in the mailbox's list written": 1,
    }
    assert 4 <= checkpoints <= 4 + max(0, ranges - 2), "created, session, announced, outcome; at most one a range"
    assert 3 <= versions <= 2 + ranges, "when the event comes, at most beside each range, and before the last is sent"


def test_a_small_file_is_one_post_and_a_dozen_storage_calls(bed: Bed) -> None:
    bed.latency(blob_ms=1, put_ms=2)
    graph, storage = bed.requests("product", 1 * MB)
    assert graph == {"list": 1, "post": 1}
    assert sum(storage.values()) == 12


def test_bytes_that_are_not_the_files_are_found_out(bed: Bed) -> None:
    job = bed.job(5 * MB)
    with pytest.raises(WrongBytesError, match="not one attachment"):
        bed.check(job)


def test_what_was_measured_is_kept_part_by_part_and_drawn(found: dict[str, Any], tmp_path: Path) -> None:
    command.keep({"sizes": found["sizes"]}, tmp_path)
    command.keep({name: part for name, part in found.items() if name != "sizes"}, tmp_path)
    assert report.load(tmp_path / "performance.json") == found
    drawings = sorted((tmp_path / "img").iterdir())
    assert [path.name for path in drawings] == [
        "bench-0-0.svg",
        "bench-1-2.svg",
        "bench-sizes.svg",
        "bench-together.svg",
    ]
    for drawing in drawings:
        assert ET.fromstring(drawing.read_text(encoding="utf-8")).tag.endswith("svg")


def test_every_table_shows_what_was_measured(
    found: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    imports = {"rounds": 1, "app": 1.2, "needed": 1.0, "ratio": 1.2}
    times = {"first_byte_ms": 200, "attached_ms": 300}
    drops = {"size": MB, "rounds": 1, "cold": times, "warm": times}
    marks = {"date": "2026-01-01", "machine": "2 cores", "load": 0.1}
    parts = {**found, "imports": imports, "drops": drops}
    command.keep({name: {**part, **marks} for name, part in parts.items()}, tmp_path)
    kept = report.load(tmp_path / "performance.json")
    monkeypatch.setattr(report, "load", lambda: kept)
    told = {name: part() for name, part in report.PARTS.items()}
    assert "| importing the app | 1.20 x" in told["bench-bars"]
    assert "| this product |" in told["bench-side-by-side"]
    assert "| storage: file streamed | 1 | 1 |" in told["bench-requests"]
    assert "| 9 MB |" in told["bench-sizes"]
    assert "| 2 x 5 MB |" in told["bench-together"]
    assert "300 ms" in told["bench-starts"]
    assert told["bench-machine"].startswith("2026-01-01: 2 cores.")


def test_a_bar_that_is_missed_is_said_to_be() -> None:
    kept = {"imports": {"rounds": 1, "app": 1.5, "needed": 1.0, "ratio": 1.5}}
    assert report.bars(kept) == [
        ("importing the app", "1.50 x what the worker imports anyway", "1.30 x what the worker imports anyway", False)
    ]


@pytest.mark.parametrize(
    ("request_line", "told"),
    [
        ("HEAD /devstoreaccount1/drop/a%20b.bin", "version of the file asked"),
        ("GET /devstoreaccount1/drop/a.bin", "file streamed"),
        ("PUT /devstoreaccount1/checkpoints/transfers/x.json", "checkpoint written"),
        ("GET /devstoreaccount1/checkpoints/pace/x.json", "mailbox's record read"),
        ("DELETE /devstoreaccount1/checkpoints/unfinished/x", "unfinished mark deleted"),
        ("PUT /devstoreaccount1/checkpoints/new/x", "new written"),
        ("POST /devstoreaccount1/transfers/messages", "message against a run's death sent"),
        ("DELETE /devstoreaccount1/transfers/messages/1", "message against a run's death taken back"),
    ],
)
def test_a_storage_request_is_told_by_what_it_is_about(request_line: str, told: str) -> None:
    assert about(request_line) == told


@pytest.mark.parametrize(("highest", "expected"), [(1, 6), (3.4, 4), (150, 4), (0.09, 5)])
def test_axes_have_round_ticks(highest: float, expected: int) -> None:
    found = svg.ticks(highest)
    assert len(found) == expected
    assert found[0] == 0
    assert found[-1] <= highest * 1.0001


def test_quick_measures_the_same_parts_as_the_whole() -> None:
    assert measure.QUICK.contestants == Plan().contestants
    assert measure.QUICK.latencies == Plan().latencies
