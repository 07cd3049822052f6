"""The query of a listing, checked. An unknown parameter is refused, so that a typo does not show everything.

`code` is the listing's filter and the host's parameter for the function key, both: what looks like a code of the
catalogue is the filter, anything else the key. Who sends both in the query gives the key first, as the host reads it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from shared.api.models import CONTINUATION, DEFAULT_PAGE, LONGEST_BLOB, LONGEST_CONTINUATION, LONGEST_MAILBOX
from shared.api.problems import Fault
from shared.core.errors import Code
from shared.core.public_state import PublicState
from shared.intake import checks
from shared.storage.places import ACKNOWLEDGED, IN_DOUBT, LARGEST_PAGE, Wanted
from shared.storage.validation import YEARS

HOSTS_OWN = frozenset({"code", "clientid"})
"""The function key and its name: the host's parameters, not ours (HTTP trigger page, API key authorization)."""

STATES = (*PublicState, IN_DOUBT, ACKNOWLEDGED)
"""What `state` may be: a transfer's own states, what is in doubt, and the failures that were dealt with. `failed` and
`in-doubt` leave those out."""

FILTERS = ("state", "mailbox", "blob", "code", "since")
"""The parameters that say which transfers."""

_SINCE = r"^\d{4}-\d{2}-\d{2}([Tt ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?([Zz]|[+\- ]\d{2}:?\d{2})?)?$"
"""A day, or an instant; without an offset in UTC. A `+` that was not encoded has become a blank on the way."""

_CODE_LIKE = re.compile(r"[A-Z]+(_[A-Z]+)+", re.ASCII)


@dataclass(frozen=True, slots=True)
class ListQuery:
    """Which transfers, how many, from where on."""

    wanted: Wanted
    limit: int
    continuation: str | None


def read_list(query: Mapping[str, str], *, has_key: bool = False) -> ListQuery | tuple[Fault, ...]:
    """The listing that the query asks for, or everything that is wrong with it.

    An empty value is as good as none: the Functions host leaves it out (GrpcMessageConversionExtensions.cs). `has_key`:
    the function key came in a header, so that `code` cannot be it.
    """
    faults = unknown(query, (*FILTERS, "limit", "continuation"))
    wanted, wrong = read_filter({**query, "code": _code_of(query.get("code", ""), has_key=has_key)})
    faults += wrong
    limit = query.get("limit") or str(DEFAULT_PAGE)
    if not re.fullmatch(r"[1-9][0-9]{0,3}", limit, re.ASCII) or int(limit) > LARGEST_PAGE:
        faults.append(_fault("limit", f"is {checks.shown(limit)}; it is a whole number from 1 to {LARGEST_PAGE}"))
    continuation = query.get("continuation") or None
    if continuation is not None and (
        len(continuation) > LONGEST_CONTINUATION or not re.fullmatch(CONTINUATION, continuation)
    ):
        faults.append(no_continuation())
    return tuple(faults) or ListQuery(wanted, int(limit), continuation)


def read_filter(given: Mapping[str, str]) -> tuple[Wanted, list[Fault]]:
    """Which transfers are wanted, and what is wrong with that. Other members than FILTERS are not looked at."""
    faults: list[Fault] = []
    state, mailbox, blob = (given.get(name) or None for name in ("state", "mailbox", "blob"))
    code, since = given.get("code") or None, given.get("since") or None
    if state is not None and state not in STATES:
        faults.append(_fault("state", f"is {checks.shown(state)}; it is one of {', '.join(STATES)}"))
    if mailbox is not None and len(mailbox) > LONGEST_MAILBOX:
        faults.append(_fault("mailbox", f"has {len(mailbox)} characters; a mailbox has at most {LONGEST_MAILBOX}"))
    if blob is not None and len(blob) > LONGEST_BLOB:
        faults.append(_fault("blob", f"has {len(blob)} characters; a file's name has at most {LONGEST_BLOB}"))
    if code is not None and code not in set(Code):
        faults.append(_fault("code", "is none of the codes in docs/errors.md"))
    at = _instant(since) if since is not None else None
    if since is not None and at is None:
        example = "2026-03-02, or 2026-03-02T08:00:00Z"
        faults.append(_fault("since", f"is {checks.shown(since)}; it is a day or an instant, such as {example}"))
    return (Wanted() if faults else Wanted(state, mailbox, blob, Code(code) if code is not None else None, at)), faults


def unknown(query: Mapping[str, str], known: Iterable[str]) -> list[Fault]:
    """One fault for each parameter that is neither known nor the host's own."""
    names = set(query) - set(known)
    listed = ", ".join(known) or "none"
    strange = sorted(name for name in names if name.lower() not in HOSTS_OWN)
    return [
        Fault(Code.REQUEST_INVALID, None, f"{checks.shown(name)} is no parameter here; there are: {listed}")
        for name in strange
    ]


def no_continuation() -> Fault:
    """The continuation is none that this listing handed out."""
    return _fault("continuation", "is none that this listing handed out; begin without it")


def _code_of(given: str, *, has_key: bool) -> str:
    """The filter among what stands in `code`; a value that can only be the function key is none."""
    parts = [part for part in given.split(",") if part]
    return ",".join(part for part in parts if has_key or _CODE_LIKE.fullmatch(part))


def _instant(text: str) -> datetime | None:
    """The instant in UTC; None where it is none, or outside of the years that a file's time can have."""
    if not re.fullmatch(_SINCE, text, re.ASCII):
        return None
    date, rest = text[:10], text[10:]
    if rest:
        rest = "T" + rest[1:].replace(" ", "+").upper()
    try:
        at = datetime.fromisoformat(date + rest)
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return at if at.year in YEARS else None


def _fault(name: str, problem: str) -> Fault:
    return Fault(Code.REQUEST_INVALID, name, f"`{name}` {problem}")
