"""The page's forms and links, as plain values."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs, urlencode

from shared.api.http import Call
from shared.storage.operations import MOST_ROWS
from shared.storage.places import Wanted

LARGEST_FORM = 64 * 1024
"""Bytes of a form, inclusive: a thousand ids, and the longest names beside them."""

_MOST_FIELDS = MOST_ROWS + 20


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of a form; a field may be there several times."""

    fields: Mapping[str, list[str]]

    def text(self, name: str) -> str:
        """The first value; empty where there is none."""
        return self.fields.get(name, [""])[0]

    def all(self, name: str) -> tuple[str, ...]:
        """Every value, each once."""
        return tuple(dict.fromkeys(self.fields.get(name, [])))

    def texts(self) -> dict[str, str]:
        """The first value of every field."""
        return {name: values[0] for name, values in self.fields.items()}


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a form chose: everything that a filter matches, or these ids; and the fields that say so again."""

    what: Wanted | tuple[str, ...]
    fields: tuple[tuple[str, str], ...]


def read_form(body: bytes) -> Form:
    """The fields of a form; none for anything else."""
    if len(body) > LARGEST_FORM:
        return Form({})
    try:
        text = body.decode("ascii")
        return Form(parse_qs(text, keep_blank_values=True, strict_parsing=True, max_num_fields=_MOST_FIELDS))
    except ValueError:
        return Form({})


def is_plain(text: str) -> bool:
    """Whether it has no control characters."""
    return not any(unicodedata.category(character) == "Cc" for character in text)


def link(call: Call, **parameters: str) -> str:
    """A link to this page that keeps the caller's key, where it came in the query."""
    given = {name: value for name, value in parameters.items() if value}
    key = call.query.get("code")
    return "?" + urlencode({**given, **({"code": key} if key else {})})
