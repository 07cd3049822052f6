"""Looks at the data account, for the app's health: what is there, and whether the app may see it."""

from __future__ import annotations

from azure.core.exceptions import ResourceNotFoundError

from shared.storage.access import StorageAccess, storage_errors
from shared.storage.ports import StorageUnavailable


def container(access: StorageAccess, name: str, *, must_exist: bool) -> str:
    """What to say of a container. Raises StorageUnavailable where the app cannot work with it."""
    with storage_errors(f"look at the container {name!r}"):
        try:
            access.blobs.get_container_client(name).get_container_properties()
        except ResourceNotFoundError:
            if must_exist:
                raise StorageUnavailable(f"the container {name!r} does not exist") from None
            return f"the container {name!r} is made with the first transfer"
    return f"the container {name!r} answers"


def queue(access: StorageAccess, name: str) -> str:
    """What to say of a queue, which is made when it is missing. Raises StorageUnavailable."""
    with storage_errors(f"look at the queue {name!r}"):
        try:
            count = access.queue(name).get_queue_properties().approximate_message_count
        except ResourceNotFoundError:
            return f"the queue {name!r} is made with the first message"
    return f"about {count} messages in {name!r}"
