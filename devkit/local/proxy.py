"""A TCP proxy that breaks connections at a chosen byte: what networks, load balancers and dying machines do.

    with Proxy("127.0.0.1", 10000) as proxy:
        proxy.add(Fault("reset", match=rb"PUT /x", after=5000))

A fault waits for a request whose head it matches, on any connection, and then counts the bytes of that request (`up`)
or of what comes back for it (`down`): at byte `after` it acts. The proxy knows where a request begins because requests
are matched in what clients send; it changes no byte that it passes on.
"""

from __future__ import annotations

import asyncio
import re
import socket
import struct
import threading
import weakref
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, Self

Action = Literal[
    "reset",  # both sides get a reset
    "close",  # both sides see the orderly end of the stream
    "black-hole",  # nothing more passes in either direction, and nobody is told; ends when the client gives up
    "pause",  # nothing more passes for `seconds`, then a reset
    "slow",  # from here on `rate` bytes a second
]
Direction = Literal["up", "down"]

PIECE = 64 * 1024
HEAD = 8 * 1024
"""Bytes of what a client sent that are searched for a request's head: heads are shorter."""

_REQUEST = re.compile(rb"(?:GET|HEAD|PUT|POST|PATCH|DELETE) [^ ]+ HTTP/1\.1\r\n")

STEP_SECONDS = 0.02
"""How a slow connection trickles: so many seconds between two pieces."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. Of the requests that match, `times` from the `nth` on are hit (counted from 1).

    Attributes:
        match: a regular expression, searched in what the client sends; its match begins where the request begins.
        direction: whose bytes are counted: `up` from the request's first byte on, `down` from then on what comes back.
        after: how many bytes still pass.
    """

    action: Action
    match: bytes
    direction: Direction = "up"
    after: int = 0
    nth: int = 1
    times: int = 1
    seconds: float = 0
    rate: int = 1_000_000


@dataclass
class _Armed:
    """A fault in force, and how many requests it has matched."""

    fault: Fault
    pattern: re.Pattern[bytes]
    seen: int = 0
    hits: int = 0


@dataclass
class _Link:
    """One connection through the proxy. `left` counts down to the fault that it is under."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    armed: _Armed | None = None
    left: int = 0
    acted: bool = False
    swallows: bool = False
    tail: bytes = b""

    def under(self, direction: Direction) -> Fault | None:
        """The fault that counts this direction's bytes."""
        fault = self.armed.fault if self.armed else None
        return fault if fault is not None and fault.direction == direction else None


