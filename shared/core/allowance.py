"""What is believed of Outlook's allowance of bytes for a mailbox (the setting MAILBOX_BYTES)."""

from __future__ import annotations

from enum import StrEnum


class MailboxBytes(StrEnum):
    """Whether what is sent to one mailbox is held to 150 MB in five minutes.

    Outlook's limits name it for PUT, POST and PATCH (graph/throttling-limits); whether it counts what goes to the
    upload host is not documented. `LEARN`: not before a 429 has shown it.
    """

    LEARN = "learn"
    LIMIT = "limit"
    OFF = "off"
