"""What only sockets can show: paths byte for byte, bodies of every size, broken and silent connections."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
import requests

from devkit.graph.client import Emulator
from devkit.graph.scenario import ADDRESS, World
from devkit.graph.wire import Request
from devkit.local.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

DATA = b"0123456789"
ROOT = Path(__file__).resolve().parents[3]


def until(condition: Callable[[], bool]) -> None:
    """Poll another process for what must come; the test's own timeout ends a wait in vain."""
    wait_until(condition, 20, pause=0.005)


def connect(url: str) -> socket.socket:
    where = urlsplit(url)
    assert where.hostname is not None
    return socket.create_connection((where.hostname, where.port or 80), timeout=30)


def head(method: str, url: str, **headers: str) -> bytes:
    where = urlsplit(url)
    target = url[len(f"{where.scheme}://{where.netloc}") :]
    lines = [f"{method} {target} HTTP/1.1", f"Host: {where.netloc}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()


def test_the_upload_url_survives_requests_with_quotes_at_signs_and_escapes(remote: World) -> None:
    url = remote.open(10)
    for part in ("users('", "@", "%3D')", "=')?authtoken=", "%3D"):
        assert part in url
    answer = requests.put(url, DATA, headers={"Content-Range": "bytes 0-9/10"}, timeout=30)
    assert answer.status_code == 201
    assert answer.headers["Content-Length"] == "0"


def test_150_million_bytes_pass_in_ranges_of_4_mib(remote: World) -> None:
    size, step = 150_000_000, 4_194_304
    block = random.Random(1).randbytes(step)
    remote.graph.add_mailbox("big@example.com", message_limit=200_000_000)
    remote.graph.switch(keep_bytes=False)
    item = remote.graph.add_message("big@example.com")
    url = remote.item("attachments", "createUploadSession", item=item, user="big@example.com")
    body = {"AttachmentItem": {"attachmentType": "file", "name": "a", "size": size}}
    upload = remote.call("POST", url, body).json()["uploadUrl"]
    hasher = hashlib.sha256()
    for start in range(0, size, step):
        data = block[: min(step, size - start)]
        hasher.update(data)
        assert remote.put(upload, start, data, size).status in {200, 201}
    found = remote.graph.attachments("big@example.com", item)[0]
    assert (found.length, found.sha256) == (size, hasher.hexdigest())


def test_one_range_may_be_the_whole_file(remote: World) -> None:
    data = random.Random(2).randbytes(32_000_000)
    assert remote.put(remote.open(len(data)), 0, data, len(data)).status == 201
    assert remote.stored()[0].sha256 == hashlib.sha256(data).hexdigest()
    assert remote.stored_bytes() == [data]


def test_a_caller_that_dies_within_a_range_leaves_nothing(remote: World) -> None:
    url = remote.open(10)
    remote.opened(remote.range(url, 0, DATA, 10)).abandon(5)
    until(lambda: remote.graph.requests()[-1]["lost"] is True)
    assert remote.graph.sessions()[0]["received"] == 0
    assert remote.graph.requests()[-1]["status"] == 0
    assert remote.put(url, 0, DATA, 10).status == 201


def test_a_caller_that_dies_within_a_range_may_leave_its_first_part(remote: World) -> None:
    remote.graph.switch(keep_cut_body=True)
    url = remote.open(10)
    remote.opened(remote.range(url, 0, DATA, 10)).abandon(5)
    until(lambda: remote.graph.sessions()[0]["received"] == 5)
    assert remote.put(url, 5, DATA[5:], 10).status == 201
    assert remote.stored_bytes() == [DATA]


def test_a_caller_that_dies_once_its_body_is_sent_has_still_committed(remote: World) -> None:
    remote.graph.switch(latency_ms_put=30)
    url = remote.open(10)
    remote.opened(remote.range(url, 0, DATA, 10)).abandon(10)
    until(lambda: len(remote.stored()) == 1)
    assert remote.stored_bytes() == [DATA]


@pytest.mark.parametrize("after_effect", [False, True])
def test_a_black_hole_is_silent_until_the_caller_gives_up(remote: World, after_effect: bool) -> None:
    url = remote.open(10)
    remote.graph.fault({"action": "black-hole", "kind": "put", "after_effect": after_effect})
    with pytest.raises(requests.ReadTimeout):
        requests.put(url, DATA, headers={"Content-Range": "bytes 0-9/10"}, timeout=0.2)
    assert len(remote.stored()) == after_effect
    until(lambda: remote.put(url, 0, DATA, 10).status in {201, 404})
    assert remote.stored_bytes() == [DATA]


def test_a_black_hole_swallows_a_range_of_any_size(remote: World) -> None:
    data = bytes(8_000_000)
    url = remote.open(len(data))
    remote.graph.fault({"action": "black-hole", "kind": "put"})
    with pytest.raises(requests.RequestException):
        requests.put(url, data, headers={"Content-Range": f"bytes 0-{len(data) - 1}/{len(data)}"}, timeout=0.5)
    until(lambda: remote.graph.requests()[-1]["lost"] is True)
    assert remote.put(url, 0, data, len(data)).status == 201


def test_a_reset_comes_before_the_body_is_read(remote: World) -> None:
    url = remote.open(10)
    remote.graph.fault({"action": "reset-before", "kind": "put"})
    with closing(connect(url)) as sock:
        sock.sendall(head("PUT", url, Content_Length="10", Content_Range="bytes 0-9/10"))
        with pytest.raises(ConnectionResetError):
            sock.recv(1)
    assert remote.graph.requests()[-1]["length"] == 0


def test_a_slow_body_takes_its_time_and_a_delay_too(remote: World) -> None:
    remote.post(DATA * 50)
    for action in ("slow-body", "delay"):
        remote.graph.fault({"action": action, "kind": "list", "seconds": 0.2})
        started = time.monotonic()
        assert len(remote.listed("")) == 1
        assert time.monotonic() - started >= 0.2


@pytest.mark.parametrize(
    ("switch", "call"),
    [
        ("latency_ms_put", lambda world: world.put(world.graph.sessions()[0]["url"], 0, DATA, 10)),
        ("latency_ms_post", lambda world: world.post(DATA)),
        ("latency_ms_create", lambda world: world.create(10)),
        ("latency_ms_other", lambda world: world.call("GET", world.item())),
    ],
)
def test_each_kind_of_call_has_its_own_latency(remote: World, switch: str, call: Callable[[World], object]) -> None:
    remote.open(10)
    remote.graph.switch(**{switch: 150})
    started = time.monotonic()
    call(remote)
    assert time.monotonic() - started >= 0.15


def test_a_range_without_a_length_is_refused(remote: World) -> None:
    url = remote.open(10)
    answer = requests.put(url, iter([DATA]), headers={"Content-Range": "bytes 0-9/10"}, timeout=30)
    assert answer.status_code == 411


def test_a_request_in_absolute_form_is_understood(remote: World) -> None:
    url = remote.open(10)
    with closing(connect(url)) as sock:
        first = head("PUT", url, Content_Length="10", Content_Range="bytes 0-9/10")
        sock.sendall(first.replace(b"PUT ", b"PUT " + remote.graph.upload_origin.encode()) + DATA)
        answer = http.client.HTTPResponse(sock, method="PUT")
        answer.begin()
        assert answer.status == 201


def test_one_connection_serves_many_requests(remote: World) -> None:
    url = remote.open(10)
    with requests.Session() as session:
        for start in range(10):
            headers = {"Content-Range": f"bytes {start}-{start}/10"}
            answer = session.put(url, DATA[start : start + 1], headers=headers, timeout=30)
            assert answer.headers.get("Connection") != "close"
        pools = session.get_adapter(url).poolmanager.pools  # type: ignore[attr-defined]
        assert [pools[key].num_connections for key in pools.keys()] == [1]  # noqa: SIM118 - not a dict
    assert answer.status_code == 201


def test_the_control_door_refuses_what_is_no_json(remote: World) -> None:
    assert isinstance(remote.graph, Emulator)
    answer = requests.post(f"{remote.graph.control_url}/switch", b"{", timeout=30)
    assert answer.status_code == 400
    assert "refused" in answer.json()


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "devkit.graph", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


def closed(address: str) -> bool:
    try:
        connect(address).close()
    except ConnectionRefusedError:
        return True
    return False


@pytest.mark.parametrize("ending", ["SIGTERM", "SIGINT", "stdin"])
def test_the_process_says_where_it_is_and_ends_cleanly(ending: str) -> None:
    with start("--die-with-parent") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        line = json.loads(process.stdout.readline())
        assert line.keys() == {"graph", "upload", "identity", "identityHeader", "control"}
        assert len({urlsplit(line[name]).port for name in ("graph", "upload", "identity")}) == 3
        graph = Emulator.connect(line)
        World(graph).open(10)
        graph.stop()
        if ending == "stdin":
            process.stdin.close()
        else:
            os.kill(process.pid, getattr(signal, ending))
        assert process.wait(20) == 0
        assert process.stdout.read() == ""
        assert process.stderr.read() == ""
    assert closed(line["graph"])


def test_the_process_ends_although_callers_hang_in_a_black_hole() -> None:
    with Emulator.start() as graph:
        world = World(graph)
        url = world.open(10)
        graph.fault({"action": "black-hole", "times": 0, "kind": "put"})
        hanging = [connect(url) for _ in range(3)]
        for sock in hanging:
            sock.sendall(head("PUT", url, Content_Length="10", Content_Range="bytes 0-9/10") + DATA)
        until(lambda: len([one for one in graph.requests() if one["kind"] == "final-put"]) == 3)
        process = graph.process
    assert process is not None
    assert process.returncode == 0
    for sock in hanging:
        sock.close()


@pytest.mark.parametrize(
    ("config", "message"),
    [("{", "Expecting"), ('{"switches": {"nonsense": 1}}', "no switch 'nonsense'"), ('{"ports": [0]}', "unpack")],
)
def test_a_wrong_configuration_ends_the_process_with_a_reason(config: str, message: str) -> None:
    with start("--config", config) as process:
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 2
    assert message in errors


def test_switches_given_at_the_start_are_what_reset_returns_to() -> None:
    with Emulator.start(get_session=405) as graph:
        graph.switch(get_session=404)
        graph.reset()
        assert graph.switch()["get_session"] == 405


def test_two_emulators_live_side_by_side_and_share_nothing() -> None:
    with Emulator.start() as first, Emulator.start() as second:
        one, other = World(first), World(second)
        assert set(first.secrets()).isdisjoint(second.secrets())
        assert other.call("GET", one.item().replace(first.graph_origin, second.graph_origin)).status == 404
        reply = second.send(Request("GET", other.item(), {"Authorization": f"Bearer {one.token}"}))
        assert reply.status == 401
        assert first.attachments(ADDRESS, one.message) == []
