"""Several workers under one schedule: at every call to the world another worker may go on instead.

Workers are threads that pass one baton, so that only one runs at a time and every schedule can be told again. A
schedule names the steps at which the baton changes hands; a step is a worker about to make a call.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from assurance.simulation.case import Case
from assurance.simulation.fault_injector import Died
from shared.storage.ports import Receipt, StorageUnavailable

if TYPE_CHECKING:
    from assurance.simulation.world import World


MOST_TAKEN = 3
"""Continuations that one worker takes up while the others still work."""


class Turns:
    """Who runs, and who could have.

    Attributes:
        others: for each step, the workers that could have gone on instead.
    """

    def __init__(self, schedule: tuple[tuple[int, int], ...], works: list[Callable[[], None]]) -> None:
        self.others: list[tuple[int, ...]] = []
        self._changes = dict(schedule)
        self._works = works
        self._batons = [threading.Semaphore(0) for _ in works]
        self._unfinished = set(range(len(works)))
        self._started: set[int] = set()
        self._present = 0
        self._done = threading.Semaphore(0)
        self._errors: list[BaseException] = []

    def run(self) -> None:
        """Let every worker come to its end. Raises what a worker raised."""
        self._pass_to(0)
        self._done.acquire()
        if self._errors:
            raise self._errors[0]

    def boundary(self, _name: str) -> bool:
        """A worker is about to make a call; True where the others went on first."""
        me = self._present
        step = len(self.others)
        self.others.append(tuple(sorted(self._unfinished - {me})))
        chosen = self._changes.get(step)
        if chosen is None or chosen not in self.others[step]:
            return False
        self._pass_to(chosen)
        self._batons[me].acquire()
        return True

    def _pass_to(self, worker: int) -> None:
        self._present = worker
        if worker in self._started:
            self._batons[worker].release()
            return
        self._started.add(worker)
        threading.Thread(target=self._work, args=(worker,), daemon=True).start()

    def _work(self, worker: int) -> None:
        try:
            self._works[worker]()
        except BaseException as error:  # noqa: BLE001 - told by `run`, in the thread that asked
            self._errors.append(error)
        self._unfinished.discard(worker)
        if self._unfinished:
            self._pass_to(min(self._unfinished))
        else:
            self._done.release()


def run_interleaved(world: World) -> Turns:
    """The file's event, delivered to every worker; then, one after the other, whatever is left to do.

    A worker that has nothing left to do takes up what was put into the queue meanwhile, a few times: so those who lost
    the transfer come for it again.
    """

    def work() -> None:
        for _ in range(world.case.events):
            world.host.invocations += 1
            try:
                world.runs.start(world.transfer)
            except (Died, StorageUnavailable):
                world.drop()
        for _ in range(MOST_TAKEN):
            taken = world.queue.take()
            if taken is None:
                return
            world.clock.advance_to(taken[0])
            world.host.invocations += 1
            try:
                world.triggers.due(taken[1])
            except (Died, StorageUnavailable):
                world.queue.sent.append((*taken, Receipt("", "")))

    works: list[Callable[[], None]] = [work] * world.case.workers
    works += [partial(_command, world, name) for name in world.case.commands]
    permits = Turns(world.case.schedule, works)
    world.gate.boundary = permits.boundary
    permits.run()
    world.gate.boundary = lambda _: False
    world.finish()
    return permits


def _command(world: World, name: str) -> None:
    """A person's wish, or what the sweep does about a transfer that is over; its process may die of it."""
    try:
        world.command(name)
    except (Died, StorageUnavailable):
        return


def children(case: Case, others: list[tuple[int, ...]]) -> Iterator[Case]:
    """The schedule with one more change of hands, later than all it has."""
    first = case.schedule[-1][0] + 1 if case.schedule else 0
    for step in range(first, len(others)):
        for worker in others[step]:
            yield replace(case, schedule=(*case.schedule, (step, worker)))
