"""Media types: their form, and the one that a file's name stands for where nobody has said it.

The rule where the type is not given and the blob has none of its own: Python's `mimetypes`, its built-in table and
nothing that the machine adds to it, so that every deployment decides alike; with `TYPES` over it for what that table
lacks or holds differently from one version of Python to another. A name that neither knows is
`application/octet-stream`.
"""

from __future__ import annotations

import mimetypes
import re
from functools import cache

OCTETS = "application/octet-stream"
"""What the storage SDKs give a blob whose writer names no type: as good as none."""

LONGEST = 255
"""Characters, inclusive; RFC 6838 section 4.2 allows 127 for each half of a media type."""

_OFFICE = "application/vnd.openxmlformats-officedocument"
TYPES: dict[str, str] = {
    ".7z": "application/x-7z-compressed",
    ".avif": "image/avif",
    ".bmp": "image/bmp",
    ".csv": "text/csv",
    ".doc": "application/msword",
    ".docm": "application/vnd.ms-word.document.macroEnabled.12",
    ".docx": f"{_OFFICE}.wordprocessingml.document",
    ".dotx": f"{_OFFICE}.wordprocessingml.template",
    ".eml": "message/rfc822",
    ".epub": "application/epub+zip",
    ".gz": "application/gzip",
    ".heic": "image/heic",
    ".ics": "text/calendar",
    ".js": "text/javascript",
    ".json": "application/json",
    ".m4a": "audio/mp4",
    ".md": "text/markdown",
    ".msg": "application/vnd.ms-outlook",
    ".odp": "application/vnd.oasis.opendocument.presentation",
    ".ods": "application/vnd.oasis.opendocument.spreadsheet",
    ".odt": "application/vnd.oasis.opendocument.text",
    ".ppsx": f"{_OFFICE}.presentationml.slideshow",
    ".ppt": "application/vnd.ms-powerpoint",
    ".pptm": "application/vnd.ms-powerpoint.presentation.macroEnabled.12",
    ".pptx": f"{_OFFICE}.presentationml.presentation",
    ".rar": "application/vnd.rar",
    ".rtf": "application/rtf",
    ".vcf": "text/vcard",
    ".vsdx": "application/vnd.ms-visio.drawing",
    ".wav": "audio/wav",
    ".webp": "image/webp",
    ".xls": "application/vnd.ms-excel",
    ".xlsb": "application/vnd.ms-excel.sheet.binary.macroEnabled.12",
    ".xlsm": "application/vnd.ms-excel.sheet.macroEnabled.12",
    ".xlsx": f"{_OFFICE}.spreadsheetml.sheet",
    ".xml": "application/xml",
    ".zip": "application/zip",
}
"""By a name's last extension, in lower case (IANA media types registry; Microsoft's list for the Office formats)."""

_PACKED = {"gzip": "application/gzip", "bzip2": "application/x-bzip2", "xz": "application/x-xz"}
_TOKEN = r"[A-Za-z0-9!#$&^_.+-]{1,127}"  # noqa: S105 - a media type's token, RFC 6838
_QUOTED = r'"[ !#-\[\]-~]*"'
_MEDIA_TYPE = re.compile(rf"{_TOKEN}/{_TOKEN}(?: *; *{_TOKEN}=(?:{_TOKEN}|{_QUOTED}))*")
_SEPARATORS = re.compile(rf"(?P<quoted>{_QUOTED})|[\t ]*;[\t ;]*")


def tidy(text: str) -> str:
    """A media type without what writers leave around it: blanks, a `;` at the end, or several in a row."""
    parted = _SEPARATORS.sub(lambda found: found["quoted"] or "; ", text.strip(" \t\r\n"))
    return parted.removesuffix("; ")


def is_media_type(text: str) -> bool:
    """True for `type/subtype` with or without parameters, at most 255 characters (RFC 6838, RFC 2045)."""
    return len(text) <= LONGEST and _MEDIA_TYPE.fullmatch(text) is not None


def type_of_name(name: str) -> str:
    """The media type that a file's name stands for; `application/octet-stream` where it stands for none."""
    extension = "." + name.rpartition(".")[2].lower() if "." in name else ""
    if extension in TYPES:
        return TYPES[extension]
    guessed, packed = _table().guess_type(f"x{extension}", strict=True)
    return _PACKED.get(packed, OCTETS) if packed else guessed or OCTETS


@cache
def _table() -> mimetypes.MimeTypes:
    """Python's built-in table alone: what the machine's own files add is in the module's, not in a new one."""
    return mimetypes.MimeTypes()
