"""Whether the byte window is enforced for a mailbox, and what counts as evidence that it has to be."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from shared.core.allowance import MailboxBytes
from shared.rate_limit import window
from shared.rate_limit.limits import Limits
from shared.rate_limit.mailbox import Mailbox


def is_enforced(mailbox: Mailbox, now: datetime, limits: Limits) -> bool:
    """True where no more may be sent than the window allows."""
    if limits.bytes is MailboxBytes.LEARN:
        return mailbox.counted_until is not None and mailbox.counted_until > now
    return limits.bytes is MailboxBytes.LIMIT


def is_unknown(mailbox: Mailbox, need: int, now: datetime, limits: Limits) -> bool:
    """True where `need` more bytes would exceed the window, and it is not known whether Outlook counts bytes."""
    is_open = limits.bytes is MailboxBytes.LEARN and not is_enforced(mailbox, now, limits)
    return is_open and need > window.room(mailbox, limits)


def with_counting(mailbox: Mailbox, until: datetime | None) -> Mailbox:
    """The mailbox with the knowledge that Outlook counts bytes, until then."""
    return mailbox if until is None else replace(mailbox, counted_until=until)


def after_refusal(mailbox: Mailbox, refused: int, now: datetime, limits: Limits) -> Mailbox:
    """The mailbox after a 429 to a request with so many bytes, 0 where something else explains it.

    What was sent before must make it likely: Outlook refuses for other reasons too.
    """
    if limits.bytes is not MailboxBytes.LEARN or not refused or is_enforced(mailbox, now, limits):
        return mailbox
    if window.spent(mailbox) + refused < limits.evidence * limits.window_bytes:
        return mailbox
    return with_counting(mailbox, now + timedelta(seconds=limits.counting_lifetime))
