"""A client between a Graph and an upload host, on real sockets."""

from __future__ import annotations

from contextlib import ExitStack

from assurance.secrets import Scanner
from shared.graph.client import GraphClient
from shared.graph.hosts import UploadHosts
from shared.graph.http import Buffer, GraphRequest, UploadRequest
from tests.unit.graph.peer import Answer, Peer, answer

TOKEN = "eyJhbGciOiJSUzI1NiJ9.canary-of-the-token"
UPLOAD = "canary-of-the-upload-url"
SECRETS = Scanner([TOKEN, UPLOAD])
VERBS = ("GET", "POST", "PUT", "DELETE")


class Tokens:
    """Implements `TokenSource`: every token is another one."""

    def __init__(self, fails: Exception | None = None) -> None:
        self.forgotten = 0
        self.fails = fails

    def token(self) -> str:
        if self.fails is not None:
            raise self.fails
        return f"{TOKEN}-{self.forgotten}"

    def forget(self, claims: str | None = None) -> None:
        self.forgotten += 1


class Room:
    """A client between a Graph and an upload host."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self.tokens = Tokens()

    def peer(self, *answers: Answer, **habits: bool) -> Peer:
        return self._stack.enter_context(Peer(*(answers or (answer(),)), **habits))

    def client(self, graph: Peer, *uploads: Peer) -> GraphClient:
        hosts = UploadHosts([upload.host for upload in uploads])
        made = GraphClient(f"{graph.url}/v1.0", self.tokens, hosts)
        self._stack.callback(made.close)
        return made


def to(peer: Peer, method: str = "GET", path: str = "/v1.0/x", body: Buffer | None = None) -> GraphRequest:
    return GraphRequest(method, peer.url + path, {}, body)


def upload(
    peer: Peer, method: str = "PUT", path: str = f"/s?authtoken={UPLOAD}", body: Buffer = b"abc"
) -> UploadRequest:
    return UploadRequest(method, peer.url + path, {"Content-Length": str(len(body))}, body)
