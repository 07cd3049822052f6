"""The values everything else is about: a transfer, its fixed plan, and what is known of it so far.

Sizes and offsets are bytes; an offset is the index of the next byte that is wanted. Times are aware datetimes in UTC.
Nothing here is checked twice: `shared/intake` checks what comes from people, `shared/graph` what comes from Graph,
`shared/storage/codec.py` what comes from a checkpoint.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from shared.core.errors import Code


class State(StrEnum):
    """Where a transfer stands. `shared/core/machine.py` owns every step from one to another."""

    PLANNED = "planned"  # the item is being found, and what is attached to it noted
    OPENING = "opening"  # an upload session is wanted
    SENDING = "sending"  # ranges that cannot complete the file
    COMMITTING = "committing"  # the final range, or the one small POST, may be under way
    ASKING = "asking"  # settling: the session is asked where it stands
    RESENDING = "resending"  # settling: the same range again; the offset decides
    FENCING = "fencing"  # settling: the session is deleted, so that nothing can land late
    LOOKING = "looking"  # settling: what is attached now is compared with what was before
    COMPARING = "comparing"  # settling: a new attachment's bytes are compared with the file's
    ATTACHED = "attached"
    FAILED = "failed"
    CANCELLED = "cancelled"


TERMINAL = frozenset({State.ATTACHED, State.FAILED, State.CANCELLED})


class TargetKey(StrEnum):
    """How the Outlook item is named: by its Graph id, or by a key that is looked up."""

    MESSAGE_ID = "messageId"
    EVENT_ID = "eventId"
    INTERNET_MESSAGE_ID = "internetMessageId"
    ICAL_UID = "iCalUId"


LOOKUPS = frozenset({TargetKey.INTERNET_MESSAGE_ID, TargetKey.ICAL_UID})


class ItemKind(StrEnum):
    """Graph's collection that the item lives in."""

    MESSAGE = "message"
    EVENT = "event"


@dataclass(frozen=True, slots=True)
class Source:
    """One version of a blob.

    `modified_at` is the blob's Last-Modified, whole seconds; `md5` its Content-MD5 in base64, where storage knows one.
    """

    container: str
    blob: str
    etag: str
    size: int
    modified_at: datetime
    md5: str | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """The Outlook item. `mailbox` is a user principal name or an object id; intake has checked its form."""

    mailbox: str
    key: TargetKey
    value: str

    @property
    def kind(self) -> ItemKind:
        """The collection that the key belongs to."""
        return ItemKind.EVENT if self.key in {TargetKey.EVENT_ID, TargetKey.ICAL_UID} else ItemKind.MESSAGE

    @property
    def item_id(self) -> str | None:
        """The item's id as Graph takes it in a path; None where the item is looked up.

        EWS and Outlook's own programs write ids in plain base64, whose `/` and `+` Graph refuses even where they are
        percent-encoded: it wants `-` and `_` (microsoft-graph-docs 15204).
        """
        return None if self.key in LOOKUPS else self.value.replace("/", "-").replace("+", "_")


@dataclass(frozen=True, slots=True)
class Attachment:
    """How the file is shown in Outlook. `content_id` is what the message's HTML names as `cid:`."""

    name: str
    content_type: str
    is_inline: bool = False
    content_id: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What never changes. `target` and `attachment` are None only where intake refused the file's metadata.

    `given` is then what could be read of the metadata: pairs of our own keys and their values, cut to a bound.
    `from_request`: a request named the target, so that the metadata of a newer version of the file do not.
    """

    source: Source
    target: Target | None
    attachment: Attachment | None
    created_at: datetime
    given: tuple[tuple[str, str], ...] = ()
    from_request: bool = False

    @property
    def mailbox(self) -> str | None:
        """The mailbox by which the transfer is found: the target's, else what the metadata gave for one."""
        return self.target.mailbox if self.target is not None else dict(self.given).get("mailbox") or None


