"""What a draft is made of, and whether two files that ask for the same draft agree."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields
from enum import StrEnum

from shared.core.identifiers import mailbox_key


class BodyType(StrEnum):
    """How the body is read."""

    TEXT = "text"
    HTML = "html"


class Importance(StrEnum):
    """Outlook's three."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"


@dataclass(frozen=True, slots=True)
class DraftText:
    """Used when the draft is made. None, or empty, is what a file left out: it agrees with everything.

    Addresses as they were given. `body_blob` names a blob of the drop container, read when the draft is made.
    """

    to: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()
    bcc: tuple[str, ...] = ()
    reply_to: tuple[str, ...] = ()
    subject: str | None = None
    body: str | None = None
    body_blob: str | None = None
    body_type: BodyType | None = None
    importance: Importance | None = None


def contradictions(first: DraftText, other: DraftText) -> tuple[str, ...]:
    """The names of what `other` asks for otherwise than `first`, which decides. What it leaves out, it does not ask."""
    return tuple(
        field.name
        for field in fields(DraftText)
        if getattr(other, field.name) and _folded(getattr(other, field.name)) != _folded(getattr(first, field.name))
    )


def _folded(value: object) -> object:
    """Addresses are compared without case and order: a mailbox is the same in either."""
    return frozenset(one.casefold() for one in value) if isinstance(value, tuple) else value


def delivery_id(mailbox: str, name: str) -> str:
    """The id of the delivery of one draft or item of a mailbox: 32 hexadecimal digits, the same for every file.

    `name` is `draft:` and the draft's name, compared exactly, or the item's own key and value.
    """
    return hashlib.sha256(f"{mailbox_key(mailbox)}\n{name}".encode(errors="surrogatepass")).hexdigest()[:32]
