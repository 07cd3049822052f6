from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pytest

from devkit.graph.mail import folder_id
from devkit.graph.memory import InMemoryGraph
from devkit.graph.scenario import ADDRESS, World, error_code
from devkit.graph.wire import ConnectionLost, Reply
from tests.devkit.graph.test_composing import composed, found, people, search

if TYPE_CHECKING:
    from collections.abc import Mapping

NOTHING: Mapping[str, str] = {}
STABLE = {"Prefer": 'IdType="ImmutableId"'}


def send(world: World, item: str) -> Reply:
    return world.call("POST", world.item("send", item=item))


def shown(world: World, item: str, headers: Mapping[str, str] = NOTHING) -> Reply:
    return world.call("GET", world.item(item=item), **headers)


def test_a_sent_draft_is_a_draft_until_it_moves_to_sent_items(world: World) -> None:
    world.graph.switch(send_seconds=60)
    made = composed(world)
    world.post(b"data", item=made, name="a.pdf")
    reply = send(world, made)
    assert (reply.status, reply.body, reply.header("Retry-After")) == (202, b"", None)
    assert shown(world, made).json()["isDraft"] is True
    (hit,) = search(world).json()["value"]
    assert (hit["id"], hit["isDraft"], hit["parentFolderId"]) == (made, True, folder_id("drafts"))
    assert world.graph.folder(ADDRESS, "sentitems") == []
    world.graph.advance(60)
    (hit,) = search(world).json()["value"]
    assert (hit["isDraft"], hit["parentFolderId"]) == (False, folder_id("sentitems"))
    assert hit["sentDateTime"] > hit["createdDateTime"]
    assert world.graph.folder(ADDRESS, "sentitems") == [hit["id"]]
    (out,) = world.graph.outgoing()
    assert (out["by"], out["draft"], out["recipients"]) == ("app", made, ["bob@example.org"])
    assert out["files"] == [["a.pdf", hashlib.sha256(b"data").hexdigest()]]


def test_a_sent_draft_moves_after_so_many_calls_and_may_lie_in_the_outbox(world: World) -> None:
    world.graph.switch(send_seconds=0, send_calls=2, submitted_folder="outbox")
    made = composed(world)
    send(world, made)
    assert [search(world).json()["value"][0]["isDraft"] for _ in range(3)] == [True, True, False]
    world.graph.switch(send_calls=9)
    send(world, composed(world, "other"))
    assert len(world.graph.folder(ADDRESS, "outbox")) == 1


@pytest.mark.parametrize(
    ("switch", "ordinary", "stable"), [("moved", 404, 200), ("kept", 200, 200), ("replaced", 404, 404)]
)
def test_the_sent_copy_has_the_id_that_the_switch_says(world: World, switch: str, ordinary: int, stable: int) -> None:
    world.graph.switch(sent_id=switch, send_seconds=0)
    made = composed(world)
    lasting = shown(world, made, STABLE).json()["id"]
    send(world, made)
    assert (shown(world, made).status, shown(world, lasting, STABLE).status) == (ordinary, stable)
    (copy,) = found(world)
    assert (copy == made) == (switch == "kept")
    assert shown(world, copy).json()["internetMessageId"] == world.graph.outgoing()[0]["internet_message_id"]


def test_a_sent_message_may_leave_no_copy(world: World) -> None:
    world.graph.switch(sent_copy="none", send_seconds=0)
    send(world, composed(world))
    assert found(world) == []
    assert len(world.graph.outgoing()) == 1


def test_a_search_finds_the_sent_copy_late(world: World) -> None:
    world.graph.switch(send_seconds=0)
    made = composed(world)
    world.graph.switch(search_lag_calls=1)
    send(world, made)
    assert [len(found(world)) for _ in range(2)] == [0, 1]


def test_the_202_may_ask_for_a_pause_though_the_message_went_out(world: World) -> None:
    world.graph.switch(send_retry_after=30)
    reply = send(world, composed(world))
    assert (reply.status, reply.header("Retry-After")) == (202, "30")
    assert len(world.graph.outgoing()) == 1


@pytest.mark.parametrize("moved", [False, True])
@pytest.mark.parametrize(("switch", "status", "copies"), [("refuse", 400, 1), ("accept", 202, 2)])
def test_a_second_send_is_refused_or_sends_again(
    world: World, switch: str, status: int, copies: int, moved: bool
) -> None:
    world.graph.switch(second_send=switch, send_seconds=60)
    made = composed(world)
    send(world, made)
    if moved:
        world.graph.advance(60)
        (made,) = found(world)
    assert send(world, made).status == status
    assert len(world.graph.outgoing()) == copies
    world.graph.advance(120)
    assert len(found(world)) == 1


