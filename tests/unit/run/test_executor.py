"""Effects turn every outcome of an action into an event; only defects and dead storage raise."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from assurance.simulation.clock import VirtualClock
from shared.core.actions import (
    AskSession,
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
from shared.core.events import (
    AttachmentsListed,
    CommitAborted,
    Committed,
    Compared,
    ItemMissing,
    ItemsFound,
    NotDone,
    OffsetKnown,
    Refused,
    RefusedBy,
    Unsure,
)
from shared.core.model import Attachment, ItemKind, Target, TargetKey
from shared.graph.hosts import UploadHosts
from shared.graph.http import AnswerLost, GraphRequest, HttpAnswer, HttpRequest, NotSent, UploadRequest
from shared.run import executor
from shared.run.executor import GraphExecutor
from shared.storage.ports import SourceLost, SourceUnreadable, StorageUnavailable

BASE = "https://graph.example/v1.0"
URL = "https://outlook.office.com/session?authtoken=secret"
ITEM = Item("ada@contoso.example", ItemKind.MESSAGE, "AAMk=")
FILE = Attachment("a.bin", "application/octet-stream")
CONTENT = bytes(range(200))
LIST = ListAttachments(ITEM)
PUT = PutRange(URL, 100, 50, 200)


@dataclass
class Wire:
    """Implements `Transport`: answers in order, or raises, and keeps what was sent."""

    answers: list[HttpAnswer | Exception]
    sent: list[HttpRequest] = field(default_factory=list)
    piece: int = 7

    def send(self, request: HttpRequest) -> HttpAnswer:
        self.sent.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    @contextmanager
    def stream(self, request: HttpRequest) -> Iterator[tuple[HttpAnswer, Iterator[bytes]]]:
        answer = self.send(request)
        body = answer.body
        yield answer, (body[at : at + self.piece] for at in range(0, len(body), self.piece))


@dataclass
class Reader:
    """Implements `SourceReader` over CONTENT; `fails` stands for the source's troubles."""

    fails: Exception | None = None
    reads: list[tuple[int, int]] = field(default_factory=list)
    on_read: Callable[[], None] = lambda: None

    def read(self, offset: int, length: int) -> bytes:
        self.reads.append((offset, length))
        self.on_read()
        if self.fails is not None:
            raise self.fails
        return CONTENT[offset : offset + length]

    def close(self) -> None: ...


def performed(action: Request, *answers: HttpAnswer | Exception, reader: Reader | None = None) -> tuple[object, Wire]:
    wire = Wire(list(answers))
    hosts = UploadHosts(["outlook.office.com"])
    return GraphExecutor(wire, hosts, BASE, reader or Reader(), VirtualClock()).perform(action), wire


def answer(status: int, body: str | bytes = b"", **headers: str) -> HttpAnswer:
    return HttpAnswer(status, headers, body.encode() if isinstance(body, str) else body)


def test_a_range_is_exactly_the_bytes_that_were_asked_for() -> None:
    event, wire = performed(PUT, answer(200, '{"nextExpectedRanges": ["150"]}'))
    assert isinstance(event, OffsetKnown)
    assert event.offset == 150
    assert wire.sent[0].body == CONTENT[100:150]
    assert isinstance(wire.sent[0], UploadRequest)


def test_a_small_file_goes_whole() -> None:
    action = PostAttachment(ITEM, FILE, 200, VirtualClock().now() + timedelta(seconds=60))
    event, wire = performed(action, answer(201, '{"id": "AAMkB="}'))
    assert event == Committed("AAMkB=", graph=event.graph)  # type: ignore[attr-defined]
    assert isinstance(wire.sent[0], GraphRequest)


def test_a_post_that_comes_too_late_is_not_sent() -> None:
    clock = VirtualClock()
    action = PostAttachment(ITEM, FILE, 200, clock.now() + timedelta(seconds=60))
    wire = Wire([])
    slow = Reader(on_read=lambda: clock.advance(61))
    assert GraphExecutor(wire, UploadHosts([]), BASE, slow, clock).perform(action) == CommitAborted()
    assert wire.sent == []


@pytest.mark.parametrize(
    ("trouble", "expected"),
    [
        (SourceLost(Code.SOURCE_CHANGED), Code.SOURCE_CHANGED),
        (SourceLost(Code.SOURCE_GONE), Code.SOURCE_GONE),
    ],
)
def test_a_source_that_is_no_more_is_a_refusal_and_nothing_is_sent(trouble: Exception, expected: Code) -> None:
    event, wire = performed(PUT, reader=Reader(trouble))
    assert isinstance(event, Refused)
    assert (event.failure.code, event.by) == (expected, RefusedBy.SOURCE)
    assert wire.sent == []


