"""One mailbox with a draft and an event, and each call of a client in one line: what contract tests are written in."""

from __future__ import annotations

import http.client
import json
import socket
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote, urlsplit

from devkit.graph.client import Emulator
from devkit.graph.memory import InMemoryGraph
from devkit.graph.wire import Reply, Request

if TYPE_CHECKING:
    from devkit.graph.call import Call
    from devkit.graph.operating import StoredAttachment

ADDRESS = "ann@example.com"


class Opened(Protocol):
    """A request whose head has arrived and whose body has not."""

    def finish(self) -> Reply:
        """Send the body and read the reply."""

    def abandon(self, sent: int) -> None:
        """Send so many bytes of the body, then break the connection."""


class _OpenedInMemory:
    """A call between `begin` and `end`."""

    def __init__(self, graph: InMemoryGraph, request: Request) -> None:
        self._graph, self._request = graph, request
        self._call: Call = graph.service.begin(
            request.method, request.url, request.headers, graph.now, len(request.body)
        )

    def finish(self) -> Reply:
        """See Opened."""
        try:
            return self._graph.service.answer(self._call, self._request.body, self._graph.now)
        finally:
            self._graph.service.end(self._call)

    def abandon(self, sent: int) -> None:
        """See Opened."""
        self._graph.service.broken(self._call, self._request.body[:sent], self._graph.now)
        self._graph.service.end(self._call)


