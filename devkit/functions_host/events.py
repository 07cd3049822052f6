"""Event Grid's part, played locally: BlobCreated events for blobs of the drop container.

Azurite raises no events. `blob_created` makes the envelope that Event Grid would send for a blob as it is now;
`AzureStub` sends one for every new version it sees in a container, for people who drop files with their own tools.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.storage.blob import BlobClient as SyncBlobClient
from azure.storage.blob import BlobProperties
from azure.storage.blob.aio import BlobClient

from devkit.functions_host.blobs import BlobFunction
from devkit.functions_host.workers import say

TOPIC = (
    "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/local"
    "/providers/Microsoft.Storage/storageAccounts/"
)
PUT_BLOB_LIMIT = 64 * 1024 * 1024  # above it the SDK writes blocks: the api field then says PutBlockList


async def blob_created(blob: BlobClient) -> dict[str, Any]:
    """The BlobCreated event of a blob as it is now, in the Event Grid schema; ResourceNotFoundError when it is gone."""
    return envelope(blob, await blob.get_blob_properties())


def envelope(blob: BlobClient | SyncBlobClient, properties: BlobProperties) -> dict[str, Any]:
    """One event as Event Grid writes it. `url` is percent-encoded, `subject` is not."""
    moment = dt.datetime.now(dt.UTC)
    return {
        "topic": TOPIC + str(blob.account_name),
        "subject": f"/blobServices/default/containers/{blob.container_name}/blobs/{blob.blob_name}",
        "eventType": "Microsoft.Storage.BlobCreated",
        "id": str(uuid.uuid4()),
        "data": {
            "api": "PutBlob" if properties.size <= PUT_BLOB_LIMIT else "PutBlockList",
            "clientRequestId": str(uuid.uuid4()),
            "requestId": str(uuid.uuid4()),
            "eTag": str(properties.etag).strip('"'),
            "contentType": properties.content_settings.content_type,
            "contentLength": properties.size,
            "blobType": "BlockBlob",
            "accessTier": "Default",
            "url": blob.url,
            "sequencer": f"{int(moment.timestamp() * 1000):048x}",
            "storageDiagnostics": {"batchId": str(uuid.uuid4())},
        },
        "dataVersion": "",
        "metadataVersion": "1",
        "eventTime": moment.isoformat().replace("+00:00", "Z"),
    }


Version = tuple[dt.datetime | None, int, bytes | None]
"""What every write of a blob's content changes, and no other write: the time of its creation, its length and MD5."""


class AzureStub:
    """Looks at the container of one function and sends an event for every version that it has not seen.

    What its first look finds is not news, as for a new event subscription. A change of metadata alone is none either:
    no event tells of Set Blob Metadata (Blob Storage as an Event Grid source). It gives the blob another ETag, and
    leaves its content and the time of its creation, which every write of content sets anew.
    """

    def __init__(self, function: BlobFunction, send: Callable[[str, dict[str, Any]], Awaitable[None]]) -> None:
        self._function = function
        self._send = send
        self._seen: dict[str, Version] | None = None

    async def watch(self, seconds: float) -> None:
        """Look every `seconds`, for ever."""
        while True:
            await asyncio.sleep(seconds)
            await self.look()

    async def look(self) -> None:
        """One look; a container that is not there yet is an empty one."""
        container = self._function.blobs.get_container_client(self._function.container)
        current: dict[str, BlobProperties] = {}
        try:
            current = {item.name: item async for item in container.list_blobs()}
        except ResourceNotFoundError:
            pass
        except AzureError as problem:
            say(f"event stand-in: {type(problem).__name__}; it looks again")
            return
        before, self._seen = self._seen, {name: _version(item) for name, item in current.items()}
        if before is None:
            return
        for name, item in current.items():
            if before.get(name) != _version(item):
                await self._send(self._function.function_id, envelope(container.get_blob_client(name), item))


def _version(item: BlobProperties) -> Version:
    md5 = item.content_settings.content_md5
    return item.creation_time, int(item.size), bytes(md5) if md5 is not None else None
