"""Upload sessions: how they begin and how they end."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from devkit.graph.scenario import ADDRESS, error_code
from devkit.graph.wire import ConnectionLost, Request

if TYPE_CHECKING:
    from devkit.graph.scenario import World

DATA = b"0123456789"


def attachment_item(size: int) -> dict[str, Any]:
    return {"attachmentType": "file", "name": "a", "size": size}


def ranges(answer: dict[str, Any]) -> list[str]:
    found: list[str] = next(value for key, value in answer.items() if key.lower() == "nextexpectedranges")
    return found


def test_a_new_session_expects_everything_and_says_when_it_ends(world: World) -> None:
    reply = world.create(10)
    answer = reply.json()
    assert reply.status == 201
    assert answer["nextExpectedRanges"] == ["0-"]
    assert answer["@odata.context"] == f"{world.graph.graph_origin}/v1.0/$metadata#microsoft.graph.uploadSession"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z", answer["expirationDateTime"])
    ends = datetime.fromisoformat(answer["expirationDateTime"])
    made = datetime.fromisoformat(world.graph.sessions()[0]["created"])
    assert ends - made == timedelta(hours=3)


@pytest.mark.parametrize("kind", ["messages", "events"])
@pytest.mark.parametrize("version", ["v1.0", "beta"])
def test_messages_and_events_take_sessions_in_v1_and_beta(world: World, kind: str, version: str) -> None:
    world.version = version
    url = world.open(10, kind=kind)
    assert ("/api/gbeta/" if version == "beta" else "/api/gv1.0/") in url
    assert f"/{kind}('" in url
    assert world.put(url, 0, DATA, 10).status == 201
    assert [(one.name, one.length) for one in world.stored(kind)] == [("report.pdf", 10)]


def test_the_upload_url_lies_on_another_origin_and_needs_no_token(world: World) -> None:
    url = world.open(10)
    assert url.startswith(world.graph.upload_origin + "/api/")
    assert world.graph.upload_origin != world.graph.graph_origin
    assert "?authtoken=" in url


@pytest.mark.parametrize(
    ("value", "part"), [("graph", "/api/gv1.0/users('"), ("outlook", "/api/v2.0/Users('")], ids=["graph", "outlook"]
)
def test_both_shapes_of_upload_url_work(world: World, value: str, part: str) -> None:
    world.graph.switch(upload_path=value)
    url = world.open(10)
    assert part in url
    assert world.put(url, 0, DATA, 10).status == 201


@pytest.mark.parametrize("name", ["AttachmentItem", "attachmentItem", "attachmentitem"])
def test_the_case_of_the_outer_member_does_not_matter(world: World, name: str) -> None:
    body = {name: {"attachmentType": "file", "name": "a", "size": 10}}
    assert world.call("POST", world.item("attachments", "createUploadSession"), body).status == 201


@pytest.mark.parametrize("action", ["createUploadSession", "microsoft.graph.createUploadSession"])
def test_the_long_name_of_the_action_works_too(world: World, action: str) -> None:
    body = {"AttachmentItem": {"attachmentType": "file", "name": "a", "size": 10}}
    assert world.call("POST", world.item("attachments", action), body).status == 201


@pytest.mark.parametrize(
    ("members", "status", "code"),
    [
        ({"attachmentType": "item"}, 405, "ErrorAttachmentSessionIsSupportedOnlyForFileAttachments"),
        ({"attachmentType": "reference"}, 405, "ErrorAttachmentSessionIsSupportedOnlyForFileAttachments"),
        ({"name": ""}, 400, "BadRequest"),
        ({"size": "10"}, 400, "BadRequest"),
        ({"size": None}, 400, "BadRequest"),
    ],
)
def test_an_unusable_attachment_item_is_refused(world: World, members: dict[str, Any], status: int, code: str) -> None:
    reply = world.create(**{"size": 10, **members})
    assert (reply.status, error_code(reply)) == (status, code)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b'{"AttachmentItem": 1}'])
def test_a_body_that_is_no_attachment_item_is_refused(world: World, body: bytes) -> None:
    reply = world.call("POST", world.item("attachments", "createUploadSession"), body)
    assert (reply.status, error_code(reply)) == (400, "BadRequest")


@pytest.mark.parametrize("least", [2_097_152, 3_000_000, 3_145_728])
def test_a_file_below_the_smallest_session_is_sent_to_the_small_post(world: World, least: int) -> None:
    world.graph.switch(min_session_size=least)
    reply = world.create(least - 1)
    assert (reply.status, error_code(reply)) == (400, "ErrorAttachmentSizeShouldNotBeLessThanMinimumSize")
    assert world.create(least).status == 201


@pytest.mark.parametrize(("status", "code"), [(413, "ErrorAttachmentSizeLimitExceeded"), (400, "BadRequest")])
@pytest.mark.parametrize("most", [150_000_000, 157_286_400])
def test_a_file_above_the_largest_session_is_refused(world: World, most: int, status: int, code: str) -> None:
    world.graph.add_mailbox("big@example.com", message_limit=10**9)
    item = world.graph.add_message("big@example.com")
    world.graph.switch(max_file_size=most, over_size_status=status, over_size_code=code)
    url = world.item("attachments", "createUploadSession", item=item, user="big@example.com")
    sizes = (most, most + 1)
    made, refused = (world.call("POST", url, {"AttachmentItem": attachment_item(size)}) for size in sizes)
    assert made.status == 201
    assert (refused.status, error_code(refused)) == (status, code)


def test_the_upload_origin_can_be_a_proxy(world: World) -> None:
    world.graph.switch(upload_origin="http://127.0.0.1:1")
    assert world.open(10).startswith("http://127.0.0.1:1/api/")


def test_a_session_says_where_to_go_on(world: World) -> None:
    url = world.open(10)
    assert ranges(world.ask(url).json()) == ["0"]
    world.put(url, 0, DATA[:4], 10)
    assert ranges(world.ask(url).json()) == ["4"]


@pytest.mark.parametrize("status", [404, 405])
def test_asking_a_session_may_not_be_possible_while_putting_is(world: World, status: int) -> None:
    world.graph.switch(get_session=status)
    url = world.open(10)
    assert world.ask(url).status == status
    assert world.put(url, 0, DATA, 10).status == 201
    assert world.ask(url).status == status


@pytest.mark.parametrize("status", [401, 404, 410])
def test_an_expired_session_refuses_everything(world: World, status: int) -> None:
    world.graph.switch(expired_status=status, session_lifetime_seconds=60)
    url = world.open(10)
    world.graph.advance(30)
    assert world.put(url, 0, DATA[:4], 10).status == 200
    world.graph.advance(31)
    replies = [world.put(url, 4, DATA[4:], 10), world.ask(url), world.cancel(url)]
    assert [reply.status for reply in replies] == [status] * 3
    assert world.stored() == []
    assert world.graph.sessions()[0]["state"] == "expired"


@pytest.mark.parametrize("status", [404, 410, 401])
@pytest.mark.parametrize("ending", ["commit", "cancel"])
def test_an_ended_session_refuses_everything(world: World, status: int, ending: str) -> None:
    world.graph.switch(gone_status=status)
    url = world.open(10)
    ended = world.put(url, 0, DATA, 10) if ending == "commit" else world.cancel(url)
    assert ended.status == (201 if ending == "commit" else 204)
    replies = [world.put(url, 0, DATA, 10), world.ask(url), world.cancel(url)]
    assert [reply.status for reply in replies] == [status] * 3
    assert len(world.stored()) == (ending == "commit")


def test_a_session_on_an_item_that_went_away_is_refused(world: World) -> None:
    url = world.open(10)
    world.put(url, 0, DATA[:4], 10)
    world.graph.remove_item(world.message)
    reply = world.put(url, 4, DATA[4:], 10)
    assert (reply.status, error_code(reply)) == (404, "ErrorItemNotFound")


def test_other_methods_on_an_upload_url_are_not_allowed(world: World) -> None:
    url = world.open(10)
    assert world.graph.send(Request("POST", url, {}, DATA)).status == 405


@pytest.mark.parametrize("kept", [False, True])
def test_a_range_that_breaks_off_leaves_nothing_or_its_first_part(world: World, kept: bool) -> None:
    world.graph.switch(keep_cut_body=kept)
    url = world.open(10)
    if kept:
        world.graph.fault({"action": "cut", "bytes": 3, "kind": "put"})
        with pytest.raises(ConnectionLost):
            world.put(url, 0, DATA[:6], 10)
        assert world.graph.sessions()[0]["received"] == 3
    else:
        world.graph.fault({"action": "reset-before", "bytes": 3, "kind": "put"})
        with pytest.raises(ConnectionLost):
            world.put(url, 0, DATA[:6], 10)
        assert world.graph.sessions()[0]["received"] == 0


def test_only_the_hash_is_kept_when_asked(world: World) -> None:
    world.graph.switch(keep_bytes=False)
    url = world.open(10)
    world.put(url, 0, DATA[:4], 10)
    world.put(url, 4, DATA[4:], 10)
    found = world.stored()[0]
    assert (found.length, found.sha256) == (10, "84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882")
    with pytest.raises(ValueError, match="not kept"):
        world.graph.attachment_bytes(ADDRESS, world.message, found.id)
