"""Two and three workers on the same transfer, with leases that hold nobody (I7, I13)."""

from __future__ import annotations

import pytest

from assurance.simulation import campaigns
from assurance.simulation.case import Case, Fault
from assurance.simulation.engines import NO_ETAG
from assurance.simulation.scenario import run_case


@pytest.mark.parametrize(
    ("ranges", "workers", "events", "changes", "least"),
    [
        (0, 2, 1, 3, 500),
        (1, 2, 1, 3, 500),
        (2, 2, 1, 3, 900),
        (3, 2, 1, 2, 200),
        (0, 2, 2, 2, 200),
        (1, 2, 2, 2, 200),
        (0, 3, 1, 2, 500),
        (1, 3, 1, 2, 500),
    ],
)
def test_no_schedule_attaches_twice(ranges: int, workers: int, events: int, changes: int, least: int) -> None:
    """The smaller ones; with up to 4 changes of hands: the proofs `workers` and `repeats`."""
    case = Case(ranges=ranges, workers=workers, events=events)
    tally = campaigns.all_schedules(case, changes, processes=1)
    assert not tally.broken, "\n".join(tally.broken[:10])
    assert tally.ends == {"attached": tally.scenarios}
    assert tally.scenarios >= least


@pytest.mark.parametrize("ranges", [0, 1, 2])
def test_without_etags_many_schedules_attach_twice(ranges: int) -> None:
    tally = campaigns.all_schedules(Case(ranges=ranges, workers=2, engine=NO_ETAG), 2, processes=1)
    assert tally.duplicates > tally.scenarios / 10


def test_an_outcome_is_notified_though_its_run_died_while_another_event_was_under_way() -> None:
    verdict, _ = run_case(Case(ranges=0, faults=((8, Fault.CRASH_AFTER, 0),), workers=2, schedule=((1, 1),)))
    assert verdict.broken == ()
