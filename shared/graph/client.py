"""The thin client: carries requests to Graph and to upload sessions, on `requests`, and decides nothing.

One keep-alive connection pool per origin; a timeout on everything; no redirects, no cookies, no retries of its own. The
app's token goes to Graph's origin and nowhere else: not to an upload session, not to a redirect, and no `.netrc` adds
one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.cookiejar import DefaultCookiePolicy
from typing import Any, assert_never
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.exceptions import (
    HTTPError,
    NameResolutionError,
    NewConnectionError,
)

from shared.core.errors import Code
from shared.graph import fields
from shared.graph.hosts import UploadHosts, is_url_text
from shared.graph.http import AnswerLost, GraphRequest, HttpAnswer, HttpRequest, NotSent, UploadRequest
from shared.graph.token import TokenSource

CONNECT_TIMEOUT = 10.0
"""Seconds to connect, and for each write of the request's body. Chosen: many times any healthy handshake."""

READ_TIMEOUT = 100.0
"""Seconds without a byte of the answer. Chosen: Graph's own gateway answers 504 well before (contrib 1220: ~30 s)."""

LONGEST_ANSWER = 8 * 1024 * 1024
"""Bytes of an answer that are read; the rest is cut off. The POST's 201 repeats the content: up to 4 MiB of base64."""

_PIECE = 64 * 1024


class GraphClient:
    """Implements `Transport`. Safe to share between threads."""

    def __init__(self, base_url: str, token: TokenSource, hosts: UploadHosts) -> None:
        self._origin = _origin(base_url)
        self._token = token
        self._hosts = hosts
        self._session = _session()
        self._surroundings: dict[tuple[str, str] | None, dict[str, Any]] = {}

    def send(self, request: HttpRequest) -> HttpAnswer:
        """See `Transport.send`."""
        with self.stream(request) as (head, pieces):
            return _whole(head, pieces)

    @contextmanager
    def stream(self, request: HttpRequest) -> Iterator[tuple[HttpAnswer, Iterator[bytes]]]:
        """See `Transport.stream`. A token that Graph rejects is replaced, and what may be repeated is, once."""
        response = self._answer_to(request)
        if response.status_code == HTTPStatus.UNAUTHORIZED and isinstance(request, GraphRequest):
            self._token.forget(fields.claims(response.headers.get("WWW-Authenticate", "")))
            if request.repeatable:
                with response:
                    _whole(_head(response), _pieces(response))  # read to its end, so that its connection serves again
                response = self._answer_to(request)
        with response:
            yield _head(response), _pieces(response)

    def _answer_to(self, request: HttpRequest) -> requests.Response:
        headers = self._headers(request)
        # "from None": the library's messages quote the URL, which may be a secret.
        try:
            prepared = self._prepared(request, headers)
            settings = self._surrounding(request.url)
        except ValueError:
            raise NotSent(Code.GRAPH_UNREACHABLE) from None
        try:
            return self._session.send(
                prepared, timeout=(CONNECT_TIMEOUT, READ_TIMEOUT), allow_redirects=False, **settings
            )
        except requests.RequestException as error:
            if _never_left(error):
                raise NotSent(Code.GRAPH_UNREACHABLE) from None
            raise AnswerLost from None

    def _headers(self, request: HttpRequest) -> dict[str, str]:
        """What the request is sent with: the app's token goes to Graph's own origin only. Raises NotSent elsewhere."""
        match request:
            case GraphRequest():
                if _origin(request.url) != self._origin:
                    raise NotSent(Code.GRAPH_ANSWER_UNEXPECTED)  # a link out of an answer that leads elsewhere
                return {**request.headers, "Authorization": f"Bearer {self._token.token()}"}
            case UploadRequest():
                if not self._hosts.allow(request.url):
                    raise NotSent(Code.UPLOAD_HOST_REFUSED)
                return dict(request.headers)
            case _:
                assert_never(request)

    def _surrounding(self, url: str) -> dict[str, Any]:
        """Proxies and certificates that the environment names for an origin: read once, they stay as they are."""
        origin = _origin(url)
        if origin not in self._surroundings:
            found = self._session.merge_environment_settings(url, {}, True, None, None)  # noqa: FBT003
            self._surroundings[origin] = dict(found)
        return self._surroundings[origin]

    def _prepared(self, request: HttpRequest, headers: dict[str, str]) -> requests.PreparedRequest:
        """The request with the URL as it was given, of which `requests` is shown the origin only.

        It would undo the escapes of letters and dots, so that `%2E%2E` became a step in the path, and take longer for a
        session's long URL than for all the rest. What urllib3 still does to it is the same URL to everybody:
        hexadecimal digits get upper case (RFC 3986, 6.2.2.1).
        """
        parts = urlsplit(request.url)
        body: Any = request.body  # sent as it is; the stubs know no other buffers than bytes
        prepared = self._session.prepare_request(
            requests.Request(request.method, f"{parts.scheme}://{parts.netloc}/", headers=headers, data=body)
        )
        prepared.url = request.url
        return prepared

    def close(self) -> None:
        """Close the kept connections."""
        self._session.close()


class _NoAuth(AuthBase):
    """Leaves requests as they are. Its presence keeps `.netrc` out, which `requests` reads when there is no auth."""

    def __call__(self, prepared: requests.PreparedRequest) -> requests.PreparedRequest:
        return prepared


def _session() -> requests.Session:
    session = requests.Session()
    session.auth = _NoAuth()
    session.headers.clear()
    session.headers["User-Agent"] = "outlook-attachment-drop"
    session.headers["Accept-Encoding"] = "identity"
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    adapter = HTTPAdapter(pool_connections=4, pool_maxsize=32, max_retries=0)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def _head(response: requests.Response) -> HttpAnswer:
    return HttpAnswer(response.status_code, {name.lower(): value for name, value in response.headers.items()})


def _pieces(response: requests.Response) -> Iterator[bytes]:
    try:
        yield from response.iter_content(_PIECE)
    except (requests.RequestException, HTTPError, OSError):
        raise AnswerLost from None


def _whole(head: HttpAnswer, pieces: Iterator[bytes]) -> HttpAnswer:
    body = bytearray()
    for piece in pieces:
        body += piece[: LONGEST_ANSWER - len(body)]
        if len(body) == LONGEST_ANSWER:
            break
    return HttpAnswer(head.status, head.headers, bytes(body))


def _origin(url: str) -> tuple[str, str] | None:
    """Scheme and authority; None where the text is no URL."""
    if not is_url_text(url):
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return parts.scheme.lower(), parts.netloc.lower()


def _never_left(error: requests.RequestException) -> bool:
    """True where the request surely did not reach the service: no connection was made."""
    if isinstance(error, requests.ConnectTimeout | requests.exceptions.ProxyError):
        return True
    if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema):
        return True
    reason = error.args[0] if error.args else None
    reason = getattr(reason, "reason", reason)
    return isinstance(reason, NewConnectionError | NameResolutionError)
