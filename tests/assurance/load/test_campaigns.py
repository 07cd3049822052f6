"""The proofs of politeness say what broke, whatever it was."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from assurance.campaign import Outcome
from assurance.campaigns import CAMPAIGNS
from assurance.load import campaigns, load_test, simulate

GOOD = simulate.Result(
    files=100,
    once=100,
    bytes=1_000_000,
    makespan=1100.0,
    bound=1000.0,
    slowest=1.5,
    latest=10.0,
    requests=1000,
    refused=9,
    conflicts=0,
    calls=Counter({"pace read": 5}),
    runs=120,
    pace_conflicts=0,
)
REHEARSED = load_test.Result(
    files=60, bytes=1_000_000, seconds=110.0, bound=100.0, killed=7, answers=Counter({200: 300}), wrong=[]
)


def simulated(monkeypatch: pytest.MonkeyPatch, result: simulate.Result) -> Outcome:
    monkeypatch.setattr(simulate, "simulate", lambda _plan: result)
    return campaigns.simulated(7)


def rehearsed(monkeypatch: pytest.MonkeyPatch, result: load_test.Result) -> Outcome:
    monkeypatch.setattr(load_test, "rehearse", lambda _plan: result)
    return campaigns.rehearsed(7)


def test_a_good_simulation_breaks_nothing_and_reports_its_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = simulated(monkeypatch, GOOD)
    assert (outcome.achieved, outcome.broken) == (100, [])
    assert outcome.details["times the bound"] == 1.1
    assert outcome.details["storage calls"] == 5


@pytest.mark.parametrize(
    ("result", "told"),
    [
        (replace(GOOD, once=99), "1 files were not attached exactly once"),
        (replace(GOOD, refused=10), "10 of 1000 requests were refused"),
        (replace(GOOD, makespan=1151.0), "1.151 times the bound"),
        (replace(GOOD, slowest=2.1), "2.10 times its own bound"),
    ],
)
def test_a_simulation_that_breaks_a_bar_is_reported_with_its_seed(
    monkeypatch: pytest.MonkeyPatch, result: simulate.Result, told: str
) -> None:
    (line,) = simulated(monkeypatch, result).broken
    assert told in line
    assert "seed 7" in line


def test_a_good_load_test_breaks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = rehearsed(monkeypatch, REHEARSED)
    assert (outcome.achieved, outcome.broken) == (60, [])
    assert outcome.details["times the bound"] == 1.1


@pytest.mark.parametrize(
    ("result", "told"),
    [
        (replace(REHEARSED, seconds=121.0), "1.210 times the bound"),
        (replace(REHEARSED, killed=0), "no worker was killed"),
        (replace(REHEARSED, answers=Counter({200: 99, 429: 1})), "1 of 100 requests were refused"),
        (replace(REHEARSED, wrong=["a.bin is on its item 2 times"]), "a.bin is on its item 2 times"),
    ],
)
def test_a_load_test_that_breaks_a_bar_is_reported(
    monkeypatch: pytest.MonkeyPatch, result: load_test.Result, told: str
) -> None:
    (line,) = rehearsed(monkeypatch, result).broken
    assert told in line


def test_the_long_runs_are_among_the_proofs() -> None:
    floors = {proof.name: proof.floor for proof in CAMPAIGNS}
    assert floors["pacing"] == simulate.Plan().files == 10_000
    assert floors["load-test"] == load_test.Plan().files == 60
