from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from devkit.graph.scenario import ADDRESS, error_code
from tests.devkit.graph.test_composing import people

if TYPE_CHECKING:
    from devkit.graph.scenario import World
    from devkit.graph.wire import Reply


def meeting(world: World) -> str:
    return world.graph.add_event(ADDRESS, attendees=("bob@example.org", "eve@example.org"))


def patch(world: World, event: str, **members: Any) -> Reply:
    return world.call("PATCH", world.item(kind="events", item=event), members)


def mails(world: World, event: str) -> dict[str, tuple[int, list[str]]]:
    return {who: (copy["mails"], copy["files"]) for who, copy in world.graph.copies(event).items()}


def test_an_attachment_alone_mails_nobody_and_an_update_brings_it(world: World) -> None:
    event = meeting(world)
    world.post(b"x", kind="events", item=event, name="a.txt")
    assert mails(world, event) == {"bob@example.org": (1, []), "eve@example.org": (1, [])}
    reply = patch(world, event, subject="Review")
    assert (reply.status, reply.json()["subject"]) == (200, "Review")
    assert mails(world, event) == {"bob@example.org": (2, ["a.txt"]), "eve@example.org": (2, ["a.txt"])}


@pytest.mark.parametrize(
    ("members", "mailed"),
    [
        ({"body": {"contentType": "html", "content": "x"}}, True),
        ({"importance": "high"}, True),
        ({"categories": ["Blue"]}, False),
        ({"isReminderOn": True}, False),
        ({"singleValueExtendedProperties": [{"id": "String {0} Name X", "value": "y"}]}, False),
    ],
)
def test_which_update_mails_is_a_switch(world: World, members: dict[str, Any], mailed: bool) -> None:
    event = meeting(world)
    assert patch(world, event, **members).status == 200
    assert mails(world, event)["bob@example.org"][0] == 1 + mailed
    world.graph.switch(update_mails=list(members))
    patch(world, event, **members)
    assert mails(world, event)["bob@example.org"][0] == 2 + mailed


def test_whether_an_update_without_a_change_mails_is_a_switch(world: World) -> None:
    event = meeting(world)
    patch(world, event, importance="normal")
    world.graph.switch(update_mails_same=False)
    patch(world, event, importance="normal")
    assert mails(world, event)["bob@example.org"][0] == 2
    patch(world, event, importance="high")
    assert mails(world, event)["bob@example.org"][0] == 3


def test_changed_attendees_hear_of_it_and_the_others_do_not(world: World) -> None:
    event = meeting(world)
    world.post(b"x", kind="events", item=event, name="a.txt")
    patch(world, event, attendees=people("bob@example.org", "new@example.org"))
    assert mails(world, event) == {"bob@example.org": (1, []), "new@example.org": (1, ["a.txt"])}


def test_what_attendees_get_can_lag_by_one_file(world: World) -> None:
    world.graph.switch(copies_lag=1)
    event = meeting(world)
    for name in ("a.txt", "b.txt"):
        world.post(b"x", kind="events", item=event, name=name)
    patch(world, event, subject="Review")
    assert mails(world, event)["bob@example.org"] == (2, ["a.txt"])


@pytest.mark.parametrize("members", [{"nonsense": 1}, {"attendees": ["bob@example.org"]}])
def test_a_wrong_update_is_refused(world: World, members: dict[str, Any]) -> None:
    event = meeting(world)
    reply = patch(world, event, **members)
    assert (reply.status, error_code(reply)) == (400, "RequestBodyRead")
    assert mails(world, event)["bob@example.org"] == (1, [])


def test_an_event_shows_its_attendees(world: World) -> None:
    event = meeting(world)
    shown = world.call("GET", world.item(kind="events", item=event) + "?$select=attendees").json()
    assert [one["emailAddress"]["address"] for one in shown["attendees"]] == ["bob@example.org", "eve@example.org"]
