"""What the service remembers of each request. No body, no query, no token: no secret is among it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime

    from devkit.graph.call import Call
    from devkit.graph.routes import Kind


class Entry(NamedTuple):
    """One request in the log."""

    time: datetime
    method: str
    kind: Kind
    status: int
    """0 while no answer was made."""
    surface: str
    path: str
    headers: tuple[str, ...]
    """Names in lower case, in the order sent."""
    authorization: bool
    content_range: str | None
    length: int
    """Bytes of the body that arrived."""
    fault: str
    """The action of the rule that hit the request, or an empty text."""
    lost: bool
    """The caller got no answer; `status` tells the effect."""


def entry_of(call: Call, status: int, *, lost: bool) -> Entry:
    """The entry of a call that ends now; status 0 where nothing was done."""
    return Entry(
        call.now,
        call.method,
        call.kind,
        status,
        call.route.surface,
        call.route.path,
        tuple(call.headers),
        "authorization" in call.headers,
        call.headers.get("content-range"),
        len(call.body),
        call.fault.action if call.fault else "",
        lost,
    )
