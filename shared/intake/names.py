r"""The name under which Outlook shows the file.

What is visible but impossible in a file name (`/ \ : * ? " < > |`) becomes `_`, also in a name that was asked for:
whoever saves the attachment gets a name that every system takes. What is invisible and would hide the real name is
refused where the name was asked for, and taken out where it merely comes from the blob: control characters, line
separators, lone surrogates, and the characters that turn the direction of writing, with which `exe.pdf` can be made to
show for a file that is `fdp.exe`. Letters of every script stay, those written from right to left among them.

What is invisible and hides nothing is taken out of either: zero-width blanks, soft hyphens, byte order marks, fillers
and tag characters, which copying from web pages and chats leaves behind. The joiners and variation selectors that
scripts and emoji need stay where they follow a character that can need one, which no ASCII character does.

A name that Windows keeps for a device (`CON`, `nul.txt`, `COM1.pdf`) gets a `_` in front: nobody there could save it.
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
_INVISIBLE = re.compile(
    "[\u00ad\u115f\u1160\u17b4\u17b5\u180e\u200b\u2060-\u2064\u206a-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb]"
    "|[\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e00ff\U000e01f0-\U000e0fff]"
    "|(?:(?<=[\x00-\x7f])|^)[\u034f\u180b-\u180d\u180f\u200c\u200d\ufe00-\ufe0f\U000e0100-\U000e01ef]+"
)
"""Property Default_Ignorable_Code_Point (Unicode, DerivedCoreProperties) and the annotation characters, less the
controls of direction. Its last line: joiners and selectors, where nothing before them can need one."""

_DEVICE = re.compile(
    r"(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9\u00b9\u00b2\u00b3]) *(?:\..*)?", re.IGNORECASE | re.DOTALL
)
"""Names that Windows keeps for devices, with any extension (Naming Files, Paths, and Namespaces)."""

_IMPOSSIBLE = re.compile(r'[/\\:*?"<>|]')
_UNTEXT = frozenset({"Cc", "Cs", "Zl", "Zp"})


def has_control(text: str) -> bool:
    """True where the text holds what no name and no id has: control characters, line separators, lone surrogates."""
    return any(unicodedata.category(character) in _UNTEXT or character in "\ufffe\uffff" for character in text)


def clean_name(given: str) -> str | None:
    """The shown name for one that was asked for; None where it has 0 or over 255 characters, or what hides others."""
    if len(given) > LONGEST_NAME or has_control(given) or _BIDI_CONTROLS.search(given):
        return None
    return _usable(given) or None


def name_from_blob(blob: str) -> str:
    """The shown name for a blob: its name's last segment, cleaned; 1 to 255 characters whatever the blob's name is.

    A blob's name is what it is: `%20` in it is shown as `%20`.
    """
    segment = blob.rstrip("/").rpartition("/")[2]
    visible = "".join("_" if has_control(character) else character for character in _BIDI_CONTROLS.sub("", segment))
    return _shortened(_usable(visible)) or LAST_RESORT


def _usable(name: str) -> str:
    """Without what is invisible, and in a form that every system can save; "" where nothing of it shows."""
    trimmed = _trimmed(_IMPOSSIBLE.sub("_", _INVISIBLE.sub("", name)))
    return _shortened(f"_{trimmed}") if _DEVICE.fullmatch(trimmed) else trimmed


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
