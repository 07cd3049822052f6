"""Health: up or down for anybody, why for those with a key; and how the app tells who has one."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from devkit.azurite import Azurite
from devkit.scene import Scene
from devkit.stack import Stack
from shared.api import health, keys
from shared.api.health import Health
from shared.api.http import Call
from shared.api.keys import KeyCheck
from shared.storage.ports import StorageUnavailable
from tests.api.caller import Caller

URL = "https://app.example.org/api/health"


class Known(KeyCheck):
    """Takes one key for right."""

    def is_right(self, call: Call) -> bool:
        return call.key == "right"


def answered(looks: dict[str, Callable[[], str]], key: str | None = "right") -> tuple[int, dict[str, Any]]:
    headers = {} if key is None else {"x-functions-key": key}
    answer = Health(looks, Known()).answer(Call("GET", URL, headers=headers))
    return answer.status, json.loads(answer.body)


def storage_down() -> str:
    raise StorageUnavailable("storage answered 403")


def broken() -> str:
    raise RuntimeError("https://secret.example.org/?authtoken=canary")


def test_everything_that_answers_makes_it_up() -> None:
    status, shown = answered({"files": lambda: "fine", "queue": lambda: "2 messages"})
    assert status == 200
    assert shown == {
        "status": "up",
        "checks": {"files": {"status": "up", "detail": "fine"}, "queue": {"status": "up", "detail": "2 messages"}},
    }


def test_one_that_is_down_makes_it_down_and_says_why() -> None:
    status, shown = answered({"files": storage_down, "queue": lambda: "fine"})
    assert (status, shown["status"]) == (503, "down")
    assert shown["checks"]["files"] == {"status": "down", "detail": "storage answered 403"}
    assert shown["checks"]["queue"]["status"] == "up"


def test_a_foreign_error_is_named_and_not_quoted() -> None:
    _, shown = answered({"graph": broken})
    assert shown["checks"]["graph"]["detail"] == "RuntimeError"


@pytest.mark.parametrize("key", [None, "wrong"])
def test_without_a_right_key_there_is_one_word(key: str | None) -> None:
    assert answered({"files": storage_down}, key) == (503, {"status": "down"})
    assert answered({"files": lambda: "fine"}, key) == (200, {"status": "up"})


def test_one_that_does_not_answer_in_time_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "PATIENCE", 0.05)
    release = threading.Event()

    def hangs() -> str:
        release.wait(10)
        return "too late"

    _, shown = answered({"graph": hangs, "files": lambda: "fine"})
    release.set()
    assert shown["checks"]["graph"] == {"status": "down", "detail": "no answer within 0.05 seconds"}
    assert shown["checks"]["files"]["status"] == "up"


def test_many_who_ask_at_once_make_one_look() -> None:
    looked: list[float] = []

    def look() -> str:
        looked.append(time.monotonic())
        return "fine"

    shared = Health({"files": look}, Known())
    askers = [threading.Thread(target=shared.answer, args=(Call("GET", URL),)) for _ in range(8)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert len(looked) == 1


def test_a_look_counts_for_a_while_only(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []
    clock = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])

    def look() -> str:
        looked.append("files")
        return "fine"

    shared = Health({"files": look}, Known())
    for at, count in [(0.0, 1), (health.KEPT_SECONDS - 0.1, 1), (health.KEPT_SECONDS, 2)]:
        clock[0] = 1000.0 + at
        shared.answer(Call("GET", URL))
        assert len(looked) == count


# --- who has a key --------------------------------------------------------------------------------------------------


class OwnHost(BaseHTTPRequestHandler):
    """A host that knows one key."""

    asked: list[tuple[str, str | None]]

    def do_GET(self) -> None:
        key = self.headers.get("x-functions-key")
        type(self).asked.append((self.path, key))
        self.send_response(200 if key == "right" else 401)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""


@pytest.fixture
def host() -> Iterator[str]:
    OwnHost.asked = []
    with HTTPServer(("127.0.0.1", 0), OwnHost) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def with_key(url: str, key: str | None, *, in_query: bool = False) -> Call:
    if key is None:
        return Call("GET", url)
    return Call("GET", url, query={"code": key}) if in_query else Call("GET", url, headers={"x-functions-key": key})


@pytest.mark.parametrize("in_query", [False, True])
@pytest.mark.parametrize(("key", "right"), [("right", True), ("wrong", False), (None, False)])
def test_the_apps_own_host_says_whether_a_key_is_right(host: str, key: str | None, right: bool, in_query: bool) -> None:
    assert KeyCheck().is_right(with_key(f"http://{host}/api/health", key, in_query=in_query)) == right
    assert OwnHost.asked == ([] if key is None else [(f"/api{keys.ROUTE}", key)])


def test_the_key_is_sent_to_no_host_that_the_request_merely_names(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not KeyCheck().is_right(with_key("https://evil.example.org/api/health", "right"))
    monkeypatch.setenv("WEBSITE_HOSTNAME", host)
    assert KeyCheck().is_right(with_key("https://evil.example.org/api/health", "right"))
    assert OwnHost.asked == [(f"/api{keys.ROUTE}", "right")]


def test_a_host_that_does_not_answer_leaves_the_caller_anonymous(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "PATIENCE", 0.2)
    assert not KeyCheck().is_right(with_key("http://127.0.0.1:9/api/health", "right"))
    assert not KeyCheck().is_right(with_key("http://127.0.0.1:9/api/health", "a\nb"))


@pytest.mark.parametrize(
    ("named", "url", "origin"),
    [
        ("app.azurewebsites.net", "https://x/api", "https://app.azurewebsites.net"),
        ("localhost:7071", "https://x/api", "http://localhost:7071"),
        (None, "http://127.0.0.1:7071/api", "http://127.0.0.1:7071"),
        (None, "https://app.example.org/api", None),
    ],
)
def test_the_apps_own_origin_is_the_one_that_the_platform_names(
    named: str | None, url: str, origin: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WEBSITE_HOSTNAME", raising=False)
    if named is not None:
        monkeypatch.setenv("WEBSITE_HOSTNAME", named)
    assert keys._own_origin(url) == origin


# --- on the running app ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stage(azurite: Azurite) -> Iterator[Scene]:
    with Scene(Stack(options=["--keys"], azurite=azurite)) as running:
        yield running


@pytest.mark.e2e
@pytest.mark.xdist_group("api health")
def test_the_running_app_knows_what_it_depends_on(caller: Caller) -> None:
    answer = caller.get("/health")
    assert answer.status_code == 200
    checks = answer.json()["checks"]
    assert {name: check["status"] for name, check in checks.items()} == dict.fromkeys(
        ("files", "checkpoints", "queue", "identity", "graph"), "up"
    )
    for headers in ({}, {"x-functions-key": "wrong"}):
        anonymous = caller.scene.stack.request("GET", "/api/health", headers=headers)
        assert (anonymous.status_code, anonymous.json()) == (200, {"status": "up"})
    in_query = caller.scene.stack.request("GET", "/api/health", params={"code": caller.key})
    assert in_query.json() == answer.json()


@pytest.mark.e2e
@pytest.mark.xdist_group("api health")
def test_the_running_app_says_what_is_down(caller: Caller) -> None:
    caller.scene.stack.storage.delete_container(caller.scene.stack.drop_container)
    caller.scene.stack.wait_until(lambda: caller.get("/health").status_code == 503, timeout=30, what="health notices")
    checks = caller.get("/health").json()["checks"]
    assert checks["files"] == {"status": "down", "detail": "the container 'drop' does not exist"}
    assert checks["graph"]["status"] == "up"
    anonymous = caller.scene.stack.request("GET", "/api/health")
    assert (anonymous.status_code, anonymous.json()) == (503, {"status": "down"})
