"""How host and worker talk: frames over a socket pair, each a four-byte length (big-endian) and a JSON object.

Host to worker: `{"kind": "invoke", "invocation", "function", "input", "metadata"}`.
Worker to host, first: `{"kind": "indexed", "functions"}` or `{"kind": "broken", "stack"}`; then one
`{"kind": "done", "invocation", "error", "result"}` for each invocation, in any order; `error` is None or
`{"message", "stack"}`.

A datum is `{"type", "value"}` with the types of the Functions libraries; bytes travel as base64.
"""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import struct
from typing import Any

_LENGTH = struct.Struct(">I")

Message = dict[str, Any]
Datum = dict[str, Any]


def pack(message: Message) -> bytes:
    """One message as a frame."""
    body = json.dumps(message).encode()
    return _LENGTH.pack(len(body)) + body


def receive(connection: socket.socket) -> Message | None:
    """The next message, waiting for it; None when the other side is gone."""
    head = _exactly(connection, _LENGTH.size)
    if head is None:
        return None
    body = _exactly(connection, _LENGTH.unpack(head)[0])
    return None if body is None else _parse(body)


async def read(reader: asyncio.StreamReader) -> Message | None:
    """The next message of an asyncio stream; None when the other side is gone."""
    try:
        (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
        return _parse(await reader.readexactly(length))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


def to_base64(data: bytes) -> str:
    """Bytes as they travel inside a message."""
    return base64.b64encode(data).decode("ascii")


def from_base64(text: str) -> bytes:
    """The bytes again."""
    return base64.b64decode(text)


def _parse(body: bytes) -> Message:
    message: Message = json.loads(body)
    return message


def _exactly(connection: socket.socket, count: int) -> bytes | None:
    """`count` bytes, or None at the end of the stream."""
    data = bytearray()
    while len(data) < count:
        try:
            part = connection.recv(min(count - len(data), 1 << 20))
        except ConnectionError:
            return None
        if not part:
            return None
        data += part
    return bytes(data)
