"""Processes that are told to end while a file is on its way: the run yields, and another process carries it on."""

from __future__ import annotations

import time

import pytest

from devkit.local.azurite import Azurite
from devkit.local.harness import Delivery, Harness, content
from tests.e2e.stage import attached, runs_of, staged

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("e2e drain")]

MIB = 1024 * 1024
SIZE = 40_000_000
RANGES = 10
SLOW = {"action": "delay", "kind": "put", "seconds": 1, "times": 0}
RESUMED = 60.0
"""Seconds within which any death of anything is followed."""


def ranges_sent(harness: Harness, file: Delivery) -> list[str]:
    return [entry["content_range"] for entry in harness.requests(file, "put", "final-put")]


def under_way(harness: Harness) -> Delivery:
    harness.graph.fault(SLOW)
    file = harness.drop(content(SIZE))
    harness.stack.wait_until(lambda: len(ranges_sent(harness, file)) >= 2, what="two ranges have arrived")
    return file


def test_a_run_whose_worker_gets_sigterm_ends_after_the_range_in_hand_and_another_process_goes_on(
    azurite: Azurite,
) -> None:
    with staged(azurite) as harness:
        other = harness.stack.start_host()
        file = under_way(harness)
        harness.stack.host.kill_worker(signal="TERM")
        told = time.monotonic()
        harness.stack.wait_until(
            lambda: all(run["outcome"] == "succeeded" for run in runs_of(harness)), what="the run has yielded"
        )
        assert time.monotonic() - told < 5, "it ended after the range in hand, not after the file"
        sent = ranges_sent(harness, file)
        left = harness.transfer(file)
        assert (left["state"], left["bytesConfirmed"]) == ("sending", len(sent) * 4 * MIB)
        harness.graph.clear_faults()
        harness.stack.wait_until(
            lambda: len(ranges_sent(harness, file)) > len(sent), RESUMED - (time.monotonic() - told), what="it goes on"
        )
        attached(harness, file)
        everything = ranges_sent(harness, file)
        assert len(everything) == len(set(everything)) == RANGES, "no range was sent twice"
        assert other.running


def test_a_host_that_is_told_to_end_waits_for_the_range_in_hand_and_gives_the_rest_to_the_next_one(
    azurite: Azurite,
) -> None:
    with staged(azurite, options=["--tell-workers"]) as harness:
        file = under_way(harness)
        told = time.monotonic()
        harness.stack.host.stop()
        sent = ranges_sent(harness, file)
        assert len(sent) < RANGES - 1, "the host did not wait for the whole file"
        left = harness.transfer(file)
        assert (left["state"], left["bytesConfirmed"]) == ("sending", len(sent) * 4 * MIB)
        harness.graph.clear_faults()
        harness.stack.restart_host()
        harness.stack.wait_until(
            lambda: len(ranges_sent(harness, file)) > len(sent), RESUMED - (time.monotonic() - told), what="it goes on"
        )
        assert attached(harness, file)["runs"] == 2
        everything = ranges_sent(harness, file)
        assert len(everything) == len(set(everything)) == RANGES, "no range was sent twice"
        assert [run["outcome"] for run in runs_of(harness)] == ["succeeded"]
