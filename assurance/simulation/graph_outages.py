"""I28: outages of Graph, or of a part of it, of up to most of a day, heal without a person."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial

from assurance.campaign import Outcome
from assurance.simulation.case import Case, Denial, Fault
from assurance.simulation.enumerate import calls_of
from assurance.simulation.scenario import run_case

SECONDS = (600, 3_600, 21_600, 72_000)
"""How long Graph fails."""

PARTS: dict[str, tuple[str, ...]] = {
    "everything": ("graph.",),
    "reads": ("graph.GET",),
    "posts": ("graph.POST",),
    "ranges": ("graph.PUT",),
    "fences": ("graph.DELETE",),
    "sessions": ("graph.PUT", "graph.DELETE"),
    "writes": ("graph.POST", "graph.PUT", "graph.DELETE"),
}
"""What of it fails: the beginnings of calls' names."""

KINDS: tuple[tuple[Fault, int], ...] = (
    (Fault.ANSWER, 500),
    (Fault.ANSWER, 503),
    (Fault.ANSWER, 520),
    (Fault.ANSWER_AFTER, 504),
    (Fault.UNSENT, 0),
    (Fault.LOST_BEFORE, 0),
)
"""How: an answer, before or after the effect, no connection, or a connection without an answer."""

COLUMNS = ("scenarios", "need an operator", "slowest after the outage (s)")


@dataclass(frozen=True)
class Outlasted:
    """What came of outages of one length; `broken` has one line for each that did not end in one attachment."""

    seconds: int
    scenarios: int
    broken: tuple[str, ...]
    latest: float

    def told(self) -> str:
        """One cell for each of `COLUMNS`."""
        return f"{self.scenarios} / {len(self.broken)} / {self.latest:.0f}"


def cases(seconds: int, ranges: Iterable[int], step: int = 1) -> Iterator[Case]:
    """Outages of that length: each part and kind, beginning with each call, or every `step`-th, of a transfer."""
    for count in ranges:
        calls = len(calls_of(Case(ranges=count)))
        every = itertools.product(PARTS.values(), KINDS, range(1, calls + 1))
        for names, (fault, status), first in itertools.islice(every, 0, None, step):
            yield Case(ranges=count, denials=(Denial(names, status, seconds, first, fault),), heals=True)


def outages(seconds: int, ranges: Iterable[int], step: int = 1) -> Outlasted:
    """Carry them out."""
    scenarios, broken, latest = 0, [], 0.0
    for case in cases(seconds, ranges, step):
        verdict, world = run_case(case)
        scenarios += 1
        if verdict.broken or verdict.state != "attached" or verdict.attached != 1:
            said = "; ".join((verdict.code, *verdict.broken))
            broken.append(f"python -m assurance.simulation '{case.id}'  # {verdict.state}; {said}")
        latest = max(latest, world.healed_after())
    return Outlasted(seconds, scenarios, tuple(broken), latest)


def campaign(_seed: int) -> Outcome:
    """Every length, over every call of files of 0 to 2 ranges."""
    with ProcessPoolExecutor() as pool:
        found = list(pool.map(partial(outages, ranges=(0, 1, 2)), SECONDS))
    details: dict[str, int | float | str] = {f"{one.seconds:,} s": one.told() for one in found}
    return Outcome(sum(one.scenarios for one in found), [line for one in found for line in one.broken], details)
