"""The description of the API (OpenAPI 3.1), made from the types that check its bodies.

`dev.py docs` writes it to `shared/api/openapi.json`, which the app serves.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any, Literal

from pydantic import TypeAdapter

from devkit.api_description import operations, shown
from devkit.api_description.pieces import (
    CONTINUATION,
    MAILBOX,
    REF,
    Json,
    accepted,
    content,
    filter_parameters,
    header,
    link,
    problems,
    query,
    refs,
    transfer_id,
)
from shared.api import models
from shared.api.http import JSON
from shared.core.public_state import PublicState
from shared.storage.places import IN_DOUBT, LARGEST_PAGE
from shared.views import ROUTE_PREFIX, under

VERSION = "1.0.0"

_STATES = [state.value for state in PublicState]


@cache
def description() -> Json:
    """The whole description. Always the same object: read it only."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Outlook Attachment Drop",
            "version": VERSION,
            "summary": "Files from a blob container, attached to Outlook messages and events.",
            "description": "Start a transfer, watch it, list transfers, cancel one or have it tried again. A transfer "
            "that was accepted ends attached, failed with a code and a remedy, or cancelled. Fields are added, never "
            "renamed; codes are stable.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": under(ROUTE_PREFIX), "description": "This function app."}],
        "security": [{"functionKey": []}, {"functionKeyInQuery": []}],
        "tags": [
            {"name": "transfers", "description": "Files on their way."},
            {"name": "service", "description": "The app itself."},
        ],
        "paths": {
            "/transfers": {"post": _start(), "get": _list()},
            "/transfers/{id}": {"get": _read(), "delete": _cancel()},
            "/transfers/{id}/retry": {"post": _retry()},
            "/transfers/{id}/acknowledge": {"post": _acknowledge()},
            "/transfers/retry": {"post": operations.retry_many()},
            "/transfers/cancel": {"post": operations.cancel_many()},
            "/operations/{id}": {"get": operations.read()},
            "/health": {"get": _health()},
            "/health/details": {"get": _health_details()},
            "/openapi.json": {"get": _description()},
            "/ui": {"get": _page()},
        },
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {
                "functionKey": {"type": "apiKey", "in": "header", "name": "x-functions-key"},
                "functionKeyInQuery": {"type": "apiKey", "in": "query", "name": "code"},
            },
            "parameters": {"id": transfer_id()},
            "responses": problems(),
        },
    }


def _schemas() -> Json:
    kinds = {
        "AcknowledgementGiven": models.AcknowledgementGiven,
        "CancelManyGiven": models.CancelManyGiven,
        "RetryManyGiven": models.RetryManyGiven,
        "OperationShown": shown.OperationShown,
        "StartGiven": models.StartGiven,
        "TransferShown": shown.TransferShown,
        "TransfersShown": shown.TransfersShown,
        "ProblemShown": shown.ProblemShown,
        "HealthShown": shown.HealthShown,
    }
    adapters: list[tuple[str, Literal["validation"], TypeAdapter[Any]]] = [
        (name, "validation", TypeAdapter(kind)) for name, kind in kinds.items()
    ]
    schemas: Json = TypeAdapter.json_schemas(adapters, ref_template=REF)[1]["$defs"]
    return {name.removesuffix("Shown"): _tidied(schema) for name, schema in sorted(schemas.items())}


def _tidied(value: Any) -> Any:
    """References to `XShown` as references to `X`, and no titles: they only repeat the names."""
    if isinstance(value, dict):
        kept = {key: inner for key, inner in value.items() if not (key == "title" and isinstance(inner, str))}
        return {key: inner.removesuffix("Shown") if key == "$ref" else _tidied(inner) for key, inner in kept.items()}
    return [_tidied(inner) for inner in value] if isinstance(value, list) else value


# --- operations -------------------------------------------------------------------------------------------------------


def _start() -> Json:
    body = content("StartGiven", JSON)
    body[JSON]["examples"] = {
        "byMetadata": {"summary": "The file's metadata says where to.", "value": {"blob": "reports/march.pdf"}},
        "byBody": {
            "summary": "The request says where to.",
            "value": {
                "blob": "reports/march.pdf",
                "target": {"mailbox": "ada@example.org", "messageId": "AAMkAGI2THVSAAA="},
                "attachment": {"name": "March.pdf", "contentType": "application/pdf"},
            },
        },
    }
    return {
        "operationId": "startTransfer",
        "tags": ["transfers"],
        "summary": "Attach a file of the drop container",
        "description": "Answers as soon as the transfer is durable. The same file version, target and name again is "
        "the same transfer, whatever has become of it.",
        "requestBody": {"required": True, "content": body},
        "responses": {
            "202": accepted("The transfer."),
            **refs("400", "401", "403", "404", "409", "413", "422", "503"),
        },
    }


