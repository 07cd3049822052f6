"""The proxy passes every byte on, and breaks a connection at the byte it was told to."""

from __future__ import annotations

import http.client
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from devkit.local.proxy import Fault, Proxy
from devkit.local.waiting import came_true

BODY = bytes(range(256)) * 4000


class Echo(BaseHTTPRequestHandler):
    """Notes how much of each request arrived, and answers a PUT with its own body."""

    protocol_version = "HTTP/1.1"
    arrived: list[int]

    def do_PUT(self) -> None:
        length, got = int(self.headers["Content-Length"]), b""
        self.arrived.append(0)
        at = len(self.arrived) - 1
        try:
            while len(got) < length and (piece := self.rfile.read1(length - len(got))):
                got += piece
                self.arrived[at] = len(got)
        except ConnectionError:
            self.close_connection = True
            return
        if len(got) < length:
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(got)))
        self.end_headers()
        self.wfile.write(got)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        return


class QuietServer(ThreadingHTTPServer):
    """A server whose callers break off."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        return


@pytest.fixture
def arrived() -> list[int]:
    return []


@pytest.fixture
def proxy(arrived: list[int]) -> Iterator[Proxy]:
    handler = type("Handler", (Echo,), {"arrived": arrived})
    server = QuietServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        with Proxy("127.0.0.1", server.server_address[1]) as running:
            yield running
    finally:
        server.shutdown()
        thread.join()
        socketserver.TCPServer.server_close(server)


@contextmanager
def connected(proxy: Proxy, timeout: float = 10) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=timeout)
    try:
        yield connection
    finally:
        connection.close()


def put(connection: http.client.HTTPConnection, path: str = "/a") -> bytes:
    connection.request("PUT", path, BODY)
    return connection.getresponse().read()


def test_without_a_fault_every_byte_passes_both_ways(proxy: Proxy) -> None:
    with connected(proxy) as connection:
        assert [put(connection), put(connection, "/b")] == [BODY, BODY]


@pytest.mark.parametrize("action", ["reset", "close"])
def test_a_request_is_broken_off_after_as_many_bytes_as_told(proxy: Proxy, arrived: list[int], action: str) -> None:
    head = len(f"PUT /a HTTP/1.1\r\nHost: 127.0.0.1:{proxy.port}\r\nAccept-Encoding: identity\r\n")
    head += len(f"Content-Length: {len(BODY)}\r\n\r\n")
    proxy.add(Fault(action, match=rb"PUT /a", after=head + 300_000))  # type: ignore[arg-type]  # the table's texts
    with connected(proxy) as connection, pytest.raises((ConnectionError, http.client.HTTPException)):
        put(connection)
    came_true(lambda: action == "reset" or arrived == [300_000], 10, pause=0.01)  # what was on its way arrives
    assert all(length <= 300_000 for length in arrived)
    assert action == "reset" or arrived == [300_000]  # a reset may overtake what is on its way
    assert proxy.hits() == 1


def test_an_answer_is_broken_off_after_as_many_bytes_as_told(proxy: Proxy, arrived: list[int]) -> None:
    proxy.add(Fault("close", match=rb"PUT /a", direction="down", after=1000))
    with connected(proxy) as connection, pytest.raises(http.client.IncompleteRead) as caught:
        put(connection)
    assert 0 < len(caught.value.partial) < 1000
    assert arrived == [len(BODY)]


def test_only_the_request_that_matches_is_hit_and_only_so_often(proxy: Proxy) -> None:
    proxy.add(Fault("reset", match=rb"PUT /b", nth=2, times=1))
    with connected(proxy) as connection:
        assert put(connection, "/a") == BODY
        assert put(connection, "/b") == BODY
        with pytest.raises((ConnectionError, http.client.HTTPException)):
            put(connection, "/b")
    with connected(proxy) as connection:
        assert put(connection, "/b") == BODY
    assert (proxy.hits(rb"PUT /b"), proxy.hits(rb"PUT /a")) == (1, 0)


def test_bytes_are_counted_from_the_request_that_matches_on_a_connection_that_was_used_before(
    proxy: Proxy, arrived: list[int]
) -> None:
    proxy.add(Fault("close", match=rb"PUT /b", after=100_000))
    with connected(proxy) as connection:
        assert put(connection, "/a") == BODY
        with pytest.raises((ConnectionError, http.client.HTTPException)):
            put(connection, "/b")
    came_true(lambda: len(arrived) > 1, 10, pause=0.01)
    assert arrived[0] == len(BODY)
    assert arrived[1] < 100_000


def test_a_black_hole_takes_everything_and_says_nothing(proxy: Proxy, arrived: list[int]) -> None:
    proxy.add(Fault("black-hole", match=rb"PUT /a", after=500_000))
    with connected(proxy, timeout=0.5) as connection, pytest.raises(TimeoutError):
        put(connection)
    assert arrived[0] < 500_000


def test_a_pause_ends_in_a_reset(proxy: Proxy) -> None:
    proxy.add(Fault("pause", match=rb"PUT /a", direction="down", seconds=0.3))
    began = time.monotonic()
    with connected(proxy) as connection, pytest.raises(ConnectionError):
        put(connection)
    assert time.monotonic() - began >= 0.3


def test_a_slow_line_passes_every_byte_at_its_rate(proxy: Proxy) -> None:
    proxy.add(Fault("slow", match=rb"PUT /a", rate=3_000_000))
    began = time.monotonic()
    with connected(proxy) as connection:
        assert put(connection) == BODY
    assert time.monotonic() - began >= 0.25


def test_what_one_request_was_under_is_over_with_the_next_on_the_same_connection(proxy: Proxy) -> None:
    proxy.add(Fault("slow", match=rb"PUT /a", rate=3_000_000))
    proxy.add(Fault("reset", match=rb"PUT /c"))
    with connected(proxy) as connection:
        assert put(connection, "/a") == BODY
        began = time.monotonic()
        assert put(connection, "/b") == BODY
        assert time.monotonic() - began < 0.25
        with pytest.raises((ConnectionError, http.client.HTTPException)):
            put(connection, "/c")


def test_a_fault_that_is_removed_hits_nothing_and_the_others_stay(proxy: Proxy) -> None:
    proxy.add(Fault("reset", match=rb"PUT /a"))
    proxy.add(Fault("reset", match=rb"PUT /b"))
    proxy.remove(rb"PUT /a")
    with connected(proxy) as connection:
        assert put(connection, "/a") == BODY
        with pytest.raises((ConnectionError, http.client.HTTPException)):
            put(connection, "/b")


def test_a_service_that_does_not_listen_is_a_reset() -> None:
    with Proxy("127.0.0.1", 9) as dead, connected(dead) as connection, pytest.raises(ConnectionError):
        put(connection)
