"""A draft by name, what it is made of, and what happens once its files are in: from a blob's metadata.

Each value is percent-decoded; an empty one counts as not given. Whatever the metadata holds, the answer is a value with
every fault at once: nothing here raises.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from shared.core.delivery.draft import BodyType, DraftText, Importance
from shared.core.delivery.model import OnComplete, Wish
from shared.core.errors import Code
from shared.core.model import ItemKind
from shared.intake.checks import Fault, Faults, shown
from shared.intake.names import has_control
from shared.intake.percent import PercentError, decode
from shared.settings import forms

E = TypeVar("E", bound=StrEnum)

LONGEST_NAME = 200
"""Characters of a draft's name, inclusive (the contract)."""

LONGEST_SUBJECT = 255
"""Characters, inclusive: what Outlook takes for a subject."""

MOST_RECIPIENTS = 500
"""Of one message, in all: Exchange Online's default (outbound-spam-sending-limits)."""

MOST_FILES = 250
"""Of one item. Chosen: as many as Exchange takes on one message by default."""

LISTS = ("to", "cc", "bcc", "replyto")
TEXT_KEYS = (*LISTS, "subject", "body", "bodyblob", "bodytype", "importance")
WISH_KEYS = ("oncomplete", "expectedfiles")
DRAFT_KEYS = ("draft", *TEXT_KEYS, *WISH_KEYS)
"""Every key that this module reads."""

_SEPARATOR = re.compile(r"[;,]")
_BREAKS = re.compile(r"[\r\n\t]")


@dataclass(frozen=True, slots=True)
class DraftAsked:
    """A draft that is named, and what it is made of when there is none."""

    name: str
    text: DraftText


def read_draft(metadata: Mapping[str, str | None]) -> DraftAsked | Faults | None:
    """The draft that the metadata name, or everything that is wrong with that part; None where they name none."""
    given, faults = _given(metadata, ("draft", *TEXT_KEYS))
    name = given.get("draft")
    unread = "draft" in _present(metadata) and name is None
    if name is None and not unread:
        stray = [f"`{key}`" for key in TEXT_KEYS if key in given]
        if stray:
            faults.append(Fault(Code.DRAFT_INVALID, None, f"{', '.join(stray)} can only be given with `draft`"))
        return tuple(faults) or None
    if name is not None and (len(name) > LONGEST_NAME or has_control(name) or not name.strip()):
        wanted = f"1 to {LONGEST_NAME} characters, without control characters"
        faults.append(Fault(Code.DRAFT_INVALID, None, f"`draft` is {shown(name)}; a name has {wanted}"))
    text = _text(given, faults)
    return tuple(faults) or DraftAsked(name or "", text)


def read_wish(metadata: Mapping[str, str | None], kind: ItemKind | None) -> Wish | Faults:
    """What is to happen to the item, or everything that is wrong with that. `kind`: None where it is not known."""
    given, faults = _given(metadata, WISH_KEYS)
    action = _choice(given, "oncomplete", OnComplete, Code.ONCOMPLETE_INVALID, faults)
    count, asked = 1, given.get("expectedfiles")
    if asked is not None:
        is_count = re.fullmatch(r"[0-9]{1,9}", asked) is not None and 1 <= int(asked) <= MOST_FILES
        if not is_count:
            problem = f"`expectedfiles` is {shown(asked)}, not a number from 1 to {MOST_FILES}"
            faults.append(Fault(Code.ONCOMPLETE_INVALID, None, problem))
        elif "oncomplete" not in _present(metadata):
            faults.append(Fault(Code.ONCOMPLETE_INVALID, None, "`expectedfiles` needs `oncomplete`"))
        else:
            count = int(asked)
    fits = {OnComplete.SEND: ItemKind.MESSAGE, OnComplete.UPDATE: ItemKind.EVENT}
    if action is not None and kind is not None and fits[action] is not kind:
        problem = (
            f"`oncomplete` is {action.value}, which is not for a {kind.value}: send is for messages, update for events"
        )
        faults.append(Fault(Code.ONCOMPLETE_INVALID, None, problem))
    return tuple(faults) or Wish(action, count)


def _text(given: Mapping[str, str], faults: list[Fault]) -> DraftText:
    people = {key: _addresses(given, key, faults) for key in LISTS}
    if sum(len(people[key]) for key in ("to", "cc", "bcc")) > MOST_RECIPIENTS:
        problem = f"`to`, `cc` and `bcc` have more than {MOST_RECIPIENTS} recipients together"
        faults.append(Fault(Code.RECIPIENTS_INVALID, None, problem))
    subject = given.get("subject")
    if subject is not None and (len(subject) > LONGEST_SUBJECT or has_control(subject)):
        problem = (
            f"`subject` is {shown(subject)}; it has up to {LONGEST_SUBJECT} characters, without control characters"
        )
        faults.append(Fault(Code.DRAFT_INVALID, None, problem))
    body = given.get("body")
    if body is not None and has_control(_BREAKS.sub("", body)):
        faults.append(Fault(Code.DRAFT_INVALID, None, "`body` has control characters other than line ends and tabs"))
    if body is not None and "bodyblob" in given:
        faults.append(Fault(Code.DRAFT_INVALID, None, "`body` and `bodyblob` contradict each other: give one"))
    return DraftText(
        people["to"],
        people["cc"],
        people["bcc"],
        people["replyto"],
        subject,
        body,
        given.get("bodyblob"),
        _choice(given, "bodytype", BodyType, Code.DRAFT_INVALID, faults),
        _choice(given, "importance", Importance, Code.DRAFT_INVALID, faults),
    )


def _addresses(given: Mapping[str, str], key: str, faults: list[Fault]) -> tuple[str, ...]:
    """The addresses of one list, each once; `;` and `,` both separate."""
    parts = [part.strip() for part in _SEPARATOR.split(given.get(key, ""))]
    found = dict.fromkeys(part for part in parts if part)
    wrong = [part for part in found if not forms.is_address(part)]
    if wrong:
        told = ", ".join(shown(part) for part in wrong[:3])
        faults.append(Fault(Code.RECIPIENTS_INVALID, None, f"`{key}` has {told}, which is no address"))
    return tuple(found)


def _choice(given: Mapping[str, str], key: str, kind: type[E], code: Code, faults: list[Fault]) -> E | None:
    asked = given.get(key)
    if asked is None:
        return None
    for one in kind:
        if one.value == asked.lower():
            return one
    words = " or ".join(one.value for one in kind)
    faults.append(Fault(code, None, f"`{key}` is {shown(asked)}, not {words}"))
    return None


def _present(metadata: Mapping[str, str | None]) -> frozenset[str]:
    return frozenset(key.lower() for key, value in metadata.items() if value and value.strip())


def _given(metadata: Mapping[str, str | None], keys: tuple[str, ...]) -> tuple[dict[str, str], list[Fault]]:
    """The decoded values of the keys that are there, and the faults of those that cannot be read."""
    given: dict[str, str] = {}
    faults: list[Fault] = []
    for key in keys:
        values = [value.strip() for name, value in metadata.items() if name.lower() == key and value and value.strip()]
        if len(values) > 1:
            code = Code.RECIPIENTS_INVALID if key in LISTS else Code.DRAFT_INVALID
            faults.append(Fault(code, None, f"`{key}` is given {len(values)} times, in other case"))
        elif values:
            try:
                decoded = decode(values[0])
            except PercentError as error:
                faults.append(Fault(Code.METADATA_ENCODING, None, f"`{key}` is {shown(values[0])}; it {error}"))
            else:
                given[key] = decoded
    return given, faults
