"""Outlook as far as the limiter can see it: sessions, ranges and POSTs that take their time, and its three limits.

It keeps lengths instead of bytes, and counts what it refuses. The byte window and the requests at once are the
emulator's own throttle (`devkit/graph/throttle.py`); a commit that meets another one on its item gets 412.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from itertools import count
from urllib.parse import unquote

from assurance.load.timeline import Timeline
from devkit.graph.errors import Refusal
from devkit.graph.switches import Switches
from devkit.graph.throttle import Throttle
from shared.graph.http import HttpAnswer, HttpRequest

ORIGIN = "https://graph.example/v1.0"
UPLOAD = "https://upload.example/sessions/"
UPLOAD_HOST = "upload.example"


@dataclass
class Line:
    """How long requests take: seconds, and bytes per second of one connection."""

    request: float = 0.08
    bytes_per_second: float = 50_000_000

    def seconds(self, size: int) -> float:
        """For one request that carries `size` bytes."""
        return self.request + size / self.bytes_per_second


@dataclass
class _Session:
    mailbox: str
    item: str
    name: str
    size: int
    received: int = 0
    open: bool = True


class ModelGraph:
    """Implements `Transport`."""

    def __init__(self, timeline: Timeline, line: Line, limits: Switches) -> None:
        self.attached: dict[str, list[tuple[str, int]]] = {}
        """By mailbox and item: name and length of what is on it."""
        self.answers: Counter[int] = Counter()
        self.sent: Counter[str] = Counter()
        """By mailbox: bytes that were let in."""
        self.finished: dict[str, float] = {}
        """By mailbox: when its last file was attached, in seconds."""
        self._timeline = timeline
        self._line = line
        self._limits = limits
        self._throttle = Throttle()
        self._sessions: dict[str, _Session] = {}
        self._committing: Counter[str] = Counter()
        self._numbers = count(1)

    def send(self, request: HttpRequest) -> HttpAnswer:
        """See `Transport.send`."""
        session = self._sessions.get(request.url) if request.url.startswith(UPLOAD) else None
        mailbox, item = (session.mailbox, session.item) if session else _address(request.url)
        size = len(request.body or b"")
        try:
            self._throttle.enter(("app", mailbox), self._limits)
            if request.method in {"PUT", "POST"}:
                if self._limits.byte_window:
                    self._throttle.spend(("app", mailbox), size, self._timeline.now(), self._limits)
                self.sent[mailbox] += size
        except Refusal as refusal:
            self._timeline.sleep(self._line.request)
            self._throttle.leave(("app", mailbox))
            return self._answer(
                refusal.status, {"error": {"code": refusal.code, "message": refusal.message}}, refusal.headers or {}
            )
        answer = self._during(request, session, mailbox, item, size)
        self._throttle.leave(("app", mailbox))
        return answer

    @contextmanager
    def stream(self, request: HttpRequest) -> Iterator[tuple[HttpAnswer, Iterator[bytes]]]:
        """See `Transport.stream`. Nothing is ever in doubt here, so nothing comes to be compared."""
        yield self.send(request), iter(())

    def _during(self, request: HttpRequest, session: _Session | None, mailbox: str, item: str, size: int) -> HttpAnswer:
        """What happens while the request is open."""
        is_post = request.method == "POST" and request.url.endswith("/attachments")
        final = session is not None and request.method == "PUT" and session.received + size == session.size
        commits = is_post or final
        conflict = commits and self._committing[item] > 0
        self._committing[item] += commits
        self._timeline.sleep(self._line.seconds(size))
        self._committing[item] -= commits
        if conflict:
            return self._answer(HTTPStatus.PRECONDITION_FAILED, {"error": {"code": "ErrorIrresolvableConflict"}})
        if session is not None:
            return self._session(request, session, size)
        if is_post:
            name = json.loads(bytes(request.body or b"")[:2000].partition(b', "contentBytes"')[0] + b"}")["name"]
            return self._attach(mailbox, item, name, size)
        if request.method == "POST":
            wanted = json.loads(bytes(request.body or b""))["AttachmentItem"]
            url = f"{UPLOAD}{next(self._numbers)}"
            self._sessions[url] = _Session(mailbox, item, wanted["name"], wanted["size"])
            expires = (self._timeline.now() + timedelta(hours=3)).isoformat()
            return self._answer(201, {"uploadUrl": url, "expirationDateTime": expires, "nextExpectedRanges": ["0-"]})
        listed = self.attached.get(item, [])
        return self._answer(200, {"value": [{"id": n, "name": n, "size": size} for n, size in listed]})

    def _session(self, request: HttpRequest, session: _Session, size: int) -> HttpAnswer:
        if not session.open:
            return self._answer(HTTPStatus.NOT_FOUND, {"error": {"code": "ErrorItemNotFound"}})
        if request.method == "DELETE":
            session.open = False
            return self._answer(HTTPStatus.NO_CONTENT, {})
        if request.method == "PUT":
            start = int(request.headers["Content-Range"].split()[1].partition("-")[0])
            if start != session.received:
                return self._answer(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, {"error": {"code": "invalidRange"}})
            session.received += size
            if session.received == session.size:
                session.open = False
                return self._attach(session.mailbox, session.item, session.name, session.size)
        return self._answer(200, {"nextExpectedRanges": [str(session.received)]})

    def _attach(self, mailbox: str, item: str, name: str, size: int) -> HttpAnswer:
        self.attached.setdefault(item, []).append((name, size))
        self.finished[mailbox] = self._timeline.seconds
        where = {"Location": f"{ORIGIN}/attachments('{name}')"}
        return self._answer(201, {"id": name}, where)

    def _answer(self, status: int, body: object, headers: object = None) -> HttpAnswer:
        self.answers[status] += 1
        named = {name.lower(): value for name, value in dict(headers or {}).items()}  # type: ignore[call-overload]
        return HttpAnswer(status, named, json.dumps(body).encode())


def _address(url: str) -> tuple[str, str]:
    """Mailbox and item out of a Graph URL."""
    parts = url.removeprefix(f"{ORIGIN}/users/").split("/")
    return unquote(parts[0]), f"{unquote(parts[0])}/{unquote(parts[2])}"
