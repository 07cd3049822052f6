"""What can come of a delivery's action: a closed union of plain values.

That an act was refused is no evidence: sent messages have been answered with 429, 500 and 504. Only a request that
never left (`NotDone` without an answer) surely had no effect, and only 202 says that it had.
"""

from __future__ import annotations

from dataclasses import dataclass

from shared.core.delivery.model import File, MarkedItem
from shared.core.events import (  # these mean here what they mean there
    AttachmentsListed,
    CancelNoted,
    CancelRequested,
    EventBase,
    Forbidden,
    Held,
    ItemMissing,
    NotDone,
    Refused,
    RunStarted,
    Unsure,
)

__all__ = [
    "ActAborted",
    "ActPrepared",
    "AttachmentsListed",
    "AttendeesTold",
    "CancelNoted",
    "CancelRequested",
    "ComposePrepared",
    "Composed",
    "DeletedItemsKnown",
    "DraftDeleted",
    "Event",
    "EventBase",
    "FilesCounted",
    "FilesJoined",
    "FilesNoted",
    "Forbidden",
    "Held",
    "ItemMarked",
    "ItemMissing",
    "ItemRead",
    "MarkedFound",
    "NotDone",
    "Refused",
    "RetryRequested",
    "RunStarted",
    "Submitted",
    "Unsure",
]


@dataclass(frozen=True, slots=True)
class FilesJoined(EventBase):
    """Other files came for the item, or some of its files came again."""

    files: tuple[File, ...]


@dataclass(frozen=True, slots=True)
class FilesNoted(EventBase):
    """Files that joined while a run had the delivery: they are in the record, whatever the run makes of them."""

    files: tuple[File, ...]


@dataclass(frozen=True, slots=True)
class RetryRequested(EventBase):
    """A person had it tried again: whatever is in its way has been dealt with, or is to be looked at anew."""


@dataclass(frozen=True, slots=True)
class FilesCounted(EventBase):
    """How the transfers stand; those that nothing is known of are missing."""

    files: tuple[File, ...]


@dataclass(frozen=True, slots=True)
class MarkedFound(EventBase):
    """What a search by the mark shows; may be empty, may be old."""

    items: tuple[MarkedItem, ...]


@dataclass(frozen=True, slots=True)
class DeletedItemsKnown(EventBase):
    """The id of Deleted Items."""

    folder_id: str


@dataclass(frozen=True, slots=True)
class ComposePrepared(EventBase):
    """The draft is about to be made."""


@dataclass(frozen=True, slots=True)
class Composed(EventBase):
    """Graph made the draft (201)."""

    item: MarkedItem


@dataclass(frozen=True, slots=True)
class DraftDeleted(EventBase):
    """The draft is gone."""


@dataclass(frozen=True, slots=True)
class ItemRead(EventBase):
    """The item, as a GET by its id shows it."""

    item: MarkedItem


@dataclass(frozen=True, slots=True)
class ItemMarked(EventBase):
    """The item carries the mark now."""


@dataclass(frozen=True, slots=True)
class ActPrepared(EventBase):
    """The act is about to begin."""


@dataclass(frozen=True, slots=True)
class ActAborted(EventBase):
    """The announced act was surely not begun: not in time."""


@dataclass(frozen=True, slots=True)
class Submitted(EventBase):
    """202: the message was submitted, whatever else the answer says."""


@dataclass(frozen=True, slots=True)
class AttendeesTold(EventBase):
    """200: the event was changed, and Exchange mails its attendees."""


Event = (
    RunStarted
    | CancelRequested
    | Forbidden
    | RetryRequested
    | FilesJoined
    | FilesNoted
    | CancelNoted
    | Held
    | FilesCounted
    | MarkedFound
    | DeletedItemsKnown
    | ComposePrepared
    | Composed
    | DraftDeleted
    | ItemRead
    | AttachmentsListed
    | ItemMarked
    | ItemMissing
    | ActPrepared
    | ActAborted
    | Submitted
    | AttendeesTold
    | NotDone
    | Unsure
    | Refused
)
