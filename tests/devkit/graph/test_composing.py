from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from devkit.graph.mail import FOLDERS, folder_id
from devkit.graph.scenario import ADDRESS, error_code

if TYPE_CHECKING:
    from devkit.graph.scenario import World
    from devkit.graph.wire import Reply

MARK = "String {1F3C5A52-7D5E-4C0B-9C0E-6B1D7C3E9A10} Name DraftName"
OTHER = "String {1F3C5A52-7D5E-4C0B-9C0E-6B1D7C3E9A10} Name Other"


def people(*addresses: str) -> list[dict[str, Any]]:
    return [{"emailAddress": {"address": one}} for one in addresses]


def compose(world: World, name: str = "invoice 17", **members: Any) -> Reply:
    given = {
        "subject": "Invoice 17",
        "toRecipients": people("bob@example.org"),
        "singleValueExtendedProperties": [{"id": MARK, "value": name}],
        **members,
    }
    return world.call("POST", f"{world.graph.graph_url}/users/{ADDRESS}/messages", given)


def composed(world: World, name: str = "invoice 17", **members: Any) -> str:
    reply = compose(world, name, **members)
    assert reply.status == 201, reply
    made: str = reply.json()["id"]
    return made


def search(world: World, name: str = "invoice 17", key: str = MARK, rest: str = "") -> Reply:
    value = name.replace("'", "''")
    text = f"singleValueExtendedProperties/Any(ep: ep/id eq '{key}' and ep/value eq '{value}')"
    return world.call("GET", f"{world.graph.graph_url}/users/{ADDRESS}/messages?$filter={quote(text, safe='')}{rest}")


def found(world: World, name: str = "invoice 17", **how: str) -> list[str]:
    reply = search(world, name, **how)
    assert reply.status == 200, reply
    return [one["id"] for one in reply.json()["value"]]


def test_a_draft_is_made_with_all_that_it_was_given(world: World) -> None:
    reply = compose(
        world,
        toRecipients=people("bob@example.org", "eve@example.org"),
        ccRecipients=people("c@example.org"),
        bccRecipients=people("d@example.org"),
        replyTo=people("r@example.org"),
        body={"contentType": "HTML", "content": "<p>Hello</p>"},
        importance="high",
        internetMessageId="<mine@example.com>",
    )
    shown = reply.json()
    assert reply.status == 201
    assert shown["isDraft"] is True
    assert [one["emailAddress"]["address"] for one in shown["toRecipients"]] == ["bob@example.org", "eve@example.org"]
    assert [shown[name][0]["emailAddress"]["address"][0] for name in ("ccRecipients", "bccRecipients", "replyTo")] == [
        *"cdr"
    ]
    assert shown["body"] == {"contentType": "html", "content": "<p>Hello</p>"}
    assert (shown["importance"], shown["internetMessageId"]) == ("high", "<mine@example.com>")
    assert shown["parentFolderId"] == folder_id("drafts")
    assert shown["sentDateTime"] == shown["createdDateTime"]
    assert shown["changeKey"]
    assert "singleValueExtendedProperties" not in shown
    assert world.graph.folder(ADDRESS, "drafts") == [world.message, shown["id"]]


def test_a_draft_posted_twice_is_there_twice(world: World) -> None:
    assert len({composed(world), composed(world)}) == 2
    assert len(found(world)) == 2


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"nonsense": 1}, "RequestBodyRead"),
        ({"toRecipients": ["bob@example.org"]}, "RequestBodyRead"),
        ({"toRecipients": 1}, "RequestBodyRead"),
        ({"body": "text"}, "RequestBodyRead"),
        ({"body": {"contentType": "rtf", "content": ""}}, "RequestBodyRead"),
        ({"importance": "urgent"}, "RequestBodyRead"),
        ({"subject": 5}, "RequestBodyRead"),
        ({"singleValueExtendedProperties": [{"id": MARK}]}, "RequestBodyRead"),
    ],
)
def test_a_draft_with_a_wrong_property_is_refused_whole(world: World, members: dict[str, Any], code: str) -> None:
    reply = compose(world, **members)
    assert (reply.status, error_code(reply)) == (400, code)
    assert found(world) == []


def test_a_draft_that_is_no_json_or_too_long_is_refused(world: World) -> None:
    url = f"{world.graph.graph_url}/users/{ADDRESS}/messages"
    assert world.call("POST", url, b"[]").status == 400
    assert world.call("POST", url, b"{").status == 400
    world.graph.switch(post_body_limit=10)
    assert world.call("POST", url, {"subject": "long enough"}).status == 413


@pytest.mark.parametrize("name", ["invoice 17", "o'neil & sons +1%", "Ä/ß?"])
def test_a_draft_is_found_by_its_property(world: World, name: str) -> None:
    made = composed(world, name)
    composed(world, f"{name}0")
    assert found(world, name) == [made]
    assert found(world, name, key=OTHER) == []
    assert found(world, name, key=MARK.replace("1F3C5A52", "1f3c5a52")) == [made]


