"""Transfers of every shape that a state allows, and every event that an action can have."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

from shared.core import actions as ac
from shared.core import events as ev
from shared.core.errors import Code
from shared.core.machine import step
from shared.core.model import (
    TERMINAL,
    Acknowledgement,
    Answered,
    Attachment,
    Failure,
    GraphAnswer,
    Listed,
    Plan,
    Refusals,
    Route,
    Session,
    Source,
    State,
    Target,
    TargetKey,
    Transfer,
)
from shared.core.policy import Policy

FACTOR = int(os.environ.get("PROOF_FACTOR", "1"))
"""How many times more examples than every day: `dev.py verify` asks for more (assurance/rules.py)."""

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
SIZE = 20
POLICY = Policy(range_bytes=8, smallest_range=2)
SOURCE = Source("drop", "in/report.pdf", '"0x1"', SIZE, NOW - timedelta(minutes=1))
TARGET = Target("ann@example.com", TargetKey.MESSAGE_ID, "AAMk=")
ATTACHMENT = Attachment("report.pdf", "application/pdf")
SEEN = GraphAnswer(503, "serviceNotAvailable", "req-1")
FAILURE = Failure(Code.ACCESS_DENIED, "The app may not write to this mailbox.", SEEN)
URL = "https://outlook.office.com/api/v2.0/S('1')?authtoken=canary"

FINAL = 12
"""The offset from which the range of 8 bytes completes the file of 20."""


def transfer(state: State = State.PLANNED, route: Route = Route.SESSION, **changes: Any) -> Transfer:
    """A transfer with its item known and nothing attached before; `changes` are its other fields."""
    plan = Plan(SOURCE, TARGET, ATTACHMENT, NOW)
    return replace(
        Transfer(id="f" * 32, plan=plan, route=route, item_id="AAMk=", before=("old",), state=state), **changes
    )


def session(offset: int = 8, *, expires_in: float = 3600) -> Session:
    """An open session; `expires_in` seconds from NOW."""
    return Session(URL, NOW + timedelta(seconds=expires_in), offset)


def at(seconds: float) -> datetime:
    """So many seconds after NOW."""
    return NOW + timedelta(seconds=seconds)


PATIENT: dict[str, Any] = {}
IMPATIENT: dict[str, Any] = {
    "tries": POLICY.step_tries,
    "session_tries": POLICY.session_tries,
    "transfer_tries": POLICY.transfer_tries,
    "throttles": POLICY.throttles,
    "missing_since": NOW - timedelta(seconds=POLICY.target_wait),
    "refusals": Refusals(NOW - timedelta(seconds=POLICY.access_wait), 19, POLICY.access_wait, State.OPENING),
    "outage": Refusals(NOW - timedelta(seconds=POLICY.outage_wait), 70, POLICY.outage_wait, State.SENDING),
}
_GOING: list[dict[str, Any]] = [{}]
_ENDING: list[dict[str, Any]] = [{"verdict": FAILURE}, {"cancel_requested": True}]


def shapes(state: State) -> Iterator[Transfer]:
    """Every shape of a transfer in this state that differs for some rule."""
    for chosen, patience in product(_SHAPES.get(state, [{}]), (PATIENT, IMPATIENT)):
        yield transfer(state, **{**patience, **chosen})


def _each(*choices: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: value for part in chosen for key, value in part.items()} for chosen in product(*choices)]


_LOOKS: list[dict[str, Any]] = [{"looks": looks} for looks in range(len(POLICY.look_delays) + 1)]
_SESSIONS: list[dict[str, Any]] = [{"sessions": 1}, {"sessions": POLICY.sessions}]
_LOOKED_UP = Plan(SOURCE, Target("ann@example.com", TargetKey.INTERNET_MESSAGE_ID, "<x@y>"), ATTACHMENT, NOW)
_LATE_POST = {"route": Route.POST, "announced_at": NOW - timedelta(seconds=400)}
_YOUNG_POST = {"route": Route.POST, "announced_at": NOW}
_ANSWERED_POST = {**_YOUNG_POST, "answered": Answered(1, NOW)}
_REROUTED_POST = {"announced_at": NOW, "answered": Answered()}
_IN_DOUBT: list[dict[str, Any]] = [
    {"announced_at": NOW},
    _LATE_POST,
    _YOUNG_POST,
    _ANSWERED_POST,
    _REROUTED_POST,
]
_SHAPES: dict[State, list[dict[str, Any]]] = {
    State.PLANNED: [
        {"item_id": None, "before": None},
        {"before": None},
        {"before": None, "route": Route.POST},
        {"route": Route.POST},
        {"cancel_requested": True},
    ],
    State.OPENING: [{}, {"cancel_requested": True}, {"routes_refused": 1}, {"plan": _LOOKED_UP}],
    State.SENDING: [
        {"session": session(0)},
        {"session": session(8)},
        {"session": session(8), "announced_at": NOW},
        {"session": session(8), "announced_at": NOW, "range_bytes": 2},
        {"session": session(FINAL)},
        {"session": session(8), "range_bytes": 2},
        {"session": session(8), "cancel_requested": True},
    ],
    State.COMMITTING: [
        {"route": Route.POST, "announced_at": NOW, "sessions": 1},
        {"route": Route.POST, "announced_at": NOW, "sessions": 1, "routes_refused": 1},
        {"route": Route.POST, "announced_at": NOW - timedelta(seconds=POLICY.post_start + 1), "sessions": 1},
        {"session": session(FINAL), "announced_at": NOW},
        {"session": session(18), "announced_at": NOW, "range_bytes": 2},
        {"session": session(18), "announced_at": NOW},
        {"session": session(FINAL), "announced_at": NOW, "commit_unsent": True},
        {"route": Route.POST, "announced_at": NOW, "sessions": 1, "commit_unsent": True},
        {"route": Route.POST, "announced_at": NOW, "sessions": 1, "commit_unsent": True, "cancel_requested": True},
    ],
    State.ASKING: [
        {"session": session(8)},
        {"session": session(8), "cancel_requested": True},
        {"session": session(FINAL), "announced_at": NOW},
        {"session": session(8), "tries": POLICY.ask_tries},
    ],
    State.RESENDING: [
        {"session": session(8)},
        {"session": session(8), "cancel_requested": True},
        {"session": session(FINAL)},
        {"session": session(FINAL), "announced_at": NOW},
        {"session": session(18), "announced_at": NOW, "range_bytes": 2},
        {"session": session(18), "announced_at": NOW},
    ],
    State.FENCING: _each(
        [{"session": session()}, {"session": session(expires_in=-1000)}],
        [{}, {"announced_at": NOW}, {"announced_at": NOW, "fences": len(POLICY.fence_delays)}],
        _GOING + _ENDING,
    ),
    State.LOOKING: _each(
        [{}, *_IN_DOUBT], _LOOKS, _SESSIONS, [{}, {"tries": POLICY.best_effort_tries}], _GOING + _ENDING
    )
    + _each([{"plan": _LOOKED_UP}])
    + _each([{"plan": _LOOKED_UP, "sought": True}], [{"announced_at": NOW}, _ANSWERED_POST], _GOING + _ENDING)
    + _each([{"plan": _LOOKED_UP, "sought": True, "announced_at": NOW, "landed": True}])
    + _each([{"ids_changed": True, "announced_at": NOW}], [{}, {"landed": True}])
    + _each([{"landed": True, "announced_at": NOW}], _LOOKS, [{}, {"cancel_requested": True}])
    + _each([{"session": session(), "announced_at": NOW}], [{}, {"fences": 1}], _GOING + _ENDING)
    + _each([{"may_land_until": NOW + timedelta(seconds=900), "announced_at": NOW}], _LOOKS, _GOING + _ENDING),
    State.COMPARING: _each(
        _IN_DOUBT,
        _LOOKS,
        _SESSIONS,
        [{"suspects": ("new",)}, {"suspects": ("new", "other")}],
        [{}, {"landed": True}, {"strangers": 1}],
        _GOING + _ENDING,
    )
    + _each([{"session": session(), "announced_at": NOW}], [{"suspects": ("new",)}], _GOING + _ENDING)
    + _each([{"ids_changed": True, "announced_at": NOW, "suspects": ("new",)}], [{}, {"strangers": 1}]),
    State.FAILED: _each(
        [{"failure": FAILURE, "finished_at": NOW}],
        [{}, {"announced_at": NOW}],
        [{}, {"acknowledged": Acknowledgement(NOW, "Sent by hand.", "ann@example.com", "e" * 32)}],
    ),
    State.ATTACHED: [{"finished_at": NOW}],
    State.CANCELLED: _each([{"finished_at": NOW}], [{}, {"announced_at": NOW}]),
}


OUTCOMES: dict[type[Any], frozenset[type[ev.EventBase]]] = {
    ac.FindItem: frozenset({ev.ItemsFound, ev.ItemMissing, ev.NotDone, ev.Unsure, ev.Refused}),
    ac.ListAttachments: frozenset({ev.AttachmentsListed, ev.ItemMissing, ev.NotDone, ev.Unsure, ev.Refused}),
    ac.OpenSession: frozenset(
        {ev.SessionOpened, ev.SessionTooSmall, ev.ItemMissing, ev.NotDone, ev.Unsure, ev.Refused}
    ),
    ac.PostAttachment: frozenset(
        {ev.Committed, ev.PostTooLarge, ev.ItemMissing, ev.NotDone, ev.Unsure, ev.Refused, ev.CommitAborted}
    ),
    ac.CompareAttachment: frozenset({ev.Compared, ev.NotComparable, ev.ItemMissing, ev.NotDone, ev.Unsure, ev.Refused}),
    ac.PutRange: frozenset(
        {
            ev.Committed,
            ev.OffsetKnown,
            ev.OffsetRefused,
            ev.SessionGone,
            ev.RangeTooLarge,
            ev.RangeDenied,
            ev.NotDone,
            ev.Unsure,
            ev.Refused,
        }
    ),
    ac.AskSession: frozenset({ev.OffsetKnown, ev.AskRefused, ev.NotDone, ev.Unsure, ev.Refused}),
    ac.CancelSession: frozenset({ev.SessionFenced, ev.SessionGone, ev.FenceRefused, ev.NotDone, ev.Unsure, ev.Refused}),
    ac.PrepareCommit: frozenset({ev.CommitPrepared}),
    ac.AbortCommit: frozenset({ev.CommitAborted}),
    ac.Wait: frozenset(),
    ac.Finish: frozenset(),
}
"""What can come of each action. `tests/unit/graph/test_read.py` holds the answers of Graph to it."""

ANYTIME: frozenset[type[ev.EventBase]] = frozenset(
    {ev.RunStarted, ev.CancelRequested, ev.Forbidden, ev.CancelNoted, ev.Held, ev.Stopped}
)
"""What can happen to every transfer that is not over, whatever it wanted."""

BEFORE_HEEDED = ANYTIME
"""What can happen to a transfer whose cancel command is noted and not heeded yet: nothing is asked of Graph before."""

_AFTER_THE_END: dict[State, frozenset[type[ev.EventBase]]] = {
    State.ATTACHED: frozenset({ev.CancelNoted}),
    State.FAILED: frozenset({ev.CancelNoted, ev.RetryRequested, ev.Acknowledged, ev.Superseded}),
    State.CANCELLED: frozenset({ev.CancelNoted, ev.RetryRequested, ev.Superseded}),
}
"""What people may do about an end; a cancel command may come while it is being written."""


def between_requests(state: State) -> frozenset[type[ev.EventBase]]:
    """What can happen in this state without anything having been asked of Graph."""
    if state in TERMINAL:
        return _AFTER_THE_END[state]
    return ANYTIME | {ev.CommitUnsent} if state is State.COMMITTING else ANYTIME


def is_unheeded(found: Transfer) -> bool:
    """Whether a cancel command is noted that no run has heeded yet."""
    return found.cancel_requested and found.state not in {State.FENCING, State.LOOKING, State.COMPARING}


def retried(ended: Transfer, now: datetime = NOW) -> Transfer:
    """The transfer, once a person has had it tried again."""
    return step(ended, None, ev.RetryRequested(), now, POLICY)


def stopped(found: Transfer, detail: str, now: datetime = NOW, alive_until: datetime | None = None) -> Transfer:
    """The transfer, once it was given up because its runs failed."""
    failure = Failure(Code.RUNS_FAILED, detail, GraphAnswer(None))
    return step(found, None, ev.Stopped(failure, alive_until), now, POLICY)


def events(kind: type[ev.EventBase]) -> list[Any]:
    """Every variant of this event that differs for some rule."""
    return _EVENTS.get(kind) or [kind()]


def _offsets(kind: Any) -> list[ev.EventBase]:
    return [kind(offset, graph=SEEN) for offset in (None, 0, 4, 8, FINAL, 18, SIZE, SIZE + 1)]


def listed(*entries: tuple[str, str, int | None]) -> ev.AttachmentsListed:
    """A listing of (id, name, size)."""
    return ev.AttachmentsListed(tuple(Listed(*entry) for entry in entries))


_HELD = (Code.ACCESS_DENIED, Code.GRAPH_REFUSED)
_CODES = (
    Code.GRAPH_UNAVAILABLE,
    Code.GRAPH_THROTTLED,
    Code.GRAPH_UNREACHABLE,
    Code.GRAPH_CONFLICT,
    Code.SOURCE_UNREADABLE,
)
_EVENTS: dict[type[ev.EventBase], list[ev.EventBase]] = {
    ev.Forbidden: [ev.Forbidden(FAILURE)],
    ev.Acknowledged: [ev.Acknowledged("Sent by hand."), ev.Acknowledged("Sent by hand.", "ann@example.com")],
    ev.Superseded: [ev.Superseded("d" * 32)],
    ev.Stopped: [ev.Stopped(FAILURE), ev.Stopped(FAILURE, at(900))],
    ev.Held: [
        ev.Held(Code.MAILBOX_ALLOWANCE_USED, at(60), known=True),
        ev.Held(Code.MAILBOX_BUSY, at(60), known=False, recheck_at=at(60)),
    ],
    ev.ItemsFound: [
        ev.ItemsFound(()),
        ev.ItemsFound((ev.FoundItem("a", is_draft=False),)),
        ev.ItemsFound((ev.FoundItem("a", is_draft=False), ev.FoundItem("b", is_draft=True))),
        ev.ItemsFound((ev.FoundItem("a", is_draft=False), ev.FoundItem("b", is_draft=False))),
    ],
    ev.AttachmentsListed: [
        listed(),
        listed(("old", "report.pdf", 30)),
        listed(("small", "report.pdf", SIZE - 1)),
        listed(("none", "other.pdf", None)),
        listed(("new", "report.pdf", SIZE)),
        listed(("other", "x.pdf", 30), ("new", "report.pdf", 30)),
        listed(("new", "report.pdf", 30), ("newer", "report.pdf", 30)),
    ],
    ev.SessionOpened: [ev.SessionOpened(URL, at(3600), offset) for offset in (0, 4, FINAL, SIZE, SIZE + 5)],
    ev.OffsetKnown: _offsets(ev.OffsetKnown),
    ev.OffsetRefused: _offsets(ev.OffsetRefused),
    ev.Committed: [ev.Committed("new"), ev.Committed(None)],
    ev.Compared: [ev.Compared(equal=True), ev.Compared(equal=False), ev.Compared(equal=True, taken=True)],
    ev.ItemMissing: [ev.ItemMissing(graph=SEEN)],
    ev.NotDone: [
        ev.NotDone(code, wait, graph=graph)
        for code, wait, graph in product((*_CODES, *_HELD), (None, 0.5, 900.0), (None, SEEN))
    ],
    ev.Unsure: [ev.Unsure(code, wait) for code, wait in product(_CODES, (None, 0.5, 900.0))],
    ev.Refused: [
        ev.Refused(FAILURE, ev.RefusedBy.GRAPH),
        ev.Refused(replace(FAILURE, code=Code.GRAPH_REFUSED), ev.RefusedBy.GRAPH),
        ev.Refused(Failure(Code.SOURCE_CHANGED, "The file was overwritten."), ev.RefusedBy.SOURCE),
    ],
    ev.RangeDenied: [ev.RangeDenied(code, wait, graph=SEEN) for code, wait in product(_HELD, (None, 900.0))],
}
