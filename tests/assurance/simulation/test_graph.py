"""Whatever Graph answers: every answer to every unknown, failures short and lasting, and every form of "later"."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import pytest

from assurance.simulation import campaigns
from assurance.simulation.case import Case, Denial, Fault, SustainedFault
from assurance.simulation.enumerate import calls_of, singles
from assurance.simulation.scenario import run_case
from assurance.simulation.seeds import ANSWERS
from tests.assurance.simulation.expectations import every, kept


def test_every_answer_to_every_unknown_alone() -> None:
    tally = kept((scenario for scenario in campaigns.unknown_answers() if not scenario.faults), 180)
    assert tally.ends == {"attached": tally.scenarios}


@pytest.mark.parametrize("part", range(2))
def test_every_answer_to_every_unknown_with_faults(part: int) -> None:
    """Every fifth of them; all: the proof `unknowns`."""
    faulted = (scenario for scenario in campaigns.unknown_answers() if scenario.faults)
    tally = kept(islice(faulted, part * 5, None, 10), 1300)
    assert tally.ends == {"attached": tally.scenarios}


@pytest.mark.parametrize("ranges", [0, 1, 3])
def test_any_status_after_the_effect_of_any_call(ranges: int) -> None:
    alone = (scenario for scenario in campaigns.after_the_effect([ranges]) if len(scenario.faults) == 1)
    tally = kept(alone, 120)
    assert "COMMIT_IN_DOUBT" not in tally.codes


@pytest.mark.parametrize("ranges", [0, 1])
def test_any_status_after_the_effect_of_any_call_with_a_fault_elsewhere(ranges: int) -> None:
    """Every fortieth of them; all: the proof `refusals`."""
    kept(every(campaigns.after_the_effect([ranges]), 40), 80)


@pytest.mark.parametrize("ranges", [1, 2])
def test_a_session_that_its_url_does_not_find_for_a_while(ranges: int) -> None:
    """Every twentieth of them; all: the proof `passing-404s`."""
    tally = kept(every(campaigns.passing_404s([ranges]), 20), 100)
    assert tally.ends == {"attached": tally.scenarios}


@pytest.mark.parametrize("ranges", [1, 3])
def test_a_session_that_never_says_which_byte_it_wants(ranges: int) -> None:
    """With faults every thirtieth of them; all: the proof `silent-sessions`."""
    alone = [scenario for scenario in campaigns.silent_sessions([ranges]) if not scenario.faults]
    tally = kept([*alone, *every(campaigns.silent_sessions([ranges]), 30)], 70)
    assert tally.ends == {"attached": tally.scenarios}


@pytest.mark.parametrize("ranges", [0, 2])
def test_a_file_that_comes_back_changed_is_never_attached_twice(ranges: int) -> None:
    """Every fifteenth of them; all: the proof `rewritten`."""
    tally = kept(every(campaigns.rewritten_files([ranges]), 15), 35)
    assert tally.codes["COMMIT_IN_DOUBT"] > 0


def test_time_in_which_nobody_looked_for_a_fresh_draft_is_no_patience_spent() -> None:
    scenarios = [
        Case(ranges=ranges, faults=((call, fault, 0),), switches={"first_create_404": 2})
        for ranges in (1, 2)
        for call in range(1, 30)
        for fault in (Fault.CRASH_BEFORE, Fault.CRASH_AFTER)
    ]
    tally = kept(scenarios, 100)
    assert tally.ends == {"attached": tally.scenarios}


def test_every_switch_of_the_emulator_that_is_an_unknown_is_tried() -> None:
    tried = {"get_session", "wrong_offset", "expired_status", "gone_status", "final_location", "partial_bytes"}
    tried |= {
        "max_range",
        "first_put_404",
        "first_create_404",
        "first_delete_404",
        "listing_lag_calls",
        "listing_lag_seconds",
        "size_reported",
    }
    assert tried <= set(ANSWERS)


@pytest.mark.parametrize("ranges", [0, 1, 2, 4])
@pytest.mark.parametrize(("ends", "code"), [((1000, 10), "SIZE_ROUTES_REFUSED"), ((1000, 4_194_304), "")])
def test_a_file_that_one_way_refuses_goes_the_other(ranges: int, ends: tuple[int, int], code: str) -> None:
    switches = {"min_session_size": ends[0], "post_body_limit": ends[1]}
    for case in every(singles(Case(ranges=ranges, switches=switches), (1, 5)), 3):
        verdict, _ = run_case(case)
        assert (verdict.code, verdict.broken) == (code, ()), case.id


@pytest.mark.parametrize("ranges", [0, 2])
def test_a_sustained_fault_ends_in_an_attachment_or_in_a_named_failure(ranges: int) -> None:
    """Every fifth of them; all: the proof `sustained_faults`."""
    tally = kept(every(campaigns.sustained_faults([ranges]), 5), 250)
    assert tally.ends.keys() == {"attached", "failed"}
    assert "" not in tally.codes


@pytest.mark.parametrize("ranges", [0, 2])
@pytest.mark.parametrize("names", ["graph.", "graph.GET", "graph.PUT", "graph.POST", "graph.DELETE"])
@pytest.mark.parametrize(
    "fault", [(Fault.LOST_BEFORE, 0), (Fault.LOST_AFTER, 0), (Fault.ANSWER, 503), (Fault.ANSWER, 403)]
)
def test_what_passes_after_a_few_calls_never_leaves_a_doubt(ranges: int, names: str, fault: tuple[Fault, int]) -> None:
    base = Case(ranges=ranges)
    for first in range(1, len(calls_of(base)) + 1):
        sustained = SustainedFault(names, fault[0], first, first + 3, fault[1])
        verdict, _ = run_case(replace(base, sustained_faults=(sustained,)))
        assert verdict.code != "COMMIT_IN_DOUBT", verdict
        assert verdict.broken == ()


@pytest.mark.parametrize("names", ["graph.", "graph.PUT", "graph.POST"])
@pytest.mark.parametrize("ranges", [0, 2])
def test_a_service_that_never_recovers_is_notified_once(names: str, ranges: int) -> None:
    for first in range(1, len(calls_of(Case(ranges=ranges))) + 1):
        verdict, world = run_case(
            Case(ranges=ranges, sustained_faults=(SustainedFault(names, Fault.ANSWER, first, 0, 503),))
        )
        assert verdict.broken == ()
        assert len(world.outcomes.notified) == 1


@pytest.mark.parametrize("part", range(3))
def test_waits_of_every_form_are_kept(part: int) -> None:
    tally = kept(campaigns.throttled(600, part), 600)
    assert tally.ends == {"attached": tally.scenarios}


@pytest.mark.parametrize("seed", [0, 1, 3, 4])  # a scenario of seed 2 is told by itself, in test_workers.py
def test_everything_at_once(seed: int) -> None:
    kept(campaigns.mixed(600, seed), 600)


@pytest.mark.parametrize("fault", [Fault.ANSWER, Fault.ANSWER_AFTER])
def test_what_heals_by_itself_is_waited_for(fault: Fault) -> None:
    """Every thirtieth of them; all: the proof `healing`."""
    tally = kept(every(campaigns.healing((0, 1, 3), fault), 31), 150)
    assert tally.ends == {"attached": tally.scenarios}


@pytest.mark.parametrize(
    ("names", "status", "code"),
    [
        (("graph.GET", "graph.POST"), 401, "TOKEN_REJECTED"),
        (("graph.POST",), 403, "ACCESS_DENIED"),
        (("graph.PUT", "graph.DELETE"), 401, "UPLOAD_DENIED"),
        (("graph.PUT",), 403, "UPLOAD_DENIED"),
        (("graph.POST",), 400, "GRAPH_REFUSED"),
    ],
)
def test_what_does_not_heal_within_its_patience_ends_with_its_code_and_heals_when_tried_again(
    names: tuple[str, ...], status: int, code: str
) -> None:
    for ranges in (0, 3) if "graph.POST" in names else (3,):
        lasting = Denial(names, status, 20_000)
        verdict, world = run_case(Case(ranges=ranges, denials=(lasting,)))
        assert (verdict.state, verdict.code, verdict.broken) == ("failed", code, ())
        waited = (world.transfers()[0].finished_at - world.transfers()[0].plan.created_at).total_seconds()  # type: ignore[operator]
        assert (600 if code == "GRAPH_REFUSED" else 7200) <= waited < 20_000
        healed = replace(lasting, seconds=900 if code == "GRAPH_REFUSED" else 12_000)
        again, _ = run_case(Case(ranges=ranges, denials=(healed,), retries=2))
        assert (again.state, again.broken) == ("attached", ())
