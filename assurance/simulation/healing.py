"""I28: outages of storage, of any length, heal without a person. How long after their end, by what was down."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial

from assurance.campaign import Outcome
from assurance.simulation.case import Case, Outage
from assurance.simulation.enumerate import calls_of
from assurance.simulation.scenario import run_case

SECONDS = (1, 10, 30, 60, 110, 130, 180, 240, 300, 600, 3_600, 86_400)
"""How long storage is down."""

SERVICES = ("checkpoints", "blobs", "queues", "all")
KINDS = ("503", "403", "refused")


@dataclass(frozen=True)
class Healed:
    """What came of outages of one length.

    Attributes:
        scenarios: how many there were; `attached`: of them, by themselves.
        broken: one line for each that did not end so, or broke a promise.
        latest: by the service, the most seconds between the outage's end and the transfer's.
    """

    seconds: int
    scenarios: int
    attached: int
    broken: tuple[str, ...]
    latest: dict[str, float]

    def told(self) -> str:
        """One cell for each column of `columns`."""
        return " / ".join(
            [str(self.scenarios), str(self.scenarios - self.attached), *(_whole(self.latest[s]) for s in SERVICES)]
        )


COLUMNS = ("scenarios", "need an operator", *(f"slowest, {service} down (s)" for service in SERVICES))


def outages(seconds: int, ranges: Iterable[int], step: int = 1) -> Healed:
    """Outages of that length: each service and kind, beginning with each call, or every `step`-th, of a transfer.

    A poison message whose function fails is not delivered a sixth time, as before storage extension 5.3.8.
    """
    scenarios, attached, broken = 0, 0, []
    latest = dict.fromkeys(SERVICES, 0.0)
    for count in ranges:
        calls = len(calls_of(Case(ranges=count)))
        for services, kind, first in itertools.product(SERVICES, KINDS, range(1, calls + 1, step)):
            case = Case(ranges=count, outages=(Outage(seconds, services, kind, first),), poison="never")
            verdict, world = run_case(case)
            is_attached = verdict.state == "attached" and verdict.attached == 1
            scenarios, attached = scenarios + 1, attached + is_attached
            if verdict.broken or not is_attached:
                broken.append(
                    f"python -m assurance.simulation '{case.id}'  # {verdict.state}; {'; '.join(verdict.broken)}"
                )
            latest[services] = max(latest[services], world.healed_after())
    return Healed(seconds, scenarios, attached, tuple(broken), latest)


def proof(_seed: int) -> Outcome:
    """Every length, over every call of files of 0 to 2 ranges."""
    with ProcessPoolExecutor() as pool:
        found = list(pool.map(partial(outages, ranges=(0, 1, 2)), SECONDS))
    details: dict[str, int | float | str] = {f"{one.seconds:,} s": one.told() for one in found}
    return Outcome(sum(one.scenarios for one in found), [line for one in found for line in one.broken], details)


def _whole(seconds: float) -> str:
    return f"{seconds:.0f}"
