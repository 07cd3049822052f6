"""The other end of a socket: a server that says exactly the bytes it is told to, and keeps what it heard."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True)
class Heard:
    """One request as it was on the wire. `connection` counts from 1."""

    connection: int
    line: str
    headers: dict[str, str]
    body: bytes

    @property
    def target(self) -> str:
        """What stands between the method and the version."""
        return self.line.split(" ")[1]


class Line:
    """One connection, while one request on it is being answered."""

    def __init__(self, sock: socket.socket, number: int, released: threading.Event, *, hasty: bool, keep: bool) -> None:
        self.sock = sock
        self.number = number
        self.released = released
        self._hasty = hasty
        self._keep = keep
        self._rest = b""

    def hear(self) -> Heard | None:
        """The next request, whole; None where the caller has gone."""
        head = self._until(b"\r\n\r\n")
        if head is None:
            return None
        line, *fields = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)}
        length = 0 if self._hasty else int(headers.get("content-length", "0"))
        return Heard(self.number, line, headers, self._exactly(length))

    def say(self, data: bytes) -> None:
        self.sock.sendall(data)

    def close(self) -> None:
        """End the connection in good order."""
        self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()

    def reset(self) -> None:
        """End it with a reset."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def stall(self) -> None:
        """Do nothing until the test is over."""
        self.released.wait()

    def _until(self, end: bytes) -> bytes | None:
        while end not in self._rest:
            piece = self.sock.recv(65536)
            if not piece:
                return None
            self._rest += piece
        head, _, self._rest = self._rest.partition(end)
        return head

    def _exactly(self, length: int) -> bytes:
        body = bytearray(self._rest[:length])
        self._rest = self._rest[length:]
        got, room = len(body), bytearray(65536)
        while got < length and (size := self.sock.recv_into(room, min(len(room), length - got))):
            got += size
            if self._keep:
                body += room[:size]
        return bytes(body)


Answer = bytes | Callable[[Line], None]
"""Bytes are said as they are, and the connection stays; a function may do to it what it likes."""


class Peer:
    """Listens on a free port of loopback. Answers in order; the last answer goes on for ever.

    `deaf`: connections are taken, and nothing on them is ever read. `hasty`: answers before it reads the body.
    `keep`: whether bodies are kept.
    """

    def __init__(self, *answers: Answer, deaf: bool = False, hasty: bool = False, keep: bool = True) -> None:
        self.heard: list[Heard] = []
        self.accepted = 0
        self._answers = list(answers)
        self._deaf = deaf
        self._hasty = hasty
        self._keep = keep
        self._released = threading.Event()
        self._lock = threading.Lock()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.host = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self.url = f"http://{self.host}"
        self._lines: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._released.set()
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for line in self._lines:
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
            line.close()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                sock, _ = self._socket.accept()
                self.accepted += 1
                self._lines.append(sock)
                if not self._deaf:
                    self._threads.append(threading.Thread(target=self._serve, args=(sock, self.accepted)))
                    self._threads[-1].start()

    def _serve(self, sock: socket.socket, number: int) -> None:
        line = Line(sock, number, self._released, hasty=self._hasty, keep=self._keep)
        with suppress(OSError):
            while heard := line.hear():
                with self._lock:
                    self.heard.append(heard)
                    answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
                if isinstance(answer, bytes):
                    line.say(answer)
                else:
                    answer(line)


def answer(status: int = 200, body: bytes = b"", **headers: str) -> bytes:
    """A well-formed answer; `_` in a header's name stands for `-`."""
    lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def free_port() -> int:
    """A port of loopback on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])
