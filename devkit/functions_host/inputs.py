"""What the host sends to a worker for each kind of trigger: the value, and the trigger metadata beside it.

The forms are those of the Functions host and its extensions, which `azure-functions-runtime` reads in the worker.
"""

from __future__ import annotations

import datetime as dt
import json
import urllib.parse
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from azure.storage.queue import QueueMessage

from devkit.functions_host import frames
from devkit.functions_host.frames import Datum


@dataclass(frozen=True)
class Input:
    """One invocation's input."""

    value: Datum
    metadata: dict[str, Datum]


def for_timer(*, past_due: bool, status: Mapping[str, Any]) -> Input:
    """A timer that is due. `status` holds the times of the last and the next run, as far as they are known."""
    content = {"Schedule": {"AdjustForDST": True}, "ScheduleStatus": dict(status), "IsPastDue": past_due}
    return Input({"type": "json", "value": json.dumps(content)}, {})


def for_message(text: str, message: QueueMessage | None = None) -> Input:
    """A queue message's decoded text with the queue's own facts; without `message` it comes from `/admin`."""
    values = {"QueueTrigger": text}
    if message is not None:
        values |= {
            "Id": str(message.id),
            "DequeueCount": str(message.dequeue_count),
            "PopReceipt": str(message.pop_receipt),
        }
        times = {
            "InsertionTime": message.inserted_on,
            "ExpirationTime": message.expires_on,
            "NextVisibleTime": message.next_visible_on,
        }
        values |= {name: moment.strftime("%Y-%m-%dT%H:%M:%SZ") for name, moment in times.items() if moment}
    return Input({"type": "string", "value": text}, _facts(values))


def for_blob(
    connection: str,
    container: str,
    name: str,
    *,
    parameters: Mapping[str, str],
    url: str = "",
    metadata: Mapping[str, str] | None = None,
    properties: Mapping[str, Any] | None = None,
) -> Input:
    """A blob for a parameter of an SDK type: where it is, not what is in it.

    `parameters` are those of the trigger's path; they and what the blob has beside it go into the trigger metadata.
    """
    content = {"Connection": connection, "ContainerName": container, "BlobName": name}
    reference = {
        "version": "1.0",
        "source": "AzureStorageBlobs",
        "content_type": "application/json",
        "content": json.dumps(content),
    }
    beside = {"Properties": dict(properties or {}), "Metadata": dict(metadata or {})}
    facts = {"BlobTrigger": f"{container}/{name}", "Uri": url, **beside, **parameters}
    return Input({"type": "model_binding_data", "value": reference}, _facts(facts))


def for_request(
    method: str, url: str, *, headers: Iterable[tuple[str, str]], parameters: Mapping[str, str], body: bytes
) -> Input:
    """An HTTP request. Repeated values are joined by a comma, query names ignoring case under their first spelling.

    Empty query values vanish (GrpcMessageConversion).
    """
    query = urllib.parse.parse_qsl(url.partition("?")[2], keep_blank_values=True)
    content = {
        "method": method,
        "url": url,
        "headers": _joined((name.lower(), value) for name, value in headers),
        "query": {name: value for name, value in _joined(query).items() if value},
        "params": dict(parameters),
        "body": {"type": "bytes", "value": frames.to_base64(body)},
    }
    return Input({"type": "http", "value": content}, {})


def for_direct_request(text: str) -> Input:
    """An HTTP function's input at `/admin/functions/X`: a JSON object with method, headers and body, or the body."""
    given: dict[str, Any] = json.loads(text) if text.strip().startswith("{") else {"body": text}
    body = given.get("body", "")
    content = (body if isinstance(body, str) else json.dumps(body)).encode()
    headers = [(str(each["name"]), str(each["value"])) for each in given.get("headers", [])]
    method = str(given.get("method", "POST")).upper()
    return for_request(method, "http://localhost/", headers=headers, parameters={}, body=content)


def _joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Repeated names joined ignoring case, as .NET's StringValues print."""
    values: dict[str, tuple[str, list[str]]] = {}
    for name, value in pairs:
        values.setdefault(name.lower(), (name, []))[1].append(value)
    return {name: ",".join(several) for name, several in values.values()}


def _facts(values: Mapping[str, Any]) -> dict[str, Datum]:
    """Trigger metadata as the host sends them: each a JSON value, and `sys` beside them."""
    told = {"UtcNow": dt.datetime.now(dt.UTC).isoformat(), "RandGuid": str(uuid.uuid4())}
    return {name: {"type": "json", "value": json.dumps(value)} for name, value in {**values, "sys": told}.items()}
