"""The query of a listing, checked. An unknown parameter is refused, so that a typo does not show everything."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from shared.api.models import CONTINUATION, DEFAULT_PAGE, LONGEST_CONTINUATION, LONGEST_MAILBOX
from shared.api.problems import Fault
from shared.core.errors import Code
from shared.core.public_state import PublicState
from shared.intake import checks
from shared.storage.listing import LARGEST_PAGE, Wanted

HOSTS_OWN = frozenset({"code", "clientid"})
"""The function key and its name: the host's parameters, not ours (HTTP trigger page, API key authorization)."""


@dataclass(frozen=True, slots=True)
class ListQuery:
    """Which transfers, how many, from where on."""

    wanted: Wanted
    limit: int
    continuation: str | None


def read_list(query: Mapping[str, str]) -> ListQuery | tuple[Fault, ...]:
    """The listing that the query asks for, or everything that is wrong with it.

    An empty value is as good as none: the Functions host leaves it out (GrpcMessageConversionExtensions.cs).
    """
    faults = unknown(query, ("state", "mailbox", "limit", "continuation"))
    state, mailbox = query.get("state") or None, query.get("mailbox") or None
    if state is not None and state not in set(PublicState):
        faults.append(_fault("state", f"is {checks.shown(state)}; it is one of {', '.join(PublicState)}"))
    if mailbox is not None and len(mailbox) > LONGEST_MAILBOX:
        faults.append(_fault("mailbox", f"has {len(mailbox)} characters; a mailbox has at most {LONGEST_MAILBOX}"))
    limit = query.get("limit") or str(DEFAULT_PAGE)
    if not re.fullmatch(r"[1-9][0-9]{0,3}", limit, re.ASCII) or int(limit) > LARGEST_PAGE:
        faults.append(_fault("limit", f"is {checks.shown(limit)}; it is a whole number from 1 to {LARGEST_PAGE}"))
    continuation = query.get("continuation") or None
    if continuation is not None and (
        len(continuation) > LONGEST_CONTINUATION or not re.fullmatch(CONTINUATION, continuation)
    ):
        faults.append(no_continuation())
    return tuple(faults) or ListQuery(Wanted(state, mailbox), int(limit), continuation)


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


def _fault(name: str, problem: str) -> Fault:
    return Fault(Code.REQUEST_INVALID, name, f"`{name}` {problem}")
