"""The frames between host and worker."""

from __future__ import annotations

import asyncio
import socket
import threading

from hypothesis import given
from hypothesis import strategies as st

from devkit.functions_host import frames

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(st.lists(st.dictionaries(st.text(), JSON, max_size=4), max_size=4))
def test_messages_arrive_whole_and_in_order(messages: list[frames.Message]) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(b"".join(frames.pack(message) for message in messages))
        ours.close()
        assert [frames.receive(theirs) for _ in messages] == messages
        assert frames.receive(theirs) is None


def test_a_message_larger_than_any_buffer_arrives() -> None:
    message = {"body": frames.to_base64(bytes(range(256)) * 40_000)}
    ours, theirs = socket.socketpair()
    with ours, theirs:
        sender = threading.Thread(target=ours.sendall, args=(frames.pack(message),))
        sender.start()
        assert frames.receive(theirs) == message
        sender.join()


def test_a_frame_cut_short_is_the_end() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(frames.pack({"a": 1})[:-1])
        ours.close()
        assert frames.receive(theirs) is None


def test_the_hosts_side_reads_the_same_frames() -> None:
    async def read_all(data: bytes) -> list[frames.Message | None]:
        reader = asyncio.StreamReader()
        reader.feed_data(data)
        reader.feed_eof()
        return [await frames.read(reader) for _ in range(2)]

    assert asyncio.run(read_all(frames.pack({"a": "ü"}))) == [{"a": "ü"}, None]
    assert asyncio.run(read_all(frames.pack({"a": 1})[:3])) == [None, None]


@given(st.binary())
def test_bytes_travel_as_base64(data: bytes) -> None:
    assert frames.from_base64(frames.to_base64(data)) == data
