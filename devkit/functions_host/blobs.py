"""Blob triggers: the Event Grid webhook, the internal queue behind it, and what is done with its messages.

As in `Microsoft.Azure.WebJobs.Extensions.Storage.Blobs`: an event only puts a message on the queue
`azure-webjobs-blobtrigger-<hostid>` of the host's storage. Events are neither filtered by the trigger's path nor
checked against an ETag or each other. A message whose blob or function is gone is dropped.
"""

from __future__ import annotations

import base64
import ipaddress
import json
import re
import urllib.parse
from dataclasses import dataclass
from typing import Any

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import BlobProperties
from azure.storage.blob.aio import BlobServiceClient
from azure.storage.queue.aio import QueueClient

from devkit.functions_host import inputs, queues
from devkit.functions_host.faults import HostFaultError
from devkit.functions_host.workers import Workers, new_invocation

FUNCTION_ID_PREFIX = "Host.Functions."
POISON_QUEUE = "webjobs-blobtrigger-poison"
EVENT_GRID, POLLING = "EventGrid", "LogsAndContainerScan"
EVENT_TYPE_HEADER = "aeg-event-type"

_PARAMETER = re.compile(r"\{(\w+)\}")


class NoEventTypeError(ValueError):
    """A webhook request whose header does not say what it is; the Functions host answers 400."""


class BadEventError(ValueError):
    """A webhook request that is no event; the Functions host answers 500, and Event Grid goes on for a day."""


@dataclass(frozen=True)
class BlobFunction:
    """One blob-triggered function. `pattern` is what follows the container in its path."""

    name: str
    container: str
    pattern: str
    connection: str
    source: str
    blobs: BlobServiceClient
    poison: QueueClient

    @property
    def function_id(self) -> str:
        """Its name as events and messages carry it."""
        return FUNCTION_ID_PREFIX + self.name

    def parameters(self, name: str) -> dict[str, str] | None:
        """The pattern's parameters in a blob's name; None when it does not match."""
        parts = _PARAMETER.split(self.pattern)
        expression = "".join(f"(?P<{part}>.*)" if at % 2 else re.escape(part) for at, part in enumerate(parts))
        found = re.fullmatch(expression, name)
        return found.groupdict() if found else None

    def input(self, container: str, name: str, url: str = "", found: BlobProperties | None = None) -> inputs.Input:
        """What a worker is sent for one blob; a name that does not match the path leaves its parameters out."""
        parameters = self.parameters(name) or {}
        if found is None:
            return inputs.for_blob(self.connection, container, name, parameters=parameters, url=url)
        properties = {
            "ETag": found.etag,
            "ContentLength": found.size,
            "ContentType": found.content_settings.content_type,
            "LastModified": found.last_modified.isoformat(),
        }
        return inputs.for_blob(
            self.connection,
            container,
            name,
            parameters=parameters,
            url=url,
            metadata=found.metadata,
            properties=properties,
        )


@dataclass(frozen=True)
class BlobMessage:
    """A message of the internal queue; its JSON is the extension's own."""

    function_id: str | None  # None where the webhook's address named no function
    container: str
    name: str
    etag: str
    blob_type: str = "BlockBlob"

    def to_json(self) -> str:
        """As the extension writes it."""
        return json.dumps(
            {
                "Type": "BlobTrigger",
                "FunctionId": self.function_id,
                "BlobType": self.blob_type,
                "ContainerName": self.container,
                "BlobName": self.name,
                "ETag": self.etag,
            },
            indent=2,
            ensure_ascii=False,
        )

    @classmethod
    def from_json(cls, text: str) -> BlobMessage:
        """Read one back."""
        data = json.loads(text)
        return cls(data["FunctionId"], data["ContainerName"], data["BlobName"], data["ETag"], data["BlobType"])


