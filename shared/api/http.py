"""HTTP as values, as the host hands it over and takes it back: no handler knows the host's own classes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

JSON = "application/json"
NEVER_KEPT = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
"""On every answer: a transfer changes while it is looked at, and its names are other people's."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request. Header names are in lower case; a query value that was given twice is joined by a comma.

    `route` holds the values of the route's parameters, percent-decoded. `url` may hold the caller's key.
    """

    method: str
    url: str = field(repr=False)
    query: Mapping[str, str] = field(repr=False, default_factory=dict)
    headers: Mapping[str, str] = field(repr=False, default_factory=dict)
    route: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(repr=False, default=b"")

    @property
    def principal(self) -> str | None:
        """Who calls, as App Service authentication says; to be believed only where that is on."""
        return self.headers.get("x-ms-client-principal-name") or None

    @property
    def key(self) -> str | None:
        """The function key that came with the request, in the header or the query; whether it is right, it cannot tell.

        The host takes both (HTTP trigger page, API key authorization).
        """
        return self.headers.get("x-functions-key") or self.query.get("code") or None


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def json_answer(
    value: Any, status: int = HTTPStatus.OK, headers: Mapping[str, str] | None = None, media_type: str = JSON
) -> Answer:
    """A JSON answer. The text is ASCII: whatever a name holds, no intermediary can misread it."""
    return Answer(
        status, {"Content-Type": media_type, **NEVER_KEPT, **(headers or {})}, json.dumps(value, indent=2).encode()
    )
