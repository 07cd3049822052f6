"""What makes a message a mail and an event a meeting: recipients, folders, marks, and the copies that others get."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

Folder = Literal["drafts", "outbox", "sentitems", "inbox", "archive", "deleteditems"]
FOLDERS: tuple[Folder, ...] = ("drafts", "outbox", "sentitems", "inbox", "archive", "deleteditems")


def folder_id(folder: str) -> str:
    """A folder's id; real ones are as long as an item's and cannot be read either."""
    return f"AAMkAD{folder}="


@dataclass(frozen=True, slots=True)
class Submission:
    """A draft that Exchange took for sending and has not moved yet: it still looks like a draft."""

    leaves_at: datetime
    calls: int
    """So many further requests come before it moves."""


@dataclass(frozen=True, slots=True)
class Mail:
    """The part of a message that says to whom, how, and where it lies. Addresses in the order given."""

    folder: Folder = "inbox"
    to: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()
    bcc: tuple[str, ...] = ()
    reply_to: tuple[str, ...] = ()
    body_type: str = "text"
    body: str = ""
    importance: str = "normal"
    conversation: str = ""
    properties: Mapping[str, str] = field(default_factory=dict)
    """Single-value extended properties by id, as `property_key` writes it."""
    sent: datetime | None = None
    submission: Submission | None = None

    @property
    def recipients(self) -> tuple[str, ...]:
        """Everybody it would go to."""
        return (*self.to, *self.cc, *self.bcc)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message that went out: the only truth about what recipients get, whatever the mailbox shows.

    `draft` is the id it had while it was a draft, `files` name and SHA-256 of what it carried.
    """

    mailbox: str
    draft: str
    at: datetime
    by: Literal["app", "person"]
    subject: str
    recipients: tuple[str, ...]
    internet_message_id: str
    properties: Mapping[str, str]
    files: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Copy:
    """What one attendee has in the calendar: how many mails came about it, and the names of the files in the last."""

    mails: int
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Meeting:
    """The attendees of an event with their copies, by address in the order they were invited, and its other values."""

    copies: Mapping[str, Copy] = field(default_factory=dict)
    values: Mapping[str, object] = field(default_factory=dict)

    def invited(self, address: str, files: tuple[str, ...]) -> Meeting:
        """With one more attendee, who is told at once."""
        return replace(self, copies={**self.copies, address: Copy(1, files)})

    def mailed(self, files: tuple[str, ...]) -> Meeting:
        """With an update to everybody."""
        return replace(self, copies={who: Copy(copy.mails + 1, files) for who, copy in self.copies.items()})


def property_key(identifier: str) -> str:
    """An extended property's id with its GUID in lower case: Exchange compares those without case, names with it."""
    kind, brace, rest = identifier.partition("{")
    guid, closing, name = rest.partition("}")
    return kind + brace + guid.lower() + closing + name
