"""The client on real sockets: where the token goes, what is on the wire, and what stays a refusal."""

from __future__ import annotations

import gzip
import logging
import threading
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from shared import log
from shared.core.errors import Code
from shared.graph.client import LONGEST_ANSWER
from shared.graph.http import AnswerLost, Buffer, GraphRequest, NotSent, UploadRequest
from tests.unit.graph.peer import Answer, Line, answer
from tests.unit.graph.room import SECRETS, TOKEN, VERBS, Room, to, upload

# --- where the token goes ---


@pytest.mark.parametrize("method", VERBS)
def test_graph_gets_the_token(room: Room, method: str) -> None:
    graph = room.peer()
    room.client(graph).send(to(graph, method))
    assert graph.heard[0].headers["authorization"] == f"Bearer {TOKEN}-0"


@pytest.mark.parametrize("method", VERBS)
@pytest.mark.parametrize("netrc", [True, False])
def test_an_upload_session_gets_no_token_and_nothing_from_netrc(
    room: Room, method: str, netrc: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph, session = room.peer(), room.peer()
    file = tmp_path / "netrc"
    file.write_text("machine 127.0.0.1 login ada password secret\ndefault login eve password secret\n")
    monkeypatch.setenv("NETRC", str(file) if netrc else str(tmp_path / "none"))
    room.client(graph, session).send(upload(session, method))
    assert "authorization" not in session.heard[0].headers
    assert "cookie" not in session.heard[0].headers


def test_netrc_does_not_replace_the_token_either(room: Room, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = room.peer()
    file = tmp_path / "netrc"
    file.write_text("default login eve password secret\n")
    monkeypatch.setenv("NETRC", str(file))
    room.client(graph).send(to(graph))
    assert graph.heard[0].headers["authorization"] == f"Bearer {TOKEN}-0"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("authorized", [True, False])
def test_a_redirect_is_an_answer_and_nobody_follows_it(room: Room, status: int, authorized: bool) -> None:
    elsewhere = room.peer()
    graph = room.peer(answer(status, Location=f"{elsewhere.url}/collect"))
    request = to(graph, "POST", body=b"{}") if authorized else upload(graph)
    got = room.client(graph, graph, elsewhere).send(request)
    assert (got.status, got.headers["location"]) == (status, f"{elsewhere.url}/collect")
    assert elsewhere.accepted == 0


def test_a_cookie_is_not_brought_back(room: Room) -> None:
    graph = room.peer(answer(Set_Cookie="session=canary; Path=/"))
    client = room.client(graph)
    client.send(to(graph))
    client.send(to(graph))
    assert "cookie" not in graph.heard[1].headers


@pytest.mark.parametrize(
    "link",
    [
        "http://{other}/v1.0/next",
        "https://{graph}/v1.0/next",
        "http://{graph}@{other}/v1.0/next",
        "http://ada@{graph}/v1.0/next",
        "http://{graph}.evil.example/v1.0/next",
        "http://{graph}\\@{other}/next",
        "//{other}/v1.0/next",
        "/v1.0/next",
        "next",
        "",
        "http://[",
        "http://[::1/v1.0",
        "http://127.0.0.1:99999999/next",
        "http://127.0.0.1:port/next",
        "http://\u2100.example/",
        "file:///etc/passwd",
        "javascript:alert(1)",
    ],
)
def test_a_link_that_leads_away_from_graph_is_refused_before_anything_is_sent(room: Room, link: str) -> None:
    graph, other = room.peer(), room.peer()
    with pytest.raises(NotSent) as refused:
        room.client(graph, other).send(GraphRequest("GET", link.format(graph=graph.host, other=other.host), {}))
    assert refused.value.code is Code.GRAPH_ANSWER_UNEXPECTED
    assert (graph.accepted, other.accepted) == (0, 0)


def test_a_link_within_graph_is_followed_with_the_token(room: Room) -> None:
    graph = room.peer()
    assert room.client(graph).send(to(graph, path="/v1.0/next?$skiptoken=a%20b")).status == 200
    assert graph.heard[0].target == "/v1.0/next?$skiptoken=a%20b"


@pytest.mark.parametrize(
    "url",
    [
        "http://{other}/s?authtoken=canary",
        "http://{upload}@{other}/s",
        "http://ada:secret@{upload}/s",
        "ftp://{upload}/s",
        "http://[",
        "",
        "http://{upload}/s\r\nX-Injected: 1",
        "http://{upload}/s t",
        "http://{upload}/\x00",
        "http://{upload}/\u00e9",
    ],
)
def test_a_session_on_a_foreign_host_is_refused_before_anything_is_sent(room: Room, url: str) -> None:
    graph, session, other = room.peer(), room.peer(), room.peer()
    request = UploadRequest("PUT", url.format(upload=session.host, other=other.host), {}, b"abc")
    with pytest.raises(NotSent) as refused:
        room.client(graph, session).send(request)
    assert refused.value.code is Code.UPLOAD_HOST_REFUSED
    assert (graph.accepted, session.accepted, other.accepted) == (0, 0, 0)


# --- what is on the wire ---


@pytest.mark.parametrize(
    "target",
    [
        "/api/gv1.0/users('ada%40contoso.example')/messages('AAMk%3D')/AttachmentSessions('x')?authtoken=eyJ.a-b_c~d==",
        "/api/v2.0/Users('OID@TID')/Messages('AAMk=')/AttachmentSessions('AA%2B+%2F')?authtoken=eyJ%3D%3D&x='",
        "/v1.0/users/ada%40contoso.example/messages/%2E%2E/attachments",
        "/v1.0/users/a/messages/%7Ea%2Db%5Fc/attachments?$select=id,name,size",
        "/s?authtoken=%41%42%43",
        "/s/../t/./u?x=%2E%2E&y=/../",
        "/s?x=!$&'()*+,;=:@/?-._~",
    ],
)
def test_a_url_is_on_the_wire_as_it_was_given(room: Room, target: str) -> None:
    graph = room.peer()
    client = room.client(graph, graph)
    client.send(to(graph, path=target))
    client.send(upload(graph, path=target))
    assert [heard.target for heard in graph.heard] == [target, target]


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_a_body_arrives_whole_with_its_length(room: Room, kind: Callable[[bytes], Buffer]) -> None:
    session = room.peer()
    content = bytes(range(256)) * 4000
    room.client(session, session).send(upload(session, body=kind(content)))
    assert session.heard[0].body == content
    assert session.heard[0].headers["content-length"] == str(len(content))
    assert "transfer-encoding" not in session.heard[0].headers


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_a_body_is_sent_without_a_copy_of_it(room: Room, kind: Callable[[bytes], Buffer]) -> None:
    session = room.peer(keep=False)
    client = room.client(session, session)
    client.send(upload(session))  # what is loaded with the first request is none of the body's
    size = 4 * 1024 * 1024
    request = upload(session, body=kind(bytes(size)))
    tracemalloc.start()
    try:
        client.send(request)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert session.heard[1].headers["content-length"] == str(size)
    assert peak < size // 8


def test_a_request_has_the_headers_it_was_given_and_hardly_another(room: Room) -> None:
    graph = room.peer()
    client = room.client(graph, graph)
    client.send(UploadRequest("PUT", f"{graph.url}/s", {"Content-Range": "bytes 0-2/3"}, b"abc"))
    client.send(to(graph))
    added = {"host", "user-agent", "accept-encoding", "content-length"}
    assert set(graph.heard[0].headers) == {*added, "content-range"}
    assert set(graph.heard[1].headers) == {*added, "authorization"} - {"content-length"}


# --- connections ---


@pytest.mark.parametrize("count", [2, 20])
def test_one_connection_to_each_origin_serves_all_requests(room: Room, count: int) -> None:
    graph, session = room.peer(answer(200, b"x" * 100_000)), room.peer(answer(202, b"{}"), answer(416), answer(503))
    client = room.client(graph, session)
    for _ in range(count):
        client.send(to(graph))
        client.send(upload(session))
    assert (graph.accepted, session.accepted) == (1, 1)
    assert (len(graph.heard), len(session.heard)) == (count, count)


def test_a_connection_that_the_other_end_closed_meanwhile_is_replaced(room: Room) -> None:
    closed = threading.Event()

    def last(line: Line) -> None:
        line.say(answer())
        line.close()
        closed.set()

    graph = room.peer(last, answer(201))
    client = room.client(graph)
    assert client.send(to(graph)).status == 200
    assert closed.wait(20)
    assert client.send(to(graph)).status == 201
    assert graph.accepted == 2


def test_closing_the_client_closes_its_connections(room: Room) -> None:
    gone = threading.Event()

    def stay(line: Line) -> None:
        line.say(answer())
        if line.hear() is None:
            gone.set()

    graph = room.peer(stay)
    client = room.client(graph)
    client.send(to(graph))
    client.close()
    assert gone.wait(20)


# --- a rejected token ---


def test_a_rejected_token_is_replaced_once(room: Room) -> None:
    graph = room.peer(answer(401), answer(200, b"{}"))
    got = room.client(graph).send(to(graph, "POST", body=memoryview(b"body")))
    assert (got.status, got.body) == (200, b"{}")
    assert [heard.headers["authorization"][-1] for heard in graph.heard] == ["0", "1"]
    assert [heard.body for heard in graph.heard] == [b"body", b"body"]


def test_a_second_rejection_is_the_answer(room: Room) -> None:
    graph = room.peer(answer(401, b"first"), answer(401, b"second"))
    got = room.client(graph).send(to(graph))
    assert (got.status, got.body, len(graph.heard), room.tokens.forgotten) == (401, b"second", 2, 1)


def test_a_commit_whose_token_is_rejected_is_not_sent_a_second_time(room: Room) -> None:
    graph = room.peer(answer(401), answer(201))
    commit = replace(to(graph, "POST", body=b"body"), repeatable=False)
    assert room.client(graph).send(commit).status == 401
    assert (len(graph.heard), room.tokens.forgotten) == (1, 1)


def test_a_rejected_token_is_replaced_for_a_stream_too(room: Room) -> None:
    graph = room.peer(answer(401), answer(200, b"content"))
    with room.client(graph).stream(to(graph)) as (head, pieces):
        assert (head.status, b"".join(pieces)) == (200, b"content")
    assert (room.tokens.forgotten, graph.accepted) == (1, 1)


def test_an_upload_session_that_says_401_is_asked_once(room: Room) -> None:
    session = room.peer(answer(401))
    assert room.client(session, session).send(upload(session)).status == 401
    assert (len(session.heard), room.tokens.forgotten) == (1, 0)


def test_without_a_token_nothing_is_sent(room: Room) -> None:
    graph = room.peer()
    room.tokens.fails = NotSent(Code.IDENTITY_UNAVAILABLE)
    with pytest.raises(NotSent) as unsent:
        room.client(graph).send(to(graph))
    assert unsent.value.code is Code.IDENTITY_UNAVAILABLE
    assert graph.accepted == 0


# --- answers ---


@pytest.mark.parametrize("status", [200, 204, 304, 400, 418, 429, 500, 599, 600, 999])
def test_every_status_is_an_answer(room: Room, status: int) -> None:
    graph = room.peer(answer(status, Retry_After="7", X_CASE="Kept"))
    got = room.client(graph).send(to(graph))
    assert got.status == status
    assert (got.headers["retry-after"], got.headers["x-case"]) == ("7", "Kept")


@pytest.mark.parametrize(("length", "kept"), [(LONGEST_ANSWER, LONGEST_ANSWER), (LONGEST_ANSWER + 1, LONGEST_ANSWER)])
def test_an_answer_is_read_up_to_a_limit(room: Room, length: int, kept: int) -> None:
    graph = room.peer(answer(200, b"x" * length), answer(201))
    client = room.client(graph)
    assert len(client.send(to(graph)).body) == kept
    assert client.send(to(graph)).status == 201


def test_an_answer_without_an_end_is_cut_off(room: Room) -> None:
    def endless(line: Line) -> None:
        line.say(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            line.say(b"x" * 65536)

    graph = room.peer(endless)
    assert len(room.client(graph).send(to(graph)).body) == LONGEST_ANSWER


def test_compression_is_not_asked_for_and_a_small_bomb_stays_small(room: Room) -> None:
    bomb = gzip.compress(bytes(64 * 1024 * 1024))
    graph = room.peer(answer(200, bomb, Content_Encoding="gzip"))
    got = room.client(graph).send(to(graph))
    assert graph.heard[0].headers["accept-encoding"] == "identity"
    assert len(got.body) == LONGEST_ANSWER


# --- what the libraries below say ---


MALFORMED = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nno colon here\r\nX: y\r\n\r\n{}"


@pytest.mark.parametrize("said", [MALFORMED, answer(302, Location="/s?authtoken=canary"), Line.reset, Line.close])
def test_no_librarys_log_holds_a_url(
    room: Room, said: Answer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in log.QUIET:
        monkeypatch.setattr(logging.getLogger(name), "level", logging.NOTSET)
    log.quieten()
    caplog.set_level(logging.DEBUG)
    session = room.peer(said)
    with suppress(AnswerLost):
        room.client(session, session).send(upload(session))
    assert len(session.heard) == 1
    SECRETS.check(caplog.text, "the log")
