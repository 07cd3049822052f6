"""Looks at the data account, for the app's health: what is there, and whether the app may see it and write to it."""

from __future__ import annotations

from azure.core.exceptions import ResourceNotFoundError

from shared.core.errors import Code
from shared.core.sweep_cursor import Kind, SweepCursor, Trouble
from shared.storage.access import StorageAccess, storage_errors
from shared.storage.ports import StorageRefused, StorageUnavailable

PROBE = "health"
"""The blob that a look overwrites, beside the checkpoints: a policy, a lease or a missing role lets nobody do that."""

MOST_NAMED = 5
"""Troubles of the sweep that are told one by one."""

_FOR_A_PERSON = frozenset(
    {
        Code.STORAGE_DISABLED,
        Code.STORAGE_IMMUTABLE,
        Code.STORAGE_LEASED,
        Code.STORAGE_ARCHIVED,
        Code.STORAGE_ENCRYPTED,
        Code.STORAGE_REFUSED,
    }
)


def container(access: StorageAccess, name: str) -> str:
    """What to say of the drop container. Raises StorageUnavailable or StorageRefused where the app cannot read it."""
    with storage_errors(f"look at the container {name!r}"):
        try:
            access.blobs.get_container_client(name).get_container_properties()
        except ResourceNotFoundError:
            raise StorageUnavailable(f"the container {name!r} does not exist") from None
    return f"the container {name!r} answers"


def checkpoints(access: StorageAccess, name: str) -> str:
    """What to say of the checkpoint container, which is made when it is missing. Raises as `container`.

    Every checkpoint is overwritten again and again, so reading is not enough: one small blob is overwritten here too.
    """
    client = access.blobs.get_container_client(name)
    with storage_errors(f"look at the container {name!r}"):
        try:
            properties = client.get_container_properties()
        except ResourceNotFoundError:
            return f"the container {name!r} is made with the first transfer"
    if properties.has_immutability_policy or properties.has_legal_hold:
        detail = f"the container {name!r} has an immutability policy or a legal hold: no checkpoint can be overwritten"
        raise StorageRefused(Code.STORAGE_IMMUTABLE, detail)
    with storage_errors(f"overwrite a blob in the container {name!r}"):
        client.get_blob_client(PROBE).upload_blob(b"", overwrite=True)
    return f"the container {name!r} takes writes"


def queue(access: StorageAccess, name: str) -> str:
    """What to say of a queue, which is made when it is missing. Raises StorageUnavailable or StorageRefused."""
    with storage_errors(f"look at the queue {name!r}"):
        try:
            count = access.queue(name).get_queue_properties().approximate_message_count
        except ResourceNotFoundError:
            return f"the queue {name!r} is made with the first message"
    return f"about {count} messages in {name!r}"


def sweep(position: SweepCursor | None) -> str:
    """What the sweep could not handle. Raises StorageRefused where storage refuses a transfer's checkpoint.

    A file or transfer of which something else is wrong is only named: everything else goes on without it.
    """
    troubles = position.troubles if position is not None else ()
    if not troubles:
        return "nothing is in the sweep's way"
    told = "; ".join(_told(trouble) for trouble in troubles[:MOST_NAMED])
    more = f"; and {len(troubles) - MOST_NAMED} more" if len(troubles) > MOST_NAMED else ""
    refused = next((one for one in troubles if one.kind is not Kind.FILE and one.code in _FOR_A_PERSON), None)
    if refused is not None:
        raise StorageRefused(Code(refused.code), told + more)
    return told + more


def _told(trouble: Trouble) -> str:
    return (
        f"{trouble.kind.value} {trouble.key!r} cannot be handled ({trouble.code}: {trouble.detail}), "
        f"tried {trouble.tries} times since {trouble.since:%Y-%m-%d %H:%M} UTC"
    )
