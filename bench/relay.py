"""`python -m bench.relay --to HOST:PORT --delay-ms 30`: a TCP relay that makes every request wait a little.

A request begins where the client speaks after the server did, or first of all: only then the relay waits, so that a
request sent in two pieces waits once, and an answer's bytes are never held up. One line of JSON says where it listens;
with `--log` each request's method and path become a line of that file, the query, which may hold a key, left out.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress

PIECE = 1024 * 1024
"""Bytes passed on at once. Chosen: few steps for a range of 4 MiB, little memory for each connection."""


def main() -> int:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser(prog="python -m bench.relay", description=__doc__)
    parser.add_argument("--to", required=True, help="host:port")
    parser.add_argument("--delay-ms", type=float, default=0, help="wait before each request (ms)")
    parser.add_argument("--log", default=os.devnull, help="file to which each request's method and path go")
    chosen = parser.parse_args()
    host, _, port = chosen.to.partition(":")
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    sys.stdout.write(json.dumps({"relay": f"127.0.0.1:{listener.getsockname()[1]}"}) + "\n")
    sys.stdout.flush()
    log = os.open(chosen.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    while True:
        client, _ = listener.accept()
        server = socket.create_connection((host, int(port)))
        for one in (client, server):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _Pair(client, server, chosen.delay_ms / 1000, lambda line: os.write(log, line)).start()


class _Pair:
    """One connection in, one out, and a thread for each direction."""

    def __init__(
        self, client: socket.socket, server: socket.socket, delay: float, note: Callable[[bytes], object]
    ) -> None:
        self._client = client
        self._server = server
        self._delay = delay
        self._note = note
        self._answered = True  # the first request waits too

    def start(self) -> None:
        threading.Thread(target=self._requests, daemon=True).start()
        threading.Thread(target=self._answers, daemon=True).start()

    def _requests(self) -> None:
        buffer = bytearray(PIECE)
        with suppress(OSError):
            while size := self._client.recv_into(buffer):
                if self._answered:
                    self._answered = False
                    self._note(_told(bytes(buffer[: buffer.find(b"\r\n", 0, size)])))
                    time.sleep(self._delay)
                self._server.sendall(memoryview(buffer)[:size])
        _end(self._server)

    def _answers(self) -> None:
        """Through a pipe inside the kernel, so that a large answer costs this process next to nothing (splice(2))."""
        out, into = os.pipe()
        fcntl.fcntl(into, fcntl.F_SETPIPE_SZ, PIECE)
        with suppress(OSError):
            while size := os.splice(self._server.fileno(), into, PIECE):
                self._answered = True
                while size:
                    size -= os.splice(out, self._client.fileno(), size)
        os.close(out)
        os.close(into)
        _end(self._client)


def _told(request_line: bytes) -> bytes:
    """`GET /account/container/blob` and a line end, out of `GET /account/container/blob?query HTTP/1.1`."""
    method, _, rest = request_line.partition(b" ")
    return method + b" " + rest.partition(b" ")[0].partition(b"?")[0] + b"\n"


def _end(peer: socket.socket) -> None:
    """One side has finished speaking: so does the other."""
    with suppress(OSError):
        peer.shutdown(socket.SHUT_RDWR)


if __name__ == "__main__":
    sys.exit(main())
