"""What every family of scenarios must come to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from assurance.simulation import campaigns
from assurance.simulation.campaigns import Tally
from assurance.simulation.case import Case

INVOCATIONS = 12
"""Deliveries after which a transfer with finitely many faults must have ended (invariants, I3)."""


def kept(scenarios: Iterable[Case], least: int) -> Tally:
    """Run them in this process: every invariant held, and there were enough of them."""
    tally = campaigns.run_all(scenarios, processes=1)
    assert not tally.broken, "\n".join([f"{len(tally.broken)} of {tally.scenarios} scenarios", *tally.broken[:10]])
    assert tally.scenarios >= least
    return tally


def every(scenarios: Iterable[Case], step: int) -> Iterator[Case]:
    """Every so many-th of them: what an everyday run has time for."""
    return islice(scenarios, 0, None, step)
