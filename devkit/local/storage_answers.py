"""A stand-in between the app and Azurite that plays what Azurite cannot: every error code at any call, for any time.

    with StorageAnswers(azurite.origins["Blob"]) as storage:
        storage.add(Rule(rb"PUT .*/transfers/", 409, "BlobImmutableDueToPolicy"))

Requests and answers pass whole; the first rule in force that fits a request answers it in the service's own form: the
status, `x-ms-error-code`, and a body of XML where the method has one. States of blobs are rules too: `leased`,
`immutable`, `archived`, `encrypted`, `copying`, `markers_expire`, `outage`.
"""

from __future__ import annotations

import http.client
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length"})


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer on its way back."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class Rule:
    """What befalls requests.

    Attributes:
        match: a regular expression, searched in `METHOD path?query`.
        status, code: the answer; without a status the request passes, and only `seconds` and `edit` apply.
        first, last: which of the requests that match, counted from 1.
        until: seconds from when the rule was added, after which it is out of force.
        after: the request takes effect all the same; only its answer is this one.
        seconds: how long the answer takes.
        edit: changes the answer of a request that passed.
    """

    match: str
    status: int | None = None
    code: str | None = None
    first: int = 1
    last: int = 10**9
    until: float = float("inf")
    after: bool = False
    seconds: float = 0
    edit: Callable[[Reply], Reply] | None = None


@dataclass
class _InForce:
    rule: Rule
    added_at: float
    seen: int = 0
    hits: int = 0


