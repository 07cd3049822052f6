"""A delivery, its fixed plan, and what is known of it so far. Times are aware datetimes in UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared.core.delivery.draft import DraftText
from shared.core.model import Failure, ItemKind, WaitingFor


class State(StrEnum):
    """Where a delivery stands. `shared/core/delivery/table.py` owns every step from one to another."""

    FINDING = "finding"  # the draft of that name is being looked for
    COMPOSING = "composing"  # the POST that makes the draft may be under way
    PRUNING = "pruning"  # there are two drafts of the name: the younger one is deleted
    COLLECTING = "collecting"  # the draft is there; files are missing
    CHECKING = "checking"  # all files are attached, say their transfers: the item itself is looked at
    LOCATING = "locating"  # the item is not where it was: it is looked for by its mark
    SUBMITTING = "submitting"  # announced by the run that has it, and not yet begun, as far as that run knows
    SETTLING = "settling"  # whether it was sent is being found out
    UPDATING = "updating"  # the same for the PATCH that mails the attendees
    VERIFYING = "verifying"  # whether that PATCH was carried out is being found out
    BLOCKED = "blocked"  # a person has to decide, or a file to be repaired
    DISCARDING = "discarding"  # the draft that the app made is deleted before the end
    SENT = "sent"
    UPDATED = "updated"
    FAILED = "failed"
    CANCELLED = "cancelled"


TERMINAL = frozenset({State.SENT, State.UPDATED, State.FAILED, State.CANCELLED})
DELIVERED = frozenset({State.SENT, State.UPDATED})
UNDER_WAY = frozenset({State.SUBMITTING, State.SETTLING, State.UPDATING, State.VERIFYING})
"""The states in which the one act may have been carried out, and nobody knows yet."""


class OnComplete(StrEnum):
    """What happens once all files are attached."""

    SEND = "send"
    UPDATE = "update"


class FileState(StrEnum):
    """Where a file's transfer stands, as far as its delivery has to know."""

    PENDING = "pending"
    ATTACHED = "attached"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Wish:
    """What a file asks for its item: the same for all files of one item. `expected` counts files, from 1."""

    on_complete: OnComplete | None
    expected: int = 1


@dataclass(frozen=True, slots=True)
class File:
    """One transfer of the item. `attachment_id` is Graph's, where Graph named it; `item_id` the item's, once found."""

    transfer_id: str
    blob: str
    name: str
    wish: Wish
    state: FileState = FileState.PENDING
    attachment_id: str | None = None
    item_id: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What never changes: the mailbox, and the draft by its name, or the item by its id.

    `draft_name` is None for an item that is named by its id; `text` is what the first file asked for.
    """

    mailbox: str
    kind: ItemKind
    created_at: datetime
    draft_name: str | None = None
    text: DraftText | None = None


@dataclass(frozen=True, slots=True)
class MarkedItem:
    """One message or event that a search by our mark shows, or that was read by its id.

    A draft has a `sent_at` too (Graph states when it was made), so only `is_draft` tells.
    """

    id: str
    is_draft: bool
    folder_id: str | None = None
    created_at: datetime | None = None
    sent_at: datetime | None = None
    internet_message_id: str | None = None
    conversation_id: str | None = None
    has_attachments: bool = False
    subject: str = ""
    marked: bool = True
    """Whether it carries the delivery's mark."""


@dataclass(frozen=True, slots=True)
class Refusals:
    """Refusals in a row that may pass by themselves: since when, and how many."""

    since: datetime
    times: int


@dataclass(frozen=True, slots=True)
class Step:
    """One decision and what came of it, kept for the people who ask what happened."""

    at: datetime
    state: State
    action: str
    outcome: str
    code: str | None = None
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One item and the files that belong on it.

    Attributes:
        files: its transfers, in the order they came.
        item_id: the item's Graph id, once known.
        made: the app made the draft.
        composed_at: when a POST for the draft was last made durable; None while none can have been carried out.
        composes: how many POSTs for the draft may have been carried out.
        surplus: younger drafts of the same name, that are to be deleted.
        deleted_folder: the id of the mailbox's Deleted Items, once known.
        read_at: when the item was seen to be a draft, or an event; nothing is sent on an old look.
        checked_at: when it was seen to show all its files.
        marked: the item carries the mark.
        subject: an event's, as it was read.
        acted_at: when the act (/send, or the PATCH) was made durable; None while it cannot have been carried out.
        acts: how many acts may have been carried out.
        refused: what Graph answered to the act, where that was a plain no; the looks decide whether it is believed.
        not_found: since the act, the item was neither found nor read.
        looks: looks in a row that showed nothing new.
        searches: searches in a row for an item that is not where it was; over runs.
        tries, throttles: failures in a row at this step; answers in a row that asked to slow down.
        refusals: refused rights in a row, which may pass by themselves.
        cancel_requested: a person asked for the end.
        verdict: how it ends once the draft is discarded.
        failure: why it is blocked, or failed.
        not_before: nothing is done until then.
        runs, retries: how many runs have worked on it; how often a person had it tried again.
    """

    id: str
    plan: Plan
    state: State = State.FINDING
    files: tuple[File, ...] = ()
    item_id: str | None = None
    made: bool = False
    composed_at: datetime | None = None
    composes: int = 0
    surplus: tuple[str, ...] = ()
    deleted_folder: str | None = None
    read_at: datetime | None = None
    checked_at: datetime | None = None
    marked: bool = False
    subject: str | None = None
    acted_at: datetime | None = None
    acts: int = 0
    refused: Failure | None = None
    not_found: bool = False
    looks: int = 0
    searches: int = 0
    tries: int = 0
    throttles: int = 0
    refusals: Refusals | None = None
    cancel_requested: bool = False
    verdict: Failure | None = None
    failure: Failure | None = None
    not_before: datetime | None = None
    waiting_for: WaitingFor | None = None
    sent_at: datetime | None = None
    internet_message_id: str | None = None
    conversation_id: str | None = None
    runs: int = 0
    retries: int = 0
    updated_at: datetime | None = None
    finished_at: datetime | None = None
    history: tuple[Step, ...] = ()

    @property
    def is_over(self) -> bool:
        """True in the four ends. A person can have a failed or cancelled one tried again."""
        return self.state in TERMINAL

    @property
    def counted(self) -> tuple[File, ...]:
        """The files that belong on the item: a cancelled one does not."""
        return tuple(file for file in self.files if file.state is not FileState.CANCELLED)

    @property
    def wish(self) -> Wish | None:
        """What the files ask for; None where there are none, or where they contradict each other."""
        wishes = {file.wish for file in self.counted}
        return next(iter(wishes)) if len(wishes) == 1 else None
