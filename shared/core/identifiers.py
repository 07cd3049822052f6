"""What transfers and mailboxes are called by: one form each, made here and nowhere else."""

from __future__ import annotations

import hashlib
import re
from typing import NewType

TransferId = NewType("TransferId", str)
"""32 lower-case hexadecimal digits, as `shared/core/planning.py` makes them. It names blobs, so nothing else may."""

MailboxKey = NewType("MailboxKey", str)
"""A mailbox's address or object id, folded: mailboxes are compared without case."""

TRANSFER_ID = "^[0-9a-f]{32}$"
"""The form of a transfer's id, as a pattern of JSON Schema."""

LONGEST_ITEM_ID = 4096
"""Characters of a message's or event's id in Graph. Chosen: far above the 152 to 200 that are seen."""

_TRANSFER_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)


def parse_transfer_id(given: object) -> TransferId | None:
    """What came from outside, as a transfer's id; None where it cannot be one."""
    return TransferId(given) if isinstance(given, str) and _TRANSFER_ID.fullmatch(given) else None


def is_item_id(text: str) -> bool:
    """Whether it can stand in a path as one segment: an id of Graph's is printable ASCII, and never `.` or `..`."""
    return 0 < len(text) <= LONGEST_ITEM_ID and text.isascii() and text.isprintable() and bool(text.strip("."))


def mailbox_key(mailbox: str) -> MailboxKey:
    """The form in which a mailbox is compared and stored. Of a key it is the key itself."""
    return MailboxKey(mailbox.casefold())


def mailbox_digest(mailbox: str, digits: int) -> str:
    """The head of the SHA-256 of the mailbox's key: names of blobs show no person's name.

    `digits` is what each place has always stored: 32 for the rate limiter's records, 16 for the outcome index.
    """
    return hashlib.sha256(mailbox_key(mailbox).encode(errors="surrogatepass")).hexdigest()[:digits]
