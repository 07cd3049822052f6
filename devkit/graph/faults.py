"""Faults by rule: which request is hit, and what happens to it instead of, or beside, the ordinary answer."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from datetime import timedelta
from typing import TYPE_CHECKING, Literal, cast, get_args

from devkit.graph.call import Answer
from devkit.graph.errors import error_body
from devkit.graph.routes import KINDS, Kind
from devkit.graph.wire import http_date

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from devkit.graph.call import Call

Action = Literal[
    "status",  # answer `status` with a body of shape `body`; nothing happens unless `after_effect`
    "reset-before",  # drop the connection after reading at most `bytes` of the body; no effect
    "reset-after",  # full effect, then drop the connection without an answer
    "cut",  # the first `bytes` of a range are kept, then the connection drops
    "delay",  # wait `seconds`, then go on as usual
    "slow-body",  # the answer's body trickles over `seconds`
    "black-hole",  # never answer; no effect unless `after_effect`; ends when the caller gives up
    "hold",  # the body is here, the effect waits for `release`; in memory the caller gets no answer
    "late",  # drop the connection now; the request takes effect after `calls` further requests
    "expire-tokens",  # every token issued so far expires, then go on as usual
]
# Actions that change when a request is answered, and not what it does.
PASSING: frozenset[Action] = frozenset(("delay", "slow-body", "hold", "expire-tokens"))
Body = Literal["json", "text", "empty", "html"]

_NUMBERS = ("nth", "times", "status", "seconds", "bytes", "calls")
CODES = {
    400: "BadRequest", 401: "InvalidAuthenticationToken", 403: "ErrorAccessDenied", 404: "ErrorItemNotFound",
    409: "ErrorConflict", 412: "ErrorIrresolvableConflict", 413: "RequestEntityTooLarge", 416: "invalidRange",
    422: "UnprocessableType", 429: "ApplicationThrottled", 500: "ErrorInternalServerTransientError",
    503: "MailboxInfoStale", 504: "UnknownError", 507: "QuotaExceededException",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rule:
    """One fault. Counting starts when the rule is added: of the requests that match, `times` from the `nth` on are hit.

    `kind` is one kind or several, empty for any; `put` means every range, `final-put` only one that would be the last.
    `method` and `path` (a regular expression, searched in the path without the query) narrow further. `times` = 0 hits
    without end. `retry_after`: seconds, or `"date:SECONDS"` for the same as an HTTP date, or any other text as it is.
    """

    action: Action
    kind: tuple[Kind, ...] = ()
    method: str = ""
    path: str = ""
    nth: int = 1
    times: int = 1
    status: int = 503
    body: Body = "json"
    code: str = ""
    message: str = ""
    retry_after: float | str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    after_effect: bool = False
    """With `status` and `black-hole`: the request does its work all the same."""
    seconds: float = 0
    bytes: int = 0
    calls: int = 1

    @classmethod
    def read(cls, given: Mapping[str, object]) -> Rule:
        """A rule from JSON; ValueError where it names what does not exist."""
        unknown = sorted(set(given) - {one.name for one in fields(cls)})
        if unknown:
            raise ValueError(f"a fault rule has no {', '.join(unknown)}")
        if given.get("action") not in get_args(Action):
            raise ValueError(f"a fault's action is one of {', '.join(get_args(Action))}")
        if given.get("body", "json") not in get_args(Body):
            raise ValueError(f"a fault's body is one of {', '.join(get_args(Body))}")
        kinds = given.get("kind", ())
        kinds = (kinds,) if isinstance(kinds, str) else tuple(cast("list[str]", kinds))
        wrong = [kind for kind in kinds if kind not in KINDS]
        if wrong:
            raise ValueError(f"no such kind of request: {', '.join(wrong)}")
        texts = [name for name in _NUMBERS if not isinstance(given.get(name, 0), (int, float))]
        if texts:
            raise ValueError(f"of a fault's members, {', '.join(texts)} must be a number")
        try:
            re.compile(str(given.get("path", "")))
        except re.error:
            raise ValueError(f"a fault's path is a regular expression, not {given['path']!r}") from None
        return cls(**{**given, "kind": kinds})  # type: ignore[arg-type]  # the control door takes JSON, checked above


class Faults:
    """The rules in force and how often each has matched."""

    __slots__ = ("_seen", "rules")

    def __init__(self) -> None:
        self.rules: list[Rule] = []
        self._seen: list[int] = []

    def copy(self) -> Faults:
        """An independent twin with the same counts."""
        twin = Faults()
        twin.rules = self.rules.copy()
        twin._seen = self._seen.copy()
        return twin

    def add(self, rule: Rule) -> None:
        """Put a rule in force; earlier rules win where several hit the same request."""
        self.rules.append(rule)
        self._seen.append(0)

    def clear(self) -> None:
        """Take every rule out of force."""
        self.rules.clear()
        self._seen.clear()

    def match(self, method: str, kind: Kind, path: str) -> Rule | None:
        """The rule that hits this request, if any; every rule that matches counts it."""
        hit = None
        for index, rule in enumerate(self.rules):
            if rule.kind and kind not in rule.kind and not (kind == "final-put" and "put" in rule.kind):
                continue
            if (rule.method and rule.method != method) or (rule.path and not re.search(rule.path, path)):
                continue
            self._seen[index] = seen = self._seen[index] + 1
            if hit is None and seen >= rule.nth and (rule.times == 0 or seen < rule.nth + rule.times):
                hit = rule
        return hit


def fault_answer(rule: Rule, call: Call) -> Answer:
    """The answer of a `status` rule; its JSON has the shape of the server that was called."""
    headers = dict(rule.headers)
    if rule.retry_after is not None:
        headers["Retry-After"] = _retry_after(rule.retry_after, call.now)
    code = rule.code or CODES.get(rule.status, "UnknownError")
    message = rule.message or f"An injected {rule.status}."
    match rule.body:
        case "json":
            return Answer(rule.status, error_body(call, rule.status, code, message), headers)
        case "text":
            return Answer(rule.status, message.encode(), {**headers, "Content-Type": "text/plain"})
        case "html":
            page = f"<!DOCTYPE html><html><body><h2>{rule.status} - {message}</h2></body></html>"
            return Answer(rule.status, page.encode(), {**headers, "Content-Type": "text/html"})
        case "empty":
            return Answer(rule.status, b"", headers)


def _retry_after(value: float | str, now: datetime) -> str:
    if isinstance(value, str):
        return http_date(now + timedelta(seconds=float(value[5:]))) if value.startswith("date:") else value
    return f"{value:g}"
