"""What the mailboxes hold: items, their attachments, and open upload sessions."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from devkit.graph.mail import Mail, Meeting, Outgoing

if TYPE_CHECKING:
    from datetime import datetime

    from devkit.graph.names import Names
    from devkit.graph.switches import Switches

Collection = Literal["messages", "events"]
# The mailbox's message limit when nothing else is set: 35 MiB, Exchange Online's default (CUS).
MESSAGE_LIMIT = 36_700_160


class Content:
    """Stored bytes, as the pieces they came in, or only their length and SHA-256."""

    __slots__ = ("_sha256", "length", "pieces")

    def __init__(self, pieces: tuple[bytes, ...], length: int, sha256: str | None = None) -> None:
        self.pieces = pieces
        self.length = length
        self._sha256 = sha256

    @property
    def kept(self) -> bool:
        """Whether the bytes themselves are here, not only their hash."""
        return bool(self.pieces) or self.length == 0

    @property
    def data(self) -> bytes:
        """The bytes in one piece; LookupError where only the hash was kept."""
        if not self.kept:
            raise LookupError("the bytes were not kept (switch keep_bytes)")
        return self.pieces[0] if len(self.pieces) == 1 else b"".join(self.pieces)

    @property
    def sha256(self) -> str:
        """Hexadecimal SHA-256, worked out on first use and remembered."""
        if self._sha256 is None:
            hasher = hashlib.sha256()
            for piece in self.pieces:
                hasher.update(piece)
            self._sha256 = hasher.hexdigest()
        return self._sha256


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file on an item. `size` is what Graph reports; `content` is what it gives back, `sent` what it was given."""

    id: str
    name: str
    content_type: str
    size: int | None
    is_inline: bool
    content_id: str | None
    content: Content
    sent: Content
    modified: datetime
    listed_from_call: int
    """Listings of the item before this one (counted from 0) do not show it."""
    listed_from: datetime
    kind: Literal["file", "reference"] = "file"
    stable: str = ""
    """Its immutable id once its item was moved, which changed the other one."""


@dataclass(slots=True)
class Mailbox:
    """One user's mailbox, reached by address (case ignored) or object id."""

    id: str
    address: str
    message_limit: int = MESSAGE_LIMIT
    licensed: bool = True
    accessible: bool = True
    accessible_from: datetime | None = None
    """Until then it is refused like one that is not accessible."""


@dataclass(slots=True)
class Item:
    """A message or an event, with its attachments by id in the order they came."""

    id: str
    mailbox: str
    collection: Collection
    lookup: str
    """The internetMessageId of a message, the iCalUId of an event."""
    is_draft: bool
    subject: str
    created: datetime
    visible_at: datetime
    hidden_calls: int = 0
    listings: int = 0
    creations: int = 0
    stable: str = ""
    """Its immutable id once it was moved, which changed the other one."""
    mail: Mail = field(default_factory=Mail)
    meeting: Meeting = field(default_factory=Meeting)
    changes: int = 0
    """How often it was changed, its attachments aside."""
    hidden_searches: int = 0
    """So many searches by an extended property that match it do not show it."""
    searched_from: datetime | None = None
    """Nor does any before this moment."""
    attachments: dict[str, Attachment] = field(default_factory=dict)

    def copy(self) -> Item:
        """An independent twin; attachments are values and shared."""
        return replace(self, attachments=self.attachments.copy())

    @property
    def total(self) -> int:
        """Bytes of all files on the item, which the mailbox's message limit counts."""
        return sum(one.sent.length for one in self.attachments.values())


class Session:
    """An upload session: `received` bytes are held, the next range must start there."""

    __slots__ = (
        "app", "attachment", "content_id", "content_type", "context", "created", "early", "early_deletes", "expires",
        "hasher", "id", "is_inline", "item", "mailbox", "name", "path", "pieces", "query", "received", "size", "state",
        "url", "version",
    )  # fmt: skip

    id: str
    url: str
    path: str
    query: str
    context: str
    """@odata.context of its progress answers."""
    version: str
    app: str
    mailbox: str
    item: str
    name: str
    size: int
    content_type: str | None
    is_inline: bool
    content_id: str | None
    created: datetime
    expires: datetime
    state: Literal["open", "committed", "cancelled"]
    received: int
    early: int
    early_deletes: int
    pieces: list[bytes]
    hasher: hashlib._Hash | None
    attachment: str | None

    def copy(self) -> Session:
        """An independent twin."""
        twin = Session()
        for name in Session.__slots__:
            setattr(twin, name, getattr(self, name))
        twin.pieces = self.pieces.copy()
        twin.hasher = self.hasher.copy() if self.hasher else None
        return twin

    def content(self) -> Content:
        """What has been received, as a value."""
        if self.hasher:
            return Content((), self.received, self.hasher.hexdigest())
        return Content(tuple(self.pieces), self.received)


class State:
    """Everything that calls may change, and the switches they obey."""

    __slots__ = (
        "graph_origin", "items", "mailboxes", "names", "outgoing", "sessions", "submitted", "switches",
        "upload_origin",
    )  # fmt: skip

    def __init__(self, names: Names, switches: Switches, graph_origin: str, upload_origin: str) -> None:
        self.names = names
        self.switches = switches
        self.graph_origin = graph_origin
        self.upload_origin = upload_origin
        self.mailboxes: dict[str, Mailbox] = {}
        """By object id and by lower-case address."""
        self.items: dict[str, Item] = {}
        """By id; ids are case-sensitive and unique over all mailboxes."""
        self.sessions: dict[str, Session] = {}
        """By the path of their upload URL, byte for byte."""
        self.outgoing: list[Outgoing] = []
        """Every message that went out, in that order."""
        self.submitted = False
        """Whether a submitted draft may still have to move."""

    def copy(self) -> State:
        """An independent twin."""
        twin = State(self.names.copy(), self.switches, self.graph_origin, self.upload_origin)
        twin.mailboxes = self.mailboxes.copy()
        twin.items = {key: item.copy() for key, item in self.items.items()}
        twin.outgoing, twin.submitted = self.outgoing.copy(), self.submitted
        twin.sessions = {key: session.copy() for key, session in self.sessions.items()}
        return twin
