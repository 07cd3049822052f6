"""Upload sessions: the last byte."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pytest

from devkit.graph.scenario import error_code
from devkit.graph.wire import ConnectionLost

if TYPE_CHECKING:
    from devkit.graph.scenario import World

DATA = b"0123456789"


@pytest.mark.parametrize(
    ("form", "pattern"),
    [
        ("full", r".*/messages\('[^']+'\)/Attachments\('(AAMk[A-Za-z0-9_-]+=)'\)"),
        ("lower", r".*/messages\('[^']+'\)/attachments\('(AAMk[A-Za-z0-9_-]+=)'\)"),
        ("encoded", r".*/messages\('[^']+'\)/Attachments\('(AAMk[A-Za-z0-9_-]+%3D)'\)"),
    ],
)
def test_the_last_byte_brings_201_without_a_body_and_the_attachment_in_location(
    world: World, form: str, pattern: str
) -> None:
    world.graph.switch(final_location=form)
    url = world.open(10)
    reply = world.put(url, 0, DATA, 10)
    assert (reply.status, reply.body) == (201, b"")
    location = reply.header("Location") or ""
    match = re.fullmatch(pattern, location)
    assert match
    assert "authtoken" not in location
    assert unquote(match[1]) == world.stored()[0].id


def test_the_last_answer_can_lack_its_location(world: World) -> None:
    world.graph.switch(final_location="none")
    reply = world.put(world.open(10), 0, DATA, 10)
    assert (reply.status, reply.header("Location")) == (201, None)
    assert len(world.stored()) == 1


def test_the_last_answer_can_be_lost_after_the_commit(world: World) -> None:
    world.graph.switch(drop_final_answer=True)
    url = world.open(10)
    assert world.put(url, 0, DATA[:4], 10).status == 200
    with pytest.raises(ConnectionLost):
        world.put(url, 4, DATA[4:], 10)
    assert world.stored_bytes() == [DATA]
    assert world.graph.requests()[-1]["lost"] is True


@pytest.mark.parametrize(
    ("kept", "expected"), [(False, "application/octet-stream"), (True, "application/pdf")], ids=["lost", "kept"]
)
def test_the_content_type_is_kept_or_lost(world: World, kept: bool, expected: str) -> None:
    world.graph.switch(content_type_kept=kept)
    world.put(world.open(10, contentType="application/pdf"), 0, DATA, 10)
    assert world.stored()[0].content_type == expected


@pytest.mark.parametrize(("reported", "size"), [("larger", 160), ("exact", 10)])
def test_the_size_reported_is_larger_or_exact(world: World, reported: str, size: int) -> None:
    world.graph.switch(size_reported=reported)
    world.put(world.open(10), 0, DATA, 10)
    assert world.listed()[0]["size"] == size
    assert world.stored()[0].length == 10


def test_an_inline_picture_keeps_its_content_id(world: World) -> None:
    world.put(world.open(10, isInline=True, contentId="logo@1"), 0, DATA, 10)
    found = world.stored()[0]
    assert (found.is_inline, found.content_id) == (True, "logo@1")


def test_two_commits_at_once_on_one_item_conflict_and_the_second_can_be_sent_again(world: World) -> None:
    first, second = world.open(10), world.open(10)
    held = world.held(world.range(first, 0, DATA, 10))
    reply = world.put(second, 0, DATA, 10)
    assert (reply.status, error_code(reply)) == (412, "ErrorIrresolvableConflict")
    assert held.release().status == 201
    assert world.put(second, 0, DATA, 10).status == 201
    assert len(world.stored()) == 2


def test_two_commits_at_once_can_be_tolerated(world: World) -> None:
    world.graph.switch(commit_conflict=False)
    first, second = world.open(10), world.open(10)
    held = world.held(world.range(first, 0, DATA, 10))
    assert world.put(second, 0, DATA, 10).status == 201
    assert held.release().status == 201


def test_ranges_before_the_last_do_not_conflict(world: World) -> None:
    first, second = world.open(10), world.open(10)
    held = world.held(world.range(first, 0, DATA[:4], 10))
    assert world.put(second, 0, DATA, 10).status == 201
    assert held.release().status == 200
