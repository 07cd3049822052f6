"""What can come of an action: a closed union of plain values. `shared/core/machine.py` says what each one means.

Three events carry the honesty of the whole: `NotDone` (it was refused, or never sent), `Unsure` (perhaps an effect,
and perhaps later) and `Committed` (surely the effect). Nothing else may be read as one of them. That a commit was
refused is no evidence: only a request that never left, whose events carry no answer, surely had no effect.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from shared.core.errors import Code
from shared.core.model import Failure, GraphAnswer, Listed


@dataclass(frozen=True, slots=True)
class FoundItem:
    """One match of a lookup. An event has no drafts: `is_draft` is False."""

    id: str
    is_draft: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class EventBase:
    """What every event may carry: the answer it was read from."""

    graph: GraphAnswer | None = None


@dataclass(frozen=True, slots=True)
class RunStarted(EventBase):
    """A run has taken the transfer over; what an earlier run had under way is unknown."""


@dataclass(frozen=True, slots=True)
class CancelRequested(EventBase):
    """A person asked for the end."""


@dataclass(frozen=True, slots=True)
class Forbidden(EventBase):
    """The deployment does not let this transfer write any more; it ends with `failure` once nothing of it can land."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class Acknowledged(EventBase):
    """A person has dealt with the failure otherwise. `note` says how; `by` who says so, where that is known."""

    note: str
    by: str | None = None


@dataclass(frozen=True, slots=True)
class Superseded(EventBase):
    """Another transfer has taken this one's place: of a newer version of the file, with other metadata."""

    successor: str


@dataclass(frozen=True, slots=True)
class CancelNoted(EventBase):
    """A person's cancel command is written down; the run that has the transfer heeds it, or the next one."""


@dataclass(frozen=True, slots=True)
class RetryRequested(EventBase):
    """A person has a transfer that ended tried again."""


@dataclass(frozen=True, slots=True)
class Stopped(EventBase):
    """Ended from outside, for a fault of ours that no run could get past.

    `alive_until` is when the transfer's session will have expired, where nobody could delete it.
    """

    failure: Failure
    alive_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Held(EventBase):
    """The mailbox has the transfer wait: until a time that is known, or until it is called, at the latest then.

    `recheck_at`: when the message comes that looks again by itself, where one was sent for this wait.
    """

    code: Code
    until: datetime
    known: bool
    recheck_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CommitPrepared(EventBase):
    """The commit is about to be sent."""


@dataclass(frozen=True, slots=True)
class CommitAborted(EventBase):
    """The announced commit was surely not sent: not in time. It is announced afresh."""


@dataclass(frozen=True, slots=True)
class CommitUnsent(EventBase):
    """The run ends before it sent anything of the commit that it announced itself: it is announced afresh."""


@dataclass(frozen=True, slots=True)
class ItemsFound(EventBase):
    """What a lookup matched; may be empty."""

    items: tuple[FoundItem, ...]


@dataclass(frozen=True, slots=True)
class AttachmentsListed(EventBase):
    """Everything attached to the item. `others` are ids that other transfers have, as far as that was asked."""

    attachments: tuple[Listed, ...]
    others: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class SessionOpened(EventBase):
    """A new upload session that wants the byte at `offset`."""

    url: str = field(repr=False)
    expires_at: datetime
    offset: int


@dataclass(frozen=True, slots=True)
class OffsetKnown(EventBase):
    """The session stands, and wants the byte at `offset`; None = it stands and does not say."""

    offset: int | None


@dataclass(frozen=True, slots=True)
class OffsetRefused(EventBase):
    """The session refused a range for where it begins; `offset` is what it wants, where it says so."""

    offset: int | None


@dataclass(frozen=True, slots=True)
class Committed(EventBase):
    """Graph said 201: the attachment exists. Its id, where Graph named it."""

    attachment_id: str | None


@dataclass(frozen=True, slots=True)
class SessionGone(EventBase):
    """The upload URL is dead, says its answer: expired, cancelled, or used up by a commit."""


@dataclass(frozen=True, slots=True)
class AskRefused(EventBase):
    """The session does not answer the question: it may be gone, or Graph may not know the question."""


@dataclass(frozen=True, slots=True)
class SessionFenced(EventBase):
    """The session was deleted: no range of ours can land any more."""


@dataclass(frozen=True, slots=True)
class FenceRefused(EventBase):
    """The session could not be deleted: only its expiry fences it."""


@dataclass(frozen=True, slots=True)
class Compared(EventBase):
    """Whether the attachment's bytes are the file's. `taken`: they are, and another transfer has it."""

    equal: bool
    taken: bool = False


@dataclass(frozen=True, slots=True)
class NotComparable(EventBase):
    """The attachment has no bytes to be compared with, and will have none: a link, or an item."""


@dataclass(frozen=True, slots=True)
class PostTooLarge(EventBase):
    """The body is too large for one request, says Graph."""


@dataclass(frozen=True, slots=True)
class SessionTooSmall(EventBase):
    """The file is too small for an upload session, says Graph."""


@dataclass(frozen=True, slots=True)
class RangeTooLarge(EventBase):
    """The range is too large for one request, says the session."""


@dataclass(frozen=True, slots=True)
class RangeDenied(EventBase):
    """The upload URL refuses the range, and not for what is in it: it may be dead, or living and in trouble.

    `code` is how the transfer ends if it never gets better; nothing is repeated before `retry_after` seconds.
    """

    code: Code
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class ItemMissing(EventBase):
    """The item does not exist: not yet, not any more, or never. In a comparison: the attachment is gone."""


@dataclass(frozen=True, slots=True)
class NotDone(EventBase):
    """The request was refused for now, or never sent, and may be repeated, not before `retry_after` seconds.

    A commit that was answered so (`graph` is its answer) is looked for first.

    `code` is how the transfer ends if it never gets better.
    """

    code: Code
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Unsure(EventBase):
    """The request may have had its effect: the answer is lost, or says that the service failed.

    `code` is how the transfer ends if it never gets better; nothing is repeated before `retry_after` seconds.
    """

    code: Code
    retry_after: float | None = None


class RefusedBy(StrEnum):
    """Who says the final no."""

    GRAPH = "graph"  # an answer, of Graph or of the upload session: the request was sent
    SOURCE = "source"  # the file, which is gone, changed or closed to the app: nothing was sent
    POLICY = "policy"  # the deployment's settings: nothing was sent


@dataclass(frozen=True, slots=True)
class Refused(EventBase):
    """A final no. The transfer ends with this failure once nothing of it can land, and nothing of it has.

    `by` says who refused, and with it whether the request was sent at all.
    """

    failure: Failure
    by: RefusedBy


Event = (
    RunStarted
    | CancelRequested
    | Forbidden
    | Acknowledged
    | Superseded
    | CancelNoted
    | RetryRequested
    | Stopped
    | Held
    | CommitPrepared
    | CommitAborted
    | CommitUnsent
    | ItemsFound
    | AttachmentsListed
    | SessionOpened
    | OffsetKnown
    | OffsetRefused
    | Committed
    | SessionGone
    | AskRefused
    | SessionFenced
    | FenceRefused
    | Compared
    | NotComparable
    | PostTooLarge
    | SessionTooSmall
    | RangeTooLarge
    | RangeDenied
    | ItemMissing
    | NotDone
    | Unsure
    | Refused
)
