"""Whatever Graph answers is one defined event, which every transfer that may see it survives.

Nothing but a 201 means "attached"; what is kept of an answer can be stored, shown and logged, and holds no secret.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from http import HTTPStatus
from typing import assert_never

from assurance.fuzz.reachable import (
    ATTACHMENT,
    CANARY,
    CONTENT,
    ITEM_ID,
    MAILBOX,
    NOW,
    POLICY,
    UPLOAD_HOST,
    URL,
    waiting_for,
)
from assurance.secrets import Scanner
from assurance.simulation.clock import VirtualClock
from shared.core import events as ev
from shared.core.actions import (
    AskSession,
    CancelSession,
    CompareAttachment,
    FindItem,
    Item,
    ListAttachments,
    OpenSession,
    PostAttachment,
    PutRange,
    Request,
)
from shared.core.errors import Code
from shared.core.history import recorded
from shared.core.machine import apply, decide
from shared.core.model import ItemKind, State, Target, TargetKey, Transfer
from shared.core.table import TABLE
from shared.graph.hosts import UploadHosts
from shared.graph.http import HttpAnswer, HttpRequest, UploadRequest
from shared.log_observer import LogObserver
from shared.run.executor import GraphExecutor
from shared.settings.forms import is_host
from shared.storage import codec
from shared.storage.ports import Checkpoint
from shared.views import view

BASE = "https://graph.microsoft.com/v1.0"
SECRETS = Scanner([CANARY])
_ITEM = Item(MAILBOX, ItemKind.MESSAGE, ITEM_ID)
REQUESTS: dict[str, Request] = {
    "find": FindItem(Target(MAILBOX, TargetKey.INTERNET_MESSAGE_ID, "<a@b>")),
    "list": ListAttachments(_ITEM),
    "open": OpenSession(_ITEM, ATTACHMENT, len(CONTENT)),
    "put": PutRange(URL, 0, 8, len(CONTENT)),
    "put-final": PutRange(URL, 16, 4, len(CONTENT)),
    "post": PostAttachment(_ITEM, ATTACHMENT, len(CONTENT), NOW + timedelta(hours=1)),
    "ask": AskSession(URL),
    "cancel": CancelSession(URL),
    "compare": CompareAttachment(_ITEM, "new", len(CONTENT)),
}
"""Everything that is ever asked of Graph, by a name for the corpus."""


class _Wire:
    """Implements `Transport`: the same answer to everything."""

    def __init__(self, answer: HttpAnswer) -> None:
        self._answer = answer

    def send(self, request: HttpRequest) -> HttpAnswer:
        """See `Transport.send`."""
        if isinstance(request, UploadRequest) and not request.url.startswith(f"https://{UPLOAD_HOST}/"):
            raise AssertionError("a session's request goes elsewhere")
        return self._answer

    @contextmanager
    def stream(self, request: HttpRequest) -> Iterator[tuple[HttpAnswer, Iterator[bytes]]]:
        """See `Transport.stream`."""
        answer = self.send(request)
        yield replace(answer, body=b""), iter([answer.body[:7], answer.body[7:]])


class _Reader:
    """Implements `SourceReader` over CONTENT."""

    def read(self, offset: int, length: int) -> bytes:
        """See `SourceReader.read`."""
        return CONTENT[offset : offset + length]

    def close(self) -> None:
        """See `SourceReader.close`."""


def event_of(request: Request, answer: HttpAnswer) -> ev.Event:
    """What the answer means, through everything that lies between the socket and the core."""
    effects = GraphExecutor(_Wire(answer), UploadHosts([UPLOAD_HOST]), BASE, _Reader(), VirtualClock(NOW))
    return effects.perform(request)


def check(request: Request, answer: HttpAnswer, *, few: bool = False) -> ev.Event:
    """AssertionError, or whatever the product raises, where the answer does harm.

    `few`: tell it to one transfer of each state only, for whoever has very many answers.
    """
    event = event_of(request, answer)
    check_evidence(request, answer, event)
    check_event(request, event, few=few)
    return event


def check_event(request: Request, event: ev.Event, *, few: bool = False) -> None:
    """Every transfer that may see the event goes where the table says, and can be stored, shown and logged there."""
    reached: dict[State, Transfer] = {}
    for before in waiting_for(few=few)[type(request)]:
        wanted = decide(before, NOW, POLICY)
        if isinstance(wanted, PutRange) and isinstance(request, PutRange) and wanted.is_final != request.is_final:
            continue
        row = TABLE[before.state].get(type(event))
        assert row is not None, f"{type(event).__name__} cannot be told to a transfer that is {before.state}"
        after = apply(before, event, NOW, POLICY)
        assert after.state in row.leads_to, f"{before.state} --{type(event).__name__}--> {after.state}"
        _check_ending(before, event, after)
        reached.setdefault(after.state, recorded(after, NOW, before.state, wanted, event))
    for after in reached.values():
        _check_kept(request, event, after)


def check_evidence(request: Request, answer: HttpAnswer, event: ev.Event) -> None:
    """The event says no more than the answer does."""
    match event:
        case ev.Committed():
            assert answer.status == HTTPStatus.CREATED
            assert isinstance(request, PutRange | PostAttachment)
        case ev.Compared(equal=True):
            assert answer.status == HTTPStatus.OK
            assert answer.body == CONTENT
        case ev.SessionOpened(url=url):
            assert answer.is_success
            assert UploadHosts([UPLOAD_HOST]).allow(url)
        case ev.ItemsFound() | ev.AttachmentsListed() | ev.OffsetKnown():
            assert answer.is_success
        case ev.NotDone(retry_after=wait) | ev.Unsure(retry_after=wait) | ev.RangeDenied(retry_after=wait):
            assert wait is None or 0 <= wait <= timedelta(days=1).total_seconds()
        case ev.Refused():
            assert event.by is ev.RefusedBy.GRAPH
            assert not answer.is_success or isinstance(request, OpenSession)
        case (
            ev.RunStarted()
            | ev.CancelRequested()
            | ev.Forbidden()
            | ev.Acknowledged()
            | ev.Superseded()
            | ev.CommitPrepared()
            | ev.CommitAborted()
            | ev.CommitUnsent()
            | ev.CancelNoted()
            | ev.RetryRequested()
            | ev.Stopped()
            | ev.Held()
            | ev.OffsetRefused()
            | ev.SessionGone()
            | ev.AskRefused()
            | ev.SessionFenced()
            | ev.FenceRefused()
            | ev.Compared()
            | ev.NotComparable()
            | ev.PostTooLarge()
            | ev.SessionTooSmall()
            | ev.RangeTooLarge()
            | ev.ItemMissing()
        ):
            pass
        case _:
            assert_never(event)


def _check_ending(before: Transfer, event: ev.Event, after: Transfer) -> None:
    """A transfer is attached on evidence only, and knows what to do next."""
    if after.state is State.ATTACHED:
        told = isinstance(event, ev.Committed) or (isinstance(event, ev.Compared) and event.equal)
        assert told or before.landed, f"attached for a mere {type(event).__name__}"
    decide(after, after.not_before or NOW, POLICY)


def _check_kept(request: Request, event: ev.Event, after: Transfer) -> None:
    """It can be stored and read again, shown and logged; where it is over, without the session's secret."""
    checkpoint = Checkpoint(after, None, "run-1.1")
    stored = codec.encode(checkpoint)
    assert codec.decode(stored, after.id) == checkpoint
    said = [json.dumps(view(after, NOW)), repr(after), repr(event), repr(request), *map(repr, after.history)]
    said += _logged(request, event, after)
    if after.is_over:
        said.append(stored.decode())
    text = "\n".join(said)
    if isinstance(event, ev.Refused) and event.failure.code is Code.UPLOAD_HOST_REFUSED:
        host = event.failure.detail.split("'")[1]  # is told on purpose, whatever it is made of
        assert host == "" or is_host(host)
        text = text.replace(host, "")
    SECRETS.check(text, "what was kept or told")


def _logged(request: Request, event: ev.Event, after: Transfer) -> list[str]:
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]  # a small one
    logger = logging.getLogger("drop")
    before = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        LogObserver().decided(after, request, event, after, 0.1)
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before[0])
        logger.propagate = before[1]
    assert lines
    for line in lines:
        json.loads(line)
    return lines
