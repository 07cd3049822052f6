"""The emulator as three HTTP origins on loopback: Graph, the upload host, and identity with the control door.

Everything that Graph means is in `service.py`; here are sockets, delays and dropped connections only.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from aiohttp import ClientError, web

from devkit.graph.control import CommandRefused, perform
from devkit.graph.routes import TOKEN_PATH
from devkit.graph.service import GraphService, Origins
from devkit.graph.switches import Switches
from devkit.graph.wire import ConnectionLost

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from devkit.graph.call import Call
    from devkit.graph.wire import Reply

CONTROL_PATH = "/_control"
# A whole range of 4 MiB passes through the reader in a few steps instead of dozens.
_READ_BUFFER = 2**20
# Steps in which a slow body is sent.
_TRICKLE = 10


@dataclass(frozen=True)
class Addresses:
    """Where a running emulator is found; the line it prints when it is ready."""

    graph: str
    upload: str
    identity: str
    identity_header: str
    control: str

    def line(self) -> str:
        """One line of JSON."""
        shown = {"graph": self.graph, "upload": self.upload, "identity": self.identity}
        return json.dumps({**shown, "identityHeader": self.identity_header, "control": self.control})


class Server:
    """Three listeners over one GraphService. Use `start`, then `stop`."""

    def __init__(self) -> None:
        self._clock_shift = timedelta()
        self._runners: list[web.ServerRunner] = []
        self._holding: list[asyncio.Future[None]] = []
        self.service: GraphService

    def now(self) -> datetime:
        """The emulator's clock: the real one, moved forward by `advance`."""
        return datetime.now(UTC) + self._clock_shift

    async def start(self, switches: Switches, ports: tuple[int, int, int] = (0, 0, 0)) -> Addresses:
        """Listen on loopback; port 0 takes a free one."""
        sockets = [_listening(port) for port in ports]
        graph, upload, identity = (f"http://127.0.0.1:{one.getsockname()[1]}" for one in sockets)
        header = secrets.token_hex(16)
        self.service = GraphService(
            Origins(graph, upload, identity), switches, seed=secrets.randbits(48), identity_header=header
        )
        handlers = (self._origin(graph), self._origin(upload), self._identity_or_control(identity))
        for handler, one in zip(handlers, sockets, strict=True):
            await self._serve(handler, one)
        return Addresses(graph, upload, identity + TOKEN_PATH, header, identity + CONTROL_PATH)

    async def stop(self) -> None:
        """Close every listener and every connection."""
        for one in self._holding:
            one.cancel()
        for runner in self._runners:
            await runner.cleanup()

    async def _serve(
        self, handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]], sock: socket.socket
    ) -> None:
        server = web.Server(handler, read_bufsize=_READ_BUFFER, access_log=None)
        runner = web.ServerRunner(server, shutdown_timeout=0.2)
        await runner.setup()
        await web.SockSite(runner, sock).start()
        self._runners.append(runner)

    def _origin(self, origin: str) -> Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]:
        async def handler(request: web.BaseRequest) -> web.StreamResponse:
            return await self._request(request, origin)

        return handler

    def _identity_or_control(self, origin: str) -> Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]:
        async def handler(request: web.BaseRequest) -> web.StreamResponse:
            if request.raw_path.startswith(f"{CONTROL_PATH}/"):
                return await self._control(request)
            return await self._request(request, origin)

        return handler

    async def _control(self, request: web.BaseRequest) -> web.StreamResponse:
        command = request.raw_path[len(CONTROL_PATH) + 1 :]
        body = await request.read()
        try:
            result = self._command(command, json.loads(body) if body else {})
        except (CommandRefused, ValueError, KeyError, TypeError) as refused:
            return web.json_response({"refused": str(refused)}, status=400)
        if isinstance(result, bytes):
            return web.Response(body=result)
        return web.json_response(result)

    def _command(self, command: str, arguments: dict[str, Any]) -> object:
        """Commands about the clock and about held connections are the server's own."""
        match command:
            case "advance":
                self._clock_shift += timedelta(seconds=float(arguments["seconds"]))
                return None
            case "holding":
                return len(self._holding)
            case "release":
                self._release()
                return None
            case "reset":
                self._clock_shift = timedelta()
                self._release()
            case _:
                pass
        return perform(self.service, command, arguments, self.now())

    async def _request(self, request: web.BaseRequest, origin: str) -> web.StreamResponse:
        target = request.raw_path
        if "://" in target.partition("?")[0]:
            target = "/" + target.split("/", 3)[3]  # absolute form, as sent through a proxy
        call = self.service.begin(
            request.method, origin + target, request.headers, self.now(), request.content_length or 0
        )
        try:
            reply = await self._answer(request, call)
        except ConnectionLost:
            return _dropped(request)
        finally:
            self.service.end(call)
        return await self._send(request, call, reply)

    async def _answer(self, request: web.BaseRequest, call: Call) -> Reply:
        """The body, then the effect. A caller that leaves once its body is here changes nothing about the effect."""
        rule = call.fault
        if rule is not None and rule.action in {"reset-before", "cut"}:
            return self.service.answer(call, await _part(request, rule.bytes), self.now())
        pieces: list[bytes] = []
        try:
            await _read(request, pieces)
        except (OSError, ClientError, web.RequestPayloadError) as broken:
            self.service.broken(call, b"".join(pieces), self.now())
            raise ConnectionLost(effect=False) from broken
        body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        self.service.arrived(call)
        if wait := self._latency(call) / 1000 + (rule.seconds if rule is not None and rule.action == "delay" else 0):
            await asyncio.sleep(wait)
        if rule is not None and rule.action == "hold":
            await self._hold()
        try:
            return self.service.answer(call, body, self.now())
        except ConnectionLost:
            if rule is not None and rule.action == "black-hole":
                await _abandoned(request)
            raise

    async def _hold(self) -> None:
        released: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._holding.append(released)
        await released

    def _release(self) -> None:
        held, self._holding = self._holding, []
        for one in held:
            one.set_result(None)

    def _latency(self, call: Call) -> float:
        switches = self.service.switches
        match call.kind:
            case "create":
                return switches.latency_ms_create
            case "put" | "final-put":
                return switches.latency_ms_put
            case "post":
                return switches.latency_ms_post
            case _:
                return switches.latency_ms_other

    async def _send(self, request: web.BaseRequest, call: Call, reply: Reply) -> web.StreamResponse:
        rule = call.fault
        if rule is None or rule.action != "slow-body" or not reply.body:
            return web.Response(status=reply.status, headers=reply.headers, body=reply.body)
        response = web.StreamResponse(status=reply.status, headers=reply.headers)
        response.content_length = len(reply.body)
        await response.prepare(request)
        step = max(1, len(reply.body) // _TRICKLE)
        for start in range(0, len(reply.body), step):
            await asyncio.sleep(rule.seconds / _TRICKLE)
            await response.write(reply.body[start : start + step])
        return response


async def _read(request: web.BaseRequest, pieces: list[bytes]) -> None:
    """The whole body, as the pieces it came in; what arrived before a break is in `pieces`."""
    if request.headers.get("Expect", "").lower() == "100-continue" and request.transport is not None:
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    while piece := await request.content.readany():
        pieces.append(piece)


async def _abandoned(request: web.BaseRequest) -> None:
    """Until the caller has closed the connection."""
    while request.transport is not None and not request.transport.is_closing():  # noqa: ASYNC110 - aiohttp has no event
        await asyncio.sleep(0.02)


async def _part(request: web.BaseRequest, size: int) -> bytes:
    """At most `size` bytes of the body; fewer where the caller sends no more."""
    pieces: list[bytes] = []
    missing = size
    while missing > 0 and (piece := await request.content.read(missing)):
        pieces.append(piece)
        missing -= len(piece)
    return b"".join(pieces)


def _dropped(request: web.BaseRequest) -> web.StreamResponse:
    """Reset the connection at once; the response returned here reaches nobody."""
    transport = request.transport
    if transport is not None:
        peer = transport.get_extra_info("socket")
        if peer is not None:
            with suppress(OSError):  # already gone: then there is nothing left to reset
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    return web.Response()


def _listening(port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", port))
    return sock


def quiet() -> None:
    """Dropped connections are this server's trade: aiohttp's reports of them would only bury what matters."""
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
