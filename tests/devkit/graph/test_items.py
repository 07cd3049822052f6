from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from devkit.graph.scenario import ADDRESS, error_code

if TYPE_CHECKING:
    from devkit.graph.scenario import World
    from devkit.graph.wire import Reply


def collection(world: World, kind: str, user: str = ADDRESS) -> str:
    return f"{world.graph.graph_url}/users/{quote(user, safe='')}/{kind}"


def find(world: World, kind: str, text: str, rest: str = "") -> Reply:
    return world.call("GET", f"{collection(world, kind)}?$filter={quote(text, safe='')}{rest}")


def ids(reply: Reply) -> list[str]:
    assert reply.status == 200, reply
    return [one["id"] for one in reply.json()["value"]]


@pytest.mark.parametrize("spelling", [ADDRESS, "Ann@Example.COM", "object id", "OBJECT ID"])
def test_a_mailbox_is_reached_by_address_and_by_object_id(world: World, spelling: str) -> None:
    user = {"object id": world.mailbox, "OBJECT ID": world.mailbox.upper()}.get(spelling, spelling)
    assert world.call("GET", world.item(user=user)).json()["id"] == world.message


@pytest.mark.parametrize(
    ("user", "status", "code"),
    [
        ("nobody@example.com", 404, "ErrorInvalidUser"),
        ("11111111-2222-3333-4444-555555555555", 404, "ResourceNotFound"),
        ("unlicensed@example.com", 404, "MailboxNotEnabledForRESTAPI"),
        ("forbidden@example.com", 403, "ErrorAccessDenied"),
    ],
)
def test_a_mailbox_that_cannot_be_used_says_why(world: World, user: str, status: int, code: str) -> None:
    world.graph.add_mailbox("unlicensed@example.com", licensed=False)
    world.graph.add_mailbox("forbidden@example.com", accessible=False)
    for method, url in (
        ("GET", world.item(user=user)),
        ("GET", collection(world, "messages", user)),
        ("GET", world.item("attachments", user=user)),
        ("POST", world.item("attachments", user=user)),
        ("POST", world.item("attachments", "createUploadSession", user=user)),
    ):
        reply = world.call(method, url, b"{}" if method == "POST" else None)
        assert (reply.status, error_code(reply)) == (status, code)


def test_me_needs_a_user(world: World) -> None:
    reply = world.call("GET", f"{world.graph.graph_url}/me/messages/{quote(world.message)}")
    assert (reply.status, error_code(reply)) == (400, "BadRequest")


@pytest.mark.parametrize("identifier", ["a%20b", "a%22b", "%C3%BC", "a+b", "a/b", "a%0Ab"])
def test_an_id_that_is_none_or_was_not_encoded_is_malformed(world: World, identifier: str) -> None:
    url = f"{collection(world, 'messages')}/{identifier}/attachments"
    reply = world.call("GET", url)
    assert (reply.status, error_code(reply)) == (400, "ErrorInvalidIdMalformed")


@pytest.mark.parametrize("identifier", ["AAMk/a=", "AAMk+a="])
def test_an_id_in_the_form_of_ews_is_malformed_even_when_encoded(world: World, identifier: str) -> None:
    reply = world.call("GET", world.item(item=identifier))
    assert (reply.status, error_code(reply)) == (400, "ErrorInvalidIdMalformed")


def test_an_id_with_hyphen_underscore_and_equals_works(world: World) -> None:
    item = world.graph.add_message(ADDRESS, id="AAMk-a_b=")
    assert world.call("GET", world.item(item=item)).json()["id"] == "AAMk-a_b="
    assert world.create(10, item=item).status == 201


def test_an_address_that_begins_with_a_dollar_is_a_key_and_no_segment(world: World) -> None:
    world.graph.add_mailbox("$ales@example.org")
    item = world.graph.add_message("$ales@example.org")
    base = f"{world.graph.graph_url}/users"
    tail = f"messages/{item}/attachments"
    assert world.call("GET", f"{base}/%24ales%40example.org/{tail}").status >= 400
    assert world.call("GET", f"{base}('%24ales%40example.org')/{tail}").status == 200


@pytest.mark.parametrize("kind", ["messages", "events"])
def test_an_unknown_item_is_not_found(world: World, kind: str) -> None:
    reply = world.call("GET", world.item(kind=kind, item="AAMkunknown"))
    assert (reply.status, error_code(reply)) == (404, "ErrorItemNotFound")


