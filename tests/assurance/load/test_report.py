"""What docs/scale.md shows is made from what was tested and measured."""

from __future__ import annotations

import re
from typing import Any

import pytest

from assurance import evidence
from assurance.load import report
from devkit.documents import ROOT

PACING: dict[str, Any] = {
    "name": "pacing",
    "achieved": 10_000,
    "date": "2026-01-01",
    "details": {
        "bytes": 60_000_000_000,
        "429": 0,
        "requests to Graph": 40_000,
        "runs": 30_000,
        "storage calls": 200_000,
    },
}
LOAD_TEST: dict[str, Any] = {**PACING, "name": "load-test", "achieved": 60, "details": {"429": 3}}
PRODUCT = {"cpu": 0.4, "seconds": 4.0, "memory": 10 * 1024 * 1024, "idle": 80 * 1024 * 1024}


def rows(text: str) -> dict[str, list[str]]:
    """The cells of the table's body, by the first of each row."""
    cells = [[cell.strip() for cell in line.strip("| ").split("|")] for line in text.splitlines()[2:]]
    return {first: rest for first, *rest in cells}


def test_both_campaigns_stand_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence, "load", lambda: {"results": [PACING, LOAD_TEST]})
    told = rows(report.campaigns_table())
    assert told["files attached exactly once"] == ["10,000", "60"]
    assert told["429"] == ["0", "3"]
    assert told["runs"] == ["30,000", "-"]


def test_ceilings_come_lowest_first_and_follow_from_what_a_file_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence, "load", lambda: {"results": [PACING]})
    told = rows(report.ceilings_table())
    assert told["one mailbox's bytes"] == ["150 MB in 5 minutes", "6.0 MB", "7,200"]
    assert told["the work queue"] == ["2,000 messages a second", "3.0 messages", "57,600,000"]
    assert told["the storage account"] == ["20,000 requests a second", "22 calls", "78,545,455"]
    daily = [int(cells[-1].replace(",", "")) for cells in told.values()]
    assert daily == sorted(daily)


def test_an_instance_is_filled_by_its_cores_or_its_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    latencies = [{"put_ms": 0, "contestants": {}}, {"put_ms": 80, "contestants": {"product": PRODUCT}}]
    monkeypatch.setattr(report, "kept", lambda _path: {"side-by-side": {"latencies": latencies}})
    told = rows(report.instances_table())
    assert told["2,048 MB, 1 cores"] == ["8", "196", "5"]
    assert told["512 MB, 0.25 cores"] == ["2", "43", "1"]


def test_what_has_not_run_yet_is_said_not_to_have(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence, "load", lambda: {"results": []})
    monkeypatch.setattr(report, "kept", lambda _path: {})
    assert [part() for part in report.PARTS.values()] == ["Not tested yet.", "Not tested yet.", "Not measured yet."]


def test_the_instances_are_those_of_the_deployment() -> None:
    text = (ROOT / "infra" / "main.bicep").read_text(encoding="utf-8")
    assert re.search(r"param maximumInstanceCount int = (\d+)", text)[1] == str(report.INSTANCES)  # type: ignore[index]


def test_the_sweep_is_as_frequent_as_its_timer() -> None:
    schedule = re.search(r'timer_trigger\(.*schedule="([^"]+)"', (ROOT / "function_app.py").read_text(encoding="utf-8"))
    assert schedule is not None
    assert (schedule[1], report.SWEEP_SECONDS) == ("0 * * * * *", 60)
