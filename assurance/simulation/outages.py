"""Storage that is down for a time, as its callers and the host see it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from assurance.simulation.case import Outage

SPENT = {"503": 6.0, "403": 0.0, "refused": 6.0}
"""Seconds until a call has failed: the SDK's three pauses (`shared/storage/access.py`); a 403 is not asked again."""

HOST_STOPS = {"403": 10.0, "refused": 26.0}
"""Seconds into an outage after which the whole host stops, with every run in it: at the next poll of a queue, or once
its client's six retries are used up. A host whose polls are answered 503 survives. (Measured on host 4.1037.)"""

RESTART = 20.0
"""Seconds that a host takes to start again; it stops again as long as the outage lasts. (Measured.)"""

POLL = 10.0
"""Seconds after which a host that is well again sees what became visible meanwhile (host.json, maxPollingInterval)."""

_SERVICES = {
    "checkpoint.": ("checkpoints", "blobs", "all"),
    "mark.": ("checkpoints", "blobs", "all"),
    "source.": ("blobs", "all"),
    "queue.": ("queues", "all"),
    "outcome.": ("checkpoints", "blobs", "queues", "all"),  # marks of ends, and the notice
}


@dataclass
class Down:
    """One outage, once it has begun; `begun` is None before."""

    outage: Outage
    begun: datetime | None = None

    def begin(self, now: datetime) -> None:
        """It begins, unless it has."""
        self.begun = self.begun or now

    @property
    def ends(self) -> datetime | None:
        """When it is over."""
        return None if self.begun is None else self.begun + timedelta(seconds=self.outage.seconds)

    def hits(self, name: str, now: datetime) -> bool:
        """Whether the call fails."""
        services = next((found for prefix, found in _SERVICES.items() if name.startswith(prefix)), ())
        return self.outage.services in services and self.lasts(now)

    def lasts(self, now: datetime) -> bool:
        """Whether it has begun and is not over."""
        return self.begun is not None and self.ends is not None and now < self.ends

    def hits_queues(self, now: datetime) -> bool:
        """Whether the host can neither receive nor delete a message."""
        return self.outage.services in {"queues", "all"} and self.lasts(now)

    def hits_files(self, now: datetime) -> bool:
        """Whether the host cannot look at a file before it hands over its event."""
        return self.outage.services in {"blobs", "all"} and self.lasts(now)

    @property
    def host_stops_at(self) -> datetime | None:
        """When the host stops of it; None where it does not. It needs none of the checkpoints' container."""
        after = HOST_STOPS.get(self.outage.kind)
        if self.begun is None or after is None or self.outage.services == "checkpoints":
            return None
        return self.begun + timedelta(seconds=after) if after < self.outage.seconds else None

    @property
    def host_is_well_at(self) -> datetime | None:
        """When the host delivers again."""
        if self.ends is None:
            return None
        pause = POLL if self.host_stops_at is None else POLL + RESTART
        return self.ends + timedelta(seconds=pause)
