"""Single-value extended properties: searched by `$filter` with Outlook's lag, and shown only where `$expand` asks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from devkit.graph.mail import property_key

if TYPE_CHECKING:
    from datetime import datetime

    from devkit.graph.state import Item
    from devkit.graph.switches import Switches

_ANY = re.compile(
    r"\s*singleValueExtendedProperties/[Aa]ny\((\w+):\s*\1/id eq '((?:[^']|'')*)' and \1/value eq '((?:[^']|'')*)'\)\s*"
)
_EXPAND = re.compile(r"\s*singleValueExtendedProperties\(\$filter=(id eq '[^']*'(?: or id eq '[^']*')*)\)\s*")


@dataclass(frozen=True, slots=True)
class PropertyFilter:
    """`singleValueExtendedProperties/Any(ep: ep/id eq '..' and ep/value eq '..')`; the case of the value is ignored."""

    key: str
    value: str

    def matches(self, item: Item) -> bool:
        """Whether the item carries the property with that value, whatever a search shows of it yet."""
        found = item.mail.properties.get(self.key)
        return found is not None and found.casefold() == self.value.casefold()


def property_filter(text: str) -> PropertyFilter | None:
    """The filter as a value, or None where it is another kind of filter."""
    match = _ANY.fullmatch(text)
    if match is None:
        return None
    return PropertyFilter(property_key(match[2].replace("''", "'")), match[3].replace("''", "'"))


def expanded(text: str | None) -> frozenset[str] | None:
    """The properties that `$expand` asks for; None where it asks for something else."""
    if text is None:
        return frozenset()
    match = _EXPAND.fullmatch(text)
    return None if match is None else frozenset(property_key(one) for one in re.findall(r"id eq '([^']*)'", match[1]))


def touched(item: Item, switches: Switches, now: datetime) -> None:
    """An item was made, changed or moved: searches know of it only after the lag the switches ask for."""
    item.hidden_searches = switches.search_lag_calls
    item.searched_from = now + timedelta(seconds=switches.search_lag_seconds)


def is_shown(item: Item, now: datetime) -> bool:
    """Whether a search that matches the item shows it; the search is counted."""
    if item.hidden_searches > 0:
        item.hidden_searches -= 1
        return False
    return item.searched_from is None or now >= item.searched_from
