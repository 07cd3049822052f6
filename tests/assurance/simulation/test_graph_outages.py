"""Graph that is down, in whole or in part, for minutes or for most of a day: nothing of it needs a person (I28)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from assurance.simulation.case import Case, Denial, Fault
from assurance.simulation.enumerate import calls_of
from assurance.simulation.graph_outages import KINDS, SECONDS, cases, outages
from assurance.simulation.scenario import run_case
from shared.core.policy import Policy

LATEST = Policy().outage_cap + 330
"""Seconds after an outage: the longest pause between two tries, and the time in which a doubtful POST may land."""

A_DAY = 86_400


@pytest.mark.parametrize(("seconds", "step"), [*zip(SECONDS, (59, 59, 61, 67), strict=True)])
def test_an_outage_of_graph_heals_by_itself(seconds: int, step: int) -> None:
    """Some of the calls; every one: the campaign `graph-outages`."""
    found = outages(seconds, (0, 1, 3), step=step)
    assert not found.broken, "\n".join(found.broken[:10])
    assert found.scenarios >= 20
    assert found.latest <= LATEST


@pytest.mark.parametrize(
    "switches",
    [
        {"session_lifetime_seconds": 6000},  # many sessions would be opened before it is over
        {"min_session_size": 1000},  # only a POST takes the file
        {"get_session": 404, "gone_status": 401},
        {"first_delete_404": 3, "expired_status": 404},
        {"listing_lag_calls": 2},
    ],
)
def test_so_does_it_where_graph_is_unkind_besides(switches: dict[str, object]) -> None:
    for case in cases(72_000, (0, 1), step=61):
        verdict, _ = run_case(replace(case, switches=switches))
        assert (verdict.state, verdict.attached, verdict.broken) == ("attached", 1, ()), case.id


@pytest.mark.parametrize("ranges", [0, 2])
@pytest.mark.parametrize(("fault", "status"), KINDS)
def test_what_outlasts_a_day_ends_with_its_code_and_attaches_when_tried_again(
    ranges: int, fault: Fault, status: int
) -> None:
    for first in range(1, len(calls_of(Case(ranges=ranges))) + 1, 3):
        lasting = Case(ranges=ranges, denials=(Denial(("graph.",), status, 2 * A_DAY, first, fault),))
        ended, world = run_case(lasting)
        assert ended.broken == ()
        if ended.state == "attached":
            continue  # it began too late
        transfer = world.transfers()[0]
        assert ended.code in {"GRAPH_UNAVAILABLE", "GRAPH_UNREACHABLE", "COMMIT_IN_DOUBT"}, lasting.id
        assert transfer.finished_at is not None
        assert A_DAY <= (transfer.finished_at - transfer.plan.created_at).total_seconds() < 1.2 * A_DAY
        healed = replace(lasting, denials=(replace(lasting.denials[0], seconds=1.3 * A_DAY),), retries=9)
        again, _ = run_case(healed)
        assert (again.state, again.attached, again.broken) == ("attached", 1, ()), healed.id