def test_an_event_is_no_message(world: World) -> None:
    assert world.call("GET", world.item(kind="messages", item=world.event)).status == 404
    assert world.call("GET", world.item(kind="events", item=world.event)).status == 200


def test_an_item_of_another_mailbox_is_named_as_such(world: World) -> None:
    world.graph.add_mailbox("bob@example.com")
    reply = world.call("GET", world.item(user="bob@example.com"))
    assert (reply.status, error_code(reply)) == (404, "ErrorInvalidMailboxItemId")


@pytest.mark.parametrize(
    "path",
    [
        "users/{u}/mailFolders/f/messages/{m}",
        "users/{u}/mailFolders/f/childFolders/g/messages/{m}",
        "Users/{u}/Messages/{m}",
        "users('{u}')/messages('{m}')",
        "users/{u}/messages('{m}')",
    ],
)
def test_every_way_to_write_a_message_leads_to_it(world: World, path: str) -> None:
    found = path.format(u=quote(ADDRESS, safe=""), m=quote(world.message, safe=""))
    assert world.call("GET", f"{world.graph.graph_url}/{found}").json()["id"] == world.message


@pytest.mark.parametrize("path", ["calendar", "calendars/c", "calendarGroups/g/calendars/c"])
def test_every_way_to_write_an_event_leads_to_it(world: World, path: str) -> None:
    url = f"{world.graph.graph_url}/users/{ADDRESS}/{path}/events/{quote(world.event, safe='')}"
    assert world.call("GET", url).json()["id"] == world.event


def test_a_message_is_found_by_its_internet_message_id(world: World) -> None:
    found = find(world, "messages", "internetMessageId eq '<one@example.com>'", "&$select=id,subject,isDraft")
    assert ids(found) == [world.message]
    assert found.json()["value"][0].keys() == {"@odata.etag", "id", "subject", "isDraft"}


def test_an_event_is_found_by_its_ical_uid(world: World) -> None:
    assert ids(find(world, "events", "iCalUId eq '040000008200E00074C5'")) == [world.event]


def test_a_lookup_can_find_nothing_or_several(world: World) -> None:
    sent = world.graph.add_message(ADDRESS, internet_message_id="<one@example.com>", is_draft=False)
    found = find(world, "messages", "internetMessageId eq '<one@example.com>'")
    assert ids(found) == [world.message, sent]
    assert [one["isDraft"] for one in found.json()["value"]] == [True, False]
    assert ids(find(world, "messages", "internetMessageId eq '<two@example.com>'")) == []
    assert ids(find(world, "messages", "internetMessageId eq '<one@example.com>'", "&$top=1")) == [world.message]


def test_a_lookup_stays_in_its_mailbox(world: World) -> None:
    world.graph.add_mailbox("bob@example.com")
    world.graph.add_message("bob@example.com", internet_message_id="<one@example.com>")
    assert ids(find(world, "messages", "internetMessageId eq '<one@example.com>'")) == [world.message]


def test_quotes_plus_signs_and_ampersands_in_a_lookup_survive(world: World) -> None:
    item = world.graph.add_message(ADDRESS, internet_message_id="<o'n+e&=%@x>")
    assert ids(find(world, "messages", "internetMessageId eq '<o''n+e&=%@x>'")) == [item]
    raw = f"{collection(world, 'messages')}?$filter=internetMessageId%20eq%20'%3Co''n+e%26=%25@x%3E'"
    assert ids(world.call("GET", raw)) == []


@pytest.mark.parametrize(
    ("kind", "text", "code"),
    [
        ("messages", "id in ('a')", "ErrorInvalidUrlQueryFilter"),
        ("messages", "internetMessageId eq 'a", "ErrorInvalidUrlQueryFilter"),
        ("messages", "internetMessageId eq 'a'b'", "ErrorInvalidUrlQueryFilter"),
        ("messages", "internetMessageId eq ''a''", "ErrorInvalidUrlQueryFilter"),
        ("messages", "iCalUId eq 'a'", "RequestBroker--ParseUri"),
        ("events", "internetMessageId eq 'a'", "RequestBroker--ParseUri"),
        ("events", "uid eq 'a'", "RequestBroker--ParseUri"),
    ],
)
def test_a_wrong_lookup_is_refused(world: World, kind: str, text: str, code: str) -> None:
    reply = find(world, kind, text)
    assert (reply.status, error_code(reply)) == (400, code)


