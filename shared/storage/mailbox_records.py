"""The rate limiter's record of each mailbox, shared by all workers: `pace/<hash of the mailbox>.json` in the container.

Each transfer in the wait queue has an entry in `pace/<hash of the mailbox>/`, named by the time its file arrived and
its id, so that a listing gives the queue in its order. An entry is its name and its metadata.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Annotated, Any

from azure.core import MatchConditions
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import BlobClient
from pydantic import (
    AwareDatetime,
    BeforeValidator,
    SerializerFunctionWrapHandler,
    TypeAdapter,
    ValidationError,
    WrapSerializer,
)

from shared.core.identifiers import mailbox_digest
from shared.rate_limit.mailbox import Mailbox, Waiting
from shared.storage.access import StorageAccess, storage_errors

PREFIX = "pace/"

COUNTED = f"{PREFIX}counted-until.json"
"""The time until which Outlook is known to count bytes, for every mailbox."""

STORED_SLOTS = "places"
"""The key of `Mailbox.slots` in the stored JSON: workers of version 1.0.0 read and write the same blobs."""

_EPOCH = datetime.fromtimestamp(0, UTC)
_DIGITS = 13
"""Of an entry's time in milliseconds: enough until the year 2286."""


class MailboxRecordBlobs:
    """Implements `Mailboxes`. The container is there: a checkpoint comes before its transfer's first permit."""

    def __init__(self, access: StorageAccess, container: str) -> None:
        self._access = access
        self._container = container

    def load(self, mailbox: str) -> tuple[Mailbox, str | None]:
        """See `Mailboxes.load`. What cannot be read counts as empty: one window's history is lost, nothing else."""
        with storage_errors("read the pace of a mailbox"):
            try:
                download = self._blob(mailbox).download_blob()
                text = download.readall()
            except ResourceNotFoundError:
                return Mailbox(), None
        try:
            state = _adapter().validate_json(text)
        except ValidationError:
            state = Mailbox()
        return state, str(download.properties.etag)

    def save(self, mailbox: str, state: Mailbox, etag: str | None) -> str:
        """See `Mailboxes.save`."""
        condition: dict[str, Any] = {"etag": etag, "match_condition": MatchConditions.IfNotModified} if etag else {}
        text = _adapter().dump_json(state, exclude_defaults=True)
        with storage_errors("save the pace of a mailbox", conditional=True):
            written = self._blob(mailbox).upload_blob(text, overwrite=etag is not None, **condition)
        return str(written["etag"])

    def counted_until(self) -> datetime | None:
        """See `Mailboxes.counted_until`."""
        with storage_errors():
            try:
                text = self._access.blobs.get_blob_client(self._container, COUNTED).download_blob().readall()
            except ResourceNotFoundError:
                return None
        try:
            return _counted().validate_json(text)
        except ValidationError:
            return None

    def count_until(self, until: datetime) -> None:
        """See `Mailboxes.count_until`."""
        with storage_errors():
            self._access.blobs.get_blob_client(self._container, COUNTED).upload_blob(
                _counted().dump_json(until), overwrite=True
            )

    def enqueue(self, mailbox: str, waiting: Waiting) -> None:
        """See `Mailboxes.enqueue`."""
        blob = self._access.blobs.get_blob_client(self._container, _entry(mailbox, waiting))
        metadata = {"item": waiting.item} if waiting.item is not None else {}
        with storage_errors():
            blob.upload_blob(b"", overwrite=True, metadata=metadata)

    def entries(self, mailbox: str, limit: int) -> tuple[Waiting, ...]:
        """See `Mailboxes.entries`."""
        container = self._access.blobs.get_container_client(self._container)
        prefix = f"{_folder(mailbox)}/"
        with storage_errors():
            pages = container.list_blobs(name_starts_with=prefix, include=["metadata"], results_per_page=limit)
            first = next(pages.by_page(), ())
            entries = [_waiting(str(blob.name).removeprefix(prefix), blob.metadata) for blob in first]
        return tuple(entry for entry in entries if entry is not None)

    def dequeue(self, mailbox: str, entries: tuple[Waiting, ...]) -> None:
        """See `Mailboxes.dequeue`. Several go in one request."""
        container = self._access.blobs.get_container_client(self._container)
        names = [_entry(mailbox, one) for one in entries]
        with storage_errors():
            if len(names) > 1:
                container.delete_blobs(*names, raise_on_any_failure=False)
                return
            try:
                for name in names:
                    container.delete_blob(name)
            except ResourceNotFoundError:
                return

    def _blob(self, mailbox: str) -> BlobClient:
        return self._access.blobs.get_blob_client(self._container, f"{_folder(mailbox)}.json")


def _folder(mailbox: str) -> str:
    """Addresses are compared without case. A hash keeps people's names out of the container's listing."""
    return f"{PREFIX}{mailbox_digest(mailbox, 32)}"


def _entry(mailbox: str, waiting: Waiting) -> str:
    since = 0 if waiting.since is None else (waiting.since - _EPOCH) // timedelta(milliseconds=1)
    return f"{_folder(mailbox)}/{max(0, since):0{_DIGITS}}-{waiting.transfer}"


def _waiting(name: str, metadata: dict[str, str] | None) -> Waiting | None:
    """The entry of that name; None where the name is not one of ours."""
    since, _, transfer = name.partition("-")
    if not (len(since) == _DIGITS and since.isascii() and since.isdigit() and transfer):
        return None
    return Waiting(transfer, (metadata or {}).get("item"), _EPOCH + timedelta(milliseconds=int(since)))


@cache
def _adapter() -> TypeAdapter[Mailbox]:
    return TypeAdapter(Annotated[Mailbox, BeforeValidator(_from_stored), WrapSerializer(_to_stored)])


def _from_stored(fields: object) -> object:
    if isinstance(fields, dict) and STORED_SLOTS in fields:
        return {("slots" if name == STORED_SLOTS else name): value for name, value in fields.items()}
    return fields


def _to_stored(mailbox: Mailbox, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
    return {(STORED_SLOTS if name == "slots" else name): value for name, value in dump(mailbox).items()}


@cache
def _counted() -> TypeAdapter[AwareDatetime]:
    return TypeAdapter(AwareDatetime)
