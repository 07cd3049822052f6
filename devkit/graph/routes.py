"""From a URL to what it addresses. Paths are split raw and decoded segment by segment, as a server must."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Literal
from urllib.parse import unquote, unquote_plus

if TYPE_CHECKING:
    from collections.abc import Mapping

    from devkit.graph.state import Collection

Kind = Literal[
    "create", "put", "final-put", "ask", "cancel",
    "list", "post", "find", "value", "token", "item", "attachment", "delete",
    "compose", "update", "remove", "send", "folder", "other",
]  # fmt: skip
KINDS: tuple[Kind, ...] = (
    "create", "put", "final-put", "ask", "cancel",
    "list", "post", "find", "value", "token", "item", "attachment", "delete",
    "compose", "update", "remove", "send", "folder", "other",
)  # fmt: skip
# Kinds that add to or take from an item at once, when they succeed.
COMMITS: frozenset[Kind] = frozenset(("final-put", "post", "delete"))

Tail = Literal["", "attachments", "create", "attachment", "value", "send", "folder"]
TOKEN_PATH = "/msi/token"
_KEYED = re.compile(r"([A-Za-z]+)\('(.*)'\)")
_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})")
# Ways to qualify an item that Graph accepts and does not need (section 1.1): each takes an id after it.
_QUALIFIERS = frozenset(("mailfolders", "childfolders", "calendars", "calendargroups"))
_CREATE = frozenset(("createuploadsession", "microsoft.graph.createuploadsession"))
_SEND = frozenset(("send", "microsoft.graph.send"))


@dataclass(frozen=True, slots=True)
class Route:
    """What a URL addresses. `surface` is the server that answers; empty texts mean "not in this URL"."""

    surface: Literal["graph", "upload", "identity", "none"]
    origin: str
    path: str
    query: str
    version: str = ""
    user: str = ""
    collection: Collection | Literal[""] = ""
    item: str = ""
    attachment: str = ""
    tail: Tail = ""
    malformed: bool = False
    """An id was cut by a raw `/` or holds a raw `+`."""
    qualified: bool = False
    """The item is named through its folder or calendar, which some actions do not take."""


@lru_cache(maxsize=8192)
def locate(url: str) -> Route:
    """Read a URL. Never fails: what cannot be understood has the surface `none`."""
    scheme, _, rest = url.partition("://")
    host, slash, tail = rest.partition("/")
    path, _, query = (slash + tail).partition("?")
    origin = f"{scheme}://{host}"
    if path.startswith("/api/"):
        return Route("upload", origin, path, query)
    if path == TOKEN_PATH:
        return Route("identity", origin, path, query)
    version, *segments = path[1:].split("/")
    if version in ("v1.0", "beta"):
        return _graph(Route("graph", origin, path, query, version), segments)
    return Route("none", origin, path, query)


def _graph(route: Route, raw: list[str]) -> Route:
    segments = _segments(raw)
    name = segments.pop(0).lower() if segments else ""
    if name == "users" and segments:
        user = unquote(segments.pop(0))
        if user.startswith("$") and raw[0].lower() == "users":  # read as a system query; users('$x') is the way
            return Route("none", route.origin, route.path, route.query)
    elif name == "me":
        user = "me"
    else:
        return Route("none", route.origin, route.path, route.query)
    count = len(segments)
    if count == 2 and segments[0].lower() == "mailfolders":  # noqa: PLR2004 - the folder itself is addressed
        return replace(route, user=user, collection="messages", item=unquote(segments[1]), tail="folder")
    while segments and segments[0].lower() in _QUALIFIERS:
        del segments[:2]
    if segments and segments[0].lower() == "calendar":
        del segments[0]
    route = replace(route, qualified=len(segments) < count)
    collection = segments.pop(0).lower() if segments else ""
    if collection not in ("messages", "events"):
        return Route("none", route.origin, route.path, route.query)
    return _item(route, user, "messages" if collection == "messages" else "events", segments)


def _item(route: Route, user: str, collection: Collection, segments: list[str]) -> Route:
    item = segments.pop(0) if segments else ""
    tail: Tail = ""
    attachment = ""
    malformed = "+" in item
    match [segments[0].lower(), *segments[1:]] if segments else []:
        case []:
            pass
        case ["attachments"]:
            tail = "attachments"
        case ["attachments", action] if action.lower() in _CREATE:
            tail = "create"
        case [action] if action.lower() in _SEND and item:
            tail = "send"
        case ["attachments", attachment]:
            tail = "attachment"
        case ["attachments", attachment, "$value"]:
            tail = "value"
        case _:
            malformed = True
    return Route(
        "graph",
        route.origin,
        route.path,
        route.query,
        route.version,
        user,
        collection,
        unquote(item),
        unquote(attachment),
        tail,
        malformed or "+" in attachment,
        route.qualified,
    )


def _segments(raw: list[str]) -> list[str]:
    """Still encoded segments, with OData's key form `users('x')` opened into `users`, `x`."""
    opened: list[str] = []
    for segment in raw:
        keyed = _KEYED.fullmatch(segment.replace("%27", "'"))
        opened.extend((keyed[1], keyed[2].replace("''", "'")) if keyed else (segment,))
    return opened


@lru_cache(maxsize=2048)
def query_values(query: str) -> Mapping[str, str]:
    """Query options by name (`+` means a space, as in forms); a name given twice keeps its last value."""
    pairs = (part.partition("=") for part in query.split("&") if part)
    return {unquote_plus(name): unquote_plus(value) for name, _, value in pairs}


@lru_cache(maxsize=8192)
def content_range(text: str) -> tuple[int, int, int] | None:
    """`bytes start-end/total` as numbers (end inclusive), or None where it is not of that form or not possible."""
    match = _CONTENT_RANGE.fullmatch(text)
    if not match:
        return None
    start, end, total = int(match[1]), int(match[2]), int(match[3])
    return (start, end, total) if start <= end < total else None


def kind_of(method: str, route: Route, range_header: str | None) -> Kind:
    """What a request asks for, known before its body is read."""
    if route.surface == "upload":
        return _upload_kind(method, range_header)
    if route.surface == "identity":
        return "token"
    if route.surface == "none":
        return "other"
    return _GRAPH_KINDS.get((method, route.tail, bool(route.item)), "other")


def _upload_kind(method: str, range_header: str | None) -> Kind:
    if method == "PUT":
        numbers = content_range(range_header) if range_header else None
        return "final-put" if numbers and numbers[1] + 1 == numbers[2] else "put"
    return "ask" if method == "GET" else "cancel" if method == "DELETE" else "other"


_GRAPH_KINDS: dict[tuple[str, Tail, bool], Kind] = {
    ("GET", "", False): "find",
    ("GET", "", True): "item",
    ("GET", "attachments", True): "list",
    ("POST", "attachments", True): "post",
    ("POST", "create", True): "create",
    ("GET", "attachment", True): "attachment",
    ("DELETE", "attachment", True): "delete",
    ("GET", "value", True): "value",
    ("POST", "", False): "compose",
    ("PATCH", "", True): "update",
    ("DELETE", "", True): "remove",
    ("POST", "send", True): "send",
    ("GET", "folder", True): "folder",
}
