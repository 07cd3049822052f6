"""The fuzz targets: bytes in, and whatever has to hold of them. Their inputs are readable, so that a corpus is too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

from pydantic.alias_generators import to_camel

from assurance.fuzz import answers, checkpoints, dropped, environment, links, messages
from shared.core.actions import Request
from shared.core.model import Failure, Plan, Session, Source, State, Step, Transfer
from shared.graph.http import HttpAnswer
from shared.intake.metadata import METADATA_KEYS
from shared.settings import SETTING_NAMES

LONGEST_BLOB_NAME = 1024
"""Characters ("Naming and referencing containers, blobs, and metadata")."""


@dataclass(frozen=True, slots=True)
class Target:
    """One kind of hostile input. `check` raises where the product does not stand it; `words` are worth trying."""

    name: str
    check: Callable[[bytes], object]
    words: tuple[str, ...] = ()


def _metadata(data: bytes) -> object:
    """Lines of `key: value`; the first line is the blob's Content-Type."""
    first, *lines = data.decode("utf-8", errors="replace").split("\n")
    pairs = (line.partition(":") for line in lines)
    return dropped.check("in/report.pdf", {key: value for key, _, value in pairs}, first or None)


def _name(data: bytes) -> object:
    """A blob's name, in a transfer whose metadata are in order."""
    blob = data.decode("utf-8", errors="replace")[:LONGEST_BLOB_NAME]
    return dropped.check(blob or "x", {"mailbox": "ada@contoso.example", "eventid": "AAMkAD%2Bx%2F5Z%3D"}, "text/plain")


def _answer(data: bytes) -> object:
    """`request status`, lines of `header: value`, an empty line, the body: an answer much as it is on the wire."""
    head, _, body = data.partition(b"\n\n")
    first, *lines = head.decode("latin-1").split("\n")
    asked, _, code = first.partition(" ")
    pairs = (line.partition(":") for line in lines)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    return answers.check(_request(asked), HttpAnswer(_status(code), headers, body), few=True)


def _request(asked: str) -> Request:
    known = answers.REQUESTS.get(asked)
    return known if known is not None else list(answers.REQUESTS.values())[sum(map(ord, asked)) % len(answers.REQUESTS)]


def _status(code: str) -> int:
    """Three digits, as the HTTP library below takes them: 100 to 999."""
    return int(code) if len(code) == len("200") and code.isascii() and code.isdigit() and code[0] != "0" else 200


def _settings(data: bytes) -> object:
    """Lines of `NAME=value` over settings that are in order; `host.json=` is the host's own file, on one line."""
    lines = data.decode("utf-8", errors="replace").split("\n")
    given = {name: value for name, _, value in (line.partition("=") for line in lines) if name}
    host_json = given.pop("host.json", environment.HOST_JSON)
    return environment.check({**environment.WHOLE, **given}, host_json)


def _link(data: bytes) -> object:
    """A URL."""
    return links.check(data.decode("utf-8", errors="replace"))


_IN_METADATA = (*METADATA_KEYS.values(), "ada@contoso.example", "true", "%00", "%2e%2e%2f", "%E2%80%AE", "%ED%A0%80")
_IN_NAMES = ("../", "%2e", "/", "\\", "\u202e", "\u2028", "\x00", "\ufffe", ".pdf", " ")
_IN_CHECKPOINTS = (
    *(to_camel(one.name) for kind in (Transfer, Source, Plan, Session, Failure, Step) for one in fields(kind)),
    *(state.value for state in State),
    "2026-03-02T08:00:00Z",
    "schema",
    "lease",
    "until",
    "write",
)
_IN_ANSWERS = (
    *answers.REQUESTS,
    *("retry-after:", "location:", "request-id:", "/attachments('"),
    *("uploadUrl", "expirationDateTime", "nextExpectedRanges", "@odata.nextLink", "value", "id", "isDraft", "name"),
    *("size", "error", "code", "message", "innerError", "ErrorItemNotFound", "https://outlook.office.com/", "\\ud800"),
)
_IN_MESSAGES = ("transferId", "FunctionId", "ContainerName", "BlobName", "ETag", "0" * 32, "\\ud800")
_IN_LINKS = ("https://", "graph.microsoft.com", "outlook.office.com", "@", "\\", "/v1.0/", ":443", "[::1]", "%2e", "#")

TARGETS: dict[str, Target] = {
    target.name: target
    for target in (
        Target("metadata", _metadata, _IN_METADATA),
        Target("name", _name, _IN_NAMES),
        Target("checkpoint", checkpoints.check, _IN_CHECKPOINTS),
        Target("summary", checkpoints.check_summary),
        Target("answer", _answer, _IN_ANSWERS),
        Target("message", messages.check, _IN_MESSAGES),
        Target("settings", _settings, tuple(f"{name}=" for name in SETTING_NAMES)),
        Target("link", _link, _IN_LINKS),
    )
}
"""All of them, by name: what `tests/assurance/fuzz/corpus/<name>/` holds is replayed into it every day."""