def _list() -> Json:
    links = {
        "read": link("readTransfer", "$response.body#/transfers/0/id"),
        "next": {
            "operationId": "listTransfers",
            "parameters": {"query.continuation": "$response.body#/continuation"},
            "description": "The next page; the other parameters stay as they were.",
        },
    }
    answer = {"description": "One page, newest file first.", "content": content("Transfers", JSON), "links": links}
    return {
        "operationId": "listTransfers",
        "tags": ["transfers"],
        "summary": "List transfers",
        "description": "A page may hold fewer transfers than asked for, even none, and still have a continuation.",
        "parameters": [
            *filter_parameters(),
            query(
                "limit",
                {"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE, "default": models.DEFAULT_PAGE},
                "Transfers a page.",
            ),
            query("continuation", CONTINUATION, "From an earlier page of the same listing."),
        ],
        "responses": {"200": answer, **refs("400", "401", "414", "503")},
    }


def _read() -> Json:
    links = {"retry": link("retryTransfer"), "cancel": link("cancelTransfer")}
    headers = {"Retry-After": header("integer", "Seconds after which to look again; absent once it is over.")}
    answer = {"description": "The transfer.", "headers": headers, "content": content("Transfer", JSON), "links": links}
    return {
        "operationId": "readTransfer",
        "tags": ["transfers"],
        "summary": "Read one transfer",
        "parameters": [{"$ref": "#/components/parameters/id"}],
        "responses": {"200": answer, **refs("401", "404", "503")},
    }


def _retry() -> Json:
    return {
        "operationId": "retryTransfer",
        "tags": ["transfers"],
        "summary": "Try a failed or cancelled transfer again",
        "description": "From what is durable: where the file may be attached already, the item is looked at first. "
        "Where the file has other metadata, or other content, by now, they are read anew: the answer is the transfer "
        "of that version, whose `supersedes` names this one.",
        "parameters": [{"$ref": "#/components/parameters/id"}],
        "responses": {"202": accepted("The transfer, queued anew."), **refs("401", "403", "404", "409", "503")},
    }


def _acknowledge() -> Json:
    answer = {"description": "The transfer, as it is listed now.", "content": content("Transfer", JSON)}
    body = content("AcknowledgementGiven", JSON)
    body[JSON]["examples"] = {"byHand": {"summary": "It was done by hand.", "value": {"note": "Sent by hand."}}}
    return {
        "operationId": "acknowledgeTransfer",
        "tags": ["transfers"],
        "summary": "Say that a failure was dealt with otherwise",
        "description": "It leaves the lists of failed transfers, and stays in the history, with the note.",
        "parameters": [{"$ref": "#/components/parameters/id"}],
        "requestBody": {"required": True, "content": body},
        "responses": {"200": answer, **refs("400", "401", "404", "409", "413", "503")},
    }


def _cancel() -> Json:
    return {
        "operationId": "cancelTransfer",
        "tags": ["transfers"],
        "summary": "Cancel a transfer",
        "description": "The wish is durable at once. The upload session is deleted and the item looked at; a commit "
        "that won the race makes the transfer attached, not cancelled.",
        "parameters": [{"$ref": "#/components/parameters/id"}],
        "responses": {
            "202": accepted("The transfer, still on its way to its end."),
            **refs("401", "404", "409", "503"),
        },
    }


def _health() -> Json:
    return {
        "operationId": "readHealth",
        "tags": ["service"],
        "summary": "Can the app work?",
        "description": "One word, for anybody. A look counts for ten seconds.",
        "security": [{}],
        "responses": {
            "200": {"description": "It can.", "content": content("Health", JSON)},
            "503": {"description": "It cannot.", "content": content("Health", JSON)},
        },
    }


def _health_details() -> Json:
    return {
        "operationId": "readHealthDetails",
        "tags": ["service"],
        "summary": "Why can the app not work?",
        "description": "The state of each dependency, and what the sweep cannot handle. A look counts for ten seconds.",
        "responses": {
            "200": {"description": "It can work.", "content": content("Health", JSON)},
            **refs("401"),
            "503": {"description": "It cannot.", "content": content("Health", JSON)},
        },
    }


def _description() -> Json:
    return {
        "operationId": "readDescription",
        "tags": ["service"],
        "summary": "This description",
        "responses": {
            "200": {"description": "OpenAPI 3.1.", "content": {JSON: {"schema": {"type": "object"}}}},
            **refs("401"),
        },
    }


def _page() -> Json:
    html = {"text/html": {"schema": {"type": "string"}}}
    return {
        "operationId": "readPage",
        "tags": ["service"],
        "summary": "The operator's page",
        "parameters": [
            query("transfer", {"type": "string"}, "Show this transfer with its history."),
            query("state", {"type": "string", "enum": [IN_DOUBT, *_STATES]}, "Only transfers in this state."),
            query("mailbox", MAILBOX, "Only transfers to this mailbox."),
            query("continuation", CONTINUATION, "From an earlier page of the same listing."),
        ],
        "responses": {
            "200": {"description": "The page.", "content": html},
            "400": {"description": "The page, saying what is wrong with the request.", "content": html},
            "404": {"description": "The page, saying that there is no such transfer.", "content": html},
            "503": {"description": "The page, saying that storage does not answer.", "content": html},
            **refs("401"),
        },
    }


# --- the file ---------------------------------------------------------------------------------------------------------


def text() -> str:
    """The file that the app serves."""
    return json.dumps(description(), indent=1, ensure_ascii=False) + "\n"
