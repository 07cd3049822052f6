"""A network that breaks, between the app and Graph, its upload sessions and storage, costs time and nothing else."""

from __future__ import annotations

import pytest

from assurance.faults import network

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("e2e network")]


def test_one_break_of_each_kind_leaves_one_attachment_and_nothing_half_done() -> None:
    scenarios = network.everyday()
    report = network.run(scenarios)
    assert report["broken"] == []
    assert report["missed"] == []
    assert report["runs"] == len(scenarios)


def test_the_thorough_stories_try_every_position_and_every_action() -> None:
    scenarios = network.thorough(64)
    assert len({scenario.after for scenario in scenarios if scenario.request == "range" and scenario.nth == 2}) >= 64
    assert {scenario.action for scenario in scenarios} == {"reset", "close", "pause", "slow", "black-hole"}
    assert {scenario.place for scenario in scenarios} == {"graph", "upload", "storage"}
    assert len(scenarios) == len(set(scenarios))


def test_a_save_whose_answer_was_lost_is_known_for_our_own_and_the_run_goes_on() -> None:
    scenarios = network.lost_acknowledgements(28)[::4]
    assert {(scenario.small, scenario.nth) for scenario in scenarios} == {
        *((True, nth) for nth in (1, 2, 3)),
        *((False, nth) for nth in (1, 2, 3, 4)),
    }
    report = network.run(scenarios, most_runs=1)
    assert report["broken"] == []
    assert report["missed"] == []
