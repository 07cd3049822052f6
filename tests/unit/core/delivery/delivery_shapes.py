"""Deliveries of every shape that a state allows, and every event that an action can have."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

from shared.core.actions import ListAttachments
from shared.core.delivery import actions as ac
from shared.core.delivery import events as ev
from shared.core.delivery.draft import DraftText
from shared.core.delivery.model import (
    TERMINAL,
    Delivery,
    File,
    FileState,
    MarkedItem,
    OnComplete,
    Plan,
    Refusals,
    State,
    Wish,
)
from shared.core.delivery.policy import DeliveryPolicy
from shared.core.errors import Code
from shared.core.events import RefusedBy
from shared.core.model import Failure, GraphAnswer, ItemKind, Listed

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
POLICY = DeliveryPolicy()
DISCARDS = DeliveryPolicy(discard=True)
REPEATS = DeliveryPolicy(second_send=True)
POLICIES = (POLICY, DISCARDS, REPEATS)
SEEN = GraphAnswer(503, "serviceNotAvailable", "req-1")
FAILURE = Failure(Code.MESSAGE_LIMIT_EXCEEDED, "Too large.", SEEN)
OFF = Failure(Code.SENDING_OFF, "The setting SENDING is off.")
SEND = Wish(OnComplete.SEND, 2)
UPDATE = Wish(OnComplete.UPDATE, 2)
BIN = "bin"


def file(number: int, state: FileState = FileState.ATTACHED, wish: Wish = SEND, **more: Any) -> File:
    """The file of that number, which is attached under the id of its number."""
    attachment = f"a{number}" if state is FileState.ATTACHED else None
    values = {"attachment_id": attachment, **more}
    return File(f"{number:032x}", f"in/{number}.pdf", f"{number}.pdf", wish, state, **values)


FILES = (file(1), file(2))


def at(seconds: float) -> datetime:
    """So many seconds after NOW."""
    return NOW + timedelta(seconds=seconds)


def delivery(state: State = State.COLLECTING, *, kind: ItemKind = ItemKind.MESSAGE, **changes: Any) -> Delivery:
    """A delivery of two attached files whose draft, or event, is known; `changes` are its other fields."""
    is_draft = kind is ItemKind.MESSAGE
    plan = Plan("ann@example.com", kind, NOW, "invoice 17" if is_draft else None, DraftText() if is_draft else None)
    found = Delivery(
        "d" * 32, plan, state, FILES, item_id="AAMk=", deleted_folder=BIN if is_draft else None, marked=is_draft
    )
    if kind is ItemKind.EVENT:
        found = replace(found, files=tuple(replace(one, wish=UPDATE) for one in FILES))
    return replace(found, **changes)


def item(identifier: str = "AAMk=", *, is_draft: bool = True, **more: Any) -> MarkedItem:
    """A message with the mark, in Drafts or in Sent Items."""
    return MarkedItem(identifier, is_draft, more.pop("folder_id", "drafts" if is_draft else "sent"), NOW, NOW, **more)


def _each(*choices: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: value for part in parts for key, value in part.items()} for parts in product(*choices)]


_SPENT: dict[str, Any] = {
    "tries": POLICY.step_tries,
    "throttles": POLICY.throttles,
    "refusals": Refusals(at(-POLICY.access_wait), 9),
}
_PATIENCE: list[dict[str, Any]] = [{}, _SPENT]
_MADE: list[dict[str, Any]] = [{"made": True}, {"made": False}]
_LOOKS: list[dict[str, Any]] = [{}, {"looks": 9, "searches": 9}]
_NEW: dict[str, Any] = {"item_id": None, "marked": False}
_ACT: list[dict[str, Any]] = [{}, {"acts": 1, "acted_at": at(-2000)}]
_ACTED: list[dict[str, Any]] = [
    {"acts": 1, "acted_at": NOW},
    {"acts": 1, "acted_at": at(-2000), "looks": 9},
    {"acts": 3, "acted_at": at(-2000), "looks": 9},
]
_WISHED: list[dict[str, Any]] = [{}, {"cancel_requested": True}]
_COUNTS: list[dict[str, Any]] = [{}, {"files": (file(1), file(2, FileState.PENDING))}]
_EVENT: dict[str, Any] = {"kind": ItemKind.EVENT}
_BLOCKS: list[dict[str, Any]] = [
    {"failure": Failure(code, "x"), "not_before": NOW} for code in (Code.DRAFT_GONE, Code.DELIVERY_FILE_FAILED)
]
SHAPES: dict[State, list[dict[str, Any]]] = {
    State.FINDING: _each(
        [_NEW],
        [{}, {"deleted_folder": None}],
        [{}, {"composed_at": at(-9), "composes": 1}, {"composed_at": at(-9), "composes": 3}],
        _LOOKS,
        _PATIENCE,
    ),
    State.COMPOSING: _each(
        [_NEW],
        [
            {},
            {"composed_at": NOW, "composes": 1},
            {"composed_at": NOW, "composes": 2},
            {"composed_at": at(-100), "composes": 1},
        ],
        _PATIENCE,
    ),
    State.PRUNING: _each([{"surplus": ("b",)}, {"surplus": ("b", "c")}], _MADE, _PATIENCE),
    State.COLLECTING: [*_each(_COUNTS, _MADE, _ACT), {"item_id": None}],
    State.CHECKING: _each(
        [{}, {"deleted_folder": None}, {"marked": False}, _EVENT],
        [{}, {"read_at": NOW}, {"read_at": NOW, "checked_at": NOW}, {"read_at": NOW, "checked_at": at(-100)}],
        _LOOKS,
        _ACT,
        _MADE,
        _PATIENCE,
    ),
    State.LOCATING: _each(_LOOKS, _ACT, _MADE, _PATIENCE),
    State.SUBMITTING: _each(
        [
            {"acts": 1, "acted_at": NOW},
            {"acts": 2, "acted_at": NOW},
            {"acts": 1, "acted_at": at(-100)},
        ],
        _MADE,
        _PATIENCE,
    ),
    State.SETTLING: _each(_ACTED, [{}, {"not_found": True}], [{}, {"refused": FAILURE}], _WISHED, _MADE, _PATIENCE),
    State.UPDATING: _each([_EVENT], [{"acts": 1, "acted_at": NOW}, {"acts": 1, "acted_at": at(-100)}], _PATIENCE),
    State.VERIFYING: _each([_EVENT], _ACTED, [{}, {"refused": FAILURE}], _WISHED, _PATIENCE),
    State.BLOCKED: _each(_BLOCKS, _COUNTS, _MADE, _ACT, [{}, {"item_id": None, "marked": False}]),
    State.DISCARDING: _each([{"made": True}], [{}, {"verdict": FAILURE}], [{}, {**_SPENT, "tries": 2}]),
    State.SENT: [{"finished_at": NOW}],
    State.UPDATED: [{**_EVENT, "finished_at": NOW}],
    State.FAILED: [{"finished_at": NOW, "failure": FAILURE}, {"finished_at": NOW, "failure": FAILURE, **_NEW}],
    State.CANCELLED: [{"finished_at": NOW}, {"finished_at": NOW, **_NEW}],
}


def shapes(state: State) -> list[Delivery]:
    """Every delivery of this state that differs for some rule."""
    return [delivery(state, **changes) for changes in SHAPES[state]]


_FAULTS = frozenset({ev.ItemMissing, ev.NotDone, ev.Unsure, ev.Refused})
OUTCOMES: dict[type[Any], frozenset[type[ev.EventBase]]] = {
    ac.FindMarked: _FAULTS | {ev.MarkedFound},
    ac.FindDeletedItems: _FAULTS | {ev.DeletedItemsKnown},
    ac.PrepareCompose: frozenset({ev.ComposePrepared}),
    ac.Compose: _FAULTS | {ev.Composed, ev.ActAborted},
    ac.DeleteDraft: _FAULTS | {ev.DraftDeleted},
    ac.CountFiles: frozenset({ev.FilesCounted}),
    ac.ReadItem: _FAULTS | {ev.ItemRead},
    ac.MarkItem: _FAULTS | {ev.ItemMarked},
    ListAttachments: _FAULTS | {ev.AttachmentsListed},
    ac.PrepareAct: frozenset({ev.ActPrepared}),
    ac.AbortAct: frozenset({ev.ActAborted}),
    ac.Submit: _FAULTS | {ev.Submitted, ev.ActAborted},
    ac.TellAttendees: _FAULTS | {ev.AttendeesTold, ev.ActAborted},
    ac.Wait: frozenset(),
    ac.Finish: frozenset(),
}
"""What can come of each action. `tests/unit/graph` holds the answers of Graph to it."""

_NOTES: frozenset[type[ev.EventBase]] = frozenset({ev.FilesNoted, ev.CancelNoted})
_ANYTIME = _NOTES | {ev.RunStarted, ev.CancelRequested, ev.Forbidden, ev.Held}


def between_requests(state: State) -> frozenset[type[ev.EventBase]]:
    """What can happen in this state without anything having been asked."""
    if state in {State.SENT, State.UPDATED}:
        return _NOTES
    if state in TERMINAL:
        return _NOTES | {ev.RetryRequested}
    if state in {State.SETTLING, State.VERIFYING, State.DISCARDING}:
        return _ANYTIME
    return _ANYTIME | {ev.FilesJoined} | ({ev.RetryRequested} if state is State.BLOCKED else frozenset())


_HELD = (Code.ACCESS_DENIED, Code.GRAPH_REFUSED)
_CODES = (Code.GRAPH_UNAVAILABLE, Code.GRAPH_THROTTLED, Code.GRAPH_UNREACHABLE, *_HELD)
_ITEMS = (
    item(),
    item(folder_id=BIN),
    item("b"),
    item(has_attachments=True),
    item(is_draft=False),
    item("s", is_draft=False),
    item(marked=False),
)
_EVENTS: dict[type[ev.EventBase], list[ev.EventBase]] = {
    ev.Forbidden: [ev.Forbidden(OFF)],
    ev.FilesJoined: [ev.FilesJoined((file(3),)), ev.FilesJoined((file(1, FileState.PENDING),))],
    ev.FilesNoted: [ev.FilesNoted((file(3),)), ev.FilesNoted((file(1, FileState.PENDING),))],
    ev.Held: [ev.Held(Code.MAILBOX_BUSY, at(60), known) for known in (True, False)],
    ev.FilesCounted: [
        ev.FilesCounted(files)
        for files in (
            (),
            FILES,
            (file(1), file(2, FileState.PENDING)),
            (file(1), file(2, FileState.FAILED)),
            (file(1), file(2, FileState.CANCELLED)),
            (file(1, wish=Wish(OnComplete.SEND, 1)), file(2, wish=Wish(OnComplete.SEND, 1))),
            (file(1), file(2, wish=Wish(None))),
        )
    ],
    ev.MarkedFound: [
        ev.MarkedFound(()),
        *(ev.MarkedFound((one,)) for one in _ITEMS),
        ev.MarkedFound((item(), item("b"))),
        ev.MarkedFound((item(), item("b", has_attachments=True))),
        ev.MarkedFound((item(), item("s", is_draft=False))),
    ],
    ev.DeletedItemsKnown: [ev.DeletedItemsKnown(BIN)],
    ev.Composed: [ev.Composed(item())],
    ev.ItemRead: [ev.ItemRead(one) for one in _ITEMS],
    ev.AttachmentsListed: [
        ev.AttachmentsListed(()),
        ev.AttachmentsListed((Listed("a1", "1.pdf"), Listed("a2", "2.pdf"))),
        ev.AttachmentsListed((Listed("a1", "1.pdf"),)),
    ],
    ev.NotDone: [
        *(ev.NotDone(code) for code in _CODES),
        *(ev.NotDone(code, 5, graph=SEEN) for code in _CODES),
    ],
    ev.Unsure: [ev.Unsure(code, graph=seen) for code in _CODES for seen in (None, SEEN)],
    ev.Refused: [ev.Refused(FAILURE, by) for by in RefusedBy],
}


def events(kind: type[ev.EventBase]) -> list[Any]:
    """Every variant of this event that differs for some rule."""
    return _EVENTS.get(kind) or [kind()]