@pytest.mark.parametrize("query", ["$select=nonsense", "$top=0", "$top=x", "$top=1001"])
def test_wrong_query_options_are_refused(world: World, query: str) -> None:
    assert world.call("GET", f"{collection(world, 'messages')}?{query}").status == 400


def test_an_item_shows_whether_files_are_attached(world: World) -> None:
    assert world.call("GET", world.item()).json()["hasAttachments"] is False
    world.post(b"x", isInline=True)
    assert world.call("GET", world.item()).json()["hasAttachments"] is False
    world.post(b"x")
    assert world.call("GET", f"{world.item()}?$select=hasAttachments").json()["hasAttachments"] is True


def test_a_new_item_is_not_found_for_so_many_calls(world: World) -> None:
    world.graph.switch(propagation_calls=2)
    item = world.graph.add_message(ADDRESS)
    statuses = [world.create(10, item=item).status for _ in range(3)]
    assert statuses == [404, 404, 201]


def test_a_new_item_is_not_found_for_so_long(world: World) -> None:
    world.graph.switch(propagation_seconds=60)
    item = world.graph.add_event(ADDRESS, ical_uid="new")
    assert world.call("GET", world.item(kind="events", item=item)).status == 404
    assert ids(find(world, "events", "iCalUId eq 'new'")) == []
    world.graph.advance(60)
    assert ids(find(world, "events", "iCalUId eq 'new'")) == [item]
    assert world.create(10, kind="events", item=item).status == 201


def test_immutable_ids_of_items_are_given_and_taken(world: World) -> None:
    prefer = {"Prefer": 'IdType="ImmutableId"'}
    stable = world.call("GET", world.item(), **prefer).json()["id"]
    assert stable != world.message
    reply = world.call("GET", world.item(item=stable), **prefer)
    assert reply.json()["id"] == stable
    assert world.call("GET", world.item(item=stable)).json()["id"] == world.message


def test_a_moved_item_has_another_id_and_the_same_immutable_one(world: World) -> None:
    prefer = {"Prefer": 'IdType="ImmutableId"'}
    stable = world.call("GET", world.item(), **prefer).json()["id"]
    upload = world.open(10)
    for _ in range(2):
        old, world.message = world.message, world.graph.move_item(world.message)
        assert old != world.message
        assert world.call("GET", world.item(item=old)).status == 404
        assert world.call("GET", world.item()).json()["id"] == world.message
        assert world.call("GET", world.item(item=stable), **prefer).json()["id"] == stable
        assert world.call("GET", world.item(item=stable)).json()["id"] == world.message
    assert world.put(upload, 0, b"0123456789", 10).status == 201
    assert len(world.stored()) == 1


def test_the_attachments_of_a_moved_item_have_other_ids_and_the_same_immutable_ones(world: World) -> None:
    prefer = {"Prefer": 'IdType="ImmutableId"'}
    world.post(b"0123")
    attachments = f"{world.item()}/attachments"
    [old], [stable] = ids(world.call("GET", attachments)), ids(world.call("GET", attachments, **prefer))
    world.message = world.graph.move_item(world.message)
    attachments = f"{world.item()}/attachments"
    [new] = ids(world.call("GET", attachments))
    assert new != old
    assert ids(world.call("GET", attachments, **prefer)) == [stable]
    found = [world.call("GET", f"{attachments}/{one}").status for one in (old, new, stable)]
    assert found == [404, 200, 200]


def test_a_service_may_not_give_immutable_ids(world: World) -> None:
    prefer = {"Prefer": 'IdType="ImmutableId"'}
    assert world.call("GET", world.item(), **prefer).json()["id"] != world.message
    world.graph.switch(immutable_ids=False)
    assert world.call("GET", world.item(), **prefer).json()["id"] == world.message


def test_access_to_a_new_mailbox_can_be_granted_late(world: World) -> None:
    world.graph.switch(access_seconds=60)
    world.graph.add_mailbox("new@example.com")
    item = world.graph.add_message("new@example.com")
    url = world.item(item=item, user="new@example.com")
    refused = world.call("GET", url)
    assert (refused.status, error_code(refused)) == (403, "ErrorAccessDenied")
    world.graph.advance(60)
    assert world.call("GET", url).status == 200


def test_a_removed_item_is_gone(world: World) -> None:
    world.graph.remove_item(world.message)
    assert world.call("GET", world.item()).status == 404
    assert ids(world.call("GET", collection(world, "messages"))) == []
