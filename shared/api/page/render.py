"""The page as HTML: one template, its style and its script in it, every value escaped.

The Content-Security-Policy names that style and that script by their hashes: nothing else can run, whatever a file is
called, and nothing is fetched from anywhere.
"""

from __future__ import annotations

import base64
import hashlib
import unicodedata
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from shared.api.http import NEVER_KEPT, Answer
from shared.version import VERSION

FOLDER = Path(__file__).parent
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_THOUSAND = 1000


def page(status: int, key: str | None, facts: Mapping[str, Any]) -> Answer:
    """One page. `key` is the caller's own, and goes into the links where it came in the query; else None."""

    def link(**parameters: str) -> str:
        given = {name: value for name, value in parameters.items() if value}
        return "?" + urlencode({**given, **({"code": key} if key else {})})

    template = _environment().get_template("page.html")
    text = template.render({"css": _css(), "js": _js(), "link": link, "key": key, "version": VERSION, **facts})
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": _policy(),
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        **NEVER_KEPT,
    }
    return Answer(status, headers, text.lstrip().encode(errors="backslashreplace"))


def visible(text: object) -> str:
    r"""The text with what hides in it made visible: `\u202e` for a character that turns the direction of writing."""
    return "".join(_escaped(character) if _hides(character) else character for character in str(text))


def moment(instant: str) -> str:
    """RFC 3339 for people: `2026-03-02 08:00:05 UTC`."""
    return f"{instant[:10]} {instant[11:19]} UTC"


def clock(instant: str, now: str) -> str:
    """The time of day alone where that is enough: `08:00:05`, or `2026-03-02 08:00` where it was on another day."""
    return instant[11:19] if instant[:10] == now[:10] else f"{instant[:10]} {instant[11:16]}"


def size(count: int) -> str:
    """Bytes for people, in powers of a thousand: `25.0 MB`."""
    value, unit = float(count), "bytes"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < _THOUSAND:
            break
        value, unit = value / _THOUSAND, larger
    return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"


def _hides(character: str) -> bool:
    return unicodedata.category(character) in _HIDDEN


def _escaped(character: str) -> str:
    return character.encode("unicode_escape", errors="backslashreplace").decode("ascii")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(visible=visible, moment=moment, clock=clock, size=size)
    return environment


@cache
def _css() -> Markup:
    return Markup((FOLDER / "page.css").read_text(encoding="utf-8"))  # noqa: S704 - our own file


@cache
def _js() -> Markup:
    return Markup((FOLDER / "page.js").read_text(encoding="utf-8"))  # noqa: S704 - our own file


@cache
def _policy() -> str:
    return "; ".join(
        (
            "default-src 'none'",
            f"style-src '{_hash(_css())}'",
            f"script-src '{_hash(_js())}'",
            "connect-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
