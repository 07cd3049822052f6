"""Deliveries in memory, as storage keeps them: real bytes, conditional writes, one call at a time through the gate."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import lru_cache

from assurance.simulation.clock import VirtualClock
from assurance.simulation.io import Gate
from shared.core.delivery.model import Delivery
from shared.engine.checkpoint import Checkpoint
from shared.engine.ports import Conflict, Stored
from shared.storage.delivery_codec import DeliveryCodec

_CODEC = DeliveryCodec()


@lru_cache(maxsize=4096)
def _decoded(data: bytes, instance_id: str) -> Checkpoint[Delivery]:
    """What the real codec reads. Read once, because thousands of scenarios begin alike."""
    return _CODEC.decode(data, instance_id)


class MemoryDeliveries:
    """Implements `Checkpoints` for deliveries.

    Attributes:
        ignores_etags: the wrong store, whose writes always win.
        no_lease_holds: every lease has expired when somebody looks at it.
    """

    def __init__(self, clock: VirtualClock, gate: Gate) -> None:
        self.blobs: dict[str, tuple[bytes, str]] = {}
        self.entries: set[str] = set()
        self.ignores_etags = False
        self.no_lease_holds = False
        self._clock = clock
        self._gate = gate
        self._versions = 0

    def load(self, instance_id: str, /) -> Stored[Delivery] | None:
        """See `Checkpoints.load`."""
        return self._gate("checkpoint.load", lambda: self.peek(instance_id))

    def create(self, checkpoint: Checkpoint[Delivery]) -> str:
        """See `Checkpoints.create`."""
        return self._gate("checkpoint.create", lambda: self._put(checkpoint, None))

    def save(self, checkpoint: Checkpoint[Delivery], etag: str) -> str:
        """See `Checkpoints.save`."""
        return self._gate("checkpoint.save", lambda: self._put(checkpoint, etag))

    def add_unfinished_entry(self, entry: str, instance: Delivery | None = None) -> bool:  # noqa: ARG002 - the protocol
        """See `Checkpoints.add_unfinished_entry`."""

        def effect() -> bool:
            is_new = entry not in self.entries
            self.entries.add(entry)
            return is_new

        return self._gate("mark.set", effect)

    def has_unfinished_entry(self, entry: str) -> bool:
        """See `Checkpoints.has_unfinished_entry`."""
        return self._gate("mark.look", lambda: entry in self.entries)

    def renew_unfinished_entry(self, entry: str) -> None:
        """See `Checkpoints.renew_unfinished_entry`."""
        self._gate("mark.renew", lambda: self.entries.add(entry))

    def remove_unfinished_entry(self, entry: str) -> None:
        """See `Checkpoints.remove_unfinished_entry`."""
        self._gate("mark.clear", lambda: self.entries.discard(entry))

    @property
    def only(self) -> Stored[Delivery] | None:
        """The one delivery of a scenario, without a call being counted."""
        return next((self.peek(instance_id) for instance_id in self.blobs), None)

    def peek(self, instance_id: str) -> Stored[Delivery] | None:
        """What is stored, without a call being counted."""
        held = self.blobs.get(instance_id)
        if held is None:
            return None
        checkpoint = _decoded(held[0], instance_id)
        if self.no_lease_holds and checkpoint.lease is not None:
            until = min(checkpoint.lease.until, self._clock.now() - timedelta(seconds=1))
            checkpoint = replace(checkpoint, lease=replace(checkpoint.lease, until=until))
        return Stored(checkpoint, held[1])

    def _put(self, checkpoint: Checkpoint[Delivery], etag: str | None) -> str:
        held = self.blobs.get(checkpoint.instance.id)
        if self.ignores_etags and etag is not None and held is not None:
            etag = held[1]
        if (held[1] if held else None) != etag:
            raise Conflict
        self._versions += 1
        self.blobs[checkpoint.instance.id] = (_CODEC.encode(checkpoint), f'"{self._versions}"')
        return f'"{self._versions}"'
