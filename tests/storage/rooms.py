"""Storage twice over, behind the same ports: the real adapters on Azurite, and the simulation's in memory.

Every contract test runs against both: what the simulation proves holds only as far as it is as strict as Azurite.
"""

from __future__ import annotations

import base64
import itertools
import json
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

from azure.storage.blob import BlobServiceClient, ContentSettings
from azure.storage.queue import QueueServiceClient

from assurance.simulation.clock import VirtualClock
from assurance.simulation.storage import MemoryCheckpoints, MemoryQueue, MemorySources, MemorySweepCursor
from shared.core import planning
from shared.core.model import Attachment, Route, Source, Target, TargetKey, Transfer
from shared.engine.checkpoint import lease
from shared.run.sweep import SweepCursors
from shared.storage.access import StorageAccess
from shared.storage.checkpoints import CheckpointContainer
from shared.storage.ports import Checkpoint, Checkpoints, Dropped, Sources, TransferQueue, UnfinishedTransfers
from shared.storage.queue import Continuations, Messages
from shared.storage.source import DropContainer
from shared.storage.sweep_cursors import SweepCursorBlob

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
_numbers = itertools.count(1)


class Room(Protocol):
    """One storage account, as the product sees it and as a test may tamper with it."""

    @property
    def checkpoints(self) -> Checkpoints: ...

    @property
    def marks(self) -> UnfinishedTransfers: ...

    @property
    def sources(self) -> Sources: ...

    @property
    def queue(self) -> TransferQueue: ...

    @property
    def positions(self) -> SweepCursors: ...

    def put(self, blob: str, content: bytes, metadata: dict[str, str] | None = None) -> Dropped:
        """Write, or overwrite, a blob in the drop container."""
        ...

    def remove(self, blob: str) -> None:
        """Delete a blob from the drop container."""
        ...

    def write_text(self, transfer_id: str, text: bytes) -> None:
        """Overwrite a checkpoint with any text."""
        ...

    def read_text(self, transfer_id: str) -> bytes:
        """A checkpoint's text as it is."""
        ...

    def messages(self, within: float) -> list[str]:
        """The transfers whose continuations become visible within so many seconds, in that order; they are taken."""
        ...


class AzuriteRoom:
    """The real adapters. Containers and queue are this room's own; the drop container exists, the rest does not."""

    def __init__(self, connection_string: str, direct: str | None = None) -> None:
        """`direct` is the way past a proxy that `connection_string` leads through."""
        name = f"room-{next(_numbers)}-{time.time_ns()}"
        self.name = name
        self.access = StorageAccess(
            connection_string=connection_string, blob_uri=None, queue_uri=None, client_id=None, managed=False
        )
        self._blobs = BlobServiceClient.from_connection_string(direct or connection_string)
        self._queues = QueueServiceClient.from_connection_string(direct or connection_string)
        self._drop = self._blobs.create_container(f"{name}-drop")
        self._checkpoints = self._blobs.get_container_client(f"{name}-checkpoints")
        self._name = f"{name}-transfers"
        self.checkpoints = CheckpointContainer(self.access, f"{name}-checkpoints", "drop")
        self.marks = self.checkpoints
        self.sources = DropContainer(self.access, f"{name}-drop")
        self._messages = Messages(self.access, self._name)
        self.queue = Continuations(self._messages)
        self.positions = SweepCursorBlob(self.access, f"{name}-checkpoints")

    def put(self, blob: str, content: bytes, metadata: dict[str, str] | None = None) -> Dropped:
        kind = ContentSettings(content_type="application/octet-stream")
        self._drop.upload_blob(blob, content, metadata=metadata, overwrite=True, content_settings=kind)
        found = self.sources.describe(blob)
        assert found is not None
        return found

    def remove(self, blob: str) -> None:
        self._drop.delete_blob(blob)

    def write_text(self, transfer_id: str, text: bytes) -> None:
        self._checkpoints.upload_blob(f"transfers/{transfer_id}.json", text, overwrite=True)

    def read_text(self, transfer_id: str) -> bytes:
        return self._checkpoints.download_blob(f"transfers/{transfer_id}.json").readall()

    def messages(self, within: float) -> list[str]:
        queue, deadline = self._queues.get_queue_client(self._name), time.monotonic() + within
        found: list[str] = []
        while True:
            for message in queue.receive_messages(max_messages=32, visibility_timeout=60):
                found.append(json.loads(base64.b64decode(message.content))["transferId"])
                queue.delete_message(message)
            if time.monotonic() >= deadline:
                return found
            time.sleep(0.05)

    def close(self) -> None:
        """The product keeps its connections as long as its process lives."""
        for client in (self._blobs, self._queues, self.access.blobs, self._messages._queue):
            client.close()
        for _, _, connection in self.sources._connections._idle:
            connection.close()


class MemoryRoom:
    """The simulation's storage, on a clock that moves when asked for messages."""

    def __init__(self) -> None:
        self._clock = VirtualClock()
        self.checkpoints = MemoryCheckpoints(self._clock)
        self.marks = self.checkpoints
        self.sources = MemorySources(self._clock)
        self.queue = MemoryQueue(self._clock)
        self.positions = MemorySweepCursor()

    def put(self, blob: str, content: bytes, metadata: dict[str, str] | None = None) -> Dropped:
        return self.sources.put(blob, content, metadata)

    def remove(self, blob: str) -> None:
        del self.sources.blobs[blob]

    def write_text(self, transfer_id: str, text: bytes) -> None:
        self.checkpoints.blobs[transfer_id] = (text, '"tampered"')

    def read_text(self, transfer_id: str) -> bytes:
        return self.checkpoints.blobs[transfer_id][0]

    def messages(self, within: float) -> list[str]:
        until, found = self._clock.now() + timedelta(seconds=within), []
        while self.queue.messages and min(self.queue.messages)[0] <= until:
            message = self.queue.take()
            assert message is not None
            found.append(message[1].key)
        self._clock.advance_to(until)
        return found


def transfer(number: int = 1) -> Transfer:
    """A new transfer; another number, another id."""
    source = Source("drop", f"{number}.bin", f'"{number}"', 10_000_000, NOW)
    target = Target("ada@example.org", TargetKey.MESSAGE_ID, "AAMk")
    return planning.accept(source, target, Attachment(f"{number}.bin", "text/plain"), Route.SESSION, NOW)


def checkpoint(write: str = "run.0", number: int = 1, **changes: int) -> Checkpoint:
    """A checkpoint of that transfer, written by `write`."""
    return Checkpoint(replace(transfer(number), **changes), lease("run", NOW), write)  # type: ignore[arg-type]  # counts