def test_a_search_ignores_the_case_of_the_value_and_expand_shows_which_it_is(world: World) -> None:
    made = [composed(world, "Invoice"), composed(world, "INVOICE")]
    asked = quote(f"singleValueExtendedProperties($filter=id eq '{MARK}')")
    expand = f"&$select=id,isDraft&$expand={asked}"
    reply = search(world, "invoice", rest=expand).json()["value"]
    assert [one["id"] for one in reply] == made
    assert [one["singleValueExtendedProperties"][0]["value"] for one in reply] == ["Invoice", "INVOICE"]
    alone = world.call("GET", f"{world.item(item=made[0])}?{expand[1:]}").json()
    assert [one["value"] for one in alone["singleValueExtendedProperties"]] == ["Invoice"]


@pytest.mark.parametrize(
    "rest", ["&$expand=nonsense", "&$expand=singleValueExtendedProperties", "&$filter=singleValueExtendedProperties"]
)
def test_a_wrong_expand_or_filter_is_refused(world: World, rest: str) -> None:
    assert search(world, rest=rest).status == 400


def test_a_search_lags_by_calls_and_by_time(world: World) -> None:
    world.graph.switch(search_lag_calls=2, search_lag_seconds=30)
    made = composed(world)
    assert world.call("GET", world.item(item=made)).status == 200
    assert [found(world) for _ in range(3)] == [[], [], []]
    world.graph.advance(30)
    assert found(world) == [made]
    world.graph.delete_item(made)
    assert found(world) == []


def test_a_new_draft_answers_404_for_so_many_calls(world: World) -> None:
    world.graph.switch(propagation_calls=1)
    made = composed(world)
    assert [world.create(10, item=made).status for _ in range(2)] == [404, 201]


def test_a_draft_can_be_changed_and_a_sent_message_cannot(world: World) -> None:
    made = composed(world)
    reply = world.call("PATCH", world.item(item=made), {"subject": "Invoice 18", "importance": "low"})
    assert (reply.status, reply.json()["subject"], reply.json()["importance"]) == (200, "Invoice 18", "low")
    changed = {"singleValueExtendedProperties": [{"id": OTHER, "value": "x"}]}
    assert world.call("PATCH", world.item(item=made), changed).status == 200
    assert found(world) == found(world, "x", key=OTHER) == [made]
    sent = world.graph.send_draft(made)
    reply = world.call("PATCH", world.item(item=sent), {"subject": "Invoice 19"})
    assert (reply.status, error_code(reply)) == (400, "ErrorInvalidPropertySet")


def test_a_deleted_draft_lies_in_deleted_items_and_is_still_found(world: World) -> None:
    made = composed(world)
    assert world.call("DELETE", world.item(item=made)).status == 204
    assert world.call("GET", world.item(item=made)).status == 404
    hit = search(world).json()["value"][0]
    assert (hit["isDraft"], hit["parentFolderId"]) == (True, folder_id("deleteditems"))
    assert world.call("DELETE", world.item(item=hit["id"])).status == 204
    assert found(world) == []


def test_a_deleted_draft_can_be_gone_at_once(world: World) -> None:
    world.graph.switch(removed_to="nowhere")
    world.call("DELETE", world.item(item=composed(world)))
    assert found(world) == []


def test_an_event_is_neither_composed_nor_deleted_here(world: World) -> None:
    url = f"{world.graph.graph_url}/users/{ADDRESS}/events"
    assert world.call("POST", url, {"subject": "x"}).status == 405
    assert world.call("DELETE", world.item(kind="events")).status == 405


def test_a_folder_is_found_by_its_well_known_name_and_by_its_id(world: World) -> None:
    for name in FOLDERS:
        for spelling in (name, name.upper(), folder_id(name)):
            reply = world.call("GET", f"{world.graph.graph_url}/users/{ADDRESS}/mailFolders/{spelling}?$select=id")
            assert reply.json()["id"] == folder_id(name)
    assert world.call("GET", f"{world.graph.graph_url}/users/{ADDRESS}/mailFolders/nonsense").status == 404


def test_people_edit_delete_and_take_files_off(world: World) -> None:
    made = composed(world)
    world.post(b"x", item=made)
    (file,) = world.graph.attachments(ADDRESS, made)
    world.graph.remove_attachment(made, file.id)
    world.graph.edit_item(made, subject="Other", to=["eve@example.org"], body="Text")
    shown = world.call("GET", world.item(item=made)).json()
    assert (shown["subject"], shown["body"]["content"], shown["hasAttachments"]) == ("Other", "Text", False)
    assert world.graph.folder(ADDRESS, "deleteditems") == []
    gone = world.graph.delete_item(made)
    assert world.graph.folder(ADDRESS, "deleteditems") == [gone]