class BlobTriggers:
    """The app's blob functions and their one internal queue."""

    def __init__(self, functions: list[BlobFunction], queue: QueueClient, workers: Workers, put: queues.Put) -> None:
        self.functions = {function.function_id: function for function in functions}
        self.queue = queue
        self._workers = workers
        self._put = put

    async def enqueue(self, message: BlobMessage) -> None:
        """Put one message on the internal queue."""
        await self._put(self.queue, queues.encoded(message.to_json()))

    async def webhook(self, event_type: str | None, function_id: str | None, body: bytes) -> str | None:
        """Take one request of Event Grid: the handshake's answer, or None when accepted.

        NoEventTypeError or BadEventError otherwise.
        """
        kind = (event_type or "").lower()
        if kind == "unsubscribe":
            return None
        if kind not in ("subscriptionvalidation", "notification"):
            raise NoEventTypeError(f"{EVENT_TYPE_HEADER} must be SubscriptionValidation, Notification or Unsubscribe")
        try:
            events = json.loads(body)
            listed: list[dict[str, Any]] = events if isinstance(events, list) else [events]
            if kind == "subscriptionvalidation":
                return str(listed[0]["data"]["validationCode"])
            messages = [message_of(event, function_id) for event in listed]
        except (ValueError, KeyError, TypeError, IndexError) as problem:
            raise BadEventError(f"not an Event Grid event: {type(problem).__name__}: {problem}") from problem
        for message in messages:
            await self.enqueue(message)
        return None

    async def run(self, taken: queues.Taken) -> None:
        """Run the function of one message with the blob as it is now; InvocationError when the function fails.

        HostFaultError for what is no message of the extension's, or names no function.
        """
        message = _read(taken.text)
        if message.function_id is None:
            raise HostFaultError("Invalid function ID: the webhook was called without functionName")
        function = self.functions.get(message.function_id or "")
        if function is None:
            return  # without a word, as there
        if out_of_reach(message.name):
            return
        blob = function.blobs.get_blob_client(message.container, message.name)
        try:
            properties = await blob.get_blob_properties()
        except ResourceNotFoundError:
            return  # without a word, as there
        if function.source == POLLING and properties.etag != message.etag:
            return  # a newer version has, or will have, a message of its own
        given = function.input(message.container, message.name, blob.url, properties)
        await self._workers.invoke(function.name, given, new_invocation(function.name, "blob", taken.dequeue_count))

    async def poison(self, content: str) -> None:
        """A message that was tried too often goes to the poison queue of the triggering blob's account, as it is."""
        message = _read(base64.b64decode(content).decode())
        function = self.functions.get(message.function_id or "")
        if function is not None:
            await self._put(function.poison, content)


def _read(text: str) -> BlobMessage:
    """A message of the internal queue; HostFaultError for anything else."""
    try:
        return BlobMessage.from_json(text)
    except (ValueError, KeyError, TypeError) as problem:
        raise HostFaultError(f"a message of the blob trigger's queue cannot be read: {problem}") from problem


def message_of(event: dict[str, Any], function_id: str | None) -> BlobMessage:
    """The message that one BlobCreated event becomes; KeyError or ValueError when it is none."""
    data = event["data"]
    container, name = split_url(str(data["url"]))
    return BlobMessage(function_id, container, name, f'"{data["eTag"]}"', str(data["blobType"]))


def split_url(url: str) -> tuple[str, str]:
    """Container and blob name of a blob's URL; the name is percent-decoded."""
    parts = urllib.parse.urlsplit(url)
    segments = parts.path.lstrip("/").split("/")
    if _is_address(parts.hostname or ""):
        segments = segments[1:]  # Azurite's form: the account is the first segment of the path
    container, name = segments[0] if segments else "", "/".join(segments[1:])
    if not container or not name:
        raise ValueError(f"not a blob's URL: {url}")
    return container, urllib.parse.unquote(name)


def out_of_reach(name: str) -> bool:
    """Whether the .NET client cannot name this blob: it trims slashes at both ends, and resolves `.` and `..`.

    It then asks for another blob, which is not there: the message is dropped.
    """
    segments = name.split("/")
    return not segments[0] or not segments[-1] or "." in segments or ".." in segments


def _is_address(host: str) -> bool:
    """Whether a host is an IP address or localhost: then the account is part of the path."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost"
    return True
