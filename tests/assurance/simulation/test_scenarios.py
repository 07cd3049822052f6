"""A scenario is a value: it can be printed, read back, and run again with the same end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from assurance.simulation import seeds
from assurance.simulation.case import Case, ExternalAction, Fault, SustainedFault
from assurance.simulation.scenario import replay, run_case

FULL = Case(
    ranges=3,
    faults=((4, Fault.LATE, 7), (9, Fault.CRASH_AFTER, 0)),
    happenings=((5, ExternalAction.CANCEL),),
    sustained_faults=(SustainedFault("graph.PUT", Fault.ANSWER, 3, 6, 429, "41"),),
    switches={"get_session": 404},
    skew=-300,
    lazy=True,
    workers=2,
    schedule=((3, 1), (8, 0)),
    retries=1,
)


@pytest.mark.parametrize("case", [Case(), FULL, *map(seeds.mixed, range(50)), *map(seeds.throttled, range(20))])
def test_a_scenario_is_read_back_from_its_id(case: Case) -> None:
    assert Case.read(case.id) == case


@pytest.mark.parametrize("seed", range(40))
def test_a_scenario_run_twice_ends_the_same_after_the_same_calls(seed: int) -> None:
    (first, one), (second, other) = run_case(seeds.mixed(seed)), run_case(seeds.mixed(seed))
    assert first == second
    assert one.gate.names == other.gate.names
    assert one.checkpoints.blobs.keys() == other.checkpoints.blobs.keys()


def test_a_replay_shows_every_call_and_decision(capsys: pytest.CaptureFixture[str]) -> None:
    replay(Case(ranges=1, faults=((9, Fault.LOST_AFTER, 0),)).id)
    shown = capsys.readouterr().out
    assert "9 graph.PUT" in shown
    assert "committing: PutRange -> Unsure -> asking" in shown
    assert "state='attached'" in shown


@pytest.mark.parametrize(("engine", "code"), [("product", 0), ("404 means new session", 1)])
def test_the_command_that_a_failing_test_prints_replays_the_scenario(engine: str, code: int) -> None:
    scenario = Case(ranges=1, faults=((9, Fault.LOST_AFTER, 0),), engine=engine).id
    command = [sys.executable, "-m", "assurance.simulation", scenario]
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    assert ("I1: attached 2 times" in done.stdout) == bool(code)
