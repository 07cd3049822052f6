"""What is watched while a scenario runs: the order of durable writes and requests, which the end no longer shows.

It looks at the wire and at the stored bytes only, never at what the product thinks of itself.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Protocol

from shared.graph.http import HttpAnswer, HttpRequest
from shared.storage.ports import Checkpoint

_FENCES = frozenset({HTTPStatus.OK, HTTPStatus.NO_CONTENT})
_NO_SESSION = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE})

BELIEVED = (4, timedelta(seconds=90))
"""DELETEs that found no session, and the time from the first to the last of them, from which on that is a fence."""


class ServerSession(Protocol):
    """An upload session as the service has it."""

    expires: datetime
    received: int
    size: int


@dataclass
class Watch:
    """Rules I4, I5, I6, I9 and I19 of the invariants; `broken` says which were, and how.

    Attributes:
        contents: each version of the file, by its ETag.
        one_worker: with several, an old worker may still open a session that it can never use: I6 is not asked of it.
        heeds_waits: I15 is asked too: no process dies, and nobody asks for the end, so every wait must be kept.
    """

    contents: dict[str, bytes]
    one_worker: bool = True
    heeds_waits: bool = False
    broken: list[str] = field(default_factory=list)
    requests: int = 0
    commits_sent: int = 0
    _durable: dict[str, str] = field(default_factory=dict)  # url -> the ETag of the file that it is for
    _announced: set[str] = field(default_factory=set)
    _post_announced: bool = False
    _progress: dict[str, int] = field(default_factory=dict)
    _final: dict[str, int] = field(default_factory=dict)
    """Of each session that was sent its final range: the moment of its fence, 0 while there is none. A session that was
    never sent it can never commit (S3), and needs no fence."""
    _missed: dict[str, list[datetime]] = field(default_factory=dict)
    _moment: int = 0
    _listed: int = 0
    _listed_at: datetime | None = None
    _allowed_at: datetime | None = None

    def saved(self, checkpoint: Checkpoint, text: bytes, held: ServerSession | None) -> None:
        """A checkpoint became durable; `held` is its session at the service."""
        transfer = checkpoint.instance
        if transfer.is_over and b"authtoken" in text:
            self.broken.append("I19: the checkpoint of an ended transfer holds the upload URL")
        if transfer.session is None:
            self._post_announced = self._post_announced or transfer.announced_at is not None
            return
        url = transfer.session.url
        self._durable[url] = transfer.plan.source.etag
        if transfer.announced_at is not None:
            self._announced.add(url)
        if held is not None and transfer.session.offset > held.received:
            self.broken.append(f"I9: offset {transfer.session.offset} is durable, the service has {held.received}")
        if self.one_worker and transfer.session.offset < self._progress.get(url, 0):
            self.broken.append(f"I9: progress went back from {self._progress[url]} to {transfer.session.offset}")
        self._progress[url] = transfer.session.offset

    def sending(self, request: HttpRequest, graph_now: datetime, sessions: dict[str, ServerSession]) -> None:
        """A request is about to be sent."""
        self._moment += 1
        self.requests += 1
        if self.heeds_waits and self._allowed_at is not None and graph_now < self._allowed_at:
            early = (self._allowed_at - graph_now).total_seconds()
            self.broken.append(f"I15: {request.method} {early:g} seconds before Graph allowed it")
        if request.method == "PUT":
            self._range(request)
        elif request.url.endswith("/createUploadSession"):
            self._opening(request, graph_now, sessions)
        elif request.method == "POST":
            self.commits_sent += 1
            if not self._post_announced:
                self.broken.append("I5: a POST was sent without a durable announcement")

    def answered(self, request: HttpRequest, answer: HttpAnswer, graph_now: datetime) -> None:
        """An answer reached its caller."""
        self._moment += 1
        if request.method == "DELETE" and request.url in self._final:
            self._deleted(request.url, answer.status, graph_now)
        if request.method == "GET" and "/attachments?" in request.url and answer.is_success:
            self._listed = self._moment
            self._listed_at = graph_now

        self._allowed_at = self._wait_in(answer, graph_now)

    def _deleted(self, url: str, status: int, graph_now: datetime) -> None:
        """One 404 is no fence, because it may pass; those that last are."""
        missed = self._missed.setdefault(url, [])
        if status in _NO_SESSION:
            missed.append(graph_now)
        count, span = BELIEVED
        if status in _FENCES or (len(missed) >= count and missed[-1] - missed[0] >= span):
            self._final[url] = self._moment

    def slept(self, until: datetime, deadline: datetime) -> None:
        """The run slept until then; it must have ended by the deadline."""
        if until > deadline:
            self.broken.append(f"I15: slept {(until - deadline).total_seconds():g} seconds past the deadline")

    def _wait_in(self, answer: HttpAnswer, graph_now: datetime) -> datetime | None:
        value = answer.headers.get("retry-after")
        if value is None:
            return None
        if value.isdigit():
            return graph_now + timedelta(seconds=int(value))
        return parsedate_to_datetime(value)

    def _range(self, request: HttpRequest) -> None:
        if request.url not in self._durable:
            self.broken.append("I4: a range was sent to a session that is not durable")
        span, _, total = request.headers["Content-Range"].removeprefix("bytes ").partition("/")
        first, last = (int(number) for number in span.split("-"))
        content = self.contents.get(self._durable.get(request.url, ""), b"")
        body = bytes(request.body or b"")
        if body != content[first : last + 1] or int(total) != len(content):
            self.broken.append(f"I10: bytes {span} were not the file's")
        if last + 1 == int(total):
            self.commits_sent += 1
            self._final.setdefault(request.url, 0)
            if request.url not in self._announced:
                self.broken.append("I5: a final range was sent without a durable announcement")

    def _opening(self, request: HttpRequest, graph_now: datetime, sessions: dict[str, ServerSession]) -> None:
        if not self.one_worker:
            return
        size = json.loads(bytes(request.body or b""))["AttachmentItem"]["size"]
        for url, fenced in self._final.items():
            if sessions[url].size != size:
                continue  # another version's
            expires = sessions[url].expires
            by_fence = 0 < fenced < self._listed
            by_expiry = self._listed_at is not None and expires <= self._listed_at <= graph_now
            if not by_fence and not by_expiry:
                self.broken.append("I6: a new session was opened before the old one was fenced and looked behind")
