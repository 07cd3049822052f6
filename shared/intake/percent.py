"""Percent-decoding that refuses what it does not understand, because a wrong guess would name another item."""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

_MALFORMED = re.compile(r"%(?![0-9A-Fa-f]{2})")


class PercentError(ValueError):
    """The text is not percent-encoded UTF-8; the message says why, without the text."""


def decode(text: str) -> str:
    """The text behind percent-encoded UTF-8. `+` stays `+`: ids of Outlook items hold it.

    Raises PercentError for a `%` without two hexadecimal digits, a character outside ASCII, and bytes that are not
    UTF-8 (overlong forms and surrogates among them).
    """
    if not text.isascii():
        raise PercentError("holds a character outside ASCII that is not percent-encoded")
    malformed = _MALFORMED.search(text)
    if malformed:
        raise PercentError(f"has a % without two hexadecimal digits at character {malformed.start() + 1}")
    try:
        return unquote_to_bytes(text).decode("utf-8", errors="strict")
    except UnicodeDecodeError:
        raise PercentError("is not UTF-8 once percent-decoded") from None
