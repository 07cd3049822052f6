"""Attachments that come back otherwise than they were sent: other bytes, sizes that say nothing, types left out."""

from __future__ import annotations

import pytest

from devkit.graph.scenario import World

CONTENT = b"Subject: hello\r\n\r\nbody"


@pytest.mark.parametrize(
    ("rewrites", "name", "changed"),
    [
        ("nothing", "mail.eml", False),
        ("items", "mail.eml", True),
        ("items", "Mail.MSG", True),
        ("items", "day.ics", True),
        ("items", "report.pdf", False),
        ("everything", "report.pdf", True),
    ],
)
def test_files_that_outlook_understands_come_back_with_other_bytes(
    world: World, rewrites: str, name: str, *, changed: bool
) -> None:
    world.graph.switch(rewrites=rewrites)
    assert world.post(CONTENT, name=name).status == 201
    url = world.open(len(CONTENT), name=name)
    assert world.put(url, 0, CONTENT, len(CONTENT)).status == 201
    assert [one != CONTENT for one in world.stored_bytes()] == [changed, changed]


@pytest.mark.parametrize(("reported", "size"), [("smaller", len(CONTENT) // 2), ("zero", 0), ("absent", None)])
def test_a_listed_size_may_say_nothing(world: World, reported: str, size: int | None) -> None:
    world.graph.switch(size_reported=reported)
    world.post(CONTENT)
    assert [one.get("size") for one in world.listed()] == [size]


def test_a_listing_may_leave_the_types_out(world: World) -> None:
    world.post(CONTENT)
    assert [one["@odata.type"] for one in world.listed()] == ["#microsoft.graph.fileAttachment"]
    world.graph.switch(type_listed=False)
    assert ["@odata.type" in one for one in world.listed()] == [False]
