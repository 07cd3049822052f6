"""Whether a file is attached already although storage calls it another version: only its metadata were written since.

Set Blob Metadata gives a blob another ETag and another Last-Modified, and leaves its bytes. Which bytes a version has
is told by its length and Content-MD5; storage computes the latter for every blob that was put in one request, and the
writer may give it for any other. Where either version lacks it, the blob's creation decides: overwriting makes a blob
anew, so one that was created no later than the attached version was written has not been overwritten since. That is
how Azurite does it; whether the service always does is not documented, so a file of the same length, without a
Content-MD5, whose overwriting raised an event that was lost, is the one case in which this may be wrong.

The earlier version is found among the marks of its mailbox (`outcome_index.py`), whose metadata sum up its transfer.
Their names begin with the file's time, so that only those between the blob's creation and its last change are read.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from shared.core.identifiers import mailbox_key
from shared.core.model import Source, State, Transfer
from shared.core.planning import age_mark
from shared.storage import outcome_index, summary
from shared.storage.access import StorageAccess, storage_errors

MOST = 20_000
"""Marks of one mailbox that are looked at; beyond them a file counts as new. Chosen: four listings."""


class AttachedFiles:
    """Reads the marks of the checkpoint container."""

    def __init__(self, access: StorageAccess, container: str) -> None:
        self._access = access
        self._container = container

    def same(self, transfer: Transfer, created_at: datetime | None) -> str | None:
        """The id of the transfer that attached these bytes to this item already, from this blob; None: there is none.

        `transfer` is what the blob, created at `created_at`, asks for now.
        """
        if transfer.plan.target is None:
            return None
        source = transfer.plan.source
        newest, oldest = age_mark(source.modified_at), age_mark(created_at) if created_at is not None else "g"
        prefix = outcome_index.of_mailbox(transfer.plan.target.mailbox)
        container = self._access.blobs.get_container_client(self._container)
        with storage_errors("list the ends of a mailbox"):
            marks: Any = container.list_blobs(name_starts_with=prefix, include=["metadata"])
            for number, mark in enumerate(marks):
                transfer_id = str(mark.name).removeprefix(prefix)
                if number >= MOST or transfer_id[: len(newest)] > oldest:
                    return None
                if transfer_id[: len(newest)] < newest or transfer_id == transfer.id:
                    continue
                earlier = summary.unpack(dict(mark.metadata or {}), transfer_id)
                if earlier is not None and is_same(earlier, transfer, created_at):
                    return earlier.id
        return None


def is_same(earlier: Transfer, transfer: Transfer, created_at: datetime | None) -> bool:
    """True where `earlier` attached the bytes that `transfer` would attach, to the same item, from the same blob."""
    ours, theirs = transfer.plan, earlier.plan
    if earlier.state is not State.ATTACHED or ours.target is None or theirs.target is None:
        return False
    same_item = (mailbox_key(theirs.target.mailbox), theirs.target.key, theirs.target.value) == (
        mailbox_key(ours.target.mailbox),
        ours.target.key,
        ours.target.value,
    )
    return same_item and _same_bytes(theirs.source, ours.source, created_at)


def _same_bytes(earlier: Source, source: Source, created_at: datetime | None) -> bool:
    if (earlier.container, earlier.blob, earlier.size) != (source.container, source.blob, source.size):
        return False
    if earlier.md5 is not None and source.md5 is not None:
        return earlier.md5 == source.md5
    return created_at is not None and created_at <= earlier.modified_at
