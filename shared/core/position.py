"""Where the sweep stands between two ticks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Position:
    """The walk through the drop container. Times are UTC.

    Attributes:
        pass_started_at: when the present pass began.
        known_until: when the pass before began: every older file has been looked at. None in the first pass.
        continuation: where the next page of files begins; None = at the first.
        marks_after: where the next page of unfinished transfers begins; None = at the first.
    """

    pass_started_at: datetime
    known_until: datetime | None = None
    continuation: str | None = None
    marks_after: str | None = None
