r"""The name under which Outlook shows the file.

What is visible but impossible in a file name (`/ \ : * ? " < > |`) becomes `_`, also in a name that was asked for:
whoever saves the attachment gets a name that every system takes. What is invisible and would hide the real name is
refused where the name was asked for, and taken out where it merely comes from the blob: control characters, line
separators, lone surrogates, and the characters that turn the direction of writing, with which `exe.pdf` can be made to
show for a file that is `fdp.exe`. Letters of every script stay, those written from right to left among them.
"""

from __future__ import annotations

import re
import unicodedata

LONGEST_NAME = 255
"""Characters, inclusive (graph-upload-session reference, section 8: inferred, not documented)."""

LAST_RESORT = "attachment"
"""The name where a blob's name leaves nothing to show."""

_LONGEST_EXTENSION = 32  # with its dot; what is longer is not an extension
_BIDI_CONTROLS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")  # property Bidi_Control, UAX #9
_IMPOSSIBLE = re.compile(r'[/\\:*?"<>|]')
_UNTEXT = frozenset({"Cc", "Cs", "Zl", "Zp"})


def has_control(text: str) -> bool:
    """True where the text holds what no name and no id has: control characters, line separators, lone surrogates."""
    return any(unicodedata.category(character) in _UNTEXT or character in "\ufffe\uffff" for character in text)


def clean_name(given: str) -> str | None:
    """The shown name for one that was asked for; None where it has 0 or over 255 characters, or hidden ones."""
    if len(given) > LONGEST_NAME or has_control(given) or _BIDI_CONTROLS.search(given):
        return None
    return _trimmed(_IMPOSSIBLE.sub("_", given)) or None


def name_from_blob(blob: str) -> str:
    """The shown name for a blob: its name's last segment, cleaned; 1 to 255 characters whatever the blob's name is.

    A blob's name is what it is: `%20` in it is shown as `%20`.
    """
    segment = blob.rstrip("/").rpartition("/")[2]
    visible = "".join("_" if has_control(character) else character for character in _BIDI_CONTROLS.sub("", segment))
    return _shortened(_trimmed(_IMPOSSIBLE.sub("_", visible))) or LAST_RESORT


def _trimmed(name: str) -> str:
    """Without blanks at the start, and without blanks and dots at the end, which Windows drops; "" if none shows."""
    shorter = name.strip().rstrip(".")
    while shorter != name:
        name, shorter = shorter, shorter.strip().rstrip(".")
    return name if any(character.isprintable() and not character.isspace() for character in name) else ""


def _shortened(name: str) -> str:
    """At most 255 characters, the extension kept: it decides which program opens the file."""
    if len(name) <= LONGEST_NAME:
        return name
    stem, dot, extension = name.rpartition(".")
    if not stem or len(dot + extension) > _LONGEST_EXTENSION:
        return _trimmed(name[:LONGEST_NAME])
    return stem[: LONGEST_NAME - len(dot + extension)] + dot + extension
