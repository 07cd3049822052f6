"""Many scenarios at once: enumerated, and counted."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from random import Random

from assurance.simulation.campaigns import CHUNK, Tally
from assurance.simulation.case import FOUR, Fault
from assurance.simulation.delivery.case import DeliveryCase, PersonAction
from assurance.simulation.delivery.oracle import Verdict
from assurance.simulation.delivery.scenario import children, run
from assurance.simulation.enumerate import faults_at

LATENESSES = (1, 3, 9)
"""Calls by which a late request may be late."""

STATUSES = (200, 202, 302, 400, 401, 403, 404, 409, 412, 429, 500, 503, 504)
"""What may be answered, with or without the effect, to any call."""

SWITCHES: dict[str, tuple[object, ...]] = {
    "sent_id": ("moved", "replaced", "kept"),
    "second_send": ("accept", "refuse"),
    "search_lag_calls": (1, 3),
    "search_lag_seconds": (40,),
    "send_calls": (3,),
    "send_seconds": (120,),
    "submitted_folder": ("outbox",),
    "sent_copy": ("none",),
    "send_retry_after": (30,),
    "removed_to": ("nowhere",),
    "propagation_calls": (1, 2),
    "listing_lag_calls": (1, 2),
}
"""Every behaviour of Graph that concerns a delivery and is unknown, or limited."""

_LEAST_REFUSAL = 300

BASES = (DeliveryCase(), DeliveryCase(files=1), DeliveryCase(is_event=True))


def calls_of(case: DeliveryCase) -> list[str]:
    """The names of the calls that the scenario makes."""
    return run(case)[1].injector.names


def singles(case: DeliveryCase) -> Iterator[DeliveryCase]:
    """The scenario with each fault, and each answer, at each of its calls."""
    for call, name in enumerate(calls_of(case), 1):
        for fault, argument in _befalling(name):
            yield replace(case, faults=(*case.faults, (call, fault, argument)))


def _befalling(name: str) -> Iterator[tuple[Fault, int]]:
    yield from faults_at(name, LATENESSES)
    if name.startswith("graph."):
        yield from itertools.product((Fault.ANSWER_AFTER, Fault.REFUSAL_AFTER), STATUSES)
        yield from ((Fault.ANSWER, status) for status in STATUSES if status >= _LEAST_REFUSAL)  # no 202 is a lie


def pairs(case: DeliveryCase) -> Iterator[DeliveryCase]:
    """The scenario with each fault at each of its calls, and then each of the four at each call that follows."""
    for once in singles(case):
        if once.faults[-1][1] is Fault.LATE and once.faults[-1][2] != LATENESSES[1]:
            continue
        first = once.faults[-1][0]
        for call in range(first + 1, len(calls_of(once)) + 1):
            for fault in FOUR:
                yield replace(once, faults=(*once.faults, (call, fault, 0)))


def people(case: DeliveryCase) -> Iterator[DeliveryCase]:
    """What people may do, just before every call."""
    for call, what in itertools.product(range(1, len(calls_of(case)) + 2), PersonAction):
        yield replace(case, people=((call, what),))


def people_then_faults(case: DeliveryCase) -> Iterator[DeliveryCase]:
    """... and one of the four faults at every call."""
    for once in people(case):
        for call in range(1, len(calls_of(once)) + 1):
            for fault in FOUR:
                yield replace(once, faults=((call, fault, 0),))


def unknowns(case: DeliveryCase) -> Iterator[DeliveryCase]:
    """Every answer to what is unknown of Graph; alone, and with every fault."""
    for name, answers in SWITCHES.items():
        for answer in answers:
            scenario = replace(case, switches={name: answer})
            yield scenario
            yield from singles(scenario)


def drawn(count: int, seed: int) -> Iterator[DeliveryCase]:
    """Scenarios with up to three faults, one thing that people do, and up to three switches, drawn at random."""
    random = Random(seed)
    for _ in range(count):
        names = random.sample(sorted(SWITCHES), random.randrange(4))
        base = replace(
            random.choice(BASES),
            switches={name: random.choice(SWITCHES[name]) for name in names},
            retries=random.randrange(3),
        )
        done = {
            call: (call, fault, random.choice(_ARGUMENTS.get(fault, (0,))))
            for call, fault in (
                (random.randrange(1, 40), random.choice(list(Fault))) for _ in range(random.randrange(4))
            )
        }
        did = ((random.randrange(1, 40), random.choice(list(PersonAction))),) if random.random() < 0.5 else ()  # noqa: PLR2004 - half of them
        yield replace(base, faults=tuple(sorted(done.values())), people=did)


_ARGUMENTS: dict[Fault, tuple[int, ...]] = {
    Fault.LATE: (1, 3, 9),
    Fault.ANSWER: STATUSES[3:],
    Fault.ANSWER_AFTER: STATUSES,
    Fault.REFUSAL_AFTER: STATUSES,
}


HELD = DeliveryCase(switches={"send_seconds": 1500})
"""A tenant whose transport holds messages for longer than anybody looks: they go on looking like drafts."""


def for_engines() -> Iterator[DeliveryCase]:
    """What finds out the engines that are wrong on purpose, the likeliest first."""
    yield from reversed(list(singles(HELD)))
    yield from people(DeliveryCase())
    yield from singles(DeliveryCase())


def by_engine(scenarios: Iterable[DeliveryCase], name: str) -> Iterator[DeliveryCase]:
    """The same scenarios under another engine."""
    return (replace(scenario, engine=name) for scenario in scenarios)


def run_all(scenarios: Iterable[DeliveryCase], processes: int | None = 1) -> Tally:
    """Run each, and count; None: on every core."""
    tally = Tally()
    if processes == 1:
        return _run_batch(scenarios)
    with ProcessPoolExecutor(processes or os.cpu_count()) as pool:
        for found in pool.map(_run_batch, _batched(scenarios)):
            tally.add(found)
    return tally


def _batched(scenarios: Iterable[DeliveryCase]) -> Iterator[list[DeliveryCase]]:
    rest = iter(scenarios)
    while batch := list(itertools.islice(rest, CHUNK)):
        yield batch


def _run_batch(scenarios: Iterable[DeliveryCase]) -> Tally:
    tally = Tally()
    for scenario in scenarios:
        _count(tally, scenario, run(scenario)[0])
    return tally


def all_schedules(case: DeliveryCase, changes: int, most: int | None = None) -> Tally:
    """Every schedule of the case's workers with up to so many changes of hands; `most` bounds how many are run."""
    tally, open_ = Tally(), [(case, changes)]
    while open_ and (most is None or tally.scenarios < most):
        scenario, left = open_.pop()
        verdict, _, turns = run(scenario)
        _count(tally, scenario, verdict)
        if left and turns is not None:
            open_ += [(child, left - 1) for child in children(scenario, turns)]
    return tally


def _count(tally: Tally, case: DeliveryCase, verdict: Verdict) -> None:
    tally.scenarios += 1
    tally.ends[verdict.state] += 1
    if verdict.code:
        tally.codes[verdict.code] += 1
    tally.duplicates += verdict.sent > 1
    if verdict.broken:
        tally.broken.append(f"python -m assurance.simulation.delivery '{case.id}'  # {'; '.join(verdict.broken)}")
