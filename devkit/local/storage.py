"""The local stack's storage as tests look at it: blobs dropped, checkpoints read, queues looked into."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import BlobServiceClient, ContentSettings
from azure.storage.queue import QueueClient, QueueServiceClient, TextBase64DecodePolicy, TextBase64EncodePolicy

PEEKED = 32  # the most messages that one look shows


@dataclass(frozen=True)
class Dropped:
    """A file that was dropped: its name in the drop container, its ETag (with quotes) and its size in bytes."""

    name: str
    etag: str
    size: int


class LocalStorage:
    """Clients for one account, closed with it, and short ways to what tests ask for most."""

    def __init__(self, connection_string: str) -> None:
        """A proxy in the caller's environment is left alone: the account is on loopback."""
        self._clients = ExitStack()
        blobs = BlobServiceClient.from_connection_string(connection_string, use_env_settings=False)
        queues = QueueServiceClient.from_connection_string(connection_string, use_env_settings=False)
        self.blobs: BlobServiceClient = self._clients.enter_context(blobs)
        self.queues: QueueServiceClient = self._clients.enter_context(queues)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._clients.close()

    def write(
        self,
        container: str,
        name: str,
        data: bytes | Path,
        *,
        metadata: Mapping[str, str] | None = None,
        content_type: str | None = None,
    ) -> Dropped:
        """Write a blob, or write over it. `metadata` is written as it is given; a file is streamed."""
        blob = self.blobs.get_blob_client(container, name)
        settings = ContentSettings(content_type=content_type) if content_type else None
        arguments: dict[str, Any] = {"overwrite": True, "metadata": dict(metadata or {}), "content_settings": settings}
        if isinstance(data, Path):
            with data.open("rb") as file:
                written = blob.upload_blob(file, **arguments)
            return Dropped(name, str(written["etag"]), data.stat().st_size)
        written = blob.upload_blob(data, **arguments)
        return Dropped(name, str(written["etag"]), len(data))

    def json_blobs(self, container: str) -> dict[str, dict[str, Any]]:
        """Every JSON object in a container, by blob name; empty while there is no container."""
        client = self.blobs.get_container_client(container)
        found: dict[str, dict[str, Any]] = {}
        try:
            for blob in client.list_blobs():
                value = json_object(client.download_blob(blob.name).readall())
                if value is not None:
                    found[blob.name] = value
        except ResourceNotFoundError:  # the container, or a blob that went meanwhile
            return found
        return found

    def queue_lengths(self) -> dict[str, int]:
        """How many messages each queue holds, hidden ones included."""
        names = [str(queue.name) for queue in self.queues.list_queues()]
        counts = {name: self.queues.get_queue_client(name).get_queue_properties() for name in names}
        return {name: int(properties.approximate_message_count or 0) for name, properties in counts.items()}

    def peek(self, queue: str) -> list[str]:
        """The decoded texts of up to 32 visible messages of a queue; empty while there is no such queue."""
        try:
            messages = self.queue(queue).peek_messages(max_messages=PEEKED)
        except ResourceNotFoundError:
            return []
        return [str(message.content) for message in messages]

    def clear(self) -> None:
        """Delete every container and every queue."""
        for container in list(self.blobs.list_containers()):
            self.blobs.get_container_client(container.name).delete_container()
        for queue in list(self.queues.list_queues()):
            self.queues.delete_queue(queue.name)

    def queue(self, name: str) -> QueueClient:
        """A client for one queue, in the encoding that the host and the app use: base64."""
        return self.queues.get_queue_client(
            name, message_encode_policy=TextBase64EncodePolicy(), message_decode_policy=TextBase64DecodePolicy()
        )


def json_object(text: bytes) -> dict[str, Any] | None:
    """A JSON object, or None for anything else."""
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
