"""Transfers of every kind that the core can make, found by walking it: what an answer of Graph can meet."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache

from shared.core import events as ev
from shared.core import planning
from shared.core.actions import (
    AbortCommit,
    AskSession,
    CancelSession,
    CompareAttachment,
    FindItem,
    ListAttachments,
    OpenSession,
    PostAttachment,
    PrepareCommit,
    PutRange,
    Request,
)
from shared.core.errors import Code
from shared.core.machine import apply, decide
from shared.core.model import (
    Attachment,
    Failure,
    GraphAnswer,
    Listed,
    Route,
    Source,
    State,
    Target,
    TargetKey,
    Transfer,
)
from shared.core.policy import Policy

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
CONTENT = bytes(range(20))
POLICY = Policy(range_bytes=8, smallest_range=2)
MAILBOX = "ada@contoso.example"
ITEM_ID = "AAMkAD_x5Z-8="
CANARY = "eyJhbGciOiJSUzI1NiJ9.canary-of-the-session"
UPLOAD_HOST = "outlook.office.com"
URL = f"https://{UPLOAD_HOST}/api/v2.0/Users('ada%40contoso.example')/AttachmentSessions('x')?authtoken={CANARY}"
SOURCE = Source("drop", "in/report.pdf", '"0x1"', len(CONTENT), NOW - timedelta(minutes=1))
ATTACHMENT = Attachment("report.pdf", "application/pdf")

_SEEN = GraphAnswer(503, "serviceNotAvailable", "req-1")
_LATER = (ev.NotDone(Code.GRAPH_UNREACHABLE), ev.Unsure(Code.GRAPH_UNAVAILABLE, 1.0, graph=_SEEN))
_NO = ev.Refused(Failure(Code.ACCESS_DENIED, "no", _SEEN), ev.RefusedBy.GRAPH)
_NOTHING = ev.AttachmentsListed(())
_EVENTS: dict[type, tuple[ev.Event, ...]] = {
    FindItem: (ev.ItemsFound((ev.FoundItem(ITEM_ID, is_draft=True),)), ev.ItemMissing(), *_LATER),
    ListAttachments: (
        _NOTHING,
        ev.AttachmentsListed((Listed("new", "report.pdf", 30), Listed("other", "x.pdf", 40))),
        *_LATER,
    ),
    OpenSession: (ev.SessionOpened(URL, NOW + timedelta(hours=3), 0), ev.SessionTooSmall(), *_LATER),
    PutRange: (
        ev.OffsetKnown(8),
        ev.OffsetKnown(16),
        ev.OffsetKnown(None),
        ev.OffsetRefused(4),
        ev.Committed(None),
        ev.SessionGone(),
        ev.RangeTooLarge(),
        _NO,
        *_LATER,
    ),
    AskSession: (ev.OffsetKnown(16), ev.OffsetKnown(None), ev.AskRefused(), *_LATER),
    CancelSession: (ev.SessionFenced(), ev.FenceRefused(), *_LATER),
    PostAttachment: (ev.PostTooLarge(), ev.ItemMissing(), _NO, *_LATER),
    CompareAttachment: (ev.Compared(equal=False), ev.ItemMissing(), *_LATER),
    PrepareCommit: (ev.CommitPrepared(),),
    AbortCommit: (ev.CommitAborted(),),
}
"""One event of each kind that leads somewhere else."""


@cache
def waiting_for(*, few: bool = False) -> dict[type, tuple[Transfer, ...]]:
    """By the type of request: every kind of transfer that wants it, at NOW; with `few`, one of each state."""
    found: defaultdict[type, dict[object, Transfer]] = defaultdict(dict)
    for one in _walk(_started()):
        wanted = decide(one, NOW, POLICY)
        if isinstance(wanted, Request):
            kind = (one.state, one.route, isinstance(wanted, PutRange) and wanted.is_final, one.landed)
            found[type(wanted)].setdefault(kind if few else len(found[type(wanted)]), one)
    return {kind: tuple(those.values()) for kind, those in found.items()}


def _started() -> list[Transfer]:
    by_id = Target(MAILBOX, TargetKey.MESSAGE_ID, ITEM_ID)
    by_lookup = Target(MAILBOX, TargetKey.INTERNET_MESSAGE_ID, "<a@b>")
    return [planning.accept(SOURCE, target, ATTACHMENT, route, NOW) for target in (by_id, by_lookup) for route in Route]


def _walk(started: Iterable[Transfer]) -> list[Transfer]:
    """Whatever a few steps lead to; of those alike in what matters, one."""
    seen: dict[object, Transfer] = {}
    todo = list(started)
    while todo:
        one = replace(todo.pop(), not_before=None)
        if one.is_over or seen.setdefault(_kind(one), one) is not one:
            continue
        todo += [apply(one, event, NOW, POLICY) for event in _possible(one)]
    return list(seen.values())


def _possible(one: Transfer) -> list[ev.Event]:
    outcomes = _EVENTS.get(type(decide(one, NOW, POLICY)), ())
    if one.state is State.PLANNED:  # what was attached before us is not new later
        outcomes = tuple(
            event for event in outcomes if not isinstance(event, ev.AttachmentsListed) or event == _NOTHING
        )
    return [ev.RunStarted(), ev.CancelRequested(), ev.Forbidden(_NO.failure), *outcomes]


def _kind(one: Transfer) -> object:
    session = one.session
    wanted = decide(one, NOW, POLICY)
    return (
        one.state,
        one.route,
        type(wanted),
        isinstance(wanted, PutRange) and wanted.is_final,
        session is not None and session.offset,
        one.before is None,
        min(one.tries, 4),
        min(one.looks, 3),
        one.announced_at is None,
        one.landed,
        one.verdict is not None or one.cancel_requested,
        len(one.suspects),
    )
