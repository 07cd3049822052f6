from __future__ import annotations

from base64 import b64decode
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from devkit.graph.scenario import ADDRESS, error_code
from devkit.graph.wire import ConnectionLost

if TYPE_CHECKING:
    from devkit.graph.scenario import World

DATA = b"0123456789"


@pytest.mark.parametrize("kind", ["messages", "events"])
@pytest.mark.parametrize("version", ["v1.0", "beta"])
def test_a_small_file_is_attached_by_one_post(world: World, kind: str, version: str) -> None:
    world.version = version
    more: dict[str, Any] = {"contentType": "text/plain", "isInline": True, "contentId": "logo"}
    reply = world.post("grüße".encode(), kind=kind, name="Grüße 📎.txt", **more)
    answer = reply.json()
    found = world.stored(kind)[0]
    assert reply.status == 201
    assert found == (answer["id"], "Grüße 📎.txt", "text/plain", answer["size"], True, "logo", 7, found.sha256)
    assert b64decode(answer["contentBytes"]) == "grüße".encode()
    assert answer["@odata.type"] == "#microsoft.graph.fileAttachment"


def test_a_post_without_a_content_type_becomes_octet_stream(world: World) -> None:
    assert world.post(DATA).json()["contentType"] == "application/octet-stream"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "BadRequest"),
        (b"[]", 400, "BadRequest"),
        (b'{"name": "a", "contentBytes": ""}', 422, "UnprocessableType"),
        (b'{"@odata.type": "#microsoft.graph.itemAttachment", "name": "a"}', 422, "UnprocessableType"),
        (b'{"@odata.type": "#microsoft.graph.fileAttachment", "contentBytes": ""}', 400, "ErrorInvalidRequest"),
        (b'{"@odata.type": "#microsoft.graph.fileAttachment", "name": "a"}', 400, "BadRequest"),
        (b'{"@odata.type": "#microsoft.graph.fileAttachment", "name": "a", "contentBytes": "*"}', 400, "BadRequest"),
    ],
)
def test_an_unusable_post_is_refused(world: World, body: bytes, status: int, code: str) -> None:
    reply = world.call("POST", world.item("attachments"), body)
    assert (reply.status, error_code(reply)) == (status, code)
    assert world.stored() == []


