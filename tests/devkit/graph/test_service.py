"""The four rules that the product's promise assumes of Graph, and what holds the service together."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devkit.graph.memory import InMemoryGraph
from devkit.graph.scenario import ADDRESS, World, error_code
from devkit.graph.service import GraphService
from devkit.graph.wire import ConnectionLost, Reply, Request

DATA = b"0123456789"
NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)


def test_s1_a_put_at_the_wrong_offset_changes_nothing(world: World) -> None:
    url = world.open(10)
    world.put(url, 0, DATA[:4], 10)
    for start in (0, 3, 5, 9):
        assert world.put(url, start, b"#", 10).status == 416
    assert world.put(url, 4, DATA[4:], 10).status == 201
    assert world.stored_bytes() == [DATA]


@pytest.mark.parametrize("end", ["cancelled", "finished"])
def test_s2_a_cancelled_or_finished_session_refuses_later_puts(world: World, end: str) -> None:
    url = world.open(10)
    if end == "cancelled":
        world.put(url, 0, DATA[:4], 10)
        assert world.cancel(url).status == 204
    else:
        world.put(url, 0, DATA, 10)
    for start, data in ((0, DATA), (4, DATA[4:]), (0, DATA[:4])):
        assert world.put(url, start, data, 10).status == 404
    assert len(world.stored()) == (end == "finished")


def test_s3_a_session_commits_at_most_once(world: World) -> None:
    url = world.open(10)
    world.put(url, 0, DATA[:4], 10)
    statuses = [world.put(url, 4, DATA[4:], 10).status for _ in range(3)]
    assert statuses == [201, 404, 404]
    assert len(world.stored()) == 1


@pytest.mark.parametrize(("calls", "seconds"), [(0, 0), (2, 0), (0, 30), (3, 30)])
def test_s4_an_attachment_can_be_listed_within_a_bounded_time(world: World, calls: int, seconds: int) -> None:
    world.graph.switch(listing_lag_calls=calls, listing_lag_seconds=seconds)
    assert world.put(world.open(10), 0, DATA, 10).status == 201
    assert [len(world.listed()) for _ in range(calls)] == [0] * calls
    if seconds:
        assert world.listed() == []
        world.graph.advance(seconds)
    assert len(world.listed()) == 1


SWITCHES = st.fixed_dictionaries(
    {
        "wrong_offset": st.sampled_from(["416", "400", "409", "restate"]),
        "get_session": st.sampled_from([200, 404, 405]),
        "gone_status": st.sampled_from([404, 410, 401]),
        "expired_status": st.sampled_from([401, 404, 410]),
        "partial_bytes": st.integers(0, 5),
        "max_range": st.integers(0, 8),
        "first_put_404": st.integers(0, 2),
        "final_location": st.sampled_from(["full", "none", "lower", "encoded"]),
        "drop_final_answer": st.booleans(),
        "keep_bytes": st.booleans(),
        "listing_lag_calls": st.integers(0, 2),
    }
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(0, 9), st.integers(1, 10)),
        st.tuples(st.just("next"), st.integers(1, 10), st.just(0)),
        st.tuples(st.just("cut"), st.integers(1, 10), st.integers(0, 9)),
        st.tuples(st.just("cancel"), st.just(0), st.just(0)),
        st.tuples(st.just("ask"), st.just(0), st.just(0)),
        st.tuples(st.just("wait"), st.integers(1, 4000), st.just(0)),
    ),
    max_size=12,
)


@settings(max_examples=300, deadline=None)
@given(switches=SWITCHES, steps=STEPS)
def test_s1_to_s3_hold_under_every_switch_and_any_order_of_calls(
    switches: dict[str, object], steps: list[tuple[str, int, int]]
) -> None:
    world = World(InMemoryGraph())
    world.graph.switch(**switches)
    url = world.open(10)
    received, alive = 0, True
    for step, first, second in steps:
        before = received
        with suppress(ConnectionLost):
            take(world, url, step, first, second, before)
        session = world.graph.sessions()[0]
        received = session["received"]
        grows = (step == "put" and first == before) or step in {"next", "cut"}
        assert received >= before
        assert received == before or (grows and alive)
        alive = alive and session["state"] == "open"
        assert len(world.stored()) == (session["state"] == "committed")
    for one in world.stored():
        assert one.sha256 == "84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882"


def take(world: World, url: str, step: str, first: int, second: int, received: int) -> Reply | None:
    match step:
        case "put" if first != received:
            return world.put(url, first, b"#" * min(second, 10 - first), 10)
        case "put" | "next" if received < 10:
            return world.put(url, received, DATA[received : received + (second or first)], 10)
        case "cut" if received < 10:
            world.graph.fault({"action": "cut", "bytes": second})
            return world.put(url, received, DATA[received : received + first], 10)
        case "cancel":
            return world.cancel(url)
        case "ask":
            return world.ask(url)
        case "wait":
            world.graph.advance(first)
        case _:
            pass
    return None


def test_every_answer_carries_its_request_id_the_callers_own_and_the_date(world: World) -> None:
    url = world.open(10)
    replies = [
        world.call("GET", world.item("attachments"), client_request_id="mine"),
        world.call("GET", world.item("attachments", item="nothing"), client_request_id="mine"),
        world.put(url, 0, DATA[:4], 10, **{"client-request-id": "mine"}),
        world.put(url, 0, DATA[:4], 10, **{"client-request-id": "mine"}),
    ]
    assert [reply.status for reply in replies] == [200, 404, 200, 416]
    for reply in replies:
        assert reply.header("client-request-id") == "mine"
        assert reply.header(
            "date",
        )
    assert len({reply.header("request-id") for reply in replies}) == len(replies)


def test_each_path_is_served_by_its_own_origin_only(world: World) -> None:
    url = world.open(10)
    strange = world.graph.graph_origin + url.removeprefix(world.graph.upload_origin)
    assert world.put(strange, 0, DATA, 10).status == 404
    there = world.item().replace(world.graph.graph_origin, world.graph.upload_origin)
    assert world.call("GET", there).status == 404
    assert world.call("GET", f"{world.graph.graph_origin}/msi/token?resource=x").status == 404
    assert world.put(url, 0, DATA, 10).status == 201


@pytest.mark.parametrize(
    ("method", "rest", "status"),
    [("PATCH", ("attachments",), 405), ("PUT", (), 405), ("PATCH", ("attachments", "AAMk"), 405), ("POST", (), 405)],
)
def test_what_graph_does_not_allow_is_refused(world: World, method: str, rest: tuple[str, ...], status: int) -> None:
    assert world.call(method, world.item(*rest)).status == status


def test_a_strange_path_is_not_found(world: World) -> None:
    for path in ("", "/", "/v1.0", "/v1.0/groups/g/events/e", "/v2.0/users/a/messages", "/v1.0/users"):
        assert world.call("GET", world.graph.graph_origin + path).status == 404


def test_a_copy_goes_its_own_way() -> None:
    world = World(InMemoryGraph())
    url = world.open(10)
    world.put(url, 0, DATA[:4], 10)
    assert isinstance(world.graph, InMemoryGraph)
    service = world.graph.service
    service.fault({"action": "status", "status": 503, "kind": "list"})
    twin = service.copy()
    final = Request("PUT", url, {"Content-Range": "bytes 4-9/10"}, DATA[4:])
    assert twin.handle(final, NOW).status == 201
    assert [one.content.data for one in twin.attachments(ADDRESS, world.message)] == [DATA]
    assert service.attachments(ADDRESS, world.message) == []
    assert service.handle(final, NOW).status == 201
    twin.clear_faults()
    assert error_code(world.call("GET", world.item("attachments"))) == "MailboxInfoStale"


def test_two_services_with_one_seed_answer_alike_and_with_two_seeds_share_no_id() -> None:
    def played(seed: int) -> tuple[list[bytes], set[str]]:
        world = World(InMemoryGraph(GraphService(seed=seed)))
        url = world.open(10)
        replies = [world.put(url, 0, DATA[:4], 10), world.put(url, 4, DATA[4:], 10), world.call("GET", world.item())]
        return [reply.body for reply in replies], {world.message, url, world.token, world.mailbox}

    assert played(1) == played(1)
    assert not played(1)[1] & played(2)[1]


def test_reset_leaves_nothing_behind(world: World) -> None:
    world.put(world.open(10), 0, DATA, 10)
    world.graph.switch(get_session=405)
    world.graph.fault({"action": "status", "times": 0})
    world.graph.reset()
    assert world.graph.requests() == []
    assert world.graph.sessions() == []
    again = World(world.graph)
    assert again.stored() == []
    url = again.open(10)
    assert again.ask(url).status == 200


def test_what_was_handed_out_before_a_reset_never_means_something_made_after_it(world: World) -> None:
    url = world.open(10)
    world.graph.reset()
    again = World(world.graph)
    new = again.open(10)
    assert {again.message, again.event, again.mailbox, again.token, new}.isdisjoint(
        {world.message, world.event, world.mailbox, world.token, url}
    )
    assert again.put(url, 0, DATA, 10).status == 404


def test_a_caller_who_lives_through_a_reset_keeps_its_token(world: World) -> None:
    world.graph.reset()
    again = World(world.graph)
    assert again.call("GET", again.item(), Authorization=f"Bearer {world.token}").status == 200


def test_the_log_can_be_switched_off(world: World) -> None:
    world.open(10)
    count = len(world.graph.requests())
    world.graph.switch(log_requests=False)
    world.open(10)
    assert len(world.graph.requests()) == count
    assert count > 0


def test_time_is_only_what_the_caller_says() -> None:
    service = GraphService()
    service.add_mailbox(ADDRESS)
    item = service.add_message(ADDRESS)
    token = service.issue_token(NOW)
    url = f"https://graph.microsoft.com/v1.0/users/{ADDRESS}/messages/{item}"
    request = Request("GET", url, {"Authorization": f"Bearer {token}"})
    assert service.handle(request, NOW).header("Date") == "Mon, 02 Mar 2026 08:00:00 GMT"
    assert service.handle(request, NOW + timedelta(days=2)).status == 401
    assert service.handle(request, NOW).status == 200


def test_a_held_request_takes_effect_when_it_is_released(world: World) -> None:
    url = world.open(10)
    held = world.held(world.range(url, 0, DATA, 10))
    assert world.stored() == []
    assert held.release().status == 201
    assert world.stored_bytes() == [DATA]


def test_a_held_request_in_memory_loses_its_caller_and_lands_on_release(local: World) -> None:
    url = local.open(10)
    local.graph.fault({"action": "hold", "kind": "final-put"})
    with pytest.raises(ConnectionLost) as lost:
        local.put(url, 0, DATA, 10)
    assert lost.value.effect is False
    assert (local.graph.holding(), local.stored()) == (1, [])
    local.graph.release()
    assert (local.graph.holding(), local.stored_bytes()) == (0, [DATA])


@pytest.mark.parametrize(("kept", "received"), [(False, 0), (True, 5)])
def test_a_body_that_broke_off_in_memory_counts_only_where_the_switch_says_so(
    local: World, *, kept: bool, received: int
) -> None:
    local.graph.switch(keep_cut_body=kept)
    url = local.open(10)
    local.opened(local.range(url, 0, DATA, 10)).abandon(5)
    assert local.graph.sessions()[0]["received"] == received
    assert (local.graph.requests()[-1]["lost"], local.graph.requests()[-1]["length"]) == (True, 5)


def test_the_semantics_need_no_server_and_no_client_library() -> None:
    check = (
        "import sys, devkit.graph.service, devkit.graph.memory;"
        "print(sorted({'aiohttp', 'requests', 'urllib3', 'asyncio', 'socket'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
