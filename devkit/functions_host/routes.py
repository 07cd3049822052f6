"""HTTP triggers: ASP.NET route templates, and the keys they ask for.

Where the Functions host has habits of its own they are kept, because an app that ignores them fails in Azure alone: a
method that no function takes is 404, not 405; HEAD is not GET.
"""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from devkit.functions_host.settings import SettingsError

CONSTRAINTS = {"int": r"-?\d+", "alpha": r"[A-Za-z]+", "guid": r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"}
ANONYMOUS, FUNCTION, SYSTEM, ADMIN = "anonymous", "function", "system", "admin"
UNAUTHORIZED, FORBIDDEN = 401, 403
LITERAL, CONSTRAINED, PARAMETER, CATCH_ALL = range(4)  # which of two matching segments wins: the lower

_SEGMENT = re.compile(r"\{(\*{0,2})(\w+)(?::(\w+))?(\??)\}")


@dataclass(frozen=True)
class Route:
    """One HTTP function: the methods it takes (none: all), its compiled template, and the key it asks for."""

    function: str
    methods: frozenset[str]
    pattern: re.Pattern[str]
    order: tuple[int, ...]
    level: str

    def match(self, method: str, path: str) -> dict[str, str] | None:
        """The route's parameters when it takes this request; None when it does not. `path` is still percent-encoded."""
        if self.methods and method not in self.methods:
            return None
        found = self.pattern.fullmatch(path)
        if found is None:
            return None
        return {name: unquote_segment(value) for name, value in found.groupdict().items() if value is not None}


def compile_route(function: str, binding: Mapping[str, Any], prefix: str) -> Route:
    """The route of one HTTP trigger; SettingsError for a template that this host does not know."""
    expression, order = "", []
    template = "/".join(part for part in (prefix, str(binding["route"]).strip("/")) if part)
    for segment in template.split("/"):
        found = _SEGMENT.fullmatch(segment)
        if found is None:
            if "{" in segment:
                raise SettingsError(f"{function}: the dev host does not know the route segment {segment!r}")
            expression += "/" + re.escape(urllib.parse.quote(segment))
            order.append(LITERAL)
            continue
        catch_all, name, constraint, optional = found.groups()
        if constraint and constraint not in CONSTRAINTS:
            raise SettingsError(f"{function}: the dev host does not know the route constraint {constraint!r}")
        value = ".*" if catch_all else CONSTRAINTS.get(constraint or "", "[^/]+")
        part = f"/(?P<{name}>{value})"
        expression += f"(?:{part})?" if optional or catch_all else part
        order.append(CATCH_ALL if catch_all else CONSTRAINED if constraint else PARAMETER)
    methods = frozenset(str(method).upper() for method in binding.get("methods") or ())
    level = str(binding.get("authLevel") or FUNCTION).lower()
    return Route(function, methods, re.compile(expression + "/?", re.IGNORECASE), tuple(order), level)


def find(routes: Iterable[Route], method: str, path: str) -> tuple[Route, dict[str, str]] | None:
    """The most specific route for a request; None means 404."""
    matches = [(route, found) for route in routes if (found := route.match(method, path)) is not None]
    return min(matches, key=lambda match: match[0].order, default=None)


def unquote_segment(text: str) -> str:
    """Percent-decode a route value as ASP.NET Core does: an encoded slash stays encoded."""
    return urllib.parse.unquote(re.sub("%(?=2F)", "%25", text, flags=re.IGNORECASE))


@dataclass(frozen=True)
class Keys:
    """The app's keys. Where `enforced` is off (as with Core Tools) every call passes."""

    enforced: bool
    master: str
    function: str
    blobs_extension: str

    def refusal(self, level: str, given: str | None) -> int | None:
        """The status that refuses a key for a level: 401 for none or an unknown one, 403 for one of another level.

        None where the key opens the level; the master key opens everything.
        """
        opens = {ANONYMOUS: (given,), FUNCTION: (self.function,), SYSTEM: (self.blobs_extension,), ADMIN: ()}
        if not self.enforced or given == self.master or given in opens[level]:
            return None
        return FORBIDDEN if given in (self.function, self.blobs_extension) else UNAUTHORIZED
