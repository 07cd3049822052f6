"""Operations on many transfers, and their reports: `operations/<id>.json` beside the checkpoints."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Protocol

from azure.core import MatchConditions
from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import BlobClient, ContentSettings
from pydantic import TypeAdapter, ValidationError

from shared.core.errors import Code
from shared.storage.access import StorageAccess, storage_errors
from shared.storage.places import Wanted
from shared.storage.ports import CheckpointUnreadable

FOLDER = "operations/"

MOST_ROWS = 1000
"""Transfers of one operation, inclusive. Chosen: a report of some 300 KB, and minutes of work."""

_JSON = ContentSettings(content_type="application/json")


class Action(StrEnum):
    """What is done to each transfer."""

    RETRY = "retry"
    CANCEL = "cancel"


class Outcome(StrEnum):
    """What became of a row."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    REJECTED = "rejected"  # the command does not apply: `code` says why
    FAILED = "failed"  # the transfer, or its file, could not be read: `code` says why


@dataclass(frozen=True, slots=True)
class Row:
    """One transfer of an operation. `retries` is how often it had been retried when it was chosen."""

    transfer_id: str
    blob: str
    retries: int
    outcome: Outcome = Outcome.PENDING
    code: Code | None = None
    detail: str = ""
    successor: str | None = None


@dataclass(frozen=True, slots=True)
class Operation:
    """One command for many transfers, as its report stands.

    Attributes:
        wanted: the filter; None where the rows were named one by one.
        limit: how many rows it has at most.
        is_chosen: whether all rows are there.
        has_more: more matched than the limit let in.
        continuation: where the choosing goes on.
        by: who asked, where that is known.
    """

    id: str
    action: Action
    wanted: Wanted | None
    limit: int
    created_at: datetime
    updated_at: datetime
    rows: tuple[Row, ...] = ()
    is_chosen: bool = False
    has_more: bool = False
    continuation: str | None = None
    finished_at: datetime | None = None
    by: str | None = None

    @property
    def pending(self) -> int:
        """How many rows are still to be given the command."""
        return sum(row.outcome is Outcome.PENDING for row in self.rows)


@dataclass(frozen=True, slots=True)
class StoredOperation:
    """An operation and the ETag of the version it was read from."""

    operation: Operation
    etag: str


class Operations(Protocol):
    """The reports. Every method may raise StorageUnavailable and StorageRefused."""

    def load(self, operation_id: str) -> StoredOperation | None:
        """The operation, or None. Raises CheckpointUnreadable."""
        ...

    def create(self, operation: Operation) -> str:
        """Write the first version and return its ETag. Raises Conflict where one exists."""
        ...

    def save(self, operation: Operation, etag: str) -> str:
        """Replace the version with this ETag and return the new one. Raises Conflict where it is not the current."""
        ...


class OperationBlobs:
    """Implements `Operations`. Makes its container when it is missing."""

    def __init__(self, access: StorageAccess, container: str) -> None:
        self._access = access
        self._container = container

    def load(self, operation_id: str) -> StoredOperation | None:
        """See `Operations.load`."""
        with storage_errors(f"read the report of operation {operation_id}"):
            try:
                download = self._blob(operation_id).download_blob()
                text = download.readall()
            except ResourceNotFoundError:
                return None
        return StoredOperation(decode(text, operation_id), str(download.properties.etag))

    def create(self, operation: Operation) -> str:
        """See `Operations.create`."""
        blob, text = self._blob(operation.id), encode(operation)
        with storage_errors(f"write the report of operation {operation.id}", conditional=True):
            try:
                written = blob.upload_blob(text, overwrite=False, content_settings=_JSON)
            except ResourceNotFoundError:
                self._make_container()
                written = blob.upload_blob(text, overwrite=False, content_settings=_JSON)
        return str(written["etag"])

    def save(self, operation: Operation, etag: str) -> str:
        """See `Operations.save`."""
        with storage_errors(f"save the report of operation {operation.id}", conditional=True):
            written = self._blob(operation.id).upload_blob(
                encode(operation),
                overwrite=True,
                etag=etag,
                match_condition=MatchConditions.IfNotModified,
                content_settings=_JSON,
            )
        return str(written["etag"])

    def _blob(self, operation_id: str) -> BlobClient:
        return self._access.blobs.get_blob_client(self._container, f"{FOLDER}{operation_id}.json")

    def _make_container(self) -> None:
        try:
            self._access.blobs.create_container(self._container)
        except ResourceExistsError:
            return


def encode(operation: Operation) -> bytes:
    """The operation as UTF-8 JSON."""
    return _adapter().dump_json(operation)


def decode(text: bytes, operation_id: str) -> Operation:
    """The operation that `text` holds.

    Raises:
        CheckpointUnreadable: it is not ours to read; it stays untouched.
    """
    try:
        operation = _adapter().validate_json(text)
    except ValidationError:
        operation = None
    if operation is None or operation.id != operation_id:
        raise CheckpointUnreadable(
            Code.CHECKPOINT_UNREADABLE, f"The report of operation {operation_id} cannot be read."
        )
    return operation


@cache
def _adapter() -> TypeAdapter[Operation]:
    return TypeAdapter(Operation)
