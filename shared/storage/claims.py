"""Whose an attachment is, where two transfers could take one for theirs: the same file, twice, for one item.

Asked only while a lost commit is settled. What others ended with stands in their marks (`outcome_index.py`) and,
between their end and its mark, in their checkpoints. What is found by its bytes is taken with `claims/<digest>`, which
only one transfer can make: so of two that settle at once one takes it, and the other looks on.
"""

from __future__ import annotations

import hashlib
from itertools import islice
from typing import Any

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError

from shared.core.identifiers import mailbox_key
from shared.core.model import State, Transfer
from shared.core.unfinished import parse_unfinished_entry
from shared.storage import outcome_index, summary
from shared.storage.access import StorageAccess, storage_errors
from shared.storage.checkpoints import CheckpointContainer
from shared.storage.ports import CheckpointUnreadable

CLAIMS = "claims/"

MOST_MARKS = 2000
"""Ended transfers of the mailbox that are looked through, the newest files first. Chosen: one request on Azure."""

MOST_UNFINISHED = 50
"""Unfinished transfers that are looked at, one HEAD each. Chosen: far more than are between their end and its mark."""

_OWNER = "transfer"


class ClaimBlobs:
    """Implements `Claims`."""

    def __init__(self, access: StorageAccess, container: str, checkpoints: CheckpointContainer) -> None:
        self._access = access
        self._container = container
        self._checkpoints = checkpoints

    def of_others(self, transfer: Transfer) -> frozenset[str]:
        """See `Claims.of_others`. The unfinished ones come first: who ends meanwhile is seen among the marks."""
        unfinished, _ = self._checkpoints.unfinished(MOST_UNFINISHED, None)
        others = {parse_unfinished_entry(entry)[0] for entry, _ in unfinished} - {transfer.id}
        found = {self._attached(one) for one in others}
        place = outcome_index.of_mailbox(transfer.target.mailbox)
        for name, metadata in self._listed(place):
            other = name.removeprefix(place)
            if other != transfer.id:
                found.add(_attachment_of(summary.unpack(metadata, other)))
        return frozenset(one for one in found if one is not None)

    def take(self, transfer: Transfer, attachment_id: str) -> bool:
        """See `Claims.take`."""
        digest = hashlib.sha256(f"{mailbox_key(transfer.target.mailbox)}/{attachment_id}".encode()).hexdigest()
        blob = self._access.blobs.get_blob_client(self._container, CLAIMS + digest)
        with storage_errors(f"take an attachment for {transfer.id}"):
            try:
                blob.upload_blob(b"", overwrite=False, metadata={_OWNER: transfer.id})
            except ResourceExistsError:
                metadata: Any = blob.get_blob_properties().metadata
                return bool((metadata or {}).get(_OWNER) == transfer.id)
        return True

    def _attached(self, transfer_id: str) -> str | None:
        try:
            return _attachment_of(self._checkpoints.load_summary(transfer_id))
        except CheckpointUnreadable:
            return None

    def _listed(self, place: str) -> list[tuple[str, dict[str, str]]]:
        container = self._access.blobs.get_container_client(self._container)
        with storage_errors("list what other transfers have attached"):
            try:
                blobs: Any = container.list_blobs(name_starts_with=place, include=["metadata"])
                return [(str(blob.name), dict(blob.metadata or {})) for blob in islice(blobs, MOST_MARKS)]
            except ResourceNotFoundError:
                return []


def _attachment_of(transfer: Transfer | None) -> str | None:
    """The attachment that the transfer ended with, where Graph named it."""
    return transfer.attachment_id if transfer is not None and transfer.state is State.ATTACHED else None
