"""Whatever URL comes out of an answer or a checkpoint: it is refused, or every parser on the way reads one host."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import requests
from requests.adapters import BaseAdapter
from urllib3.util import parse_url

from shared.graph.client import GraphClient
from shared.graph.hosts import OUTLOOK_HOSTS, UploadHosts
from shared.graph.http import GraphRequest, HttpRequest, NotSent, UploadRequest

GRAPH = "graph.microsoft.com"
HOSTS = UploadHosts(OUTLOOK_HOSTS)


def check(url: str) -> bool:
    """AssertionError, or whatever the product raises, where the URL does harm; else whether anything was sent."""
    return any([_sent(GraphRequest("GET", url, {})), _sent(UploadRequest("GET", url, {}))])


def _sent(request: HttpRequest) -> bool:
    url = request.url
    authorized = isinstance(request, GraphRequest)
    wire = _Wire()
    with _client(wire) as client:
        try:
            client.send(request)
        except NotSent:
            assert wire.sent == []
            return False
    [sent] = wire.sent
    assert sent.url == url
    hosts = {urlsplit(url).hostname, parse_url(url).host}
    assert hosts <= ({GRAPH} if authorized else set(OUTLOOK_HOSTS))
    assert len(hosts) == 1
    assert urlsplit(url).scheme == parse_url(url).scheme == "https"
    assert parse_url(url).auth is None
    assert (parse_url(url).port or 443) == 443  # noqa: PLR2004 - the port of https
    assert ("Authorization" in sent.headers) == authorized
    return True


class _Token:
    """Implements `TokenSource`."""

    def token(self) -> str:
        """See `TokenSource.token`."""
        return "canary-of-the-token"

    def forget(self, claims: str | None = None) -> None:
        """See `TokenSource.forget`."""


class _Wire(BaseAdapter):
    """Takes the place of the sockets, and keeps what would have gone out."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[requests.PreparedRequest] = []

    def send(self, request: requests.PreparedRequest, *_: object, **__: object) -> requests.Response:
        """See `BaseAdapter.send`."""
        self.sent.append(request)
        response = requests.Response()
        response.status_code = 204
        response.raw = io.BytesIO()
        return response

    def close(self) -> None:
        """See `BaseAdapter.close`."""


@contextmanager
def _client(wire: _Wire) -> Iterator[GraphClient]:
    client = GraphClient(f"https://{GRAPH}/v1.0", _Token(), HOSTS)
    session = client._session  # noqa: SLF001 - the seam below it is a socket
    session.mount("https://", wire)
    session.mount("http://", wire)
    yield client
    client.close()
