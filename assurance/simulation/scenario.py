"""Tell a scenario and judge it; tell it again from its id."""

from __future__ import annotations

import sys
from dataclasses import replace

from assurance.simulation.case import Case
from assurance.simulation.engines import NO_ETAG, engine
from assurance.simulation.fault_injector import Endless
from assurance.simulation.oracle import Verdict, absorbs, judge
from assurance.simulation.schedule import Turns, run_interleaved
from assurance.simulation.world import World


def run_case(case: Case) -> tuple[Verdict, World]:
    """Run the scenario to its end."""
    verdict, world, _ = run_scheduled(case)
    return verdict, world


def run_scheduled(case: Case) -> tuple[Verdict, World, Turns | None]:
    """Run the scenario to its end, and say who could have gone on at each step."""
    world = World(case)
    permits = None
    world.checkpoints.ignores_etags = case.engine == NO_ETAG
    with engine(case.engine):
        try:
            if case.workers > 1 or case.commands:
                permits = run_interleaved(world)
            else:
                world.run()
        except (Endless, AssertionError) as error:
            world.watch.broken.append(f"I3: {error}")
        except Exception as error:  # noqa: BLE001 - whatever escapes the product is a finding
            world.watch.broken.append(f"I11: {type(error).__name__}: {error}")
        verdict = judge(world)
        late = absorbs(world) if verdict.state in {"attached", "failed", "cancelled"} else []
    return replace(verdict, broken=(*verdict.broken, *late)), world, permits


def replay(case_id: str) -> Verdict:
    """Run the scenario that an id names, and write what happened to stdout."""
    verdict, world = run_case(Case.read(case_id))
    lines = [f"{call:4} {name}" for call, name in enumerate(world.gate.names, 1)]
    sys.stdout.write("\n".join([*lines, *world.witness.told, f"{verdict}"]) + "\n")
    return verdict
