"""The description of the commands for many transfers."""

from __future__ import annotations

from devkit.api_description.pieces import EXAMPLE_ID, Json, content, header, link, refs
from shared.api.http import JSON
from shared.core.identifiers import TRANSFER_ID
from shared.storage.operations import MOST_ROWS


def retry_many() -> Json:
    """POST /transfers/retry."""
    summary = "Try many failed or cancelled transfers again"
    said = (
        "Without a state the filter means `failed`: what was acknowledged, or cancelled, is tried again only if asked."
    )
    return _many("retryTransfers", summary, said, {"code": "ACCESS_DENIED", "since": "2026-03-02"})


def cancel_many() -> Json:
    """POST /transfers/cancel."""
    said = "Without a state the filter means whatever is not over."
    return _many("cancelTransfers", "Cancel many transfers", said, {"blob": "invoices/2026-03/"})


def read() -> Json:
    """GET /operations/{id}."""
    schema = {"type": "string", "pattern": TRANSFER_ID, "examples": [EXAMPLE_ID]}
    parameter = {"name": "id", "in": "path", "required": True, "description": "The operation's id.", "schema": schema}
    headers = {"Retry-After": header("integer", "Seconds after which to look again; absent once it is finished.")}
    answer = {"description": "The report.", "headers": headers, "content": content("Operation", JSON)}
    return {
        "operationId": "readOperation",
        "tags": ["transfers"],
        "summary": "Read the report of a command for many transfers",
        "parameters": [parameter],
        "responses": {"200": answer, **refs("401", "404", "503")},
    }


def _many(name: str, summary: str, said: str, example: dict[str, str]) -> Json:
    body = content("RetryManyGiven" if name == "retryTransfers" else "CancelManyGiven", JSON)
    body[JSON]["examples"] = {
        "byFilter": {"summary": "Whatever matches.", "value": {"filter": example, "limit": 100}},
        "byName": {"summary": "These ones.", "value": {"transfers": [EXAMPLE_ID]}},
    }
    headers = {
        "Location": header("string", "Where to read the report."),
        "Retry-After": header("integer", "Seconds after which to look."),
    }
    links = {"report": link("readOperation")}
    accepted = {
        "description": "The report, before anything was done.",
        "headers": headers,
        "content": content("Operation", JSON),
        "links": links,
    }
    return {
        "operationId": name,
        "tags": ["transfers"],
        "summary": summary,
        "description": f"At most `limit` of those that the filter matches, up to {MOST_ROWS}, or the named ones; "
        f"in the background: the report has a result for each. It goes on whatever dies meanwhile. {said}",
        "requestBody": {"required": True, "content": body},
        "responses": {"202": accepted, **refs("400", "401", "413", "503")},
    }
