"""Where the sweep's walk through the drop container stands: one small blob beside the checkpoints."""

from __future__ import annotations

from functools import cache

from azure.core.exceptions import ResourceNotFoundError
from pydantic import TypeAdapter, ValidationError

from shared.core.sweep_cursor import SweepCursor
from shared.storage.access import StorageAccess, storage_errors

BLOB = "sweep.json"


class SweepCursorBlob:
    """Implements `SweepCursors`."""

    def __init__(self, access: StorageAccess, container: str) -> None:
        self._access = access
        self._container = container

    def load(self) -> SweepCursor | None:
        """See `SweepCursors.load`. One that cannot be read costs a pass from the beginning, nothing else."""
        with storage_errors("read the sweep's position"):
            try:
                text = self._access.blobs.get_blob_client(self._container, BLOB).download_blob().readall()
            except ResourceNotFoundError:
                return None
        try:
            return _adapter().validate_json(text)
        except ValidationError:
            return None

    def save(self, position: SweepCursor) -> None:
        """See `SweepCursors.save`. Without a container there is nothing to remember yet."""
        with storage_errors("save the sweep's position"):
            try:
                blob = self._access.blobs.get_blob_client(self._container, BLOB)
                blob.upload_blob(_adapter().dump_json(position), overwrite=True)
            except ResourceNotFoundError:
                return


@cache
def _adapter() -> TypeAdapter[SweepCursor]:
    return TypeAdapter(SweepCursor)
