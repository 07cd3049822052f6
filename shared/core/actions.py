"""What a transfer can want next: a closed union of plain values. `shared/graph` and `shared/storage` carry them out.

A session's URL is a secret: it stays out of every representation, and so out of tracebacks.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from shared.core.model import Attachment, ItemKind, Target


@dataclass(frozen=True, slots=True)
class Item:
    """A message or event whose Graph id is known."""

    mailbox: str
    kind: ItemKind
    id: str


@dataclass(frozen=True, slots=True)
class FindItem:
    """Look the item up by `internetMessageId` or `iCalUId`."""

    target: Target


@dataclass(frozen=True, slots=True)
class ListAttachments:
    """List what is attached to the item, all pages of it.

    `known` is what was attached before: whatever else is there may be another transfer's, and is then named as such.
    None where nothing can be ours yet.
    """

    item: Item
    known: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class OpenSession:
    """Create an upload session for `size` bytes."""

    item: Item
    attachment: Attachment
    size: int


@dataclass(frozen=True, slots=True)
class PutRange:
    """Send bytes `offset` (inclusive) to `offset + length` (exclusive) of `size`."""

    url: str = field(repr=False)
    offset: int
    length: int
    size: int

    @property
    def is_final(self) -> bool:
        """True where Graph commits the attachment once it has this range."""
        return self.offset + self.length == self.size


@dataclass(frozen=True, slots=True)
class PostAttachment:
    """Send the whole file in one POST; not after `not_after`, because looking for a lost POST starts counting there."""

    item: Item
    attachment: Attachment
    size: int
    not_after: datetime


@dataclass(frozen=True, slots=True)
class AskSession:
    """Ask the upload session which byte it wants next."""

    url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class CancelSession:
    """DELETE the upload session: the fence that no late range passes."""

    url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class CompareAttachment:
    """Compare an attachment's bytes with the file's, and take it where they are the same and `takes` says so."""

    item: Item
    attachment_id: str
    size: int
    takes: bool = True


@dataclass(frozen=True, slots=True)
class PrepareCommit:
    """Write down that a commit is about to be sent. No request; `shared/core/durability.py` makes it durable."""


@dataclass(frozen=True, slots=True)
class AbortCommit:
    """Take an announcement back whose commit was not sent in time. No request."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do before `until`."""

    until: datetime


@dataclass(frozen=True, slots=True)
class Finish:
    """The transfer is over."""


GraphCall = FindItem | ListAttachments | OpenSession | PostAttachment | CompareAttachment  # carry the app's token
SessionCall = PutRange | AskSession | CancelSession  # must not: the URL is its own authorization
Request = GraphCall | SessionCall
Action = Request | PrepareCommit | AbortCommit | Wait | Finish
