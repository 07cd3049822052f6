from __future__ import annotations

from datetime import UTC, datetime
from itertools import permutations

import pytest

from devkit.graph.memory import InMemoryGraph, LateLanding
from devkit.graph.scenario import World
from devkit.graph.wire import Reply

DATA = b"0123456789"


def test_the_clock_moves_only_when_told() -> None:
    graph = InMemoryGraph(now=datetime(2026, 1, 1, tzinfo=UTC))
    world = World(graph)
    dates = [world.call("GET", world.item()).header("Date") for _ in range(2)]
    graph.advance(90)
    dates.append(world.call("GET", world.item()).header("Date"))
    assert dates == ["Thu, 01 Jan 2026 00:00:00 GMT"] * 2 + ["Thu, 01 Jan 2026 00:01:30 GMT"]


def test_a_held_request_takes_effect_when_it_lands() -> None:
    graph = InMemoryGraph()
    world = World(graph)
    url = world.open(10)
    late = LateLanding(graph.service)
    late.hold(world.range(url, 0, DATA, 10))
    assert world.stored() == []
    assert late.land(graph.now).status == 201
    assert world.stored_bytes() == [DATA]
    assert late.held == []


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_held_ranges_may_land_in_any_order_and_never_spoil_the_file(order: tuple[int, ...]) -> None:
    graph = InMemoryGraph()
    world = World(graph)
    url = world.open(10)
    late = LateLanding(graph.service)
    parts = [(0, 3), (3, 7), (7, 10)]
    for index in order:
        start, end = parts[index]
        late.hold(world.range(url, start, DATA[start:end], 10))
    replies: list[Reply] = [late.land(graph.now) for _ in parts]
    assert {reply.status for reply in replies} <= {200, 201, 416}
    for start, end in parts:
        world.put(url, start, DATA[start:end], 10)
    assert world.stored_bytes() == [DATA]


def test_a_held_request_that_lands_after_the_fence_changes_nothing() -> None:
    graph = InMemoryGraph()
    world = World(graph)
    url = world.open(10)
    late = LateLanding(graph.service)
    late.hold(world.range(url, 0, DATA, 10))
    assert world.cancel(url).status == 204
    assert late.land(graph.now).status == 404
    assert world.stored() == []


def test_no_rule_hits_a_request_that_lands_late_and_the_log_marks_it() -> None:
    graph = InMemoryGraph()
    world = World(graph)
    late = LateLanding(graph.service)
    late.hold(world.range(world.open(10), 0, DATA, 10))
    graph.fault({"action": "status", "times": 0})
    assert late.land(graph.now).status == 201
    assert (graph.requests()[-1]["kind"], graph.requests()[-1]["lost"]) == ("final-put", True)


def test_arguments_and_results_pass_through_json_as_on_the_wire() -> None:
    graph = InMemoryGraph()
    with pytest.raises(TypeError, match="JSON"):
        graph.switch(client_ids={"a"})
    assert graph.switch(client_ids=("a",))["client_ids"] == ["a"]
