"""A run that is out of time stops by itself, and the next one goes on: at every range, whatever is left."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from devkit.local.azurite import Azurite
from devkit.local.harness import Harness, content
from tests.e2e.stage import attached, runs_of, staged

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("e2e budget")]

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def stage(azurite: Azurite) -> Iterator[Harness]:
    with staged(azurite, settings={"RANGE_BYTES": str(MIB), "RUN_BUDGET_SECONDS": "0.001"}) as running:
        yield running


@pytest.mark.parametrize("size", [8 * MIB, 8 * MIB + 1])
def test_a_run_out_of_budget_at_every_range_sends_one_range_each_and_ends_by_itself(
    harness: Harness, size: int
) -> None:
    seen, ranges = len(runs_of(harness)), -(-size // MIB)
    file = harness.drop(content(size))
    transfer = attached(harness, file)
    harness.stack.wait_until_idle()
    runs = runs_of(harness, seen)
    assert transfer["runs"] == len(runs) == ranges
    assert {run["outcome"] for run in runs} == {"succeeded"}
    assert [run["function"] for run in runs] == ["blob_dropped", *["transfer_due"] * (ranges - 1)]
    assert {run["dequeueCount"] for run in runs} == {1}
    assert [entry["status"] for entry in harness.requests(file, "put", "final-put")] == [200] * (ranges - 1) + [201]
    assert len(harness.sessions(file)) == 1


def test_a_small_file_needs_one_run_however_short_its_budget(harness: Harness) -> None:
    seen = len(runs_of(harness))
    attached(harness, harness.drop(content(1000)))
    harness.stack.wait_until_idle()
    assert len(runs_of(harness, seen)) == 1


def test_files_that_run_out_of_budget_together_all_arrive(harness: Harness) -> None:
    files = [harness.drop(content(4 * MIB + number, number)) for number in range(4)]
    for file in files:
        attached(harness, file)
