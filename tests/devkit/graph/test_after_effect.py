"""Calls that are carried out and answered with something else, as a dialect of the whole service."""

from __future__ import annotations

import pytest

from devkit.graph.scenario import World, error_code

CONTENT = b"0123456789"


@pytest.mark.parametrize(
    ("status", "code"), [(404, "ErrorItemNotFound"), (429, "ApplicationThrottled"), (418, "UnknownError")]
)
def test_a_post_is_carried_out_whatever_its_answer_says(world: World, status: int, code: str) -> None:
    world.graph.switch(after_effect_status=status)
    reply = world.post(CONTENT)
    assert (reply.status, error_code(reply)) == (status, code)
    assert world.stored_bytes() == [CONTENT]
    assert len(world.listed()) == 1


def test_so_is_every_call_of_the_kinds_that_are_named(world: World) -> None:
    url, other = world.open(len(CONTENT)), world.open(len(CONTENT))
    world.graph.switch(after_effect_status=403, after_effect_kinds=["create", "put", "final-put", "cancel"])
    assert world.create(10).status == 403
    assert len(world.graph.sessions()) == 3
    assert [world.put(url, 0, CONTENT[:4], 10).status, world.put(url, 4, CONTENT[4:], 10).status] == [403, 403]
    assert world.stored_bytes() == [CONTENT]
    assert world.cancel(other).status == 403
    assert world.put(other, 0, CONTENT, 10).status == 404


def test_what_was_refused_is_answered_as_ever(world: World) -> None:
    world.graph.switch(after_effect_status=429, empty_post="refuse")
    assert world.post(b"").status == 400
