"""Polling mode (`LogsAndContainerScan`): a scan of the container, with one receipt for each version of each blob.

Azurite has no `$logs`, so that the scan is all there is. The receipts are blobs in `azure-webjobs-hosts` of the host's
storage, where the Functions host keeps its own: hosts that share the storage hand each version out once between them.
"""

from __future__ import annotations

import asyncio
import contextlib

from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError
from azure.storage.blob.aio import BlobServiceClient, ContainerClient

from devkit.functions_host.blobs import BlobFunction, BlobMessage, BlobTriggers
from devkit.functions_host.workers import say

HOSTS_CONTAINER = "azure-webjobs-hosts"
COMPLETED = "Completed"  # the receipt's metadata key, as the Functions host writes it
LEASE_SECONDS = 15  # the shortest that storage grants


class ContainerScan:
    """Finds the new versions in the container of one function."""

    def __init__(self, function: BlobFunction, triggers: BlobTriggers, storage: BlobServiceClient, host: str) -> None:
        self._function = function
        self._triggers = triggers
        self._receipts = storage.get_container_client(HOSTS_CONTAINER)
        self._prefix = f"blobreceipts/{host}/{function.function_id}/"
        self._known: set[tuple[str, str]] = set()  # spares storage a question; the truth is the receipts

    async def watch(self, seconds: float) -> None:
        """Scan every `seconds`, for ever."""
        await make_container(self._receipts)
        while True:
            try:
                await self.scan()
            except AzureError as problem:
                say(f"container scan: {type(problem).__name__}: {problem}")
            await asyncio.sleep(seconds)

    async def scan(self) -> None:
        """One pass: a message for every version that has no completed receipt."""
        container = self._function.blobs.get_container_client(self._function.container)
        try:
            found = [(item.name, str(item.etag)) async for item in container.list_blobs()]
        except ResourceNotFoundError:
            return
        for name, etag in found:
            if (name, etag) not in self._known and self._function.parameters(name) is not None:
                await self._hand_out(name, _quoted(etag))
                self._known.add((name, etag))

    async def _hand_out(self, name: str, etag: str) -> None:
        """Under the receipt's lease: put the message on the queue, then complete the receipt.

        A host that dies between the two makes a duplicate, never a loss.
        """
        receipt = self._receipts.get_blob_client(f"{self._prefix}{etag}/{self._function.container}/{name}")
        with contextlib.suppress(ResourceExistsError):
            await receipt.upload_blob(b"", overwrite=False)
        try:
            lease = await receipt.acquire_lease(LEASE_SECONDS)
        except ResourceExistsError:
            return  # another host is handing it out at this moment
        try:
            properties = await receipt.get_blob_properties(lease=lease)
            if COMPLETED not in properties.metadata:
                function = self._function
                await self._triggers.enqueue(BlobMessage(function.function_id, function.container, name, etag))
                await receipt.set_blob_metadata({COMPLETED: "true"}, lease=lease)
        finally:
            await lease.release()


async def make_container(container: ContainerClient) -> None:
    """Make the container unless it is there."""
    with contextlib.suppress(ResourceExistsError):
        await container.create_container()


def _quoted(etag: str) -> str:
    """Listings give ETags without the quotes that headers have."""
    return etag if etag.startswith('"') else f'"{etag}"'
