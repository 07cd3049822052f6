"""A network that breaks, between the app and Graph, its upload sessions and storage, costs time and nothing else."""

from __future__ import annotations

import pytest

from assurance.faults import network

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("e2e network")]


def test_one_break_of_each_kind_leaves_one_attachment_and_nothing_half_done() -> None:
    stories = network.everyday()
    report = network.run(stories)
    assert report["broken"] == []
    assert report["missed"] == []
    assert report["runs"] == len(stories)


def test_the_thorough_stories_try_every_position_and_every_action() -> None:
    stories = network.thorough(64)
    assert len({story.after for story in stories if story.request == "range" and story.nth == 2}) >= 64
    assert {story.action for story in stories} == {"reset", "close", "pause", "slow", "black-hole"}
    assert {story.place for story in stories} == {"graph", "upload", "storage"}
    assert len(stories) == len(set(stories))


def test_a_save_whose_answer_was_lost_is_known_for_our_own_and_the_run_goes_on() -> None:
    stories = network.lost_acknowledgements(28)[::4]
    assert {(story.small, story.nth) for story in stories} == {
        *((True, nth) for nth in (1, 2, 3)),
        *((False, nth) for nth in (1, 2, 3, 4)),
    }
    report = network.run(stories, most_runs=1)
    assert report["broken"] == []
    assert report["missed"] == []
