"""Many transfers in virtual time: the real runs and the real limiter against Outlook's limits."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from devkit.evidence import ROOT
from devkit.pacing import load
from devkit.pacing.fleet import Concurrency
from devkit.pacing.simulate import Plan, Result, simulate

SMALL = Plan(files=400, mailboxes=20, workers=24)


def polite(result: Result) -> None:
    assert result.once == result.files
    assert result.refused < result.requests / 100
    assert result.makespan <= 1.15 * result.bound
    assert result.slowest <= 2, "a mailbox waited for more than the others did"


def test_two_thousand_files_on_a_hundred_workers_are_attached_once_politely_and_in_time() -> None:
    """Ten thousand are one of the proofs."""
    result = simulate(Plan(files=2_000, mailboxes=100, workers=100))
    polite(result)
    assert result.conflicts == 0
    assert result.bound >= 10 * 300, "a hot mailbox needs many windows, or this shows nothing"


@pytest.mark.parametrize(
    "plan",
    [
        pytest.param(SMALL, id="as it comes"),
        pytest.param(replace(SMALL, over_seconds=0), id="all at once"),
        pytest.param(replace(SMALL, over_seconds=1200), id="over twenty minutes"),
        pytest.param(replace(SMALL, seed=2, workers=100), id="with more workers than work"),
        pytest.param(replace(SMALL, concurrency=Concurrency(16, 8)), id="with the host's own concurrency"),
        pytest.param(replace(SMALL, mailboxes=1, files=60), id="onto one mailbox"),
    ],
)
def test_any_load_is_attached_once_politely_and_in_time(plan: Plan) -> None:
    polite(simulate(plan))


def test_the_simulated_hosts_take_messages_as_host_json_says() -> None:
    extensions = json.loads((ROOT / "host.json").read_text(encoding="utf-8"))["extensions"]
    queues = extensions["queues"]
    assert Plan().concurrency == Concurrency(queues["batchSize"], queues["newBatchThreshold"])
    assert Plan().blob_concurrency == Concurrency.of_blobs(extensions["blobs"]["maxDegreeOfParallelism"])
    assert queues["maxPollingInterval"] == f"00:00:{Plan().concurrency.longest_pause}"


def test_without_the_limiter_outlook_refuses_a_good_part_of_the_requests() -> None:
    result = simulate(replace(SMALL, paced=False))
    assert result.once == result.files
    assert result.refused > result.requests / 10


def test_the_same_seed_gives_the_same_result() -> None:
    plan = replace(SMALL, files=150, mailboxes=5)
    assert simulate(plan) == simulate(plan)


@pytest.mark.parametrize(("size", "ranges"), [(149_000_000, 36), (10_000_000, 3), (20_000, 0)])
def test_a_lone_transfer_makes_few_storage_calls_and_none_that_a_range_waits_for(size: int, ranges: int) -> None:
    """At most: at full speed a checkpoint behind a range is left out while the one before it is still being written."""
    result = simulate(Plan(files=1, workers=8), [load.lone(size)])
    behind = max(0, ranges - 2)
    must = 4 if ranges else 3  # created, [session's address,] announced, outcome
    assert dict(result.calls) == {
        "source head": 1,
        "source read": 1,
        "checkpoint write": must + behind,
        "mark": 2,
        "pace read": 1,
        "pace write": 2,
    }
    assert result.requests == (2 + ranges if ranges else 2)
