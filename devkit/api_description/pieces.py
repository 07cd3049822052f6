"""What the description of the API is put together from."""

from __future__ import annotations

from typing import Any

from shared.api import models
from shared.api.http import JSON
from shared.api.problems import PROBLEM
from shared.api.query import STATES
from shared.core.identifiers import TRANSFER_ID

Json = dict[str, Any]

REF = "#/components/schemas/{model}"
EXAMPLE_ID = "966f1b0f5d0e4a7c8b9a0c1d2e3f4a5b"

MAILBOX: Json = {"type": "string", "maxLength": models.LONGEST_MAILBOX}
CONTINUATION: Json = {"type": "string", "maxLength": models.LONGEST_CONTINUATION, "pattern": models.CONTINUATION}


def filter_parameters() -> list[Json]:
    """Which transfers: the same in a listing and in a command for many."""
    return [
        query(
            "state",
            {"type": "string", "enum": [*STATES]},
            "Only transfers in this state. `failed` and `in-doubt` leave out what is `acknowledged`.",
        ),
        query(
            "mailbox",
            MAILBOX,
            "Only transfers whose target, or refused metadata, names this mailbox, in this form; compared without "
            "case.",
        ),
        query(
            "blob",
            {"type": "string", "maxLength": models.LONGEST_BLOB},
            "Only files whose name inside the container begins with this: the whole name, or a folder. With it the "
            "order is by place, then by name.",
        ),
        query(
            "code",
            {"type": "string"},
            "Only transfers that failed with this code, or wait for it. The host takes the function key from this "
            "parameter, too: send the key in the header, or before this value.",
        ),
        query(
            "since",
            {"type": "string", "examples": ["2026-03-02", "2026-03-02T08:00:00Z"]},
            "Only files that were written then or later: a day, or an instant; without an offset in UTC.",
        ),
    ]


def content(schema: str, media_type: str) -> Json:
    """The body of a request or an answer: one of the schemas."""
    return {media_type: {"schema": {"$ref": REF.format(model=schema)}}}


def accepted(what: str) -> Json:
    """A 202 with a transfer."""
    headers = {
        "Location": header("string", "Where to look."),
        "Retry-After": header("integer", "Seconds after which to look."),
    }
    links = {"read": link("readTransfer"), "retry": link("retryTransfer"), "cancel": link("cancelTransfer")}
    return {"description": what, "headers": headers, "content": content("Transfer", JSON), "links": links}


def header(kind: str, what: str) -> Json:
    """One header of an answer."""
    return {"description": what, "schema": {"type": kind}}


def link(operation: str, where: str = "$response.body#/id") -> Json:
    """What may be called next."""
    return {"operationId": operation, "parameters": {"path.id": where}}


def transfer_id() -> Json:
    """The id in the path."""
    schema = {"type": "string", "pattern": TRANSFER_ID, "examples": [EXAMPLE_ID]}
    return {"name": "id", "in": "path", "required": True, "description": "The transfer's id.", "schema": schema}


def query(name: str, schema: Json, what: str) -> Json:
    """An empty value is as good as none: see `query.read_list`."""
    said = {"name": name, "in": "query", "required": False, "description": what}
    return {**said, "allowEmptyValue": True, "schema": schema}


def refs(*statuses: str) -> Json:
    """The answers that several operations share."""
    return {status: {"$ref": f"#/components/responses/{status}"} for status in statuses}


def problems() -> Json:
    """The answers that several operations share, as they are."""
    said = {
        "400": "The request is not of the described form; `faults` lists everything that is wrong.",
        "403": "This deployment may not write to that mailbox.",
        "404": "There is no such transfer, operation or file.",
        "409": "The transfer's state rules it out.",
        "413": "The body is too large.",
        "422": "A value cannot be used, or the file's metadata cannot; `faults` lists everything that is wrong.",
        "503": "Storage does not answer; try again.",
    }
    problems = {status: {"description": what, "content": content("Problem", PROBLEM)} for status, what in said.items()}
    problems["503"]["headers"] = {"Retry-After": header("integer", "Seconds after which to try again.")}
    return {
        **problems,
        "414": {"description": "The request's line is longer than the host takes. The host answers, without a body."},
        "401": {"description": "No function key, or a wrong one. The host answers, without a body."},
    }
