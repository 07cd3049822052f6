"""A transfer as people and other systems see it: the one JSON form of the HTTP API, the page and the notices.

It holds no secret: an upload session's URL is not part of it, and no token ever was.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from shared.core.errors import CATALOGUE
from shared.core.model import Acknowledgement, Attachment, Failure, Source, State, Target, Transfer, WaitingFor
from shared.core.planning import may_be_retried
from shared.core.public_state import public_state
from shared.core.waits import current

ROUTE_PREFIX = "api"
"""What the Functions host puts before every route unless host.json says otherwise (`extensions.http.routePrefix`)."""


def view(transfer: Transfer, now: datetime, prefix: str = ROUTE_PREFIX) -> dict[str, Any]:
    """The transfer as JSON-ready values. Sizes are bytes, times RFC 3339 in UTC; only confirmed bytes count.

    `prefix` is what the host puts before every route, without slashes around it; it may be empty.
    """
    plan = transfer.plan
    return {
        "id": transfer.id,
        "state": public_state(transfer, now).value,
        "source": _source(plan.source),
        "target": _target(plan.target),
        "attachment": _attachment(plan.attachment, transfer.attachment_id),
        "progress": {
            "bytesConfirmed": transfer.bytes_confirmed,
            "bytesTotal": plan.source.size,
            "percent": _percent(transfer),
        },
        "attempts": transfer.runs,
        "sessions": transfer.sessions,
        "nextAttemptAt": None if transfer.is_over else instant(transfer.not_before),
        "waitingFor": _waiting(current(transfer, now)),
        "createdAt": instant(plan.created_at),
        "updatedAt": instant(transfer.updated_at),
        "finishedAt": instant(transfer.finished_at),
        "error": _error(transfer.failure),
        "metadata": dict(plan.given) or None,
        "acknowledged": _acknowledged(transfer.acknowledged),
        "links": _links(transfer, prefix),
    }


def under(prefix: str) -> str:
    """The beginning of every path below a route prefix, without a slash at its end."""
    return f"/{prefix}" if prefix else ""


def instant(at: datetime | None) -> str | None:
    """RFC 3339 in UTC with milliseconds; None stays None."""
    if at is None:
        return None
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _source(source: Source) -> dict[str, Any]:
    return {
        "container": source.container,
        "blob": source.blob,
        "etag": source.etag,
        "size": source.size,
        "modifiedAt": instant(source.modified_at),
    }


def _target(target: Target | None) -> dict[str, Any] | None:
    return None if target is None else {"mailbox": target.mailbox, target.key.value: target.value}


def _attachment(attachment: Attachment | None, attachment_id: str | None) -> dict[str, Any] | None:
    if attachment is None:
        return None
    return {
        "name": attachment.name,
        "contentType": attachment.content_type,
        "isInline": attachment.is_inline,
        "contentId": attachment.content_id,
        "id": attachment_id,
    }


def _percent(transfer: Transfer) -> float:
    """One decimal, rounded down: 100.0 means all of it."""
    size = transfer.plan.source.size
    return int(1000 * transfer.bytes_confirmed / size) / 10 if size else 0.0


def _waiting(waiting: WaitingFor | None) -> dict[str, Any] | None:
    if waiting is None:
        return None
    entry = CATALOGUE[waiting.code]
    return {
        "code": waiting.code.value,
        "title": entry.waiting or entry.title,
        "since": instant(waiting.since),
        "until": instant(waiting.until),
    }


def _error(failure: Failure | None) -> dict[str, Any] | None:
    if failure is None:
        return None
    entry, graph = CATALOGUE[failure.code], failure.graph
    return {
        "code": failure.code.value,
        "title": entry.title,
        "detail": failure.detail,
        "remedy": entry.remedy,
        "graph": {"status": graph.status, "code": graph.code, "requestId": graph.request_id} if graph else None,
    }


def _acknowledged(acknowledged: Acknowledgement | None) -> dict[str, Any] | None:
    if acknowledged is None:
        return None
    return {
        "at": instant(acknowledged.at),
        "note": acknowledged.note,
        "by": acknowledged.by,
        "successor": acknowledged.successor,
    }


def _links(transfer: Transfer, prefix: str) -> dict[str, str]:
    transfers = f"{under(prefix)}/transfers"
    me = f"{transfers}/{transfer.id}"
    links = {"self": me}
    if may_be_retried(transfer):
        links["retry"] = f"{me}/retry"
    if not transfer.is_over:
        links["cancel"] = me
    if transfer.state is State.FAILED and transfer.acknowledged is None:
        links["acknowledge"] = f"{me}/acknowledge"
    if transfer.acknowledged is not None and transfer.acknowledged.successor is not None:
        links["successor"] = f"{transfers}/{transfer.acknowledged.successor}"
    return links
