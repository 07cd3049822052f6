"""Actions as requests: exact URLs, headers and bodies."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core import actions as ac
from shared.core.model import Attachment, ItemKind, Route, Target, TargetKey
from shared.graph.http import GraphRequest, UploadRequest
from shared.graph.prepare import POST_BODY_LIMIT, graph_request, post_body_bytes, route_for, session_request
from tests.unit.core.shapes import NOW

BASE = "https://graph.microsoft.com/v1.0"
URL = "https://outlook.office.com/api/v2.0/Users('o@t')/Messages('M%3D')/AttachmentSessions('S')?authtoken=canary%3D"
MESSAGE = ac.Item("ann@example.com", ItemKind.MESSAGE, "AAMk/+=")
EVENT = ac.Item("0b6d2c1e-2f4a-4d0c-9a4e-1c2d3e4f5a6b", ItemKind.EVENT, "AQ_-")
FILE = Attachment('Zürich "q".pdf', "application/pdf")
INLINE = Attachment("logo.png", "image/png", is_inline=True, content_id="logo@1")
ON_MESSAGE = f"{BASE}/users/ann%40example.com/messages/AAMk%2F%2B%3D/attachments"
ON_EVENT = f"{BASE}/users/0b6d2c1e-2f4a-4d0c-9a4e-1c2d3e4f5a6b/events/AQ_-/attachments"
JSON = {"Content-Type": "application/json", "Accept": "application/json"}
READ = {"Accept": "application/json"}
FIND = {**READ, "Prefer": 'IdType="ImmutableId"'}


def find(key: TargetKey, value: str) -> ac.FindItem:
    return ac.FindItem(Target("ann@example.com", key, value))


GRAPH: list[tuple[ac.GraphCall, GraphRequest]] = [
    (
        ac.ListAttachments(ac.Item("$o'x@example.com", ItemKind.EVENT, "AQ_-")),
        GraphRequest(
            "GET", f"{BASE}/users('%24o%27%27x%40example.com')/events/AQ_-/attachments?$select=id,name,size", READ
        ),
    ),
    (
        ac.FindItem(Target("$x@example.com", TargetKey.ICAL_UID, "1")),
        GraphRequest(
            "GET",
            f"{BASE}/users('%24x%40example.com')/events?$filter=iCalUId%20eq%20%271%27&$select=id&$top=50",
            FIND,
        ),
    ),
    (
        find(TargetKey.INTERNET_MESSAGE_ID, "<o'x+y&z@example.com>"),
        GraphRequest(
            "GET",
            f"{BASE}/users/ann%40example.com/messages?$filter=internetMessageId%20eq%20%27%3Co%27%27x%2By%26z%40"
            "example.com%3E%27&$select=id,isDraft&$top=50",
            FIND,
        ),
    ),
    (
        find(TargetKey.ICAL_UID, "0400#/"),
        GraphRequest(
            "GET",
            f"{BASE}/users/ann%40example.com/events?$filter=iCalUId%20eq%20%270400%23%2F%27&$select=id&$top=50",
            FIND,
        ),
    ),
    (ac.ListAttachments(MESSAGE), GraphRequest("GET", f"{ON_MESSAGE}?$select=id,name,size", READ)),
    (ac.ListAttachments(EVENT), GraphRequest("GET", f"{ON_EVENT}?$select=id,name,size", READ)),
    (
        ac.OpenSession(MESSAGE, FILE, 20),
        GraphRequest(
            "POST",
            f"{ON_MESSAGE}/createUploadSession",
            JSON,
            '{"AttachmentItem": {"attachmentType": "file", "name": "Zürich \\"q\\".pdf", "size": 20, '
            '"contentType": "application/pdf", "isInline": false}}'.encode(),
        ),
    ),
    (
        ac.OpenSession(EVENT, INLINE, 157_286_400),
        GraphRequest(
            "POST",
            f"{ON_EVENT}/createUploadSession",
            JSON,
            b'{"AttachmentItem": {"attachmentType": "file", "name": "logo.png", "size": 157286400, '
            b'"contentType": "image/png", "isInline": true, "contentId": "logo@1"}}',
        ),
    ),
    (
        ac.PostAttachment(MESSAGE, FILE, 4, NOW),
        GraphRequest(
            "POST",
            ON_MESSAGE,
            JSON,
            '{"@odata.type": "#microsoft.graph.fileAttachment", "name": "Zürich \\"q\\".pdf", '
            '"contentType": "application/pdf", "isInline": false, "contentBytes": "AAAAAA=="}'.encode(),
            repeatable=False,
        ),
    ),
    (
        ac.PostAttachment(EVENT, INLINE, 4, NOW),
        GraphRequest(
            "POST",
            ON_EVENT,
            JSON,
            b'{"@odata.type": "#microsoft.graph.fileAttachment", "name": "logo.png", "contentType": "image/png", '
            b'"isInline": true, "contentId": "logo@1", "contentBytes": "AAAAAA=="}',
            repeatable=False,
        ),
    ),
    (ac.CompareAttachment(MESSAGE, "a/b", 20), GraphRequest("GET", f"{ON_MESSAGE}/a%2Fb/$value", {})),
]


@pytest.mark.parametrize(("call", "request_"), GRAPH)
def test_a_call_to_graph_is_exactly_this_request(call: ac.GraphCall, request_: GraphRequest) -> None:
    content = bytes(4) if isinstance(call, ac.PostAttachment) else None
    assert graph_request(call, BASE, content) == request_


SESSION: list[tuple[ac.SessionCall, bytes | None, UploadRequest]] = [
    (
        ac.PutRange(URL, 8, 8, 20),
        b"12345678",
        UploadRequest(
            "PUT",
            URL,
            {
                "Content-Type": "application/octet-stream",
                "Content-Length": "8",
                "Content-Range": "bytes 8-15/20",
            },
            b"12345678",
        ),
    ),
    (ac.AskSession(URL), None, UploadRequest("GET", URL, READ)),
    (ac.CancelSession(URL), None, UploadRequest("DELETE", URL, {})),
]


@pytest.mark.parametrize(("call", "content", "request_"), SESSION)
def test_a_call_to_a_session_is_exactly_this_request_without_the_apps_token(
    call: ac.SessionCall, content: bytes | None, request_: UploadRequest
) -> None:
    assert session_request(call, content) == request_


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_a_range_is_sent_from_the_buffer_it_is_in(kind: Any) -> None:
    content = kind(b"12345678")
    assert session_request(ac.PutRange(URL, 0, 8, 20), content).body is content


@pytest.mark.parametrize("content", [None, b"", b"1234567", b"123456789"])
def test_a_range_of_another_length_is_refused(content: bytes | None) -> None:
    with pytest.raises(ValueError, match=r"^a range of 8 bytes needs exactly these bytes$"):
        session_request(ac.PutRange(URL, 0, 8, 20), content)


def test_a_post_without_its_content_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^a POST needs the file's content$"):
        graph_request(ac.PostAttachment(MESSAGE, FILE, 4, NOW), BASE)


def test_a_secret_url_and_the_content_stay_out_of_the_representation() -> None:
    shown = repr(session_request(ac.PutRange(URL, 0, 8, 20), b"contents"))
    assert "canary" not in shown
    assert "contents" not in shown


HOSTILE = ["a/b", "../x", "a?b=c", "a#b", "a%2Fb", "a b", "é", "a'b", "a&b", "\u202ertl", "a\\b", "\x00", ";v=1"]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_ids_stay_inside_their_own_segment(text: str) -> None:
    url = graph_request(ac.ListAttachments(ac.Item(text, ItemKind.MESSAGE, text)), BASE).url
    path, _, query = url.removeprefix(f"{BASE}/").partition("?")
    assert len(path.split("/")) == 5
    assert query == "$select=id,name,size"
    assert url.isascii()
    assert not set(url) & set(" #\\'&;\x00")


@pytest.mark.parametrize(("text", "segment"), [(".", "%2E"), ("..", "%2E%2E"), ("...", "%2E%2E%2E"), ("a.b", "a.b")])
def test_a_segment_of_dots_alone_is_encoded(text: str, segment: str) -> None:
    url = graph_request(ac.ListAttachments(ac.Item("m", ItemKind.EVENT, text)), BASE).url
    assert url == f"{BASE}/users/m/events/{segment}/attachments?$select=id,name,size"


@pytest.mark.parametrize("attachment", [FILE, INLINE, Attachment("a", "b")])
@pytest.mark.parametrize("size", [*range(40), 1000, 100_001, 196_607, 196_608, 196_609, 500_000])
def test_the_length_of_a_posts_body_is_known_before_it_is_built(attachment: Attachment, size: int) -> None:
    content = bytes(index % 251 for index in range(size))
    body = graph_request(ac.PostAttachment(MESSAGE, attachment, size, NOW), BASE, content).body
    assert isinstance(body, bytearray)
    assert post_body_bytes(attachment, size) == len(body)
    sent = json.loads(body)
    assert base64.b64decode(sent["contentBytes"]) == content
    assert sent["name"] == attachment.name


@given(st.text(st.characters(exclude_categories=["Cs"])), st.text(max_size=20), st.integers(0, 50))
def test_any_name_makes_a_body_of_the_length_foretold(name: str, kind: str, size: int) -> None:
    attachment = Attachment(name, kind, size % 2 == 0, name if size % 2 == 0 else None)
    body = graph_request(ac.PostAttachment(MESSAGE, attachment, size, NOW), BASE, bytes(size)).body
    assert isinstance(body, bytearray)
    assert len(body) == post_body_bytes(attachment, size)
    assert json.loads(body)["name"] == name


def test_a_file_is_posted_while_the_whole_body_fits_into_4_mib() -> None:
    assert POST_BODY_LIMIT == 4_194_304
    plain = Attachment("a", "b")
    largest = max(size for size in range(3_145_000, 3_146_000) if post_body_bytes(plain, size) <= POST_BODY_LIMIT)
    assert route_for(plain, 1) is Route.POST
    assert route_for(plain, largest) is Route.POST
    assert route_for(plain, largest + 1) is Route.SESSION
    body = graph_request(ac.PostAttachment(MESSAGE, plain, largest, NOW), BASE, bytes(largest)).body
    assert body is not None
    assert POST_BODY_LIMIT - 3 <= len(body) <= POST_BODY_LIMIT


def test_a_body_of_exactly_the_limit_is_posted() -> None:
    names = (Attachment("n" * length, "b") for length in range(1, 5))
    exact = next(one for one in names if post_body_bytes(one, 3_145_500) % 4 == 0)
    size = 3_145_500 + (POST_BODY_LIMIT - post_body_bytes(exact, 3_145_500)) // 4 * 3
    assert post_body_bytes(exact, size) == POST_BODY_LIMIT
    assert route_for(exact, size) is Route.POST
    assert route_for(exact, size + 1) is Route.SESSION