class Proxy:
    """Listens on a free loopback port and passes everything on to `host:port`. Runs in a thread of its own."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._armed: list[_Armed] = []
        self._lock = threading.Lock()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._server: asyncio.Server | None = None
        self._links: set[asyncio.Task[None]] = set()
        self._ends: weakref.WeakSet[asyncio.StreamWriter] = weakref.WeakSet()
        self.port = 0

    def __enter__(self) -> Self:
        self._thread.start()
        self.port = self._do(self._listen())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._do(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def origin(self) -> str:
        """`http://127.0.0.1:port`."""
        return f"http://127.0.0.1:{self.port}"

    def add(self, fault: Fault) -> None:
        """Put a fault in force."""
        with self._lock:
            self._armed.append(_Armed(fault, re.compile(fault.match, re.DOTALL)))

    def remove(self, match: bytes) -> None:
        """Take the faults with this `match` out of force; connections that are under one already stay so."""
        with self._lock:
            self._armed = [one for one in self._armed if one.fault.match != match]

    def hits(self, match: bytes | None = None) -> int:
        """How often a fault has acted: all of them, or the ones with this `match`."""
        with self._lock:
            return sum(one.hits for one in self._armed if match in (None, one.fault.match))

    def _do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _listen(self) -> int:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=PIECE)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def _stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for link in self._links:
            link.cancel()
        await asyncio.gather(*self._links, return_exceptions=True)
        for end in list(self._ends):
            end.transport.abort()  # what is still to be sent would keep it open
        await asyncio.sleep(0)  # lets the loop take note, before it ends

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._links.add(task)
        try:
            await self._serve(reader, writer)
        except asyncio.CancelledError:
            _reset(writer)  # the proxy stops
        finally:
            self._links.discard(task)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            back, onward = await asyncio.open_connection(*self._target, limit=PIECE)
        except OSError:
            _reset(writer)
            return
        link = _Link(writer, onward)
        self._ends.update((writer, onward))
        ways = {
            asyncio.create_task(self._pass(link, "up", reader)),
            asyncio.create_task(self._pass(link, "down", back)),
        }
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in (writer, onward):
                end.close()  # before anything is awaited: the proxy may stop, and cancel this very wait
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _pass(self, link: _Link, direction: Direction, reader: asyncio.StreamReader) -> None:
        """Pass one direction on until it ends or breaks."""
        writer = link.server if direction == "up" else link.client
        with suppress(OSError):
            while piece := await reader.read(PIECE):
                if direction == "up":
                    self._look(link, piece)
                if link.swallows:
                    continue
                fault = link.under(direction)
                if fault is None:
                    writer.write(piece)
                    await writer.drain()
                elif not await self._under(link, fault, piece, writer):
                    return
        if link.swallows and direction == "down":
            await asyncio.Event().wait()  # the service hung up: nobody tells the client, who ends this

    def _look(self, link: _Link, piece: bytes) -> None:
        """Whether a request begins in this piece, or ends its head in it, that a fault waits for.

        The next request on a connection ends what the one before was under.
        """
        already = len(link.tail)
        text = link.tail + piece
        if _later(_REQUEST, text, already) is not None:
            link.armed, link.acted = None, False
        if link.armed is not None:
            link.tail = text[-HEAD:]
            return
        with self._lock:
            for armed in self._armed:
                found = _later(armed.pattern, text, already)
                if found is None:
                    continue
                armed.seen += 1
                if armed.fault.nth <= armed.seen < armed.fault.nth + armed.fault.times:
                    link.armed = armed
                    begun = found.start() - already  # bytes of this piece before the request; below 0: passed before
                    link.left = armed.fault.after + (begun if armed.fault.direction == "up" else 0)
                    break
        link.tail = text[-HEAD:]

    async def _under(self, link: _Link, fault: Fault, piece: bytes, writer: asyncio.StreamWriter) -> bool:
        """Pass on what is left to pass, then let the fault act; False where the connection is over."""
        passing = piece[: max(0, link.left)]
        link.left -= len(passing)
        if passing:
            writer.write(passing)
            await writer.drain()
        if link.left > 0:
            return True
        self._hit(link)
        match fault.action:
            case "slow":
                await _trickle(writer, piece[len(passing) :], fault.rate)
                return True
            case "black-hole":
                link.swallows = True
                return True
            case "pause":
                link.swallows = True
                await asyncio.sleep(fault.seconds)
                return _reset(link.client, link.server)
            case "reset":
                return _reset(link.client, link.server)
            case "close":
                return False

    def _hit(self, link: _Link) -> None:
        """Count a fault that acts, once for each connection."""
        if link.armed is not None and not link.acted:
            link.acted = True
            with self._lock:
                link.armed.hits += 1


def _later(pattern: re.Pattern[bytes], text: bytes, already: int) -> re.Match[bytes] | None:
    """The first match that ends behind the first `already` bytes."""
    return next((found for found in pattern.finditer(text) if found.end() > already), None)


async def _trickle(writer: asyncio.StreamWriter, piece: bytes, rate: int) -> None:
    step = max(1, int(rate * STEP_SECONDS))
    for start in range(0, len(piece), step):
        writer.write(piece[start : start + step])
        await writer.drain()
        await asyncio.sleep(STEP_SECONDS)


def _reset(*writers: asyncio.StreamWriter) -> bool:
    """Drop connections with a reset instead of an orderly end; False, for whoever asks whether it goes on."""
    for writer in writers:
        taken = writer.get_extra_info("socket")
        if taken is not None:
            with suppress(OSError):  # gone already
                taken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
    return False