class _OpenedOverSocket:
    """The server's `100 Continue` tells that it has read the head, so nothing here waits for a clock."""

    def __init__(self, request: Request) -> None:
        where = urlsplit(request.url)
        assert where.hostname is not None
        self._request = request
        self._socket = socket.create_connection((where.hostname, where.port or 80), timeout=30)
        headers = {"Host": where.netloc, "Content-Length": str(len(request.body)), "Expect": "100-continue"}
        lines = [f"{request.method} {where.path}?{where.query} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in {**headers, **request.headers}.items()]
        self._socket.sendall("\r\n".join([*lines, "", ""]).encode())
        heard = b""
        while not heard.endswith(b"\r\n\r\n"):
            piece = self._socket.recv(1)
            assert piece, heard
            heard += piece
        assert heard.startswith(b"HTTP/1.1 100"), heard

    def finish(self) -> Reply:
        """See Opened."""
        self._socket.sendall(self._request.body)
        with self._socket, http.client.HTTPResponse(self._socket, method=self._request.method) as answer:
            answer.begin()
            return Reply(answer.status, dict(answer.getheaders()), answer.read())

    def abandon(self, sent: int) -> None:
        """See Opened."""
        self._socket.sendall(self._request.body[:sent])
        self._socket.close()


class Held(Protocol):
    """A request whose body has arrived and whose effect waits."""

    def release(self) -> Reply:
        """Let it take effect, and read the reply."""


class _HeldInMemory(_OpenedInMemory):
    def __init__(self, graph: InMemoryGraph, request: Request) -> None:
        super().__init__(graph, request)
        graph.service.arrived(self._call)

    def release(self) -> Reply:
        """See Held."""
        return self.finish()


class _HeldByServer:
    def __init__(self, graph: Emulator, request: Request) -> None:
        self._graph = graph
        graph.clear_faults()
        graph.fault({"action": "hold", "method": request.method})
        self._sender = ThreadPoolExecutor(1)
        self._reply = self._sender.submit(self._send, request)
        while not graph.holding():
            assert not self._reply.done(), self._reply.result()

    def _send(self, request: Request) -> Reply:
        with Emulator.connect(self._graph.addresses) as other_connection:
            return other_connection.send(request)

    def release(self) -> Reply:
        """See Held."""
        self._graph.release()
        with self._sender:
            return self._reply.result()


class World:
    """One mailbox with one draft and one event, and the calls a client makes, each in one line."""

    def __init__(self, graph: InMemoryGraph | Emulator) -> None:
        self.graph = graph
        self.version = "v1.0"
        self.mailbox = graph.add_mailbox(ADDRESS)
        self.message = graph.add_message(ADDRESS, internet_message_id="<one@example.com>")
        self.event = graph.add_event(ADDRESS, ical_uid="040000008200E00074C5")
        self.token = graph.issue_token()
        graph.switch(min_session_size=1)

    def item(self, *rest: str, kind: str = "messages", item: str | None = None, user: str = ADDRESS) -> str:
        """The URL of the draft, the event or another item; `rest` are encoded segments after it."""
        found = item or (self.message if kind == "messages" else self.event)
        parts = (self.graph.graph_origin, self.version, "users", quote(user, safe=""), kind, quote(found, safe=""))
        return "/".join((*parts, *rest))

    def call(self, method: str, url: str, body: object = None, **headers: str) -> Reply:
        """A Graph call with a good token, unless another Authorization is given (an empty one: none)."""
        sent = {"Authorization": f"Bearer {self.token}", **{key.replace("_", "-"): one for key, one in headers.items()}}
        if not sent["Authorization"]:
            del sent["Authorization"]
        data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.graph.send(Request(method, url, sent, data))

    def create(self, size: int, *, kind: str = "messages", item: str | None = None, **more: Any) -> Reply:
        """POST createUploadSession; `more` are further members of AttachmentItem."""
        members = {"attachmentType": "file", "name": "report.pdf", "size": size, **more}
        url = self.item("attachments", "createUploadSession", kind=kind, item=item)
        return self.call("POST", url, {"AttachmentItem": members})

    def open(self, size: int, **more: Any) -> str:
        """The upload URL of a new session."""
        reply = self.create(size, **more)
        assert reply.status == HTTPStatus.CREATED, reply
        url: str = reply.json()["uploadUrl"]
        return url

    def range(self, url: str, start: int, data: bytes, total: int, **headers: str) -> Request:
        """A PUT of one range, not yet sent."""
        sent = {"Content-Range": f"bytes {start}-{start + len(data) - 1}/{total}"}
        return Request("PUT", url, {**sent, **headers}, data)

    def put(self, url: str, start: int, data: bytes, total: int, **headers: str) -> Reply:
        """PUT one range."""
        return self.graph.send(self.range(url, start, data, total, **headers))

    def ask(self, url: str) -> Reply:
        """GET an upload URL."""
        return self.graph.send(Request("GET", url))

    def cancel(self, url: str) -> Reply:
        """DELETE an upload URL."""
        return self.graph.send(Request("DELETE", url))

    def post(self, data: bytes, *, kind: str = "messages", item: str | None = None, **more: Any) -> Reply:
        """POST a small file; `more` are further members of the JSON."""
        body = {"@odata.type": "#microsoft.graph.fileAttachment", "name": "note.txt", **more}
        body["contentBytes"] = b64encode(data).decode()
        return self.call("POST", self.item("attachments", kind=kind, item=item), body)

    def listed(self, query: str = "?$select=id,name,size", **headers: str) -> list[dict[str, Any]]:
        """What a listing of the draft's attachments shows."""
        reply = self.call("GET", self.item("attachments") + query, **headers)
        assert reply.status == HTTPStatus.OK, reply
        found: list[dict[str, Any]] = reply.json()["value"]
        return found

    def stored(self, kind: str = "messages") -> list[StoredAttachment]:
        """What is really on the draft, or on the event."""
        return self.graph.attachments(ADDRESS, self.message if kind == "messages" else self.event)

    def stored_bytes(self) -> list[bytes]:
        """The bytes of every file on the draft."""
        return [self.graph.attachment_bytes(ADDRESS, self.message, one.id) for one in self.stored()]

    def held(self, request: Request) -> Held:
        """Send a request whose effect waits: until it is released, others overlap it."""
        if isinstance(self.graph, InMemoryGraph):
            return _HeldInMemory(self.graph, request)
        return _HeldByServer(self.graph, request)

    def opened(self, request: Request) -> Opened:
        """Begin a request without its body: requests overlap while it is open."""
        if isinstance(self.graph, InMemoryGraph):
            return _OpenedInMemory(self.graph, request)
        return _OpenedOverSocket(request)


def error_code(reply: Reply) -> str:
    """The code in an error body."""
    found: str = reply.json()["error"]["code"]
    return found