@dataclass
class StorageAnswers:
    """Listens on a free loopback port and passes everything that no rule answers on to `origin`.

    Attributes:
        asked: `METHOD path?query` of every request, in order.
    """

    origin: str
    asked: list[str] = field(default_factory=list)
    _rules: list[_InForce] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> Self:
        self._server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"stand_in": self}))
        self._thread = threading.Thread(target=self._server.serve_forever, name="storage answers", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """Where it listens: `http://127.0.0.1:port`."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def through(self, connection_string: str) -> str:
        """The connection string of an account that is reached through here."""
        return connection_string.replace(self.origin, self.url)

    def add(self, *rules: Rule) -> None:
        """Put rules in force, behind those that are."""
        with self._lock:
            self._rules += [_InForce(rule, time.monotonic()) for rule in rules]

    def clear(self) -> None:
        """Take every rule out of force."""
        with self._lock:
            self._rules = []

    def hits(self) -> int:
        """How many requests a rule answered, or changed."""
        with self._lock:
            return sum(one.hits for one in self._rules)

    def rule_for(self, asked: str) -> Rule | None:
        """The rule that this request is under. It counts."""
        with self._lock:
            self.asked.append(asked)
            for one in self._rules:
                if time.monotonic() - one.added_at > one.rule.until or not re.search(one.rule.match, asked):
                    continue
                one.seen += 1
                if one.rule.first <= one.seen <= one.rule.last:
                    one.hits += 1
                    return one.rule
        return None


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Callers break off."""


class _Handler(BaseHTTPRequestHandler):
    """One connection, with one of its own to the service behind."""

    protocol_version = "HTTP/1.1"
    stand_in: StorageAnswers
    _behind: http.client.HTTPConnection | None = None

    def do_GET(self) -> None:
        """Any request."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        rule = self.stand_in.rule_for(f"{self.command} {self.path}")
        if rule is not None and rule.seconds:
            time.sleep(rule.seconds)
        if rule is None or rule.status is None:
            reply = self._passed_on(body)
            if rule is not None and rule.edit is not None:
                reply = rule.edit(reply)
        else:
            if rule.after:
                self._passed_on(body)
            reply = refusal(rule.status, rule.code)
        self._send(reply)

    do_HEAD = do_PUT = do_POST = do_DELETE = do_GET  # noqa: N815 - the library's names

    def _passed_on(self, body: bytes) -> Reply:
        parts = urlsplit(self.stand_in.origin)
        if self._behind is None:
            self._behind = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=60)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP}
        if self.command in {"PUT", "POST"} or body:
            headers["Content-Length"] = str(len(body))
        self._behind.request(self.command, self.path, body or None, headers)
        answer = self._behind.getresponse()
        text = answer.read()
        kept = [(name, value) for name, value in answer.getheaders() if name.lower() not in _HOP]
        if self.command == "HEAD":
            kept += [("Content-Length", answer.headers.get("Content-Length", "0"))]
        return Reply(answer.status, tuple(kept), text)

    def _send(self, reply: Reply) -> None:
        self.send_response_only(reply.status)
        for name, value in reply.headers:
            self.send_header(name, value)
        if self.command != "HEAD" and reply.status not in {204, 304}:
            self.send_header("Content-Length", str(len(reply.body)))
        elif not any(name.lower() == "content-length" for name, _ in reply.headers):
            self.send_header("Content-Length", "0")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)

    def finish(self) -> None:
        """The client went."""
        super().finish()
        if self._behind is not None:
            self._behind.close()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


def refusal(status: int, code: str | None) -> Reply:
    """An error in the service's form; without a code it is some gateway's, and has none."""
    if code is None:
        return Reply(status, (("Content-Type", "text/html"),), b"<html>no</html>")
    text = f'<?xml version="1.0" encoding="utf-8"?><Error><Code>{code}</Code><Message>No.</Message></Error>'
    return Reply(status, (("x-ms-error-code", code), ("Content-Type", "application/xml")), text.encode())


# --- states of blobs --------------------------------------------------------------------------------------------------


def leased(path: str) -> tuple[Rule, ...]:
    """Somebody holds a lease: whatever changes the blob needs its id."""
    return (Rule(rf"^(PUT|DELETE) [^?]*{path}", 412, "LeaseIdMissing"),)


def immutable(path: str) -> tuple[Rule, ...]:
    """A policy keeps what there is. New blobs could still come, which is not told apart here."""
    return (Rule(rf"^(PUT|DELETE) [^?]*{path}", 409, "BlobImmutableDueToPolicy"),)


def archived(path: str) -> tuple[Rule, ...]:
    """A lifecycle rule moved it to the archive tier: it is listed and has properties, and cannot be read."""
    tier = ("x-ms-access-tier", "Archive")
    return (
        Rule(rf"^GET [^?]*{path}", 409, "BlobArchived"),
        Rule(rf"^HEAD [^?]*{path}", edit=lambda reply: replace(reply, headers=(*reply.headers, tier))),
    )


def encrypted(path: str) -> tuple[Rule, ...]:
    """Written with a customer-provided key: without it only listings show the blob, and not its metadata."""

    def hidden(reply: Reply) -> Reply:
        text = re.sub(
            rf"(<Name>[^<]*{path}</Name>.*?)<Metadata>.*?</Metadata>".encode(),
            rb'\1<Metadata Encrypted="true" />',
            reply.body,
            flags=re.DOTALL,
        )
        return replace(reply, body=text)

    return (
        Rule(rf"^(GET|HEAD) [^?]*{path}", 409, "BlobUsesCustomerSpecifiedEncryption"),
        Rule(r"^GET [^?]*\?.*comp=list", edit=hidden),
    )


def copying(path: str, times: int) -> tuple[Rule, ...]:
    """An asynchronous copy is still under way for so many looks."""
    status = ("x-ms-copy-status", "pending")
    return (
        Rule(rf"^HEAD [^?]*{path}", last=times, edit=lambda reply: replace(reply, headers=(*reply.headers, status))),
    )


def markers_expire(times: int = 10**9) -> tuple[Rule, ...]:
    """A listing's continuation is no longer good."""
    return (Rule(r"^GET .*comp=list.*[?&]marker=", 400, "InvalidQueryParameterValue", last=times),)


def outage(seconds: float, status: int = 503, code: str | None = "ServerBusy", path: str = "") -> tuple[Rule, ...]:
    """Everything, or everything about `path`, fails for so long."""
    return (Rule(path or ".", status, code, until=seconds),)
