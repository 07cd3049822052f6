"""Which mailboxes there can be, and which of them this deployment may write to."""

from __future__ import annotations

from collections.abc import Iterable

from shared.core.identifiers import mailbox_key
from shared.settings import forms


def is_mailbox(text: str) -> bool:
    """True for a user principal name in address form, or an object id (GUID): what `/users/{...}` takes safely."""
    return forms.is_address(text) or forms.is_guid(text)


class AllowedMailboxes:
    """The allow-list `ALLOWED_MAILBOXES`: addresses, object ids and `@domain`s, compared without case.

    An empty list allows every mailbox; what the identity may reach is Exchange's to decide. The entries' form is
    checked where the settings are read. An address does not stand for its object id, nor the other way round, and a
    domain not for its subdomains: nothing is looked up.
    """

    def __init__(self, entries: Iterable[str] = ()) -> None:
        self._entries = frozenset(mailbox_key(entry.strip()) for entry in entries if entry.strip())

    def allow(self, mailbox: str) -> bool:
        """True where the mailbox is in the list by itself or by its domain. False for what is no mailbox at all."""
        if not is_mailbox(mailbox):
            return False
        if not self._entries:
            return True
        folded = mailbox_key(mailbox)
        return folded in self._entries or ("@" in folded and f"@{folded.rpartition('@')[2]}" in self._entries)
