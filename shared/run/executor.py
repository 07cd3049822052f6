"""Carry one action out and say what came of it: the only place where bytes of the file meet requests to Graph."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import assert_never

from shared.core.actions import (
    AbortCommit,
    Action,
    AskSession,
    CancelSession,
    CompareAttachment,
    FindItem,
    Finish,
    GraphCall,
    ListAttachments,
    OpenSession,
    PostAttachment,
    PrepareCommit,
    PutRange,
    SessionCall,
    Wait,
)
from shared.core.errors import CATALOGUE, Code
from shared.core.events import AttachmentsListed, CommitAborted, Compared, Event, NotDone, Refused, RefusedBy, Unsure
from shared.core.model import Failure, Listed, Transfer
from shared.core.policy import LARGEST_RANGE
from shared.graph import fields, prepare, read
from shared.graph.hosts import UploadHosts
from shared.graph.http import AnswerLost, GraphRequest, HttpAnswer, NotSent, Transport
from shared.storage.ports import Claims, Clock, ReadsAhead, SourceLost, SourceReader, SourceUnreadable, StorageRefused

COMPARED_AT_ONCE = 1024 * 1024
"""Bytes of the file held while an attachment is compared with it. Chosen: small beside a transfer's two buffers."""

MOST_PAGES = 100
"""Pages of one listing that are followed. Chosen: far more attachments than a message can carry."""


@dataclass(frozen=True, slots=True)
class Owned:
    """Which attachments are whose, as one transfer sees it."""

    claims: Claims
    transfer: Transfer

    def by_others(self) -> frozenset[str]:
        """See `Claims.of_others`."""
        return self.claims.of_others(self.transfer)

    def take(self, attachment_id: str) -> bool:
        """See `Claims.take`."""
        return self.claims.take(self.transfer, attachment_id)


class GraphExecutor:
    """Implements `Executor`: what the actions of one transfer do to the world.

    `reader` is pinned to the transfer's version of the blob.
    """

    def __init__(
        self,
        transport: Transport,
        hosts: UploadHosts,
        base_url: str,
        reader: SourceReader,
        clock: Clock,
        range_bytes: int = LARGEST_RANGE,
        owned: Owned | None = None,
    ) -> None:
        self._transport = transport
        self._hosts = hosts
        self._base_url = base_url
        self._reader = reader
        self._clock = clock
        self._range_bytes = range_bytes
        self._owned = owned
        self._reads_ahead = reader if isinstance(reader, ReadsAhead) else None

    def ahead(self, action: Action) -> None:
        """See `Executor.ahead`: begin to read what this action, or the one after it, will send."""
        if self._reads_ahead is None:
            return
        match action:
            case OpenSession(size=size):
                self._reads_ahead.expect(0, min(size, self._range_bytes))
            case PutRange(offset=offset, length=length):
                self._reads_ahead.expect(offset, length)
            case PostAttachment(size=size):
                self._reads_ahead.expect(0, size)
            case _:
                return

    def perform(self, action: Action) -> Event:
        """See `Executor.perform`. Every outcome is an event; only a defect, or storage that is down, raises."""
        try:
            return self._performed(action)
        except (SourceLost, StorageRefused) as lost:  # both from reading the file: nothing else here asks storage
            detail = lost.detail if isinstance(lost, StorageRefused) else CATALOGUE[lost.code].title
            return Refused(Failure(lost.code, detail), RefusedBy.SOURCE)
        except SourceUnreadable:
            return NotDone(Code.SOURCE_UNREADABLE)
        except NotSent as unsent:
            return NotDone(unsent.code)
        except AnswerLost:
            return Unsure(Code.GRAPH_UNREACHABLE)

    def _performed(self, action: Action) -> Event:
        match action:
            case PutRange() | AskSession() | CancelSession():
                return self._session_call(action)
            case ListAttachments():
                return self._list(action)
            case PostAttachment():
                return self._post(action)
            case CompareAttachment():
                return self._compare(action)
            case FindItem() | OpenSession():
                return self._graph_call(action, prepare.graph_request(action, self._base_url))
            case PrepareCommit() | AbortCommit() | Wait() | Finish():
                raise TypeError(f"{type(action).__name__} is no request")
            case _:
                assert_never(action)

    def _session_call(self, call: SessionCall) -> Event:
        if not self._hosts.allow(call.url):
            detail = f"The checkpoint's upload session points to {fields.host_of(call.url)!r}."
            return Refused(Failure(Code.UPLOAD_HOST_REFUSED, detail), RefusedBy.POLICY)
        content = self._reader.read(call.offset, call.length) if isinstance(call, PutRange) else None
        answer = self._transport.send(prepare.session_request(call, content))
        return read.session_event(call, answer, self._clock.now())

    def _graph_call(self, call: GraphCall, request: GraphRequest) -> Event:
        return self._read(call, self._transport.send(request))

    def _read(self, call: GraphCall, answer: HttpAnswer) -> Event:
        return read.graph_event(call, answer, self._clock.now(), self._hosts)

    def _post(self, call: PostAttachment) -> Event:
        content = self._reader.read(0, call.size)
        request = prepare.graph_request(call, self._base_url, content)
        if self._clock.now() > call.not_after:
            return CommitAborted()  # reading took too long: a later look for this POST would come too early
        return self._graph_call(call, request)

    def _list(self, call: ListAttachments) -> Event:
        """All pages as one event; the first page that is not one decides."""
        request = prepare.graph_request(call, self._base_url)
        listed: tuple[Listed, ...] = ()
        for _ in range(MOST_PAGES):
            answer = self._transport.send(request)
            event = self._read(call, answer)
            if not isinstance(event, AttachmentsListed):
                return event
            listed += event.attachments
            onward = fields.next_link(answer)
            if onward is None:
                return AttachmentsListed(listed, self._of_others(call, listed), graph=event.graph)
            request = replace(request, url=onward)
        return Unsure(Code.GRAPH_ANSWER_UNEXPECTED)

    def _of_others(self, call: ListAttachments, listed: tuple[Listed, ...]) -> frozenset[str]:
        """Which of them other transfers have; asked only where something is new and that matters."""
        if self._owned is None or call.known is None or all(one.id in call.known for one in listed):
            return frozenset()
        return self._owned.by_others()

    def _compare(self, call: CompareAttachment) -> Event:
        request = prepare.graph_request(call, self._base_url)
        with self._transport.stream(request) as (head, pieces):
            if head.status != HTTPStatus.OK:
                body = b"".join(pieces)
                return self._read(call, replace(head, body=body))
            equal = self._same_bytes(pieces, call.size)
        taken = equal and call.takes and self._owned is not None and not self._owned.take(call.attachment_id)
        return Compared(equal, taken, graph=fields.summary(head))

    def _same_bytes(self, pieces: Iterator[bytes], size: int) -> bool:
        """True where `pieces` together are the file's `size` bytes."""
        offset = 0
        held = memoryview(b"")
        for piece in pieces:
            if offset + len(piece) > size:
                return False
            rest = memoryview(piece)
            while rest:
                if not held:
                    held = memoryview(self._reader.read(offset, min(COMPARED_AT_ONCE, size - offset)))
                length = min(len(held), len(rest))
                if held[:length] != rest[:length]:
                    return False
                offset += length
                held, rest = held[length:], rest[length:]
        return offset == size
