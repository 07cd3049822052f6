"""Upload sessions that never say which byte they want."""

from __future__ import annotations

import pytest

from devkit.graph.scenario import World

CONTENT = b"0123456789"


@pytest.mark.parametrize("form", ["left out", "no body"])
def test_a_session_may_say_nothing_of_what_it_has(world: World, form: str) -> None:
    world.graph.switch(next_ranges=form, wrong_offset="restate")
    url = world.open(len(CONTENT))
    replies = [world.put(url, 0, CONTENT[:4], 10), world.ask(url), world.put(url, 0, CONTENT[:4], 10)]
    for reply in replies:
        assert reply.status == 200
        assert b"xpectedRanges" not in reply.body
        assert bool(reply.body) == (form == "left out")
    assert world.put(url, 4, CONTENT[4:], 10).status == 201
    assert world.stored_bytes() == [CONTENT]


def test_what_it_kept_a_part_of_it_says(world: World) -> None:
    world.graph.switch(next_ranges="no body", partial_bytes=3)
    url = world.open(len(CONTENT))
    assert world.put(url, 0, CONTENT[:4], 10).json()["nextExpectedRanges"] == ["3"]
