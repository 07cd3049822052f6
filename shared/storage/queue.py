"""The queues the app writes to: continuations of transfers, and notices of their outcomes.

azure-storage-queue rather than the output binding: a binding has neither delay nor time to live, and sends only after
the function returned, so a killed function sends nothing.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from math import ceil
from typing import TYPE_CHECKING, Any, TypeGuard

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError

from shared.core.identifiers import TransferId, parse_transfer_id
from shared.engine.continuation import TRANSFER, Continuation
from shared.storage.access import StorageAccess, storage_errors
from shared.storage.ports import Receipt

if TYPE_CHECKING:
    from azure.storage.queue import QueueClient

LONGEST_DELAY = 7 * 24 * 3600 - 60
"""Seconds: the service's limit is 7 days."""

_HALF_PAIR = re.compile("[\ud800-\udfff]")
_BLANKS = re.compile(rb"[\t\n\r ]+")
_BYTE_ORDER_MARK = "\ufeff"

KINDS = (TRANSFER,)
"""The processes that a message can name, each by a key of its own: `transferId`. Their ids have one form."""

FOREVER = -1
"""Time to live: a continuation must not lapse while an instance is down."""


class Messages:
    """One queue, made when it is missing."""

    def __init__(self, access: StorageAccess, name: str) -> None:
        self._access = access
        self._name = name

    def put(self, text: str, delay: float = 0) -> Receipt:
        """One message, visible in `delay` seconds, rounded up to whole ones: early is too early."""
        seconds = max(0, min(ceil(delay), LONGEST_DELAY))
        with storage_errors(f"put a message on {self._name!r}"):
            try:
                sent = self._queue.send_message(text, visibility_timeout=seconds, time_to_live=FOREVER)
            except ResourceNotFoundError:
                self._make()
                sent = self._queue.send_message(text, visibility_timeout=seconds, time_to_live=FOREVER)
        return Receipt(str(sent.id), str(sent.pop_receipt))

    def delete(self, receipt: Receipt) -> None:
        """Delete a message that nobody has received since; harmless where somebody has (404: MessageNotFound)."""
        with storage_errors(f"take a message back from {self._name!r}"):
            try:
                self._queue.delete_message(receipt.message_id, receipt.pop_receipt)
            except ResourceNotFoundError:
                return

    @cached_property
    def _queue(self) -> QueueClient:
        return self._access.queue(self._name)

    def _make(self) -> None:
        try:
            self._queue.create_queue()
        except ResourceExistsError:
            return


class Continuations:
    """Implements `TransferQueue`."""

    def __init__(self, messages: Messages) -> None:
        self._messages = messages

    def send(self, transfer_id: str, delay: float) -> None:
        """See `TransferQueue.send`."""
        self.ask(Continuation(transfer_id), delay)

    def ask(self, continuation: Continuation, delay: float) -> Receipt:
        """See `TransferQueue.ask`."""
        return self._messages.put(_text_of(continuation), delay)

    def take_back(self, receipt: Receipt) -> None:
        """See `TransferQueue.take_back`."""
        self._messages.delete(receipt)


def _text_of(continuation: Continuation) -> str:
    """The message's text: only what there is to say."""
    facts = {
        f"{continuation.kind}Id": continuation.instance_id,
        "blob": continuation.blob,
        "run": continuation.run,
        "guards": continuation.guards or None,
        "tries": continuation.tries or None,
        "poisoned": continuation.poisoned or None,
        "poisonedSince": _epoch(continuation.since),
        "awaited": _epoch(continuation.awaited),
    }
    return json.dumps({name: fact for name, fact in facts.items() if fact is not None})


def continuation_in(text: str) -> Continuation | None:
    """What a message asks for; None where it is not one of ours. A history that makes no sense is left out."""
    message = _object(text)
    kinds = [kind for kind in KINDS if f"{kind}Id" in message]
    blob, run = message.get("blob"), message.get("run")
    if len(kinds) > 1 or not (kinds or (_is_text(blob) and blob)):
        return None
    kind = kinds[0] if kinds else TRANSFER
    instance_id = parse_transfer_id(message.get(f"{kind}Id"))
    if kinds and instance_id is None:
        return None
    return Continuation(
        instance_id=instance_id,
        blob=blob if instance_id is None else None,
        kind=kind,
        run=run if _is_text(run) else None,
        guards=message.get("guards") is True and _is_text(run),
        tries=_count(message.get("tries")),
        poisoned=_count(message.get("poisoned")),
        since=_instant(message.get("poisonedSince")),
        awaited=_instant(message.get("awaited")),
    )


