"""What crosses the wire, as values: a request, a reply, a lost connection, and the two date formats."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. `url` is absolute and kept byte for byte: quotes and escapes in it are never normalised."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP reply. Header names keep the case the service sends; `header` finds them ignoring it."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def header(self, name: str) -> str | None:
        """The value of a header, or None where it was not sent."""
        wanted = name.lower()
        return next((value for key, value in self.headers.items() if key.lower() == wanted), None)

    def json(self) -> Any:
        """The body as JSON; ValueError where it is none."""
        return json.loads(self.body)


class ConnectionLost(Exception):  # noqa: N818 - named by what the caller sees
    """The caller gets no answer. `effect` says whether the request had already changed anything."""

    def __init__(self, *, effect: bool) -> None:
        super().__init__("connection lost after the effect" if effect else "connection lost before any effect")
        self.effect = effect


def http_date(moment: datetime) -> str:
    """A UTC moment in the form of RFC 9110, such as `Mon, 02 Mar 2026 08:00:00 GMT`."""
    return (
        f"{_DAYS[moment.weekday()]}, {moment.day:02} {_MONTHS[moment.month - 1]} {moment.year}"
        f" {moment.hour:02}:{moment.minute:02}:{moment.second:02} GMT"
    )


def timestamp(moment: datetime) -> str:
    """A UTC moment as Graph writes it: seven fractional digits and `Z` (LA's sample answers)."""
    return f"{moment.isoformat(timespec='microseconds')[:26]}7Z"
