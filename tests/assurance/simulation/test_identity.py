"""Tokens that Graph rejects, claims challenges, and rights that come late: nothing of it needs a person (I28)."""

from __future__ import annotations

import pytest

from assurance.simulation import campaigns
from assurance.simulation.case import Case, ExternalAction
from assurance.simulation.enumerate import calls_of
from assurance.simulation.identity import CLAIMS, KEPT
from assurance.simulation.scenario import run_case
from assurance.simulation.world import World
from tests.assurance.simulation.expectations import every, kept


def lapsing(ranges: int, claims: str) -> list[World]:
    """The token is rejected from each call on."""
    worlds = []
    for call in range(1, len(calls_of(Case(ranges=ranges))) + 1):
        case = Case(ranges=ranges, happenings=((call, ExternalAction.LAPSE),), switches={"claims": claims})
        verdict, world = run_case(case)
        assert (verdict.state, verdict.attached, verdict.broken) == ("attached", 1, ()), case.id
        worlds.append(world)
    return worlds


def seconds_of(world: World) -> float:
    """From the file's event to the end of its transfer."""
    [transfer] = world.transfers()
    assert transfer.finished_at is not None
    return (transfer.finished_at - transfer.plan.created_at).total_seconds()


@pytest.mark.parametrize("ranges", [0, 1, 3])
def test_a_claims_challenge_is_answered_with_a_token_that_meets_it(ranges: int) -> None:
    """Where the request may be repeated, at once; a POST is looked for first."""
    worlds = lapsing(ranges, CLAIMS)
    challenged = [world for world in worlds if CLAIMS in world.identity.asked]
    assert challenged
    assert all(seconds_of(world) < 60 for world in worlds)
    assert min(seconds_of(world) for world in challenged) < 1


@pytest.mark.parametrize("ranges", [0, 1, 3])
def test_without_a_challenge_the_platforms_cache_is_waited_out(ranges: int) -> None:
    worlds = lapsing(ranges, "")
    assert all(CLAIMS not in world.identity.asked for world in worlds)
    longest = max(seconds_of(world) for world in worlds)
    assert KEPT.total_seconds() <= longest <= KEPT.total_seconds() + 900


def test_rejected_tokens_heal_with_every_single_fault() -> None:
    """Every eightieth of them; all: the campaign `tokens`."""
    tally = kept(every(campaigns.lapsing_tokens((0, 1)), 83), 60)
    assert tally.ends == {"attached": tally.scenarios}


def test_late_rights_heal_with_every_single_fault() -> None:
    """Every eightieth of them; all: the campaign `late-access`."""
    tally = kept(every(campaigns.late_access((0, 1)), 83), 60)
    assert tally.ends == {"attached": tally.scenarios}
