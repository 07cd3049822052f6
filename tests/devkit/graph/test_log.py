from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from devkit.graph.scenario import World

DATA = b"0123456789"


def test_the_log_tells_of_each_request_what_a_test_needs(world: World) -> None:
    url = world.open(10)
    world.put(url, 0, DATA[:4], 10)
    world.put(url, 4, DATA[4:], 10)
    world.call("GET", world.item("attachments") + "?$select=id")
    found = [
        (one["method"], one["kind"], one["status"], one["authorization"], one["content_range"])
        for one in world.graph.requests()
    ]
    assert found == [
        ("POST", "create", 201, True, None),
        ("PUT", "put", 200, False, "bytes 0-3/10"),
        ("PUT", "final-put", 201, False, "bytes 4-9/10"),
        ("GET", "list", 200, True, None),
    ]
    assert [one["length"] for one in world.graph.requests()][1:] == [4, 6, 0]
    assert "content-range" in world.graph.requests()[1]["headers"]


def test_the_log_can_be_read_from_an_entry_on(world: World) -> None:
    world.call("GET", world.item())
    since = len(world.graph.requests())
    assert world.graph.requests(since) == []
    world.call("GET", world.item("attachments"))
    assert [one["kind"] for one in world.graph.requests(since)] == ["list"]


def test_no_secret_is_in_the_log(world: World) -> None:
    url = world.open(10)
    world.put(url, 0, DATA, 10)
    world.call("GET", world.item())
    log = json.dumps(world.graph.requests())
    assert [secret for secret in world.graph.secrets() if secret in log] == []
