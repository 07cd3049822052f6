"""What the client says is known when there is no answer: surely not sent, or lost; on real sockets."""

from __future__ import annotations

import socket
import traceback
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from shared.core.errors import Code
from shared.graph import client as client_module
from shared.graph.client import GraphClient
from shared.graph.hosts import UploadHosts
from shared.graph.http import AnswerLost, GraphRequest, NotSent
from tests.unit.graph.peer import Answer, Line, answer, free_port
from tests.unit.graph.room import SECRETS, VERBS, Room, Tokens, to, upload


def nobody() -> str:
    return f"http://127.0.0.1:{free_port()}"


@pytest.mark.parametrize("url", [nobody, lambda: "http://no-such-host.invalid"])
def test_where_no_connection_was_made_surely_nothing_was_sent(url: Callable[[], str]) -> None:
    base = url()
    client = GraphClient(f"{base}/v1.0", Tokens(), UploadHosts([]))
    with pytest.raises(NotSent) as unsent:
        client.send(GraphRequest("POST", f"{base}/v1.0/x", {}, b"body"))
    client.close()
    assert unsent.value.code is Code.GRAPH_UNREACHABLE
    SECRETS.check("".join(traceback.format_exception(unsent.value)), "the exception")


def test_a_connection_that_is_not_answered_in_time_was_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "CONNECT_TIMEOUT", 0.3)
    with ExitStack() as stack:
        full = stack.enter_context(socket.socket())
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        for _ in range(4):  # more than the backlog takes: whoever comes next is not answered at all
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.1", port))
        client = GraphClient(f"http://127.0.0.1:{port}/v1.0", Tokens(), UploadHosts([]))
        stack.callback(client.close)
        with pytest.raises(NotSent) as unsent:
            client.send(GraphRequest("POST", f"http://127.0.0.1:{port}/v1.0/x", {}, b"body"))
    assert unsent.value.code is Code.GRAPH_UNREACHABLE


def half_of_the_answer(line: Line) -> None:
    line.say(b"HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\n{")
    line.close()


def half_of_the_answer_then_reset(line: Line) -> None:
    line.say(b"HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\n{")
    line.reset()


def half_of_the_head(line: Line) -> None:
    line.say(b"HTTP/1.1 20")
    line.close()


def half_of_a_chunk(line: Line) -> None:
    line.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nabc")
    line.close()


def no_chunk_at_all(line: Line) -> None:
    line.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n\r\n")


def no_http_at_all(line: Line) -> None:
    line.say(b"SSH-2.0-OpenSSH_9.6\r\n")
    line.close()


def a_head_without_an_end(line: Line) -> None:
    line.say(b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: y\r\n" % count for count in range(200)) + b"\r\n")


def a_line_without_an_end(line: Line) -> None:
    line.say(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n")


def not_really_gzip(line: Line) -> None:
    line.say(answer(200, b"this is not gzip", Content_Encoding="gzip"))


def a_status_that_is_none(line: Line) -> None:
    line.say(b"HTTP/1.1 abc Said\r\nContent-Length: 0\r\n\r\n")


LOST: list[Answer] = [
    Line.close,
    Line.reset,
    half_of_the_answer,
    half_of_the_answer_then_reset,
    half_of_the_head,
    half_of_a_chunk,
    no_chunk_at_all,
    no_http_at_all,
    a_head_without_an_end,
    a_line_without_an_end,
    not_really_gzip,
    a_status_that_is_none,
]


@pytest.mark.parametrize("fault", LOST)
@pytest.mark.parametrize("authorized", [True, False])
def test_once_the_request_is_out_an_answer_that_breaks_is_lost(room: Room, fault: Answer, authorized: bool) -> None:
    peer = room.peer(fault)
    request = to(peer, "POST", body=b"{}") if authorized else upload(peer)
    with pytest.raises(AnswerLost) as lost:
        room.client(peer, peer).send(request)
    SECRETS.check("".join(traceback.format_exception(lost.value)) + repr(lost.value), "the exception")
    assert len(peer.heard) == 1  # and nothing is repeated behind the caller's back


def test_a_stream_that_breaks_says_so_after_what_it_had(room: Room) -> None:
    def part(line: Line) -> None:
        line.say(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 200_000)
        line.close()

    graph = room.peer(part)
    with room.client(graph).stream(to(graph)) as (head, pieces):
        assert (head.status, head.body) == (200, b"")
        assert set(next(pieces)) == {ord("x")}
        with pytest.raises(AnswerLost):
            list(pieces)


def half_then_nothing(line: Line) -> None:
    line.say(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
    line.stall()


@pytest.mark.parametrize("method", VERBS)
@pytest.mark.parametrize("fault", [Line.stall, half_then_nothing])
@pytest.mark.parametrize("authorized", [True, False])
def test_an_answer_that_stalls_is_lost_after_the_timeout(
    room: Room, method: str, fault: Answer, authorized: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "READ_TIMEOUT", 0.1)
    peer = room.peer(fault)
    with pytest.raises(AnswerLost):
        room.client(peer, peer).send(to(peer, method) if authorized else upload(peer, method))


def test_a_body_that_nobody_takes_is_given_up_after_the_timeout(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "CONNECT_TIMEOUT", 0.2)
    deaf = room.peer(deaf=True)
    with pytest.raises(AnswerLost):
        room.client(deaf, deaf).send(upload(deaf, body=bytes(32 * 1024 * 1024)))


def test_a_reset_in_the_middle_of_the_body_leaves_it_unknown(room: Room) -> None:
    peer = room.peer(Line.reset, hasty=True)
    with pytest.raises(AnswerLost):
        room.client(peer, peer).send(upload(peer, body=bytes(32 * 1024 * 1024)))