class Route(StrEnum):
    """The two ways into Outlook: one POST with the bytes in its JSON body, or an upload session."""

    POST = "post"
    SESSION = "session"


@dataclass(frozen=True, slots=True)
class Session:
    """An open upload session. `url` is a secret: whoever has it can write; it leaves the checkpoint at the end.

    `offset` is the next byte Graph wants, as Graph last confirmed it. `expires_at` never moves: Outlook does not extend
    a session (graph-upload-session reference, section 3).
    """

    url: str = field(repr=False)
    expires_at: datetime
    offset: int


@dataclass(frozen=True, slots=True)
class GraphAnswer:
    """What is kept of an answer for people: its status, Graph's own error code, and the request id to quote.

    `limit` is the limit that a 429 names, such as MailboxConcurrency.
    """

    status: int | None
    code: str | None = None
    request_id: str | None = None
    limit: str | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a transfer ends without an attachment. `detail` says what happened, to which file and item."""

    code: Code
    detail: str
    graph: GraphAnswer | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """One attachment as Graph lists it.

    `size` is Outlook's own count, larger than the file (section 5); 0 and wrong ones were reported (office-js 6364 and
    6155); None where the list has none. A reference is a link: it has no bytes.
    """

    id: str
    name: str
    size: int | None = None
    is_reference: bool = False


@dataclass(frozen=True, slots=True)
class Answered:
    """A POST that Graph answered with anything but 201: what to go on from once looks have shown nothing of it.

    An answered request has done what it does, so looks need not wait for it to land. `tries` and `missing_since` are
    the transfer's, with this answer counted.
    """

    tries: int = 0
    missing_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One decision and what came of it, kept for the people who ask what happened. Never a URL or a token."""

    at: datetime
    state: State
    action: str
    outcome: str
    offset: int | None = None
    code: str | None = None
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Refusals:
    """Refusals in a row that may pass by themselves: since when, how many, and in which state the last one came.

    `wait` is how long they are waited out, seconds: the longest of those that each of them is given. Failures of Graph
    itself are kept in the same form; their state is that of the first.
    """

    since: datetime
    times: int
    wait: float
    state: State


@dataclass(frozen=True, slots=True)
class WaitingFor:
    """What holds a transfer up. `since`: when it was first held up by this, without progress in between.

    `until` is when that is over, or given up, as far as it is known.
    """

    code: Code
    since: datetime
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """A failure or cancellation that was dealt with: it is history, and in no list of what a person has to look at.

    `note` says how. `by` is who said so, where that is known. `successor` is the transfer that took its place.
    """

    at: datetime
    note: str
    by: str | None = None
    successor: str | None = None