def test_a_send_that_was_answered_once_sends_once_however_often_it_is_looked_at(world: World) -> None:
    made = composed(world)
    send(world, made)
    for _ in range(5):
        world.graph.advance(60)
        found(world)
    assert len(world.graph.outgoing()) == 1


@pytest.mark.parametrize(
    ("setup", "status", "code"),
    [
        ({"may_send": False}, 403, "ErrorAccessDenied"),
        ({"send_limit": 3}, 400, "ErrorMessageSizeExceeded"),
    ],
)
def test_a_send_that_is_not_allowed_sends_nothing(world: World, setup: dict[str, Any], status: int, code: str) -> None:
    made = composed(world)
    assert world.post(b"data", item=made).status == 201
    world.graph.switch(**setup)
    reply = send(world, made)
    assert (reply.status, error_code(reply)) == (status, code)
    assert world.graph.outgoing() == []
    assert shown(world, made).json()["isDraft"] is True


def test_a_draft_without_recipients_is_not_sent(world: World) -> None:
    reply = send(world, composed(world, toRecipients=[]))
    assert (reply.status, error_code(reply)) == (400, "ErrorInvalidRecipients")
    assert send(world, composed(world, toRecipients=[], bccRecipients=people("x@example.org"))).status == 202


def test_a_message_is_sent_by_its_own_address_only(world: World) -> None:
    made = composed(world)
    url = f"{world.graph.graph_url}/users/{ADDRESS}/mailFolders/drafts/messages/{made}/send"
    assert world.call("POST", url).status == 405
    assert world.call("POST", world.item("send", kind="events")).status == 405
    assert send(world, "AAMkunknown").status == 404


@pytest.mark.parametrize(
    ("rule", "sent"),
    [
        ({"action": "status", "status": 503}, 0),
        ({"action": "status", "status": 429, "retry_after": 5}, 0),
        ({"action": "status", "status": 504, "after_effect": True}, 1),
        ({"action": "status", "status": 404, "code": "ErrorNonExistentMailbox"}, 0),
        ({"action": "reset-before"}, 0),
        ({"action": "reset-after"}, 1),
    ],
)
def test_an_error_of_send_tells_nothing_about_its_effect(world: World, rule: dict[str, Any], sent: int) -> None:
    made = composed(world)
    world.graph.fault({**rule, "kind": "send"})
    if rule["action"] == "status":
        assert send(world, made).status == rule["status"]
    else:
        with pytest.raises(ConnectionLost):
            send(world, made)
    assert len(world.graph.outgoing()) == sent


def test_a_late_send_takes_effect_when_its_caller_has_given_up(world: World) -> None:
    made = composed(world)
    world.graph.fault({"action": "late", "kind": "send", "calls": 2})
    with pytest.raises(ConnectionLost):
        send(world, made)
    assert found(world) == [made]
    assert world.graph.outgoing() == []
    found(world)
    assert len(world.graph.outgoing()) == 1


def test_a_draft_that_a_person_sent_cannot_be_sent_by_its_old_id(world: World) -> None:
    made = composed(world)
    copy = world.graph.send_draft(made, internet_message_id="<outlook@example.com>")
    assert send(world, made).status == 404
    assert shown(world, copy).json()["internetMessageId"] == "<outlook@example.com>"
    assert found(world) == [copy]
    assert [one["by"] for one in world.graph.outgoing()] == ["person"]
    with pytest.raises(ValueError, match="no draft any more"):
        world.graph.send_draft(copy)


def test_a_person_may_send_it_without_the_mark(world: World) -> None:
    world.graph.send_draft(composed(world), keeps_properties=False)
    assert found(world) == []


def test_a_deleted_draft_would_still_be_sent(world: World) -> None:
    gone = world.graph.delete_item(composed(world))
    assert send(world, gone).status == 202


def test_a_copied_service_sends_on_its_own() -> None:
    graph = InMemoryGraph()
    world = World(graph)
    made = composed(world)
    twin = InMemoryGraph(graph.service.copy(), graph.now)
    send(world, made)
    assert (len(graph.outgoing()), len(twin.outgoing())) == (1, 0)
    assert twin.folder(ADDRESS, "drafts") == [world.message, made]
