"""Upload sessions of a fresh draft: for a while their URLs find nothing."""

from __future__ import annotations

from devkit.graph.scenario import World, error_code

CONTENT = b"0123456789"


def test_the_first_deletes_of_a_session_find_nothing_and_do_nothing(world: World) -> None:
    world.graph.switch(first_delete_404=2)
    url = world.open(len(CONTENT))
    replies = [world.cancel(url) for _ in range(2)]
    assert [(reply.status, error_code(reply)) for reply in replies] == [(404, "ErrorItemNotFound")] * 2
    assert world.put(url, 0, CONTENT[:4], len(CONTENT)).status == 200
    assert world.cancel(url).status == 204
    assert world.put(url, 4, CONTENT[4:], len(CONTENT)).status == 404


def test_each_session_counts_its_own_deletes(world: World) -> None:
    world.graph.switch(first_delete_404=1)
    for url in (world.open(10), world.open(10)):
        assert [world.cancel(url).status for _ in range(2)] == [404, 204]


def test_the_first_sessions_of_an_item_are_answered_404(world: World) -> None:
    world.graph.switch(first_create_404=2)
    assert [world.create(10).status for _ in range(3)] == [404, 404, 201]
    assert [world.create(10, kind="events").status for _ in range(3)] == [404, 404, 201]
    assert len(world.graph.sessions()) == 2
