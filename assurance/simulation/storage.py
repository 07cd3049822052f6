"""Storage in memory, with the semantics that the product relies on; under the same contract suite as the real thing."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import count

from assurance.simulation.clock import VirtualClock
from assurance.simulation.io import Gate, open_gate
from shared.core.errors import Code
from shared.core.model import Source, State, Transfer
from shared.core.sweep_cursor import SweepCursor
from shared.engine.continuation import Continuation
from shared.storage import codec
from shared.storage.ports import Buffer, Checkpoint, Conflict, Dropped, Receipt, SourceLost, Stored

DROP = "drop"
"""The drop container of every world."""


class MemoryCheckpoints:
    """Implements `Checkpoints` and `UnfinishedTransfers`. Keeps real bytes, so that the real codec is used."""

    def __init__(self, clock: VirtualClock, gate: Gate = open_gate) -> None:
        self.blobs: dict[str, tuple[bytes, str]] = {}
        self.marks: dict[str, datetime] = {}
        self._clock = clock
        self._gate = gate
        self._versions = 0

    def load(self, transfer_id: str) -> Stored | None:
        """See `Checkpoints.load`."""
        return self._gate("checkpoint.load", lambda: self.peek(transfer_id))

    def create(self, checkpoint: Checkpoint) -> str:
        """See `Checkpoints.create`."""
        return self._gate("checkpoint.create", lambda: self._put(checkpoint, None))

    def save(self, checkpoint: Checkpoint, etag: str) -> str:
        """See `Checkpoints.save`."""
        return self._gate("checkpoint.save", lambda: self._put(checkpoint, etag))

    def add_unfinished_entry(self, entry: str, transfer: Transfer | None = None) -> bool:  # noqa: ARG002 - the protocol
        """See `Checkpoints.add_unfinished_entry`."""

        def effect() -> bool:
            known = entry in self.marks
            self.marks.setdefault(entry, self._clock.now())
            return not known

        return self._gate("mark.set", effect)

    def has_unfinished_entry(self, entry: str) -> bool:
        """See `Checkpoints.has_unfinished_entry`."""
        return self._gate("mark.look", lambda: entry in self.marks)

    def renew_unfinished_entry(self, entry: str) -> None:
        """See `Checkpoints.renew_unfinished_entry`."""
        self._gate("mark.renew", lambda: self.marks.__setitem__(entry, self._clock.now()))

    def remove_unfinished_entry(self, entry: str) -> None:
        """See `Checkpoints.remove_unfinished_entry`."""
        self._gate("mark.clear", lambda: self.marks.pop(entry, None))

    def unfinished(self, limit: int, after: str | None) -> tuple[list[tuple[str, datetime]], str | None]:
        """See `UnfinishedTransfers.unfinished`."""

        def page() -> tuple[list[tuple[str, datetime]], str | None]:
            following = sorted((key, at) for key, at in self.marks.items() if after is None or key > after)
            shown = following[:limit]
            return shown, shown[-1][0] if len(following) > limit else None

        return self._gate("mark.list", page)

    def peek(self, transfer_id: str) -> Stored | None:
        """The checkpoint as it is, without a call being counted: for whoever judges."""
        held = self.blobs.get(transfer_id)
        return None if held is None else Stored(_decoded(held[0], transfer_id), held[1])

    def _put(self, checkpoint: Checkpoint, etag: str | None) -> str:
        held = self.blobs.get(checkpoint.instance.id)
        if (held[1] if held else None) != etag:
            raise Conflict
        self._versions += 1
        self.blobs[checkpoint.instance.id] = (codec.encode(checkpoint), f'"{self._versions}"')
        return f'"{self._versions}"'


@lru_cache(maxsize=2048)
def _decoded(data: bytes, transfer_id: str) -> Checkpoint:
    """What the real codec reads. Read once, because thousands of scenarios begin with the same checkpoints."""
    return codec.decode(data, transfer_id, DROP)


@dataclass
class MemoryBlob:
    """One blob as it is now."""

    dropped: Dropped
    content: bytes


class MemorySources:
    """Implements `Sources`: the drop container."""

    def __init__(self, clock: VirtualClock, gate: Gate = open_gate, container: str = "drop") -> None:
        self.blobs: dict[str, MemoryBlob] = {}
        self._clock = clock
        self._gate = gate
        self._container = container
        self._versions = 0

    def put(self, blob: str, content: bytes, metadata: Mapping[str, str] | None = None) -> Dropped:
        """Write, or overwrite, a blob."""
        self._versions += 1
        modified = self._clock.now().replace(microsecond=0)
        md5 = base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode("ascii")
        source = Source(self._container, blob, f'"source-{self._versions}"', len(content), modified, md5)
        dropped = Dropped(source, dict(metadata or {}), "application/octet-stream", created_at=modified)
        self.blobs[blob] = MemoryBlob(dropped, content)
        return dropped

    def set_metadata(self, blob: str, metadata: Mapping[str, str]) -> Dropped:
        """Write the metadata alone: another version, the same bytes, the same creation."""
        self._versions += 1
        held = self.blobs[blob]
        modified = self._clock.now().replace(microsecond=0)
        source = replace(held.dropped.source, etag=f'"source-{self._versions}"', modified_at=modified)
        self.blobs[blob] = replace(held, dropped=replace(held.dropped, source=source, metadata=dict(metadata)))
        return self.blobs[blob].dropped

    def describe(self, blob: str) -> Dropped | None:
        """See `Sources.describe`."""
        held = self.blobs.get(blob)
        return self._gate("source.describe", lambda: held.dropped if held else None)

    def open(self, source: Source) -> MemoryReader:
        """See `Sources.open`."""
        return MemoryReader(self, source)

    def delete(self, source: Source) -> None:
        """See `Sources.delete`."""

        def effect() -> None:
            held = self.blobs.get(source.blob)
            if held is not None and held.dropped.source.etag == source.etag:
                del self.blobs[source.blob]

        self._gate("source.delete", effect)

    def page(self, continuation: str | None, size: int) -> tuple[list[Dropped], str | None]:
        """See `Sources.page`."""

        def effect() -> tuple[list[Dropped], str | None]:
            following = sorted(name for name in self.blobs if continuation is None or name > continuation)
            shown = following[:size]
            return [self.blobs[name].dropped for name in shown], shown[-1] if len(following) > size else None

        return self._gate("source.page", effect)

    def read(self, source: Source, offset: int, length: int) -> bytes:
        """Bytes of exactly this version."""

        def effect() -> bytes:
            held = self.blobs.get(source.blob)
            if held is None:
                raise SourceLost(Code.SOURCE_GONE)
            if held.dropped.source.etag != source.etag:
                raise SourceLost(Code.SOURCE_CHANGED)
            return held.content[offset : offset + length]

        return self._gate("source.read", effect)


class MemoryReader:
    """Implements `SourceReader`."""

    def __init__(self, sources: MemorySources, source: Source) -> None:
        self._sources = sources
        self._source = source

    def read(self, offset: int, length: int) -> Buffer:
        """See `SourceReader.read`."""
        return self._sources.read(self._source, offset, length)

    def close(self) -> None:
        """See `SourceReader.close`."""


class MemoryQueue:
    """Implements `TransferQueue`: messages with the time at which each becomes visible."""

    def __init__(self, clock: VirtualClock, gate: Gate = open_gate) -> None:
        self.sent: list[tuple[datetime, Continuation, Receipt]] = []
        self._ids = count(1)
        self._clock = clock
        self._gate = gate

    def send(self, transfer_id: str, delay: float) -> None:
        """See `TransferQueue.send`."""
        self.ask(Continuation(transfer_id), delay)

    def ask(self, continuation: Continuation, delay: float) -> Receipt:
        """See `TransferQueue.ask`."""
        due = self._clock.now() + timedelta(seconds=delay)

        def effect() -> Receipt:
            receipt = Receipt(str(next(self._ids)), "receipt")
            self.sent.append((due, continuation, receipt))
            return receipt

        return self._gate("queue.send", effect)

    def take_back(self, receipt: Receipt) -> None:
        """See `TransferQueue.take_back`."""

        def effect() -> None:
            self.sent = [message for message in self.sent if message[2] != receipt]

        self._gate("queue.delete", effect)

    @property
    def messages(self) -> list[tuple[datetime, str]]:
        """When each becomes visible, and what it is about."""
        return [(due, continuation.key) for due, continuation, _ in self.sent]

    def take(self) -> tuple[datetime, Continuation] | None:
        """The message that becomes visible first, taken off the queue; None where there is none."""
        if not self.sent:
            return None
        first = min(self.sent, key=lambda message: message[0])
        self.sent.remove(first)
        return first[0], first[1]


class MemoryClaims:
    """Implements `Claims` over the checkpoints themselves."""

    def __init__(self, checkpoints: MemoryCheckpoints, gate: Gate = open_gate) -> None:
        self.taken: dict[str, str] = {}
        self._checkpoints = checkpoints
        self._gate = gate

    def of_others(self, transfer: Transfer) -> frozenset[str]:
        """See `Claims.of_others`."""
        return self._gate("claim.list", lambda: self._of_others(transfer))

    def take(self, transfer: Transfer, attachment_id: str) -> bool:
        """See `Claims.take`."""
        return self._gate("claim.take", lambda: self.taken.setdefault(attachment_id, transfer.id) == transfer.id)

    def _of_others(self, transfer: Transfer) -> frozenset[str]:
        mailbox = transfer.target.mailbox.casefold()
        found = [self._checkpoints.peek(one) for one in self._checkpoints.blobs if one != transfer.id]
        ended = [one.checkpoint.instance for one in found if one is not None]
        there = (one for one in ended if one.plan.target is not None and one.target.mailbox.casefold() == mailbox)
        attached = {one.attachment_id for one in there if one.state is State.ATTACHED}
        return frozenset(one for one in attached if one is not None)


class MemoryOutcomes:
    """Implements `Outcomes`: keeps what was told."""

    def __init__(self, gate: Gate = open_gate) -> None:
        self.notified: list[Checkpoint] = []
        self._gate = gate

    def notify(self, checkpoint: Checkpoint) -> None:
        """See `Outcomes.notify`."""
        self._gate("outcome.notify", lambda: self.notified.append(checkpoint))


class MemorySweepCursor:
    """Implements `SweepCursors`."""

    def __init__(self) -> None:
        self.position: SweepCursor | None = None

    def load(self) -> SweepCursor | None:
        """See `SweepCursors.load`."""
        return self.position

    def save(self, position: SweepCursor) -> None:
        """See `SweepCursors.save`."""
        self.position = position


class AtOnce:
    """Implements `Background`: the work is done when it is handed over, and its failure is kept for whoever waits."""

    def submit(self, work: Callable[[], None], /) -> Future[None]:
        """See `Background.submit`. Only an Exception is kept: the death of a process passes through."""
        done: Future[None] = Future()
        try:
            work()
            done.set_result(None)
        except Exception as error:  # noqa: BLE001 - a future keeps whatever happened
            done.set_exception(error)
        return done


def at_once() -> nullcontext[AtOnce]:
    """What `RunDependencies.background` wants."""
    return nullcontext(AtOnce())
