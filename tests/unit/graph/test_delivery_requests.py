"""A delivery's requests and answers, held to the emulator: what one writes the other reads."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from devkit.graph.memory import InMemoryGraph
from devkit.graph.scenario import ADDRESS, World
from devkit.graph.wire import Request
from shared.core.actions import Item, ListAttachments
from shared.core.codes import Code
from shared.core.delivery import actions as ac
from shared.core.delivery import events as ev
from shared.core.delivery.draft import BodyType, DraftText, Importance
from shared.core.model import GraphAnswer, ItemKind
from shared.graph.delivery_answers import delivery_event
from shared.graph.delivery_requests import DELIVERY_PROPERTY, NAME_PROPERTY, delivery_request
from shared.graph.http import GraphRequest, HttpAnswer
from tests.unit.core.delivery.delivery_shapes import OUTCOMES

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
BASE = "https://graph.microsoft.com/v1.0"
NAME = ac.Mark(ADDRESS, "Invoice 17", is_name=True)
BY_ID = ac.Mark(ADDRESS, "d" * 32, is_name=False)
TEXT = DraftText(
    to=("bob@example.org",),
    cc=("c@example.org",),
    bcc=("d@example.org",),
    reply_to=("r@example.org",),
    subject="Zürich",
    body="<p>Hello</p>",
    body_type=BodyType.HTML,
    importance=Importance.HIGH,
)
MESSAGE = Item(ADDRESS, ItemKind.MESSAGE, "AAMk/+=")
EVENT = Item(ADDRESS, ItemKind.EVENT, "AQ=")
CALLS: list[ac.GraphCall] = [
    ac.FindMarked(NAME),
    ac.FindDeletedItems(ADDRESS),
    ac.Compose(NAME, TEXT, NOW),
    ac.DeleteDraft(MESSAGE),
    ac.ReadItem(MESSAGE, NAME),
    ac.ReadItem(EVENT, BY_ID),
    ListAttachments(MESSAGE),
    ac.MarkItem(MESSAGE, BY_ID),
    ac.Submit(MESSAGE, NOW),
    ac.TellAttendees(EVENT, BY_ID, "Review", NOW),
]


class Mailbox:
    """The emulator, asked by what `delivery_request` makes."""

    def __init__(self) -> None:
        self.world = World(InMemoryGraph())
        self.graph = self.world.graph

    def ask(self, call: ac.GraphCall, body: str | None = None) -> ev.Event:
        request = delivery_request(call, BASE, body)
        headers = {**request.headers, "Authorization": f"Bearer {self.world.token}"}
        reply = self.graph.send(Request(request.method, request.url, headers, bytes(request.body or b"")))
        answer = HttpAnswer(reply.status, {key.lower(): one for key, one in reply.headers.items()}, reply.body)
        return delivery_event(call, answer, NOW)

    def composed(self, mark: ac.Mark = NAME) -> Item:
        made = self.ask(ac.Compose(mark, TEXT, NOW))
        assert isinstance(made, ev.Composed)
        return Item(ADDRESS, ItemKind.MESSAGE, made.item.id)


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.mark.parametrize("call", CALLS, ids=lambda call: type(call).__name__)
def test_ids_and_addresses_are_segments_of_their_own(call: ac.GraphCall) -> None:
    request = delivery_request(call, BASE)
    assert request.url.startswith(f"{BASE}/users/ann%40example.com/")
    assert "AAMk/+=" not in request.url
    assert isinstance(request, GraphRequest)
    is_act = isinstance(call, ac.Compose | ac.Submit | ac.TellAttendees)
    assert request.repeatable == (not is_act)


def test_send_has_no_body_and_names_no_folder() -> None:
    request = delivery_request(ac.Submit(MESSAGE, NOW), BASE)
    assert (request.method, request.url) == ("POST", f"{BASE}/users/ann%40example.com/messages/AAMk%2F%2B%3D/send")
    assert (request.headers, request.body) == ({"Content-Length": "0"}, b"")


def test_a_draft_is_made_of_what_was_asked_for_and_found_by_its_name(mailbox: Mailbox) -> None:
    item = mailbox.composed()
    shown = mailbox.world.call("GET", mailbox.world.item(item=item.id)).json()
    assert (shown["subject"], shown["importance"]) == ("Zürich", "high")
    assert shown["body"] == {"contentType": "html", "content": "<p>Hello</p>"}
    assert [shown[name][0]["emailAddress"]["address"] for name in ("toRecipients", "replyTo")] == [
        "bob@example.org",
        "r@example.org",
    ]
    found = mailbox.ask(ac.FindMarked(NAME))
    assert isinstance(found, ev.MarkedFound)
    (one,) = found.items
    assert (one.id, one.is_draft, one.marked, one.has_attachments) == (item.id, True, True, False)
    assert one.created_at == NOW
    assert one.internet_message_id


def test_the_body_may_come_from_a_blob_and_what_is_left_out_is_left_to_outlook(mailbox: Mailbox) -> None:
    bare = json.loads(bytes(delivery_request(ac.Compose(NAME, DraftText(), NOW), BASE).body or b""))
    assert set(bare) == {"singleValueExtendedProperties"}
    text = delivery_request(ac.Compose(NAME, DraftText(subject="x"), NOW), BASE, "Hello")
    assert json.loads(bytes(text.body or b""))["body"] == {"contentType": "text", "content": "Hello"}


@pytest.mark.parametrize("other", ["invoice 17", "INVOICE 17"])
def test_names_are_compared_exactly_though_the_search_is_not(mailbox: Mailbox, other: str) -> None:
    mailbox.composed(replace(NAME, value=other))
    found = mailbox.ask(ac.FindMarked(NAME))
    assert isinstance(found, ev.MarkedFound)
    assert found.items == ()


@pytest.mark.parametrize("name", ["o'neil & sons +1%", "Ä/ß?", "a" * 200])
def test_any_name_is_found_again(mailbox: Mailbox, name: str) -> None:
    mark = replace(NAME, value=name)
    item = mailbox.composed(mark)
    found = mailbox.ask(ac.FindMarked(mark))
    assert isinstance(found, ev.MarkedFound)
    assert [one.id for one in found.items] == [item.id]


def test_a_sent_message_is_seen_by_its_mark_and_where_its_id_stays_by_that(mailbox: Mailbox) -> None:
    mailbox.graph.switch(send_seconds=0, sent_id="kept")
    item = mailbox.composed()
    assert isinstance(mailbox.ask(ac.Submit(item, NOW)), ev.Submitted)
    for event in (mailbox.ask(ac.FindMarked(NAME)), mailbox.ask(ac.ReadItem(item, NAME))):
        assert isinstance(event, ev.MarkedFound | ev.ItemRead)
        (one,) = event.items if isinstance(event, ev.MarkedFound) else (event.item,)
        assert (one.is_draft, one.marked) == (False, True)
        assert one.sent_at == NOW


def test_send_with_the_id_of_a_draft_does_not_reach_what_somebody_has_sent(mailbox: Mailbox) -> None:
    item = mailbox.composed()
    mailbox.graph.send_draft(item.id)
    assert isinstance(mailbox.ask(ac.Submit(item, NOW)), ev.ItemMissing)
    assert len(mailbox.graph.outgoing()) == 1


def test_a_draft_of_somebody_elses_making_is_marked(mailbox: Mailbox) -> None:
    item = Item(ADDRESS, ItemKind.MESSAGE, mailbox.world.message)
    before = mailbox.ask(ac.ReadItem(item, BY_ID))
    assert isinstance(before, ev.ItemRead)
    assert before.item.marked is False
    assert isinstance(mailbox.ask(ac.MarkItem(item, BY_ID)), ev.ItemMarked)
    found = mailbox.ask(ac.FindMarked(BY_ID))
    assert isinstance(found, ev.MarkedFound)
    assert len(found.items) == 1


def test_deleted_drafts_are_told_by_their_folder(mailbox: Mailbox) -> None:
    item = mailbox.composed()
    assert isinstance(mailbox.ask(ac.DeleteDraft(item)), ev.DraftDeleted)
    known, found = mailbox.ask(ac.FindDeletedItems(ADDRESS)), mailbox.ask(ac.FindMarked(NAME))
    assert isinstance(known, ev.DeletedItemsKnown)
    assert isinstance(found, ev.MarkedFound)
    assert [one.folder_id for one in found.items] == [known.folder_id]


def test_attendees_are_told_once_and_the_event_says_so(mailbox: Mailbox) -> None:
    event = mailbox.graph.add_event(ADDRESS, attendees=("bob@example.org",))
    item = Item(ADDRESS, ItemKind.EVENT, event)
    before = mailbox.ask(ac.ReadItem(item, BY_ID))
    assert isinstance(before, ev.ItemRead)
    assert before.item.marked is False
    told = mailbox.ask(ac.TellAttendees(item, BY_ID, before.item.subject, NOW))
    assert isinstance(told, ev.AttendeesTold)
    after = mailbox.ask(ac.ReadItem(item, BY_ID))
    assert isinstance(after, ev.ItemRead)
    assert after.item.marked is True
    assert mailbox.graph.copies(event)["bob@example.org"]["mails"] == 2


@pytest.mark.parametrize(
    ("setup", "code"),
    [
        ({"may_send": False}, Code.ACCESS_DENIED),
        ({"send_limit": 3}, Code.MESSAGE_LIMIT_EXCEEDED),
        ({"second_send": "refuse", "send_seconds": 60}, Code.GRAPH_REFUSED),
    ],
)
def test_refusals_of_send_have_a_code(mailbox: Mailbox, setup: dict[str, object], code: Code) -> None:
    item = mailbox.composed()
    mailbox.world.post(b"data", item=item.id)
    mailbox.graph.switch(**setup)
    if "second_send" in setup:
        mailbox.ask(ac.Submit(item, NOW))
    event = mailbox.ask(ac.Submit(item, NOW))
    assert isinstance(event, ev.NotDone | ev.Refused)
    assert (event.code if isinstance(event, ev.NotDone) else event.failure.code) is code


ANSWERS = [
    HttpAnswer(status, {}, body)
    for status in (200, 201, 202, 204, 302, 400, 401, 403, 404, 408, 409, 412, 413, 429, 500, 503, 504, 507)
    for body in (
        b"",
        b"{",
        b"[]",
        b'{"value": [{}]}',
        b'{"value": [{"id": "..", "isDraft": true}]}',
        b'{"value": [{"id": "a"}]}',
        b'{"id": "a", "isDraft": "yes"}',
        b'{"id": "a", "isDraft": false, "singleValueExtendedProperties": [1]}',
        b'{"error": {"code": "ErrorInvalidRecipients"}}',
    )
]


@pytest.mark.parametrize("call", CALLS, ids=lambda call: type(call).__name__)
def test_whatever_comes_back_is_an_event_that_the_table_knows_and_only_202_is_submitted(call: ac.GraphCall) -> None:
    for answer in ANSWERS:
        event = delivery_event(call, answer, NOW)
        assert type(event) in OUTCOMES[type(call)]
        assert event.graph is not None or isinstance(event, ev.Refused)
        if isinstance(event, ev.Submitted):
            assert answer.status == 202
        if isinstance(event, ev.Composed):
            assert answer.status == 201


def test_an_answer_with_the_mark_of_another_case_of_its_guid_is_read() -> None:
    shown = {"id": "a", "isDraft": True}
    for key, marked in ((NAME_PROPERTY.upper(), True), (DELIVERY_PROPERTY, False)):
        body = {**shown, "singleValueExtendedProperties": [{"id": key, "value": NAME.value}]}
        event = delivery_event(ac.ReadItem(MESSAGE, NAME), HttpAnswer(200, {}, json.dumps(body).encode()), NOW)
        assert isinstance(event, ev.ItemRead)
        assert event.item.marked is marked
        assert event.graph == GraphAnswer(200)
