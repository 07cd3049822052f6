"""One call on its way through the service, and what a room answers to it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from devkit.graph.faults import Rule
    from devkit.graph.routes import Kind, Route
    from devkit.graph.state import Session


class Answer(NamedTuple):
    """Status, body and the headers that belong to this answer alone."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] | None = None


class Call:
    """A request between `begin` and `end`. `headers` have lower-case names; `now` is UTC."""

    __slots__ = (
        "app", "body", "commit_on", "conflict", "cut", "fault", "headers", "kind", "length", "method", "now",
        "open_on", "refused", "request_id", "route", "session",
    )  # fmt: skip

    def __init__(self, method: str, kind: Kind, route: Route, headers: Mapping[str, str], now: datetime) -> None:
        self.method = method
        self.kind: Kind = kind
        self.route = route
        self.headers = headers
        self.now = now
        self.body = b""
        self.length = 0
        self.app = ""
        self.request_id = ""
        self.session: Session | None = None
        self.fault: Rule | None = None
        self.cut: int | None = None
        """Only so many bytes of the body arrived before the connection broke."""
        self.conflict = False
        """Another commit on the same item was open when this one began."""
        self.commit_on: str | None = None
        self.open_on: tuple[str, str] | None = None
        self.refused: Answer | None = None
        """Settled before the body is read: a limit was exceeded."""


def document(status: int, content: object, headers: Mapping[str, str] | None = None) -> Answer:
    """An answer whose body is JSON."""
    return Answer(status, json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode(), headers)