def _epoch(at: datetime | None) -> int | None:
    return int(at.timestamp()) if at is not None else None


def _instant(epoch: object) -> datetime | None:
    return datetime.fromtimestamp(epoch, UTC) if _is_count(epoch) else None


MOST_COUNTED = 1 << 32
"""Counts, and epoch seconds (until 2106), that a message may hold."""


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MOST_COUNTED


def _count(value: object) -> int:
    return value if _is_count(value) else 0


def message_text(raw: bytes) -> str:
    """The text of a message as a trigger hands it over: plain, or base64 of UTF-8, whichever it is. Never raises.

    With `messageEncoding: none` (host.json) the host hands over whatever lies in the queue. This app and the blob
    trigger write base64, as earlier deployments expect it; people and other programs write plain text, which no
    function would ever see otherwise: the host moves it to the poison queue and leaves it there. A message of ours is a
    JSON object, and no JSON object is base64. A byte order mark is left out.
    """
    try:
        decoded = base64.b64decode(_BLANKS.sub(b"", raw), validate=True).decode("utf-8")
    except ValueError:  # neither base64, nor UTF-8 inside it
        decoded = raw.decode("utf-8", errors="replace")
    return decoded.removeprefix(_BYTE_ORDER_MARK)


def transfer_in(text: str) -> TransferId | None:
    """The transfer that a continuation names; None where the message is not one of ours."""
    return parse_transfer_id(_object(text).get("transferId"))


class OperationMessages:
    """Messages on the same queue that ask for a worker of an operation on many transfers."""

    def __init__(self, messages: Messages) -> None:
        self._messages = messages

    def ask(self, operation_id: str, delay: float, poisoned: int = 0) -> None:
        """Ask for one in `delay` seconds; `poisoned` is how often the host has given up on it."""
        facts = {"operation": operation_id, **({"poisoned": poisoned} if poisoned else {})}
        self._messages.put(json.dumps(facts), delay)


@dataclass(frozen=True, slots=True)
class AskedOperation:
    """An operation that a message asks a worker for, and how often the host has given up on that."""

    id: str
    poisoned: int


def operation_in(text: str) -> AskedOperation | None:
    """The operation that a message asks a worker for; None where it is no such message."""
    message = _object(text)
    operation_id = parse_transfer_id(message.get("operation"))
    return AskedOperation(operation_id, _count(message.get("poisoned"))) if operation_id is not None else None


class AwaitedFiles:
    """Implements `FileLooks`: messages on the same queue that name a file instead of a transfer."""

    def __init__(self, messages: Messages) -> None:
        self._messages = messages

    def send(self, blob: str, since: datetime, delay: float) -> None:
        """See `FileLooks.send`."""
        self._messages.put(json.dumps({"blob": blob, "since": since.astimezone(UTC).isoformat()}), delay)


@dataclass(frozen=True, slots=True)
class AwaitedFile:
    """A file of the drop container that is to be looked at again, and since when it is waited for (UTC)."""

    blob: str
    since: datetime


def awaited_in(text: str) -> AwaitedFile | None:
    """The file that a message asks to look at; None where it is no such message."""
    message = _object(text)
    blob, since = message.get("blob"), message.get("since")
    if set(message) != {"blob", "since"} or not _is_text(blob) or not _is_text(since) or not blob:
        return None
    try:
        at = datetime.fromisoformat(since)
        return AwaitedFile(blob, at.astimezone(UTC)) if at.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


@dataclass(frozen=True, slots=True)
class PoisonedDrop:
    """The blob trigger's own message about one version of a blob, which the host gave up on. `etag` has its quotes."""

    function: str
    container: str
    blob: str
    etag: str


def drop_in(text: str) -> PoisonedDrop | None:
    """What a message on the blob trigger's poison queue is about; None where it is none of the extension's messages.

    Its form is `BlobTriggerMessage.cs` of the WebJobs storage extension; the function is `Host.Functions.<name>`.
    """
    message = _object(text)
    function, container, blob, etag = (
        message.get(name) for name in ("FunctionId", "ContainerName", "BlobName", "ETag")
    )
    if not (_is_text(function) and _is_text(container) and _is_text(blob)):
        return None
    return PoisonedDrop(function.rpartition(".")[2], container, blob, etag if _is_text(etag) else "")


def _is_text(value: object) -> TypeGuard[str]:
    """True for a string without halves of surrogate pairs, which JSON can hold and no name in storage can."""
    return isinstance(value, str) and _HALF_PAIR.search(value) is None


def _object(text: str) -> dict[str, Any]:
    """The JSON object that the text is; empty for anything else."""
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return parsed if isinstance(parsed, dict) else {}
