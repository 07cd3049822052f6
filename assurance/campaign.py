"""What a campaign is, and what it counts."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from assurance.measured import EVERYTHING


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a campaign counted. `broken` holds one line per failure, with what replays it."""

    achieved: int
    broken: list[str]
    details: dict[str, int | float | str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Campaign:
    """One row of docs/reliability.md. `run` takes the seed; a campaign that draws nothing ignores it.

    `rests`: the paths that the result rests on. A row is stale once one of them has changed.
    """

    name: str
    promise: str
    invariants: str
    unit: str
    floor: int
    run: Callable[[int], Outcome]
    draws: bool = False
    rests: tuple[str, ...] = EVERYTHING


def fresh_seed() -> int:
    """A seed that nobody has tried: small enough to type."""
    return 1 + secrets.randbelow(10**9)
