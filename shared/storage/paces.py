"""What the workers know of each mailbox together: `pace/<hash of the mailbox>.json` beside the checkpoints."""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import BlobClient
from pydantic import TypeAdapter, ValidationError

from shared.pace.mailbox import Mailbox
from shared.storage.access import StorageAccess, storage_errors

PREFIX = "pace/"


class PaceBlobs:
    """Implements `Mailboxes`. The container is there: a checkpoint comes before its transfer's first turn."""

    def __init__(self, access: StorageAccess, container: str) -> None:
        self._access = access
        self._container = container

    def load(self, mailbox: str) -> tuple[Mailbox, str | None]:
        """See `Mailboxes.load`. What cannot be read counts as empty: a window's knowledge is lost, nothing else."""
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

    def _blob(self, mailbox: str) -> BlobClient:
        """Addresses are compared without case. A hash keeps people's names out of the container's listing."""
        name = hashlib.sha256(mailbox.casefold().encode()).hexdigest()[:32]
        return self._access.blobs.get_blob_client(self._container, f"{PREFIX}{name}.json")


@cache
def _adapter() -> TypeAdapter[Mailbox]:
    return TypeAdapter(Mailbox)
