"""Engines that are wrong on purpose: the same scenarios must find each of them out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from assurance.simulation import campaigns
from assurance.simulation.case import Case, Fault
from assurance.simulation.engines import WRONG, engine
from assurance.simulation.enumerate import singles
from assurance.simulation.scenario import run_case
from shared.core import machine
from shared.core.table import TABLE

GUILTY = [
    ("404 means new session", 1),
    ("404 means new session", 4),
    ("look, then reopen", 1),
    ("look, then reopen", 3),
    ("look before the fence", 1),
    ("look before the fence", 2),
    ("send the small file again", 0),
]


REFUSED = "a refusal had no effect"


def test_a_refusal_that_is_believed_attaches_twice() -> None:
    scenarios = campaigns.by_engine(
        (case for case in campaigns.after_the_effect([0]) if len(case.faults) == 1), REFUSED
    )
    tally = campaigns.run_all(scenarios, processes=1)
    assert tally.duplicates > 0
    assert any("I1: attached" in line for line in tally.broken)


def test_a_404_that_is_taken_for_a_fence_attaches_twice() -> None:
    faults = ((9, Fault.LATE, 20), (12, Fault.ANSWER, 404))
    scenario = Case(ranges=1, faults=faults, switches={"first_delete_404": 1, "get_session": 405})
    assert run_case(scenario)[0].attached == 1
    assert run_case(replace(scenario, engine=REFUSED))[0].attached == 2


@pytest.mark.parametrize(("name", "ranges"), GUILTY)
def test_a_wrong_engine_attaches_twice(name: str, ranges: int) -> None:
    tally = campaigns.run_all(singles(Case(ranges=ranges, engine=name)), processes=1)
    assert tally.duplicates > 0
    assert any("I1: attached" in line for line in tally.broken)


def test_every_wrong_engine_is_found_out() -> None:
    assert {name for name, _ in GUILTY} | {REFUSED} == set(WRONG)


def test_the_most_common_one_falls_over_the_lost_final_answer_alone() -> None:
    verdict, world = run_case(Case(ranges=1, faults=((9, Fault.LOST_AFTER, 0),), engine="404 means new session"))
    assert world.gate.names[8] == "graph.PUT"
    assert verdict.attached == 2


@pytest.mark.parametrize("name", ["look, then reopen", "look before the fence"])
def test_a_missing_or_late_fence_falls_over_late_ranges_only(name: str) -> None:
    punctual = campaigns.run_all(singles(Case(ranges=2, engine=name), ()), processes=1)
    assert punctual.duplicates == 0


def test_a_wrong_table_is_in_force_only_during_its_scenario() -> None:
    with engine("404 means new session"):
        assert machine.TABLE is not TABLE  # type: ignore[attr-defined]  # looked at, to see it replaced
    assert machine.TABLE is TABLE  # type: ignore[attr-defined]
