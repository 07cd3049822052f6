"""Run a scenario and judge it; run it again from its id."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from assurance.simulation.delivery.case import DeliveryCase
from assurance.simulation.delivery.engines import NO_ETAG, engine
from assurance.simulation.delivery.oracle import Verdict, judge
from assurance.simulation.delivery.world import World
from assurance.simulation.fault_injector import Died, Endless
from assurance.simulation.schedule import MOST_TAKEN, Turns
from shared.storage.ports import StorageUnavailable


def run(case: DeliveryCase) -> tuple[Verdict, World, Turns | None]:
    """Run the scenario to its end, and say who could have gone on at each step."""
    world = World(case)
    world.records.ignores_etags = case.engine == NO_ETAG
    turns = None
    found: list[str] = []
    with engine(case.engine):
        try:
            if case.workers > 1:
                turns = _interleaved(world)
            else:
                for number in range(1, case.files + 1):
                    _join(world, number)
            world.finish()
        except (Endless, AssertionError) as error:
            found.append(f"D3: {error}")
        except Exception as error:  # noqa: BLE001 - whatever escapes the product is a finding
            found.append(f"D6: {type(error).__name__}: {error}")
        verdict = judge(world)
    return replace(verdict, broken=(*verdict.broken, *found)), world, turns


def _join(world: World, number: int) -> None:
    """A file comes; whoever brings it in tries again where storage was down, or its process died."""
    for _ in range(9):
        try:
            world.join(number)
        except (Died, StorageUnavailable):
            continue
        return


def _interleaved(world: World) -> Turns:
    """Each worker brings files in, and carries the delivery on; then the host goes on alone."""
    mine = [[number for number in range(1, world.case.files + 1) if number % world.case.workers == worker]
            for worker in range(world.case.workers)]  # fmt: skip
    turns = Turns(world.case.schedule, [partial(_work, world, numbers) for numbers in mine])
    world.injector.boundary = turns.boundary
    turns.run()
    world.injector.boundary = lambda _: False
    return turns


def _work(world: World, numbers: list[int]) -> None:
    for number in numbers:
        _join(world, number)
    for _ in range(MOST_TAKEN):
        taken = world.queue.take()
        if taken is None:
            return
        world.clock.advance_to(taken[0])
        world.work(taken[1])


def children(case: DeliveryCase, turns: Turns) -> Iterator[DeliveryCase]:
    """The schedule with one more change of hands, later than all it has."""
    first = case.schedule[-1][0] + 1 if case.schedule else 0
    for step in range(first, len(turns.others)):
        for worker in turns.others[step]:
            yield replace(case, schedule=(*case.schedule, (step, worker)))


def replay(case_id: str) -> Verdict:
    """Run the scenario that an id names, and write what happened to stdout."""
    verdict, world, _ = run(DeliveryCase.read(case_id))
    lines = [f"{call:4} {name}" for call, name in enumerate(world.injector.names, 1)]
    sys.stdout.write("\n".join([*lines, *world.witness.told, f"{verdict}"]) + "\n")
    return verdict
