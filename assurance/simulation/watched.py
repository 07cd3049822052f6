"""The edges of a scenario that tell the watch what passes them, and the witness who remembers every decision."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, cast

from assurance.simulation.clock import VirtualClock
from assurance.simulation.io import Gate, open_gate
from assurance.simulation.storage import MemoryCheckpoints
from assurance.simulation.transport import MemoryTransport
from assurance.simulation.watch import Watch
from devkit.graph.state import Session as ServerSession
from shared.core.actions import Action
from shared.core.events import Event
from shared.core.model import Transfer
from shared.core.sweep_cursor import Trouble
from shared.engine.continuation import Continuation
from shared.graph.http import HttpAnswer, HttpRequest
from shared.run.sweep import Swept
from shared.storage.ports import Checkpoint, Stored


@dataclass
class Witness:
    """Implements `Observer`, `SweepObserver` and `TroubleObserver`: keeps the scenario for whoever reads a replay."""

    told: list[str] = field(default_factory=list)

    def decided(self, before: Transfer, action: Action | None, event: Event, after: Transfer, seconds: float) -> None:
        """See `Observer.decided`."""
        del seconds
        named = type(action).__name__ if action is not None else "-"
        self.told.append(f"{before.state.value}: {named} -> {type(event).__name__} -> {after.state.value}")

    def handed_over(self, transfer_id: str) -> None:
        """See `Observer.handed_over`."""
        self.told.append(f"{transfer_id} handed over")

    def put_off(self, continuation: Continuation, trouble: Exception, delay: float) -> None:
        """See `TroubleObserver.put_off`."""
        self.told.append(f"{continuation.key} put off by {delay:.1f} s: {trouble!r}")

    def gone(self) -> None:
        """See `TroubleObserver.gone`."""
        self.told.append("the file is gone")

    def swept(self, swept: Swept) -> None:
        """See `SweepObserver.swept`."""

    def trouble(self, trouble: Trouble, error: Exception) -> None:
        """See `SweepObserver.trouble`."""
        self.told.append(f"{trouble.kind.value} {trouble.key}: {error}")


class WatchedCheckpoints(MemoryCheckpoints):
    """A store that tells the watch of every durable version.

    Attributes:
        ignores_etags: the wrong store, whose writes always win.
        no_lease_holds: every lease has expired when somebody else looks at it.
        cleared: when marks were taken away, as far as whoever did it heard of that.
    """

    watch: Watch
    sessions: Callable[[], dict[str, ServerSession]]
    ignores_etags = False
    no_lease_holds = False

    def __init__(self, clock: VirtualClock, gate: Gate = open_gate) -> None:
        super().__init__(clock, gate)
        self.cleared: list[datetime] = []

    def peek(self, transfer_id: str) -> Stored | None:
        """See `MemoryCheckpoints.peek`."""
        stored = super().peek(transfer_id)
        if stored is None or stored.checkpoint.lease is None or not self.no_lease_holds:
            return stored
        until = min(stored.checkpoint.lease.until, self._clock.now() - timedelta(seconds=1))
        lapsed = replace(stored.checkpoint.lease, until=until)
        return replace(stored, checkpoint=replace(stored.checkpoint, lease=lapsed))

    def remove_unfinished_entry(self, entry: str) -> None:
        """See `Checkpoints.remove_unfinished_entry`."""
        super().remove_unfinished_entry(entry)
        self.cleared.append(self._clock.now())

    def _put(self, checkpoint: Checkpoint, etag: str | None) -> str:
        held = self.blobs.get(checkpoint.instance.id)
        if self.ignores_etags and etag is not None and held is not None:
            etag = held[1]
        version = super()._put(checkpoint, etag)
        session = checkpoint.instance.session
        at_service = self.sessions().get(session.url) if session is not None else None
        self.watch.saved(checkpoint, self.blobs[checkpoint.instance.id][0], at_service)
        return version


class WatchedTransport(MemoryTransport):
    """A transport that tells the watch of every request and answer."""

    watch: Watch
    sessions: Callable[[], dict[str, ServerSession]]

    def send(self, request: HttpRequest) -> HttpAnswer:
        """See `Transport.send`."""
        self.watch.sending(request, self._clock.now(), cast("Any", self.sessions()))
        answer = super().send(request)
        self.watch.answered(request, answer, self._clock.now())
        return answer
