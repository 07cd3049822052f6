"""Many transfers in virtual time: the real runs and the real limiter against Outlook's limits."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from assurance.load import load
from assurance.load.fleet import Concurrency
from assurance.load.simulate import Plan, Result, simulate
from devkit.documents import ROOT
from shared.core.allowance import MailboxBytes

HOT = "box@contoso.example"
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


@pytest.mark.parametrize("seed", range(1, 6))
def test_where_the_service_does_not_count_bytes_four_requests_at_once_are_the_only_limit(seed: int) -> None:
    result = simulate(replace(SMALL, seed=seed, bytes=MailboxBytes.LEARN, counted=False))
    assert result.once == result.files
    assert result.refused == result.conflicts == 0
    assert result.makespan <= 1.15 * result.bound


@pytest.mark.parametrize(
    "plan",
    [*(replace(SMALL, seed=seed) for seed in range(1, 5)), replace(SMALL, over_seconds=1200, seed=2)],
)
def test_where_the_service_counts_bytes_that_is_learned_politely_and_in_time(plan: Plan) -> None:
    result = simulate(replace(plan, bytes=MailboxBytes.LEARN))
    polite(result)
    assert result.calls["lesson write"] >= 1, "it was learned, or this shows nothing"


def test_where_the_service_does_not_count_bytes_nothing_is_held_back_for_them() -> None:
    """Sixteen files of 15 MB: a whole window more than may be sent at once where bytes count."""
    given = load.onto(HOT, 16, 15_000_000)
    free = simulate(Plan(workers=16, bytes=MailboxBytes.LEARN, counted=False), given)
    held = simulate(Plan(workers=16, bytes=MailboxBytes.LIMIT, counted=False), given)
    assert free.once == held.once == 16
    assert free.refused == 0
    assert free.makespan < 30
    assert held.makespan > 300


def test_a_large_file_after_a_smaller_one_is_not_held_up() -> None:
    given = [*load.onto(HOT, 1, 9_000_000), *load.onto(HOT, 2, 150_000_000, at=3.0)[1:]]
    result = simulate(Plan(workers=16, bytes=MailboxBytes.LEARN, counted=False), given)
    assert result.once == 2
    assert result.makespan < 15


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
        **({"queue message": 2} if ranges else {}),  # against the run's death, and taken back; beside the requests
    }
    assert result.requests == (2 + ranges if ranges else 2)


GROWTH = 1.3
"""Times what a file costs when ten times as many wait with it, at most."""


def test_a_file_costs_no_more_in_a_line_of_a_thousand_than_in_one_of_a_hundred() -> None:
    """Calls and invocations, with all that comes after the last file; and nobody has two messages that will come."""
    plan = Plan(workers=16, drain=True)
    few, many = (simulate(plan, load.onto(HOT, count, 20_000)) for count in (100, 1_000))
    for result in (few, many):
        assert result.once == result.files
        assert result.refused == result.conflicts == 0
        assert result.under_way == 1
    assert many.calls_per_file <= GROWTH * few.calls_per_file
    assert many.runs_per_file <= GROWTH * few.runs_per_file
    assert many.calls_per_file < 26, "a lone small file takes 12"
    assert many.runs_per_file <= 3.1, "its event, its call, and the message that would have looked by itself"


def test_ten_mailboxes_do_not_wait_for_the_two_hundred_files_of_another_one() -> None:
    others = [f"other{number}@contoso.example" for number in range(10)]
    given = load.onto(HOT, 200, 2_000_000)
    given += [file for other in others for file in load.onto(other, 1, 2_000_000, at=1.0)]
    result = simulate(Plan(workers=16, bytes=MailboxBytes.LEARN, counted=False), given)
    assert result.once == result.files
    assert max(result.finished[other] for other in others) < result.finished[HOT] / 2
