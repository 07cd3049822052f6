"""What the rest of the product needs of storage, and nothing more: the real adapters and the simulation both fit.

Every method may raise `StorageUnavailable`: nothing is known then, and the run ends; the next one carries on. Every
method may raise `StorageRefused` too: then nothing was done, and nothing will be until a person changes something.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeAlias, runtime_checkable

from shared.core.errors import Code
from shared.core.model import Failure, Source, Transfer
from shared.engine import checkpoint as engine_checkpoint
from shared.engine import ports as engine
from shared.engine.ports import (
    CheckpointUnreadable,
    Clock,
    Conflict,
    ContinuationQueue,
    Receipt,
    StorageRefused,
    StorageUnavailable,
)
from shared.rate_limit.mailbox import Mailbox, Waiting

__all__ = [
    "Buffer",
    "Checkpoint",
    "CheckpointUnreadable",
    "Checkpoints",
    "Claims",
    "Clock",
    "Conflict",
    "ContinuationRefused",
    "Dropped",
    "Mailboxes",
    "Outcomes",
    "ReadsAhead",
    "Receipt",
    "SourceLost",
    "SourceReader",
    "SourceUnreadable",
    "Sources",
    "StorageRefused",
    "StorageUnavailable",
    "Stored",
    "TransferQueue",
    "UnfinishedTransfers",
]

Buffer = bytes | bytearray | memoryview


class ContinuationRefused(Exception):  # noqa: N818 - it names what is the case
    """Storage does not take the continuation of a listing: it has to begin anew."""


class SourceLost(Exception):  # noqa: N818 - it names what is the case
    """The pinned version of the blob is no more: SOURCE_CHANGED or SOURCE_GONE."""

    def __init__(self, code: Code) -> None:
        super().__init__(code.value)
        self.code = code


class SourceUnreadable(Exception):  # noqa: N818 - it names what is the case
    """The blob could not be read just now; a later try may."""


Checkpoint: TypeAlias = engine_checkpoint.Checkpoint[Transfer]
Stored: TypeAlias = engine.Stored[Transfer]
Checkpoints: TypeAlias = engine.Checkpoints[Transfer]
"""The engine's, for transfers."""


class SourceReader(Protocol):
    """The bytes of one version of a blob, in ranges."""

    def read(self, offset: int, length: int) -> Buffer:
        """Exactly `length` bytes from `offset`; valid until the second read after this one.

        The file's last bytes are handed out only while this version is still the blob's current one.

        Raises:
            SourceLost, SourceUnreadable; StorageRefused with SOURCE_ARCHIVED or SOURCE_ENCRYPTED.
        """
        ...

    def close(self) -> None:
        """Release the connection and the buffers."""
        ...


@runtime_checkable
class ReadsAhead(Protocol):
    """What a `SourceReader` may be able to do besides: begin to read before it is asked for the bytes."""

    def expect(self, offset: int, length: int) -> None:
        """These bytes are wanted soon. A hint: whatever goes wrong is raised by the `read` that follows."""
        ...


@dataclass(frozen=True, slots=True)
class Dropped:
    """What a blob says of itself: one version, its metadata and its Content-Type.

    `refusal`: storage shows no more than that the file is there, and this is why; it can never be attached.
    `created_at`: when the blob was made, as distinct from its last change; None where storage does not say.
    `copy`: what storage says of the copy that makes it: pending, failed or aborted; None of a whole file.
    """

    source: Source
    metadata: dict[str, str]
    content_type: str | None
    refusal: Failure | None = None
    copy: str | None = None
    created_at: datetime | None = None


class Sources(Protocol):
    """The drop container."""

    def describe(self, blob: str) -> Dropped | None:
        """The blob as it is now, or None where there is none."""
        ...

    def open(self, source: Source) -> SourceReader:
        """A reader pinned to this version. No request is made yet."""
        ...

    def delete(self, source: Source) -> None:
        """Delete exactly this version; harmless where it is gone or another."""
        ...

    def page(self, continuation: str | None, size: int) -> tuple[list[Dropped], str | None]:
        """Up to `size` blobs in the order of their names, and where the next page begins; None at the end."""
        ...


class TransferQueue(ContinuationQueue, Protocol):
    """The work queue, as those see it who only ever ask for transfers."""

    def send(self, transfer_id: str, delay: float) -> None:
        """Ask for a run of this transfer in `delay` seconds (at most 7 days: the service's limit)."""
        ...


class Mailboxes(Protocol):
    """The rate limiter's records: one small JSON blob per mailbox, and an entry for each transfer that waits."""

    def load(self, mailbox: str) -> tuple[Mailbox, str | None]:
        """The mailbox and its version's ETag; an empty one and None where nothing is known yet."""
        ...

    def save(self, mailbox: str, state: Mailbox, etag: str | None) -> str:
        """Replace that version and return the new ETag. Raises Conflict where it is not the current one."""
        ...

    def counted_until(self) -> datetime | None:
        """Until when Outlook is known to count bytes, for every mailbox; None where that is not stored."""
        ...

    def count_until(self, until: datetime) -> None:
        """Store it for every mailbox. The last writer wins."""
        ...

    def enqueue(self, mailbox: str, waiting: Waiting) -> None:
        """Write the transfer's entry in the mailbox's wait queue, in place of an earlier one with the same `since`."""
        ...

    def entries(self, mailbox: str, limit: int) -> tuple[Waiting, ...]:
        """The first entries of the mailbox's wait queue, by `since`."""
        ...

    def dequeue(self, mailbox: str, entries: tuple[Waiting, ...]) -> None:
        """Delete these entries. Harmless where one is gone."""
        ...


class Outcomes(Protocol):
    """The listeners for outcomes."""

    def notify(self, checkpoint: Checkpoint) -> None:
        """Notify the listener of a transfer that is over."""
        ...


class Claims(Protocol):
    """Whose an attachment is. Asked only while a lost commit is settled: an undisturbed transfer asks nothing."""

    def of_others(self, transfer: Transfer) -> frozenset[str]:
        """Ids of the attachments that other transfers to the same mailbox ended with, or have taken."""
        ...

    def take(self, transfer: Transfer, attachment_id: str) -> bool:
        """Take it for this transfer, for good; False where another one was first. Taking it again changes nothing."""
        ...


class UnfinishedTransfers(Protocol):
    """The sweep's view of the unfinished entries."""

    def unfinished(self, limit: int, after: str | None) -> tuple[list[tuple[str, datetime]], str | None]:
        """Up to `limit` entries with the time of each, and where to go on; None at the end."""
        ...
