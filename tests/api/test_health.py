"""Health: up or down for anybody, why for those with a key; and how the app tells who has one."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from devkit.local.azurite import Azurite
from devkit.local.harness import Harness
from devkit.local.stack import Stack
from shared.api import health
from shared.api.health import Health
from shared.api.http import Call
from shared.core.errors import Code
from shared.storage.ports import StorageRefused, StorageUnavailable
from shared.version import VERSION
from tests.api.caller import Caller

URL = "https://app.example.org/api/health"


def answered(looks: dict[str, Callable[[], str]]) -> tuple[int, dict[str, Any]]:
    answer = Health(looks).details(Call("GET", f"{URL}/details"))
    return answer.status, json.loads(answer.body)


def storage_down() -> str:
    raise StorageUnavailable("storage answered 403")


def refused() -> str:
    raise StorageRefused(Code.STORAGE_IMMUTABLE, "storage answered 409")


def broken() -> str:
    raise RuntimeError("https://secret.example.org/?authtoken=canary")


def test_everything_that_answers_makes_it_up() -> None:
    status, shown = answered({"files": lambda: "fine", "queue": lambda: "2 messages"})
    assert status == 200
    assert shown == {
        "status": "up",
        "version": VERSION,
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


@pytest.mark.parametrize("headers", [{}, {"x-functions-key": "right"}])
def test_anybody_is_told_one_word_and_nobody_is_asked_who_it_is(
    headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_given: object) -> None:
        raise AssertionError("the app called somebody")

    monkeypatch.setattr("socket.socket.connect", never)
    for look, status, word in ((storage_down, 503, "down"), (lambda: "fine", 200, "up")):
        answer = Health({"files": look}).answer(Call("GET", URL, headers=headers))
        assert (answer.status, json.loads(answer.body)) == (status, {"status": word})


def test_storage_that_refuses_is_named_by_its_code() -> None:
    _, shown = answered({"checkpoints": refused})
    assert shown["checks"]["checkpoints"]["detail"] == "STORAGE_IMMUTABLE: storage answered 409"


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

    shared = Health({"files": look})
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

    shared = Health({"files": look})
    for at, count in [(0.0, 1), (health.KEPT_SECONDS - 0.1, 1), (health.KEPT_SECONDS, 2)]:
        clock[0] = 1000.0 + at
        shared.answer(Call("GET", URL))
        assert len(looked) == count


# --- on the running app ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stage(azurite: Azurite) -> Iterator[Harness]:
    with Harness(Stack(options=["--keys"], azurite=azurite)) as running:
        yield running


@pytest.mark.e2e
@pytest.mark.xdist_group("api health")
def test_the_running_app_knows_what_it_depends_on(caller: Caller) -> None:
    answer = caller.get("/health/details")
    assert answer.status_code == 200
    checks = answer.json()["checks"]
    assert {name: check["status"] for name, check in checks.items()} == dict.fromkeys(
        ("files", "checkpoints", "sweep", "queue", "identity", "graph"), "up"
    )
    for headers in ({}, {"x-functions-key": "wrong"}, {"x-functions-key": caller.key}):
        anonymous = caller.harness.stack.request("GET", "/api/health", headers=headers)
        assert (anonymous.status_code, anonymous.json()) == (200, {"status": "up"})
    for headers in ({}, {"x-functions-key": "wrong"}):
        assert caller.harness.stack.request("GET", "/api/health/details", headers=headers).status_code == 401
    in_query = caller.harness.stack.request("GET", "/api/health/details", params={"code": caller.key})
    assert in_query.json() == answer.json()


@pytest.mark.e2e
@pytest.mark.xdist_group("api health")
def test_the_running_app_says_what_is_down(caller: Caller) -> None:
    caller.harness.stack.storage.delete_container(caller.harness.stack.drop_container)
    caller.harness.stack.wait_until(lambda: caller.get("/health").status_code == 503, timeout=30, what="health notices")
    checks = caller.get("/health/details").json()["checks"]
    assert checks["files"] == {"status": "down", "detail": "the container 'drop' does not exist"}
    assert checks["graph"]["status"] == "up"
    anonymous = caller.harness.stack.request("GET", "/api/health")
    assert (anonymous.status_code, anonymous.json()) == (503, {"status": "down"})