@dataclass(frozen=True, slots=True)
class Transfer:
    """One file on its way to one item.

    Attributes:
        route: which of the two ways is tried; each falls over to the other once, when Graph says so.
        routes_refused: how often Graph sent us to the other way.
        item_id: the item's Graph id, once known.
        before: ids that were attached before anything of ours could be; None until noted.
        sought: a look did not find the item under its id, which changes when it is moved: it is looked up.
        ids_changed: the last look showed nothing of what was attached before: a move changes attachments' ids, too.
        session: the open upload session.
        range_bytes: bytes per range, once Graph refused the policy's; None = the policy's.
        announced_at: when the commit under way was made durable; None while nothing can have been committed.
        commit_unsent: this very run made the commit durable, and has sent nothing of it. No checkpoint says so: whoever
            takes the transfer over cannot know it.
        answered: the POST under way was answered, and no answer but 201 tells whether it was carried out.
        landed: Graph confirmed the commit (201) without naming the attachment.
        may_land_until: until then something of a session may still land that was left behind and not deleted.
        fences: how often the session was asked to end without a sign that it did.
        looks: how often the list showed nothing new since the session was fenced, or the POST was in doubt.
        early_looks: looks for a POST while it could still land; they may find it, and prove nothing.
        suspects: new attachments whose bytes are still to be compared; those of our name come first.
        namesakes: new attachments of our name whose bytes are not the file's, or could not be compared.
        strangers: how many of the suspects, the last ones, have another name than ours.
        verdict: how the transfer will end once the session is fenced and looked at; None = it goes on.
        cancel_requested: a person asked for the end.
        not_before: nothing is done until then.
        waiting_for: what holds the transfer up; None while nothing does. `shared/core/waits.py` keeps it.
        recheck_at: while its mailbox has it wait: when the message that looks again by itself comes. It was sent before
            this was noted.
        refusals: what has been refused in a row, and may pass by itself; None while nothing is.
        outage: how often in a row Graph itself failed, or was out of reach; None while it answers.
        missing_since: since when Graph has said that the item does not exist.
        tries, session_tries, transfer_tries: failures in a row at this step; since the session opened; in all.
        throttles: answers in a row that asked to slow down.
        sessions: upload sessions opened, or POSTs sent, so far; counted from 1.
        runs: how many runs have worked on the transfer since it was accepted, or since a person had it tried again.
        retries: how often a person had it tried again after its end.
        bytes_confirmed: bytes that Graph has confirmed in the present session.
        attachment_id: Graph's id of the attachment, where Graph named it.
        acknowledged: its end was dealt with otherwise; None while it was not.
    """

    id: str
    plan: Plan
    route: Route
    state: State = State.PLANNED
    routes_refused: int = 0
    item_id: str | None = None
    before: tuple[str, ...] | None = None
    sought: bool = False
    ids_changed: bool = False
    session: Session | None = None
    range_bytes: int | None = None
    announced_at: datetime | None = None
    commit_unsent: bool = False
    answered: Answered | None = None
    landed: bool = False
    may_land_until: datetime | None = None
    fences: int = 0
    looks: int = 0
    early_looks: int = 0
    suspects: tuple[str, ...] = ()
    namesakes: tuple[str, ...] = ()
    strangers: int = 0
    verdict: Failure | None = None
    cancel_requested: bool = False
    not_before: datetime | None = None
    waiting_for: WaitingFor | None = None
    recheck_at: datetime | None = None
    refusals: Refusals | None = None
    outage: Refusals | None = None
    missing_since: datetime | None = None
    tries: int = 0
    session_tries: int = 0
    transfer_tries: int = 0
    throttles: int = 0
    sessions: int = 0
    runs: int = 0
    retries: int = 0
    bytes_confirmed: int = 0
    attachment_id: str | None = None
    failure: Failure | None = None
    updated_at: datetime | None = None
    finished_at: datetime | None = None
    acknowledged: Acknowledgement | None = None
    history: tuple[Step, ...] = ()

    @property
    def is_over(self) -> bool:
        """True in the three states that nothing leaves."""
        return self.state in TERMINAL

    @property
    def size(self) -> int:
        """The file's length in bytes."""
        return self.plan.source.size

    @property
    def target(self) -> Target:
        """The item to attach to. Only a transfer that was refused at intake has none, and it is over."""
        if self.plan.target is None:
            raise ValueError(f"transfer {self.id} was refused at intake: it has no target")
        return self.plan.target

    @property
    def attachment(self) -> Attachment:
        """How the file is shown. Only a transfer that was refused at intake has none, and it is over."""
        if self.plan.attachment is None:
            raise ValueError(f"transfer {self.id} was refused at intake: it has no attachment")
        return self.plan.attachment


def with_offset(transfer: Transfer, offset: int) -> Transfer:
    """The transfer with its session at the offset that Graph confirmed."""
    if transfer.session is None:
        raise ValueError(f"transfer {transfer.id} has no upload session to move")
    return replace(transfer, session=replace(transfer.session, offset=offset), bytes_confirmed=offset)


def summarised(transfer: Transfer) -> Transfer:
    """The transfer without what only a run needs of it: its session, its evidence and its history."""
    return replace(transfer, session=None, before=None, suspects=(), namesakes=(), verdict=None, history=())
