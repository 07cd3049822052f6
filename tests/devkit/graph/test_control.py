from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from devkit.graph.scenario import ADDRESS

if TYPE_CHECKING:
    from devkit.graph.scenario import World

DATA = b"0123456789"


@pytest.mark.parametrize(
    ("command", "arguments", "message"),
    [
        ("nonsense", {}, "no command 'nonsense'; there are: add-event"),
        ("add-message", {"mailbox": "nobody@example.com"}, "nobody@example.com"),
        ("add-message", {}, "mailbox"),
        ("add-message", {"mailbox": ADDRESS, "item_id": "twice"}, "already"),
        ("add-mailbox", {"address": "x@example.com", "nonsense": 1}, "nonsense"),
        ("remove-item", {"item_id": "unknown"}, "unknown"),
        ("attachments", {"mailbox": ADDRESS, "item_id": "unknown"}, "unknown"),
        ("attachment-bytes", {"mailbox": ADDRESS, "item_id": "twice", "attachment_id": "unknown"}, "unknown"),
    ],
)
def test_a_command_that_cannot_be_done_says_why(
    world: World, command: str, arguments: dict[str, object], message: str
) -> None:
    world.graph.add_message(ADDRESS, id="twice")
    with pytest.raises(ValueError, match=message):
        world.graph.command(command, **arguments)


def test_attachments_of_an_item_are_asked_for_with_its_own_mailbox(world: World) -> None:
    world.graph.add_mailbox("bob@example.com")
    with pytest.raises(ValueError, match="not there"):
        world.graph.attachments("bob@example.com", world.message)


def test_a_mailbox_keeps_the_object_id_it_was_given(world: World) -> None:
    wanted = "AAAAAAAA-2222-3333-4444-555555555555"
    assert world.graph.add_mailbox("bob@example.com", object_id=wanted) == wanted.lower()


def test_sessions_show_how_far_they_are(world: World) -> None:
    urls = [world.open(10) for _ in range(3)]
    world.put(urls[0], 0, DATA[:4], 10)
    world.put(urls[1], 0, DATA, 10)
    world.cancel(urls[2])
    found = [(one["url"], one["state"], one["received"]) for one in world.graph.sessions()]
    assert found == [(urls[0], "open", 4), (urls[1], "committed", 10), (urls[2], "cancelled", 0)]
    assert world.graph.sessions()[1]["attachment"] == world.stored()[0].id


def test_secrets_are_all_tokens_and_authtokens_handed_out(world: World) -> None:
    url = world.open(10)
    assert {world.token, url.partition("authtoken=")[2]} <= set(world.graph.secrets())
