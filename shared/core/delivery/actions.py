"""What a delivery can want next: a closed union of plain values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shared.core.actions import Item, ListAttachments
from shared.core.delivery.draft import DraftText


@dataclass(frozen=True, slots=True)
class Mark:
    """What the item is found by: the draft's name, or, for an item that is named by its id, the delivery's id."""

    mailbox: str
    value: str
    is_name: bool


@dataclass(frozen=True, slots=True)
class FindMarked:
    """Search the whole mailbox for messages with the mark, compared exactly."""

    mark: Mark


@dataclass(frozen=True, slots=True)
class FindDeletedItems:
    """Learn the id of the mailbox's Deleted Items: what lies there was deleted, and would still be sent."""

    mailbox: str


@dataclass(frozen=True, slots=True)
class PrepareCompose:
    """Write down that a draft is about to be made. No request."""


@dataclass(frozen=True, slots=True)
class Compose:
    """Make the draft, with its mark; not after `not_after`."""

    mark: Mark
    text: DraftText
    not_after: datetime


@dataclass(frozen=True, slots=True)
class DeleteDraft:
    """Delete a draft, unless it has been sent meanwhile."""

    item: Item


@dataclass(frozen=True, slots=True)
class CountFiles:
    """Read how the delivery's transfers stand. No request to Graph."""

    transfer_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReadItem:
    """Read whether the item is a draft still, where it lies, and whether it has the mark."""

    item: Item
    mark: Mark


@dataclass(frozen=True, slots=True)
class MarkItem:
    """Write the mark on an item that was made by somebody else."""

    item: Item
    mark: Mark


@dataclass(frozen=True, slots=True)
class PrepareAct:
    """Write down that the message is about to be sent, or the attendees to be told. No request."""


@dataclass(frozen=True, slots=True)
class AbortAct:
    """Take an announcement back whose act was not begun in time. No request."""


@dataclass(frozen=True, slots=True)
class Submit:
    """Send the message; not after `not_after`."""

    item: Item
    not_after: datetime


@dataclass(frozen=True, slots=True)
class TellAttendees:
    """One PATCH: the event's own subject again, and with it the mark, by which it is seen that it was carried out."""

    item: Item
    mark: Mark
    subject: str
    not_after: datetime


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do before `until`, unless a file ends or a person asks."""

    until: datetime


@dataclass(frozen=True, slots=True)
class Finish:
    """The delivery is over."""


GraphCall = (
    FindMarked
    | FindDeletedItems
    | Compose
    | DeleteDraft
    | ReadItem
    | ListAttachments
    | MarkItem
    | Submit
    | TellAttendees
)
Request = GraphCall | CountFiles
Action = Request | PrepareCompose | PrepareAct | AbortAct | Wait | Finish
