"""The checkpoint container: `transfers/<id>.json` for every transfer, `unfinished/<id>` for each that is not over.

Once a person has had a transfer tried again for the nth time, its entry is `unfinished/<id>-<n>`.
A checkpoint blob's metadata sums its transfer up, so that a listing need not read the blobs (`summary.py`).

The unfinished entries are an index for the sweep, which thereby costs as much as there is unfinished work, however many
transfers there ever were. An entry is added before the checkpoint is created and removed last, after the outcome was
carried out: so a process that dies in between leaves an entry too many, never one too few.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import BlobClient, ContentSettings

from shared.core.checkpoint import Checkpoint
from shared.core.model import Transfer
from shared.storage import codec, outcome_index, summary
from shared.storage.access import StorageAccess, continuation_refused, storage_errors
from shared.storage.ports import Conflict, Stored

TRANSFERS = "transfers/"
UNFINISHED = "unfinished/"
_JSON = ContentSettings(content_type="application/json")


class CheckpointContainer:
    """Implements `Checkpoints` and `UnfinishedTransfers`. Makes its container when it is missing."""

    def __init__(self, access: StorageAccess, container: str, drop_container: str | None = None) -> None:
        """`drop_container`: where every transfer's file has to be; None = anywhere."""
        self._access = access
        self._container = container
        self._drop_container = drop_container

    def load(self, transfer_id: str) -> Stored | None:
        """See `Checkpoints.load`."""
        with storage_errors(f"read the checkpoint of {transfer_id}"):
            try:
                download = self._transfer(transfer_id).download_blob()
                text = download.readall()
            except ResourceNotFoundError:
                return None
        return Stored(codec.decode(text, transfer_id, self._drop_container), str(download.properties.etag))

    def load_summary(self, transfer_id: str) -> Transfer | None:
        """The transfer without its session and history, from one HEAD where its summary fitted; None: there is none.

        Raises:
            CheckpointUnreadable: as for `load`.
        """
        with storage_errors(f"look at the checkpoint of {transfer_id}"):
            try:
                metadata = self._transfer(transfer_id).get_blob_properties().metadata
            except ResourceNotFoundError:
                return None
        transfer = summary.unpack(dict(metadata or {}), transfer_id)
        if transfer is not None:
            return transfer
        stored = self.load(transfer_id)
        return stored.checkpoint.transfer if stored is not None else None

    def create(self, checkpoint: Checkpoint) -> str:
        """See `Checkpoints.create`."""
        blob, text, headers = self._prepared(checkpoint)
        with storage_errors(f"create the checkpoint of {checkpoint.transfer.id}", conditional=True):
            try:
                written = blob.upload_blob(text, overwrite=False, **headers)
            except ResourceNotFoundError:
                self._make_container()
                written = blob.upload_blob(text, overwrite=False, **headers)
        return str(written["etag"])

    def save(self, checkpoint: Checkpoint, etag: str) -> str:
        """See `Checkpoints.save`."""
        blob, text, headers = self._prepared(checkpoint)
        with storage_errors(f"save the checkpoint of {checkpoint.transfer.id}", conditional=True):
            written = blob.upload_blob(
                text, overwrite=True, etag=etag, match_condition=MatchConditions.IfNotModified, **headers
            )
        return str(written["etag"])

    def add_unfinished_entry(self, entry: str, transfer: Transfer | None = None) -> bool:
        """See `Checkpoints.add_unfinished_entry`."""
        blob = self._entry(entry)
        hints = outcome_index.hints(transfer) if transfer is not None else None
        try:
            with storage_errors(f"mark transfer {entry} as unfinished", conditional=True):
                try:
                    blob.upload_blob(b"", overwrite=False, metadata=hints)
                except ResourceNotFoundError:
                    self._make_container()
                    blob.upload_blob(b"", overwrite=False, metadata=hints)
        except Conflict:
            self.renew_unfinished_entry(entry)  # it is there afterwards, whether or not the answer was right
            return False
        return True

    def has_unfinished_entry(self, entry: str) -> bool:
        """See `Checkpoints.has_unfinished_entry`."""
        with storage_errors(f"look for the unfinished mark of {entry}"):
            return bool(self._entry(entry).exists())

    def renew_unfinished_entry(self, entry: str) -> None:
        """See `Checkpoints.renew_unfinished_entry`."""
        with storage_errors(f"mark transfer {entry} as unfinished"):
            self._entry(entry).upload_blob(b"", overwrite=True)

    def remove_unfinished_entry(self, entry: str) -> None:
        """See `Checkpoints.remove_unfinished_entry`."""
        with storage_errors(f"delete the unfinished mark of {entry}"):
            try:
                self._entry(entry).delete_blob()
            except ResourceNotFoundError:
                return

    def unfinished(self, limit: int, after: str | None) -> tuple[list[tuple[str, datetime]], str | None]:
        """See `UnfinishedTransfers.unfinished`."""
        container = self._access.blobs.get_container_client(self._container)
        with storage_errors("list the unfinished transfers"), continuation_refused(after):
            pages: Any = container.list_blobs(name_starts_with=UNFINISHED, results_per_page=limit).by_page(after)
            try:
                entries = [(str(blob.name).removeprefix(UNFINISHED), blob.last_modified) for blob in next(pages)]
            except (StopIteration, ResourceNotFoundError):
                return [], None
        return entries, pages.continuation_token or None

    def _prepared(self, checkpoint: Checkpoint) -> tuple[BlobClient, bytes, dict[str, Any]]:
        """The blob, its text, and what a listing shows of it without reading it."""
        transfer = checkpoint.transfer
        metadata = {"state": transfer.state.value, **summary.pack(transfer)}
        return self._transfer(transfer.id), codec.encode(checkpoint), {"content_settings": _JSON, "metadata": metadata}

    def _transfer(self, transfer_id: str) -> BlobClient:
        return self._access.blobs.get_blob_client(self._container, f"{TRANSFERS}{transfer_id}.json")

    def _entry(self, entry: str) -> BlobClient:
        return self._access.blobs.get_blob_client(self._container, f"{UNFINISHED}{entry}")

    def _make_container(self) -> None:
        try:
            self._access.blobs.create_container(self._container)
        except ResourceExistsError:
            return