@pytest.mark.parametrize(("status", "code"), [(413, "RequestEntityTooLarge"), (400, "BadRequest")])
def test_the_whole_json_body_may_be_4_mib_and_not_a_byte_more(world: World, status: int, code: str) -> None:
    world.graph.switch(post_limit_status=status)
    head = b'{"@odata.type": "#microsoft.graph.fileAttachment", "name": "a", "contentBytes": "'
    text = b"A" * ((4_194_304 - len(head) - 2) // 4 * 4)
    body = head + text + b'"}'
    over = body + b" " * (4_194_305 - len(body))
    reply = world.call("POST", world.item("attachments"), over)
    assert (reply.status, error_code(reply)) == (status, code)
    assert world.stored() == []
    assert world.call("POST", world.item("attachments"), over[:-1]).status == 201


@pytest.mark.parametrize(("answer", "status"), [("accept", 201), ("refuse", 400)])
def test_an_empty_post_is_accepted_or_refused(world: World, answer: str, status: int) -> None:
    world.graph.switch(empty_post=answer)
    assert world.post(b"").status == status
    assert len(world.stored()) == (status == 201)


def test_a_post_over_the_mailbox_limit_is_refused_counting_the_whole_item(world: World) -> None:
    world.graph.add_mailbox("small@example.com", message_limit=15)
    item = world.graph.add_message("small@example.com")
    url = world.item("attachments", item=item, user="small@example.com")
    body = {"@odata.type": "#microsoft.graph.fileAttachment", "name": "a", "contentBytes": "AAAAAAAAAAAA"}
    assert world.call("POST", url, body).status == 201
    reply = world.call("POST", url, body)
    assert (reply.status, error_code(reply)) == (400, "ErrorMessageSizeExceeded")


def test_two_posts_at_once_on_one_item_conflict(world: World) -> None:
    upload = world.held(world.range(world.open(10), 0, DATA, 10))
    reply = world.post(DATA)
    assert (reply.status, error_code(reply)) == (412, "ErrorIrresolvableConflict")
    assert world.post(DATA, kind="events").status == 201
    assert upload.release().status == 201
    assert world.post(DATA).status == 201


def test_a_delete_while_a_file_is_added_conflicts(world: World) -> None:
    world.post(DATA)
    one = world.item("attachments", quote(world.stored()[0].id, safe=""))
    held = world.held(world.range(world.open(10), 0, DATA, 10))
    assert world.call("DELETE", one).status == 412
    assert held.release().status == 201
    assert world.call("DELETE", one).status == 204


def test_a_listing_shows_what_was_selected(world: World) -> None:
    world.post(DATA, contentType="text/plain")
    found = world.listed("?$select=id,name,contentType,size,isInline,lastModifiedDateTime")[0]
    assert found.keys() == {
        "@odata.type",
        "@odata.mediaContentType",
        "id",
        "name",
        "contentType",
        "size",
        "isInline",
        "lastModifiedDateTime",
    }


def test_a_listing_without_select_carries_the_bytes(world: World) -> None:
    world.post(DATA)
    assert b64decode(world.listed("")[0]["contentBytes"]) == DATA


@pytest.mark.parametrize("name", ["contentId", "contentBytes", "contentLocation", "nonsense", "Name"])
def test_a_property_of_files_only_cannot_be_selected_without_the_cast(world: World, name: str) -> None:
    world.post(DATA)
    for url in (world.item("attachments"), world.item("attachments", quote(world.stored()[0].id, safe=""))):
        reply = world.call("GET", f"{url}?$select=id,{name}")
        assert (reply.status, error_code(reply)) == (400, "RequestBroker--ParseUri")
        assert f"'{name}'" in reply.json()["error"]["message"]


def test_a_property_of_files_can_be_selected_with_the_cast(world: World) -> None:
    world.post(DATA, isInline=True, contentId="logo")
    assert world.listed("?$select=id,microsoft.graph.fileAttachment/contentId")[0]["contentId"] == "logo"


def test_a_filter_on_attachments_is_ignored(world: World) -> None:
    world.post(DATA, name="a")
    world.post(DATA, name="b")
    assert len(world.listed("?$filter=name%20eq%20'a'&$select=name")) == 2


def test_a_long_listing_comes_in_pages(world: World) -> None:
    for name in "abcde":
        world.post(DATA, name=name)
    world.graph.switch(list_page_size=2)
    names: list[str] = []
    url = world.item("attachments") + "?$select=name"
    while url:
        answer = world.call("GET", url).json()
        names += [one["name"] for one in answer["value"]]
        url = answer.get("@odata.nextLink", "")
    assert names == list("abcde")
    assert world.call("GET", world.item("attachments") + "?$skip=x").status == 400


def test_one_attachment_can_be_read_and_its_bytes_are_exact(world: World) -> None:
    world.post(DATA, contentType="text/plain")
    one = world.item("attachments", quote(world.stored()[0].id, safe=""))
    assert b64decode(world.call("GET", one).json()["contentBytes"]) == DATA
    assert "contentBytes" not in world.call("GET", f"{one}?$select=id,name").json()
    value = world.call("GET", f"{one}/$value")
    assert (value.status, value.body, value.header("Content-Type")) == (200, DATA, "text/plain")


def test_a_file_sent_in_ranges_comes_back_whole(world: World) -> None:
    url = world.open(10)
    for start, end in ((0, 3), (3, 7), (7, 10)):
        world.put(url, start, DATA[start:end], 10)
    one = world.item("attachments", quote(world.stored()[0].id, safe=""), "$value")
    assert world.call("GET", one).body == DATA


def test_a_reference_has_no_bytes(world: World) -> None:
    made = world.post(b"", **{"@odata.type": "#microsoft.graph.referenceAttachment"})
    one = world.item("attachments", quote(made.json()["id"], safe=""))
    assert world.call("GET", f"{one}/$value").status == 405
    assert world.call("GET", one).json()["@odata.type"] == "#microsoft.graph.referenceAttachment"


def test_bytes_that_were_not_kept_cannot_be_read(world: World) -> None:
    world.graph.switch(keep_bytes=False)
    answer = world.post(DATA).json()
    one = world.item("attachments", quote(answer["id"], safe=""))
    assert world.call("GET", f"{one}/$value").status == 501
    assert world.stored()[0].sha256 == "84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882"


def test_a_deleted_attachment_is_gone(world: World) -> None:
    world.post(DATA)
    one = world.item("attachments", quote(world.stored()[0].id, safe=""))
    assert world.call("DELETE", one).status == 204
    assert world.stored() == []
    for method in ("GET", "DELETE"):
        reply = world.call(method, one)
        assert (reply.status, error_code(reply)) == (404, "ErrorItemNotFound")


def test_ids_are_case_sensitive(world: World) -> None:
    world.post(DATA)
    one = world.item("attachments", quote(world.stored()[0].id.swapcase(), safe=""))
    assert world.call("GET", one).status == 404


def test_immutable_ids_are_given_and_taken_when_preferred(world: World) -> None:
    world.post(DATA)
    plain = world.listed()[0]["id"]
    prefer = {"Prefer": 'IdType="ImmutableId"'}
    reply = world.call("GET", world.item("attachments"), **prefer)
    stable: dict[str, Any] = reply.json()["value"][0]
    assert "ImmutableId" in (reply.header("preference-applied") or "")
    assert stable["id"] != plain
    value = world.call("GET", world.item("attachments", quote(stable["id"], safe=""), "$value"), **prefer)
    assert value.body == DATA
    assert world.call("GET", world.item("attachments")).header("preference-applied") is None


def test_a_new_attachment_can_be_read_by_id_before_a_listing_shows_it(world: World) -> None:
    world.graph.switch(listing_lag_calls=1)
    made = world.post(DATA).json()["id"]
    assert world.call("GET", world.item("attachments", quote(made, safe=""))).status == 200
    assert [len(world.listed()), len(world.listed())] == [0, 1]


def test_a_lost_answer_to_a_post_leaves_the_file_attached(world: World) -> None:
    world.graph.fault({"action": "reset-after", "kind": "post"})
    with pytest.raises(ConnectionLost):
        world.post(DATA)
    assert [one.length for one in world.graph.attachments(ADDRESS, world.message)] == [10]
