from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from devkit.graph.scenario import error_code
from devkit.graph.wire import Request

if TYPE_CHECKING:
    from devkit.graph.scenario import World

DATA = b"0123456789"


def test_a_fifth_open_request_on_a_mailbox_is_throttled_until_one_ends(world: World) -> None:
    urls = [world.open(10) for _ in range(5)]
    world.graph.switch(concurrency_limit=4)
    opened = [world.opened(world.range(url, 0, DATA[:4], 10)) for url in urls[:4]]
    reply = world.put(urls[4], 0, DATA[:4], 10)
    assert (reply.status, error_code(reply)) == (429, "ApplicationThrottled")
    assert reply.json()["error"]["message"] == "Application is over its MailboxConcurrency limit."
    assert reply.header("Retry-After") == "10"
    assert world.call("GET", world.item()).status == 429
    assert world.graph.sessions()[4]["received"] == 0
    for one in opened:
        assert one.finish().status == 200
    assert world.put(urls[4], 0, DATA[:4], 10).status == 200


def test_another_mailbox_and_another_app_have_their_own_limit(world: World) -> None:
    url = world.open(10)
    world.graph.add_mailbox("bob@example.com")
    world.graph.switch(concurrency_limit=1)
    with ExitStack() as stack:
        opened = world.opened(world.range(url, 0, DATA[:4], 10))
        stack.callback(opened.finish)
        assert world.call("GET", world.item()).status == 429
        assert world.call("GET", world.item(user="bob@example.com")).status == 404
        other = world.graph.command("issue-token", client_id="another-app")
        assert world.call("GET", world.item(), Authorization=f"Bearer {other}").status == 200
    assert world.call("GET", world.item()).status == 200


def test_limits_change_nothing_for_what_is_refused_anyway(world: World) -> None:
    world.graph.switch(concurrency_limit=1, byte_window=1000)
    assert world.call("GET", world.item(user="nobody@example.com")).status == 404
    assert world.call("GET", world.item(), Authorization="Bearer unknown").status == 401
    assert world.graph.send(Request("GET", world.graph.identity_url)).status == 401
    assert world.put(world.graph.upload_origin + "/api/unknown", 0, DATA, 10).status == 404


def test_no_limit_is_on_by_default(world: World) -> None:
    opened = [world.opened(world.range(world.open(10), 0, DATA[:4], 10)) for _ in range(8)]
    assert [one.finish().status for one in opened] == [200] * 8


def test_bytes_over_the_window_wait_until_it_has_moved_on(world: World) -> None:
    url = world.open(10)
    world.graph.switch(byte_window=10)
    assert world.put(url, 0, DATA[:6], 10).status == 200
    reply = world.put(url, 6, DATA[6:] + b"#", 10)
    assert (reply.status, error_code(reply)) == (429, "ApplicationThrottled")
    wait = int(reply.header("Retry-After") or "")
    assert 298 <= wait <= 300
    assert world.ask(url).status == 200
    world.graph.advance(wait)
    assert world.put(url, 6, DATA[6:], 10).status == 201


def test_posts_count_against_the_window_and_gets_do_not(world: World) -> None:
    world.graph.switch(byte_window=250)
    assert world.post(DATA).status == 201
    assert world.call("GET", world.item()).status == 200
    assert world.post(DATA * 10).status == 429
    assert world.post(DATA, item=world.event, kind="events").status in {201, 429}


@pytest.mark.parametrize(("scale", "wait"), [(1, 300), (10, 30), (300, 1)])
def test_emulated_time_can_run_faster(local: World, scale: float, wait: int) -> None:
    url = local.open(10)
    local.graph.switch(byte_window=1, time_scale=scale)
    reply = local.put(url, 0, DATA, 10)
    assert (reply.status, reply.header("Retry-After")) == (429, str(wait))


def test_a_copy_of_the_service_keeps_the_window_and_forgets_what_was_open(local: World) -> None:
    url = local.open(10)
    local.graph.switch(byte_window=10, concurrency_limit=1)
    opened = local.opened(local.range(url, 0, DATA[:6], 10))
    twin = local.graph.service.copy()  # type: ignore[union-attr]
    again = twin.handle(local.range(url, 0, DATA[:6], 10), local.graph.now)  # type: ignore[union-attr]
    assert again.status == 429
    assert again.json()["error"]["message"] == "Application is over its UploadBytes limit."
    opened.finish()
