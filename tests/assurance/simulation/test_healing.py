"""Storage that is down, for a second or for a day: nothing of it needs a person (I28)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from assurance.simulation.case import FOUR, Case, Fault, Outage
from assurance.simulation.enumerate import calls_of
from assurance.simulation.healing import SECONDS, outages
from assurance.simulation.scenario import run_case

LATEST = 360.0
"""Seconds after an outage: an event that the host hid for ten minutes is found by the sweep within five, and a small
file's POST whose announcement was lost track of is waited for as long as it may land (S5)."""


@pytest.mark.parametrize("seconds", SECONDS[:-1])
def test_an_outage_of_any_length_heals_by_itself(seconds: int) -> None:
    """Every fifth call; every one: the proof `outages`."""
    found = outages(seconds, (0, 1), step=5)
    assert not found.broken, "\n".join(found.broken[:10])
    assert found.attached == found.scenarios >= 70
    assert max(found.latest.values()) <= LATEST


@pytest.mark.parametrize("ranges", [1, 3])
def test_so_does_an_outage_of_a_day(ranges: int) -> None:
    """In the middle of a file of several ranges too, whose upload session may be gone by then."""
    found = outages(SECONDS[-1], (ranges,), step=9)
    assert not found.broken, "\n".join(found.broken[:10])
    assert found.attached == found.scenarios >= 20


@pytest.mark.parametrize("services", ["checkpoints", "blobs", "queues", "all"])
def test_two_outages_in_a_row_do(services: str) -> None:
    for first in range(1, len(calls_of(Case(ranges=2))), 4):
        twice = (Outage(100, services, "503", first), Outage(130, services, "refused", first + 9))
        verdict, _ = run_case(Case(ranges=2, outages=twice, poison="never"))
        assert (verdict.state, verdict.attached, verdict.broken) == ("attached", 1, ())


@pytest.mark.parametrize("ranges", [0, 1, 3])
def test_whatever_died_is_resumed_within_a_minute_or_its_file_found_within_five(ranges: int) -> None:
    """The host gives back nothing for ten minutes, and its timer is silent for more than one."""
    base = Case(ranges=ranges)
    names = calls_of(base)
    guarded = names.index("queue.send") + 1
    for call, fault in ((call, fault) for call in range(1, len(names) + 1) for fault in FOUR[:2]):
        verdict, world = run_case(replace(base, faults=((call, fault, 0),)))
        assert (verdict.state, verdict.broken) == ("attached", ()), (call, fault)
        [died] = world.host.deaths
        cleared = names.index("mark.clear") + 1
        if call > cleared or (call == cleared and fault is Fault.CRASH_AFTER):
            continue  # all was done
        began = [at for at in world.run_began if at > died]
        followed = min(began + [at for at in world.checkpoints.cleared if at >= died])
        is_guarded = call > guarded or (call == guarded and fault is Fault.CRASH_AFTER)
        assert (followed - died).total_seconds() <= (60 if is_guarded else 300), (call, fault)
