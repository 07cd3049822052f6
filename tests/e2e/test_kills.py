"""Workers killed at drawn instants of a transfer: the small form of `dev.py verify --only kills`."""

from __future__ import annotations

from itertools import islice

import pytest

from assurance.faults import kills

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("e2e kills")]


def test_each_file_whose_worker_was_killed_is_attached_once_and_nothing_is_half_done() -> None:
    report = kills.run(3, seed=2, size=10_000_000)
    assert report.broken == []
    assert report.kills == 3
    assert report.lost >= 3
    assert report.runs >= report.kills + report.states["sending"] + report.states["committing"], "these were carried on"


def test_an_instance_that_is_lost_whole_is_followed_within_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kills, "INSTANCES", 1.0)
    monkeypatch.setattr(kills, "HOLD", kills.RESUMED + 5)
    report = kills.run(1, seed=4, size=10_000_000)
    assert report.broken == []
    assert report.kills == report.instances == 1
    assert report.lost >= 1
    assert 0 < report.longest_pause < kills.RESUMED


def test_a_seed_strikes_everywhere_and_replays() -> None:
    drawn = list(islice(kills.drawn(1), 200))
    assert drawn == list(islice(kills.drawn(1), 200))
    assert {kill.after for kill in drawn} == set(range(kills.BEFORE_RANGES + 10 + kills.SETTLING_REQUESTS))
    assert any(kill.settling for kill in drawn)
    assert len({kill.size for kill in drawn}) > 190
    assert 20 < sum(kill.whole for kill in drawn) < 60
