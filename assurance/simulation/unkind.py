"""Storage that refuses: any call, about any one thing, answered with any of the service's own error codes.

It stands before the in-memory storage, as `devkit/local/storage_answers.py` stands before Azurite, and reads each
answer by the product's own table, so that what the product sees is what its adapters would raise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, cast

from shared.core.model import Source, Transfer
from shared.engine import checkpoint as engine
from shared.engine.continuation import Continuation
from shared.storage import refusals
from shared.storage.ports import ContinuationRefused

CONDITIONAL = frozenset({"checkpoint.create", "checkpoint.save"})
"""Calls with a condition that another writer can make fail."""

ALIASES = {"queue.ask": "queue.send"}
"""Two ways to ask for the same of the service."""

PAGES = {"checkpoint.unfinished": 1, "source.page": 0}
"""Calls for a page, and which of their arguments is the continuation."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One of storage's answers: to the calls named `call` (its beginning) about `about`; "" = about anything."""

    status: int
    code: str | None
    call: str = ""
    about: str = ""
    first: int = 1
    last: int = 10**9
    after: bool = False  # the call takes effect all the same, and only its answer is wrong

    def error(self, call: str, *, continued: bool) -> Exception:
        """What the product's adapter raises for it. `continued`: the call asks for a page that is not the first."""
        if continued and self.status == HTTPStatus.BAD_REQUEST:
            return ContinuationRefused()
        return refusals.problem(self.status, self.code, call, conditional=call in CONDITIONAL)


@dataclass
class Unkind:
    """What storage answers, and what was asked of it.

    Attributes:
        answers: in force; the first that fits is given.
        asked: every call with what it was about, in order.
    """

    answers: list[Answer] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)
    before: Callable[[str, str], None] = lambda _call, _about: None
    _counts: dict[int, int] = field(default_factory=dict)

    def around(self, kind: str, inner: Any) -> Any:
        """A part of storage that answers so. `kind` is the first half of its calls' names."""
        return cast("Any", _Part(self, kind, inner))

    def call(self, name: str, about: str, effect: Callable[[], Any], *, continued: bool = False) -> Any:
        """One call."""
        self.asked.append((name, about))
        self.before(name, about)
        for number, answer in enumerate(self.answers):
            if not name.startswith(answer.call) or (answer.about and answer.about != about):
                continue
            self._counts[number] = self._counts.get(number, 0) + 1
            if answer.first <= self._counts[number] <= answer.last:
                if answer.after:
                    effect()
                raise answer.error(name, continued=continued)
        return effect()


class _Part:
    """One port, every method of which goes past `Unkind`. Attributes that are no methods stay the inner one's."""

    def __init__(self, unkind: Unkind, kind: str, inner: Any) -> None:
        self._unkind = unkind
        self._kind = kind
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if not callable(found) or name in {"open", "peek"}:
            return found
        full = ALIASES.get(f"{self._kind}.{name}", f"{self._kind}.{name}")

        def asked(*given: Any) -> Any:
            continued = full in PAGES and given[PAGES[full]] is not None
            about = "" if full in PAGES else _about(given)
            return self._unkind.call(full, about, lambda: found(*given), continued=continued)

        return asked


def _about(given: tuple[Any, ...]) -> str:
    """What a call is about: a transfer's id, a file's name; "" where it is about no single thing."""
    match given[:1]:
        case (engine.Checkpoint(instance=Transfer(id=transfer_id)),):
            return transfer_id
        case (Transfer(id=transfer_id),):
            return transfer_id
        case (Continuation() as continuation, *_):
            return continuation.key
        case (Source(blob=blob),):
            return blob
        case (Continuation() as asked,):
            return asked.key
        case (str(text),):
            return text
        case _:
            return ""
