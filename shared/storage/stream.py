"""One blob version as a stream: a ranged GET whose bytes go from the socket into the caller's buffer, and nowhere else.

On http.client rather than an HTTP library, because of that one thing: `readinto` fills a buffer that is there already,
where the libraries hand over new bytes to be copied. What else they do is not needed here: a GET that breaks is opened
again by whoever reads, and connections are kept from one transfer to the next.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from http import HTTPStatus
from urllib.parse import urlsplit

from requests.utils import DEFAULT_CA_BUNDLE_PATH

CONNECT_TIMEOUT = 10.0
"""Seconds to connect. Chosen: many times any healthy handshake."""

STALL_TIMEOUT = 30.0
"""Seconds without a byte, after which a stream counts as broken. Chosen: as the blob SDK's read timeout here."""

KEPT = 8
"""Idle connections kept per process. Chosen: as many as a worker has transfers at once, and a few more."""

KEPT_SECONDS = 60.0
"""How long an idle connection is kept. Chosen: well below the 4 minutes after which Azure's balancer forgets one; one
that the service closed before that is noticed, and replaced at once."""

PIECE = 1024 * 1024
"""Bytes asked of the stream at a time, and at most read twice where it breaks."""

BROKEN = (OSError, http.client.HTTPException)
"""What a connection that breaks raises, in the middle or at the start."""


class Connections:
    """Keep-alive connections by origin. Safe to share between threads; a connection is in one hand at a time."""

    def __init__(self) -> None:
        self._idle: list[tuple[float, tuple[str, str], http.client.HTTPConnection]] = []
        self._lock = threading.Lock()

    def get(self, url: str, headers: Mapping[str, str]) -> BlobStream:
        """Send a GET and read the head of the answer. Raises one of BROKEN where none comes."""
        return self._send("GET", url, headers)

    def head(self, url: str, headers: Mapping[str, str]) -> BlobStream:
        """Send a HEAD; its answer, which is read. Raises one of BROKEN where none comes."""
        answer = self._send("HEAD", url, headers)
        answer.readinto(memoryview(bytearray(1)))  # there is no body: this ends the answer
        answer.close()
        return answer

    def _send(self, method: str, url: str, headers: Mapping[str, str]) -> BlobStream:
        """One request without a body.

        A kept connection that turns out to be closed is replaced by a fresh one: nothing was asked through it.
        """
        parts = urlsplit(url)
        origin = (parts.scheme, parts.netloc)
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        kept = self._take(origin)
        if kept is not None:
            with suppress(*BROKEN):
                return BlobStream(self, origin, kept, method, target, headers)
        return BlobStream(self, origin, _connected(*origin), method, target, headers)

    def keep(self, origin: tuple[str, str], connection: http.client.HTTPConnection) -> None:
        """Take back a connection whose answer was read to its end."""
        with self._lock:
            self._idle.append((time.monotonic(), origin, connection))
            surplus = self._idle[:-KEPT]
            del self._idle[:-KEPT]
        for _, _, old in surplus:
            old.close()

    def _take(self, origin: tuple[str, str]) -> http.client.HTTPConnection | None:
        """The idle connection used last; older ones than KEPT_SECONDS are closed."""
        limit = time.monotonic() - KEPT_SECONDS
        with self._lock:
            stale = [entry for entry in self._idle if entry[0] < limit]
            self._idle = [entry for entry in self._idle if entry[0] >= limit]
            mine = [entry for entry in self._idle if entry[1] == origin]
            if mine:
                self._idle.remove(mine[-1])
        for _, _, old in stale:
            old.close()
        return mine[-1][2] if mine else None


class BlobStream:
    """The answer to one request. Not for use by two threads at once, but for `abort`."""

    def __init__(
        self,
        connections: Connections,
        origin: tuple[str, str],
        connection: http.client.HTTPConnection,
        method: str,
        target: str,
        headers: Mapping[str, str],
    ) -> None:
        self._connections = connections
        self._origin = origin
        self._connection = connection
        try:
            connection.request(method, target, headers={**headers, "Accept-Encoding": "identity"})
            self._response = connection.getresponse()
        except BaseException:
            connection.close()
            raise

    @property
    def status(self) -> HTTPStatus | int:
        """The answer's status."""
        return self._response.status

    def header(self, name: str) -> str | None:
        """One of the answer's headers."""
        return self._response.headers.get(name)

    def readinto(self, view: memoryview) -> int:
        """Fill `view` as far as the stream goes; the count of bytes, 0 at its end. Raises one of BROKEN."""
        return self._response.readinto(view[:PIECE])

    def close(self) -> None:
        """Give the connection back where the answer was read to its end, else close it."""
        if self._response.isclosed() and self._connection.sock is not None:
            self._connections.keep(self._origin, self._connection)
        else:
            self._response.close()
            self._connection.close()

    def abort(self) -> None:
        """Break the stream off from another thread: a read under way ends at once."""
        taken = self._connection.sock
        if taken is not None:
            with suppress(OSError):
                taken.shutdown(socket.SHUT_RDWR)


def _connected(scheme: str, netloc: str) -> http.client.HTTPConnection:
    """A connection with its timeouts. http.client turns Nagle's algorithm off by itself."""
    if scheme == "https":
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            netloc, timeout=CONNECT_TIMEOUT, context=_tls()
        )
    else:
        connection = http.client.HTTPConnection(netloc, timeout=CONNECT_TIMEOUT)
    connection.connect()
    connection.sock.settimeout(STALL_TIMEOUT)
    return connection


@cache
def _tls() -> ssl.SSLContext:
    """The certificates that the rest of the app trusts too: those that come with requests."""
    return ssl.create_default_context(cafile=DEFAULT_CA_BUNDLE_PATH)