def test_a_source_that_cannot_be_read_now_is_tried_again() -> None:
    assert performed(PUT, reader=Reader(SourceUnreadable()))[0] == NotDone(Code.SOURCE_UNREADABLE)


@pytest.mark.parametrize("action", [PUT, AskSession(URL), LIST, OpenSession(ITEM, FILE, 200)])
@pytest.mark.parametrize(
    ("trouble", "expected"),
    [
        (NotSent(Code.IDENTITY_UNAVAILABLE), NotDone(Code.IDENTITY_UNAVAILABLE)),
        (AnswerLost(), Unsure(Code.GRAPH_UNREACHABLE)),
    ],
)
def test_a_request_that_was_not_sent_and_one_whose_answer_was_lost_are_told_apart(
    action: Request, trouble: Exception, expected: object
) -> None:
    assert performed(action, trouble)[0] == expected


def test_dead_storage_is_no_event() -> None:
    with pytest.raises(StorageUnavailable):
        performed(PUT, reader=Reader(StorageUnavailable()))


def test_a_session_on_a_foreign_host_is_refused_before_a_byte_is_read_or_sent() -> None:
    reader = Reader()
    event, wire = performed(PutRange("https://evil.example/s?authtoken=secret", 0, 10, 200), reader=reader)
    assert isinstance(event, Refused)
    assert (event.failure.code, event.by) == (Code.UPLOAD_HOST_REFUSED, RefusedBy.POLICY)
    assert "secret" not in event.failure.detail
    assert (reader.reads, wire.sent) == ([], [])


def test_a_lookup_is_read() -> None:
    target = Target("ada@contoso.example", TargetKey.INTERNET_MESSAGE_ID, "<a@b>")
    event, _ = performed(FindItem(target), answer(200, '{"value": []}'))
    assert isinstance(event, ItemsFound)
    assert event.items == ()


def page(name: str, onward: str | None = None) -> HttpAnswer:
    link = f', "@odata.nextLink": "{onward}"' if onward else ""
    return answer(200, f'{{"value": [{{"id": "{name}", "name": "{name}", "size": 9}}]{link}}}')


def test_all_pages_of_a_listing_are_one_event() -> None:
    event, wire = performed(LIST, page("a", f"{BASE}/2"), page("b", f"{BASE}/3"), page("c"))
    assert isinstance(event, AttachmentsListed)
    assert [listed.id for listed in event.attachments] == ["a", "b", "c"]
    assert [request.url for request in wire.sent[1:]] == [f"{BASE}/2", f"{BASE}/3"]


def test_a_page_that_fails_makes_the_whole_listing_fail() -> None:
    event, _ = performed(LIST, page("a", f"{BASE}/2"), answer(404))
    assert isinstance(event, ItemMissing)


def test_a_listing_without_an_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executor, "MOST_PAGES", 3)
    event, wire = performed(LIST, *(page("a", f"{BASE}/again") for _ in range(5)))
    assert event == Unsure(Code.GRAPH_ANSWER_UNEXPECTED)
    assert len(wire.sent) == 3


@pytest.mark.parametrize(
    ("theirs", "equal"),
    [
        (CONTENT, True),
        (CONTENT[:-1], False),
        (CONTENT + b"x", False),
        (CONTENT[:100] + b"?" + CONTENT[101:], False),
        (b"", False),
    ],
)
@pytest.mark.parametrize("held", [3, 64, 1000])
def test_an_attachment_is_compared_byte_by_byte(
    theirs: bytes, equal: bool, held: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executor, "COMPARED_AT_ONCE", held)
    event, _ = performed(CompareAttachment(ITEM, "AAMkB=", 200), answer(200, theirs))
    assert isinstance(event, Compared)
    assert event.equal is equal


@pytest.mark.parametrize(("status", "kind"), [(404, ItemMissing), (503, Unsure), (429, NotDone), (403, NotDone)])
def test_an_attachment_that_cannot_be_fetched_is_an_event_too(status: int, kind: type) -> None:
    event, _ = performed(CompareAttachment(ITEM, "AAMkB=", 200), answer(status))
    assert isinstance(event, kind)
