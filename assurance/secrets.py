"""Finds secrets in what the product says: whole or in part, as they are or encoded. Every suite may ask it.

Give it the part that is secret and nothing else: a token, or the query of an upload URL (`query_of`). A whole URL would
find its own host in harmless lines.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple
from urllib.parse import unquote

SHORTEST = 12
"""Characters of a secret in a row that count as a leak: a message that was cut leaks too. Chosen: long enough that no
ordinary word is taken for one."""

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{16,}")
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{2})|/)")


class Leak(NamedTuple):
    """A part of a secret in a text. `form` says how it was written; `around` is the text before it, without it."""

    form: str
    around: str

    def __str__(self) -> str:
        return f"a secret, {self.form}, after {self.around!r}"


class Scanner:
    """Knows some secrets and looks for them."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._pieces: set[str] = set()
        self.add(*secrets)

    def add(self, *secrets: str) -> None:
        """More secrets. ValueError for one that is too short to be told from an ordinary word."""
        for secret in secrets:
            if len(secret) < SHORTEST:
                raise ValueError(f"a secret of {len(secret)} characters cannot be looked for; {SHORTEST} are needed")
            folded = secret.lower()
            self._pieces.update(folded[at : at + SHORTEST] for at in range(len(folded) - SHORTEST + 1))

    def leaks(self, said: str | bytes) -> list[Leak]:
        """Where the text holds a part of a secret: the first place in each way of writing it."""
        text = said.decode(errors="replace") if isinstance(said, bytes) else said
        found = []
        for form, written in _readings(text):
            at = self._first(written.lower())
            if at is not None:
                found.append(Leak(form, written[max(0, at - 40) : at]))
        return found

    def check(self, said: str | bytes, where: str) -> None:
        """AssertionError where the text holds a part of a secret; its message does not repeat it."""
        found = self.leaks(said)
        if found:
            raise AssertionError(f"{where} holds " + "; ".join(map(str, found)))

    def _first(self, text: str) -> int | None:
        pieces = self._pieces
        places = (at for at in range(len(text) - SHORTEST + 1) if text[at : at + SHORTEST] in pieces)
        return next(places, None)


def query_of(url: str) -> str:
    """The secret part of an upload URL: everything behind its first `=` in the query."""
    return url.partition("?")[2].partition("=")[2]


def _readings(text: str) -> Iterator[tuple[str, str]]:
    """The text as it is, and as it would be read by somebody who undoes an encoding."""
    yield "as it is", text
    if "%" in text:
        yield "percent-encoded", unquote(text)
    if "\\" in text:
        yield "escaped", _ESCAPE.sub(_unescaped, text.replace("\\\\", "\\"))  # a representation may stand in JSON
    decoded = " ".join(_decoded(run) for run in _BASE64.findall(text))
    if decoded.strip():
        yield "in base64", decoded


def _unescaped(escape: re.Match[str]) -> str:
    digits = escape[1] or escape[2]
    return chr(int(digits, 16)) if digits else "/"


def _decoded(run: str) -> str:
    """What a run of base64 says, whichever alphabet it has and wherever in a longer text it begins."""
    plain = run.translate(str.maketrans("-_", "+/"))
    readings = []
    for start in range(4):
        piece = plain[start:]
        try:
            readings.append(base64.b64decode(piece[: len(piece) // 4 * 4]).decode(errors="replace"))
        except (binascii.Error, ValueError):
            continue
    return " ".join(readings)
