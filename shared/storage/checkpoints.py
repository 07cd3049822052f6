"""The checkpoint container: `transfers/<id>.json` for every transfer, `unfinished/<id>` for each that is not over.

Another process has folders of its own in the same container (`CheckpointBlobs`). Once a person has had a transfer tried
again for the nth time, its entry is `unfinished/<id>-<n>`. A checkpoint blob's metadata sums its transfer up, so that a
listing need not read the blobs (`summary.py`).

The unfinished entries are an index for the sweep, which thereby costs as much as there is unfinished work, however many
transfers there ever were. An entry is added before the checkpoint is created and removed last, after the outcome was
carried out: so a process that dies in between leaves an entry too many, never one too few.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Generic, TypeVar

from azure.core import MatchConditions
from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import BlobClient, ContentSettings

from shared.core.model import Transfer
from shared.engine.checkpoint import Checkpoint
from shared.engine.ports import Codec, Conflict, Stored
from shared.storage import codec, outcome_index, summary
from shared.storage.access import StorageAccess, continuation_refused, storage_errors

S = TypeVar("S")

TRANSFERS = "transfers/"
UNFINISHED = "unfinished/"
_JSON = ContentSettings(content_type="application/json")


class CheckpointBlobs(Generic[S]):
    """Implements `Checkpoints` and `UnfinishedTransfers` for one process. Makes its container when it is missing."""

    def __init__(
        self,
        access: StorageAccess,
        container: str,
        codec: Codec[S],
        name_of: Callable[[S], str],
        *,
        folder: str,
        unfinished: str,
    ) -> None:
        """`folder`, `unfinished`: the prefixes of the checkpoints and of the index entries, each ending in a slash.

        `name_of` names an instance's checkpoint: its id.
        """
        self._access = access
        self._container = container
        self._codec = codec
        self._name_of = name_of
        self._folder = folder
        self._unfinished = unfinished

    def load(self, instance_id: str) -> Stored[S] | None:
        """See `Checkpoints.load`."""
        with storage_errors(f"read the checkpoint of {instance_id}"):
            try:
                download = self._blob(instance_id).download_blob()
                text = download.readall()
            except ResourceNotFoundError:
                return None
        return Stored(self._codec.decode(text, instance_id), str(download.properties.etag))

    def create(self, checkpoint: Checkpoint[S]) -> str:
        """See `Checkpoints.create`."""
        blob, text, headers = self._prepared(checkpoint)
        with storage_errors(f"create the checkpoint of {self._name_of(checkpoint.instance)}", conditional=True):
            try:
                written = blob.upload_blob(text, overwrite=False, **headers)
            except ResourceNotFoundError:
                self._make_container()
                written = blob.upload_blob(text, overwrite=False, **headers)
        return str(written["etag"])

    def save(self, checkpoint: Checkpoint[S], etag: str) -> str:
        """See `Checkpoints.save`."""
        blob, text, headers = self._prepared(checkpoint)
        with storage_errors(f"save the checkpoint of {self._name_of(checkpoint.instance)}", conditional=True):
            written = blob.upload_blob(
                text, overwrite=True, etag=etag, match_condition=MatchConditions.IfNotModified, **headers
            )
        return str(written["etag"])

    def add_unfinished_entry(self, entry: str, instance: S | None = None) -> bool:
        """See `Checkpoints.add_unfinished_entry`."""
        blob = self._entry(entry)
        hints = self._codec.hints(instance) if instance is not None else None
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
            pages: Any = container.list_blobs(name_starts_with=self._unfinished, results_per_page=limit).by_page(after)
            try:
                entries = [(str(blob.name).removeprefix(self._unfinished), blob.last_modified) for blob in next(pages)]
            except (StopIteration, ResourceNotFoundError):
                return [], None
        return entries, pages.continuation_token or None

    def metadata(self, instance_id: str) -> dict[str, str] | None:
        """What a listing shows of the instance, from one HEAD; None where there is no checkpoint."""
        with storage_errors(f"look at the checkpoint of {instance_id}"):
            try:
                found: Any = self._blob(instance_id).get_blob_properties().metadata
            except ResourceNotFoundError:
                return None
        return dict(found or {})

    def _prepared(self, checkpoint: Checkpoint[S]) -> tuple[BlobClient, bytes, dict[str, Any]]:
        """The blob, its text, and what a listing shows of it without reading it."""
        headers = {"content_settings": _JSON, "metadata": self._codec.metadata(checkpoint.instance)}
        return self._blob(self._name_of(checkpoint.instance)), self._codec.encode(checkpoint), headers

    def _blob(self, instance_id: str) -> BlobClient:
        return self._access.blobs.get_blob_client(self._container, f"{self._folder}{instance_id}.json")

    def _entry(self, entry: str) -> BlobClient:
        return self._access.blobs.get_blob_client(self._container, f"{self._unfinished}{entry}")

    def _make_container(self) -> None:
        try:
            self._access.blobs.create_container(self._container)
        except ResourceExistsError:
            return


class TransferCodec:
    """Implements `Codec` for transfers: `codec.py`, and a summary for listings."""

    def __init__(self, drop_container: str | None = None) -> None:
        """`drop_container`: where every transfer's file has to be; None = anywhere."""
        self._drop_container = drop_container

    def encode(self, checkpoint: Checkpoint[Transfer]) -> bytes:
        """See `Codec.encode`."""
        return codec.encode(checkpoint)

    def decode(self, text: bytes, instance_id: str) -> Checkpoint[Transfer]:
        """See `Codec.decode`."""
        return codec.decode(text, instance_id, self._drop_container)

    def metadata(self, instance: Transfer) -> dict[str, str]:
        """See `Codec.metadata`."""
        return {"state": instance.state.value, **summary.pack(instance)}

    def hints(self, instance: Transfer) -> dict[str, str]:
        """See `Codec.hints`."""
        return outcome_index.hints(instance)


class CheckpointContainer(CheckpointBlobs[Transfer]):
    """The checkpoints of transfers."""

    def __init__(self, access: StorageAccess, container: str, drop_container: str | None = None) -> None:
        """`drop_container`: where every transfer's file has to be; None = anywhere."""
        codec_of = TransferCodec(drop_container)
        super().__init__(
            access, container, codec_of, lambda transfer: transfer.id, folder=TRANSFERS, unfinished=UNFINISHED
        )

    def load_summary(self, transfer_id: str) -> Transfer | None:
        """The transfer without its session and history, from one HEAD where its summary fitted; None: there is none.

        Raises:
            CheckpointUnreadable: as for `load`.
        """
        metadata = self.metadata(transfer_id)
        if metadata is None:
            return None
        transfer = summary.unpack(metadata, transfer_id)
        if transfer is not None:
            return transfer
        stored = self.load(transfer_id)
        return stored.checkpoint.instance if stored is not None else None
