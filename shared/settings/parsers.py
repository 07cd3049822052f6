"""From the text of one setting to its value. A wrong text is noted, and leaves a value of its type behind.

None of those values gets out: `Faults.raise_any` ends the reading. What concerns two settings at once stands in
`shared/settings/reading.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum
from typing import TypeVar
from urllib.parse import urlsplit

from shared.core.policy import LARGEST_RANGE
from shared.settings import forms
from shared.settings.faults import Faults

T = TypeVar("T")
Parser = Callable[[Faults, str, str | None], T]
"""Takes the faults, the setting's name, and its text: None where it is not given and has no default."""

LONGEST_WAIT = 7 * 24 * 3600
"""Seconds: a week, the longest that a storage queue hides a message (Put Message, visibilitytimeout)."""

POISON = "-poison"
LONGEST_QUEUE = 63 - len(POISON)
"""Characters of the queue's name, so that the host's poison queue, `<name>-poison`, has a name too."""

_RESERVED = "azure-webjobs-"  # the Functions host's own containers and queues
_NUMBER = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,6})?")
_WHOLE = re.compile(r"[0-9]{1,12}")
_Choice = TypeVar("_Choice", bound=StrEnum)


def as_given(_faults: Faults, _name: str, text: str | None) -> str | None:
    """The text itself. `shared/settings/connection.py` reads the parts of a storage connection together."""
    return text


def storage_name(faults: Faults, name: str, text: str | None) -> str:
    """A container's or a queue's name."""
    text = text or ""
    if not forms.is_storage_name(text):
        faults.refuse(name, "must be 3 to 63 lower-case letters, digits and single inner hyphens", text)
    elif text.startswith(_RESERVED):
        faults.refuse(name, f"must not begin with {_RESERVED}, which the Functions host keeps for itself", text)
    return text


def trigger_queue(faults: Faults, name: str, text: str | None) -> str:
    """The name of a queue that a trigger reads: the host makes its poison queue beside it."""
    text = storage_name(faults, name, text)
    if len(text) > LONGEST_QUEUE or text.endswith(POISON):
        allowed = f"must have at most {LONGEST_QUEUE} characters and not end in {POISON}: the host needs <name>{POISON}"
        faults.refuse(name, allowed, text)
    return text


def optional_queue(faults: Faults, name: str, text: str | None) -> str | None:
    """A queue's name, or None."""
    return None if text is None else storage_name(faults, name, text)


def choice(choices: type[_Choice]) -> Parser[_Choice]:
    """One of the values, in upper or lower case."""

    def parse(faults: Faults, name: str, text: str | None) -> _Choice:
        for one in choices:
            if one.value.lower() == (text or "").lower():
                return one
        faults.refuse(name, f"must be {' or '.join(choices)}", text or "")
        return next(iter(choices))

    return parse


def graph_url(faults: Faults, name: str, text: str | None) -> str:
    """Graph's base URL without a trailing slash. The origin may be http on loopback only: the token goes there."""
    text = (text or "").rstrip("/")
    try:
        parts = urlsplit(text)
        host, has_port = parts.hostname or "", parts.port != 0
    except ValueError:
        parts, host, has_port = urlsplit(""), "", False
    problem = None
    if not re.fullmatch(r"[!-~]+", text) or not host or not has_port or "@" in parts.netloc:
        problem = "must be an address such as https://graph.microsoft.com/v1.0"
    elif parts.scheme != "https" and not (parts.scheme == "http" and forms.is_loopback(host)):
        problem = "must begin with https:// (http:// on loopback only)"
    elif parts.query or parts.fragment or not parts.path.endswith(("/v1.0", "/beta")):
        problem = "must end with /v1.0 or /beta"
    if problem:
        faults.refuse(name, problem, text)
    return text


def scope(faults: Faults, name: str, text: str | None) -> str | None:
    """A token scope, or None."""
    if text is not None and not re.fullmatch(r"[!-+\--~]+/\.default", text):
        faults.refuse(name, "must be one scope such as https://graph.microsoft.com/.default", text)
    return text


def guid(faults: Faults, name: str, text: str | None) -> str | None:
    """A GUID, or None."""
    if text is not None and not forms.is_guid(text):
        faults.refuse(name, "must be a GUID", text)
    return text


def tenant(faults: Faults, name: str, text: str | None) -> str | None:
    """A tenant's id or one of its domains, or None."""
    if text is not None and not forms.is_guid(text) and not forms.is_domain(text):
        faults.refuse(name, "must be a GUID or a domain of the tenant", text)
    return text


def hosts(faults: Faults, name: str, text: str | None) -> tuple[str, ...] | None:
    """A comma list of `host` or `host:port`, in lower case, or None."""
    if text is None:
        return None
    found = _items(text)
    if not found:
        faults.add(name, "names no host")
    for one in found:
        host, colon, port = one.partition(":")
        has_port = bool(_WHOLE.fullmatch(port)) and 1 <= int(port) <= 65535  # noqa: PLR2004 - the range of TCP ports
        if not forms.is_host(host) or (colon and not has_port):
            faults.refuse(name, "must list host names, each with or without :port", one)
    return tuple(dict.fromkeys(host.lower() for host in found))


def mailboxes(faults: Faults, name: str, text: str | None) -> tuple[str, ...]:
    """A comma list of addresses, object ids and `@domain`s; empty where it is not given."""
    found = _items(text or "")
    if text is not None and not found:
        faults.add(name, "names no mailbox, which would allow every mailbox; remove it if that is meant")
    for one in found:
        if not (forms.is_guid(one) or forms.is_address(one) or (one[0] == "@" and forms.is_domain(one[1:]))):
            faults.refuse(name, "must list addresses, object ids (GUIDs) or @domains", one)
    return found


def range_bytes(faults: Faults, name: str, text: str | None) -> int:
    """Bytes, 1 to `LARGEST_RANGE`, inclusive."""
    value = int(text) if text is not None and _WHOLE.fullmatch(text) else 0
    if not 1 <= value <= LARGEST_RANGE:
        faults.refuse(name, f"must be a whole number of bytes, 1 to {LARGEST_RANGE}", text or "")
    return value


def wait(faults: Faults, name: str, text: str | None) -> float:
    """Seconds, 0 to `LONGEST_WAIT`, inclusive."""
    value = float(text) if text is not None and _NUMBER.fullmatch(text) else -1.0
    if not 0 <= value <= LONGEST_WAIT:
        faults.refuse(name, f"must be seconds, 0 to {LONGEST_WAIT}", text or "")
    return value


def run_budget(faults: Faults, name: str, text: str | None) -> float | None:
    """Seconds above 0, or None."""
    if text is None:
        return None
    value = float(text) if _NUMBER.fullmatch(text) else 0.0
    if value <= 0:
        faults.refuse(name, "must be seconds above 0", text)
    return value


def _items(text: str) -> tuple[str, ...]:
    """The parts of a comma list, blanks around them dropped, empty ones too."""
    return tuple(part.strip() for part in text.split(",") if part.strip())
