"""Every scenario of a kind: all single faults, all pairs, and whatever else may happen, at every call."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from assurance.simulation.case import FOUR, Case, Fault
from assurance.simulation.scenario import run_case

LATENESSES = range(1, 25)
"""Calls by which a late request may be late (invariants, I1)."""

_REPEATED = ("checkpoint.create", "checkpoint.save", "mark.", "queue.", "outcome.")
"""Calls that a client library may ask for twice by itself."""


def calls_of(case: Case) -> list[str]:
    """The names of the calls that the scenario makes."""
    _, world = run_case(case)
    return world.gate.names


def faults_at(name: str, latenesses: Iterable[int] = LATENESSES) -> Iterator[tuple[Fault, int]]:
    """Whatever may befall a call of this name."""
    for fault in FOUR:
        yield fault, 0
    if name.startswith(_REPEATED):
        yield Fault.TWICE, 0
    if name.startswith("graph."):
        yield Fault.UNSENT, 0
    if name.startswith("graph.") or name == "checkpoint.save":
        for calls in latenesses:
            yield Fault.LATE, calls


def singles(case: Case, latenesses: Iterable[int] = LATENESSES) -> Iterator[Case]:
    """The scenario with each fault at each of its calls."""
    latenesses = tuple(latenesses)
    for call, name in enumerate(calls_of(case), 1):
        for fault, argument in faults_at(name, latenesses):
            yield replace(case, faults=(*case.faults, (call, fault, argument)))


def pairs(case: Case, first_latenesses: Iterable[int] = (3, 7)) -> Iterator[Case]:
    """The scenario with each fault at each of its calls, and then each of the four at each call that follows."""
    for once in singles(case, first_latenesses):
        first = once.faults[-1][0]
        for call in range(first + 1, len(calls_of(once)) + 1):
            for fault in FOUR:
                yield replace(once, faults=(*once.faults, (call, fault, 0)))
