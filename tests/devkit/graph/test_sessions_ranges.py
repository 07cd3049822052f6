"""Upload sessions: ranges, and what is asked of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

import pytest

from devkit.graph.scenario import error_code
from devkit.graph.wire import Request

if TYPE_CHECKING:
    from devkit.graph.scenario import World

DATA = b"0123456789"


def after_one_range(world: World, **switches: object) -> dict[str, Any]:
    world.graph.switch(**switches)
    url = world.open(10)
    reply = world.put(url, 0, DATA[:4], 10)
    assert reply.status == 200
    found: dict[str, Any] = reply.json()
    return found


def ranges(answer: dict[str, Any]) -> list[str]:
    found: list[str] = next(value for key, value in answer.items() if key.lower() == "nextexpectedranges")
    return found


@pytest.mark.parametrize(
    ("casing", "keys"),
    [
        ("mixed", {"ExpirationDateTime", "nextExpectedRanges"}),
        ("pascal", {"ExpirationDateTime", "NextExpectedRanges"}),
        ("camel", {"expirationDateTime", "nextExpectedRanges"}),
    ],
)
def test_progress_comes_in_every_casing(world: World, casing: str, keys: set[str]) -> None:
    answer = after_one_range(world, key_casing=casing)
    assert set(answer) == keys | {"@odata.context"}
    assert ranges(answer) == ["4"]
    owner = rf"Users\('{world.mailbox}%40[0-9a-f-]+'\)/Messages\('{quote(world.message, safe='')}'\)"
    context = rf"{world.graph.upload_origin}/api/v2.0/\$metadata#{owner}/AttachmentSessions/\$entity"
    assert re.fullmatch(context, answer["@odata.context"])


@pytest.mark.parametrize(
    ("form", "gaps", "order", "expected"),
    [
        ("N", 1, "ascending", ["4"]),
        ("N-", 1, "ascending", ["4-"]),
        ("N-M", 1, "ascending", ["4-9"]),
        ("N", 2, "ascending", ["4", "7"]),
        ("N-", 3, "ascending", ["4-5", "6-7", "8-"]),
        ("N-M", 2, "descending", ["7-9", "4-6"]),
        ("N-M", 99, "ascending", ["4-4", "5-5", "6-6", "7-7", "8-8", "9-9"]),
    ],
)
def test_what_is_missing_comes_in_every_form(
    world: World, form: str, gaps: int, order: str, expected: list[str]
) -> None:
    assert ranges(after_one_range(world, range_form=form, range_gaps=gaps, range_order=order)) == expected


@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [
        ("416", 416, "invalidRange"),
        ("400", 400, "ErrorInvalidRequest"),
        ("409", 409, "ErrorConflict"),
        ("restate", 200, ""),
    ],
)
@pytest.mark.parametrize(("start", "end"), [(0, 4), (2, 6), (5, 9), (9, 10), (0, 10)])
def test_a_wrong_offset_changes_nothing_whatever_the_answer(
    world: World, answer: str, status: int, code: str, start: int, end: int
) -> None:
    world.graph.switch(wrong_offset=answer)
    url = world.open(10)
    world.put(url, 0, DATA[:4], 10)
    reply = world.put(url, start, b"#" * (end - start), 10)
    assert reply.status == status
    assert ranges(reply.json()) == ["4"] if status == 200 else error_code(reply) == code
    assert world.graph.sessions()[0]["received"] == 4
    assert world.put(url, 4, DATA[4:], 10).status == 201
    assert world.stored_bytes() == [DATA]


@pytest.mark.parametrize(
    "content_range",
    [
        None,
        "",
        "bytes 0-4/11",
        "bytes 0-5/10",
        "bytes 0-3/10",
        "bytes 4-0/10",
        "bytes 8-12/10",
        "bytes */10",
        "bytes 0-4/*",
        "bytes=0-4/10",
        "0-4/10",
    ],
)
def test_a_range_whose_lengths_do_not_agree_is_refused(world: World, content_range: str | None) -> None:
    url = world.open(10)
    headers = {} if content_range is None else {"Content-Range": content_range}
    reply = world.graph.send(Request("PUT", url, headers, DATA[:5]))
    assert (reply.status, error_code(reply)) == (400, "ErrorInvalidRequest")
    assert world.graph.sessions()[0]["received"] == 0


def test_a_partly_accepted_range_reports_the_lower_next_start(world: World) -> None:
    answer = after_one_range(world, partial_bytes=3)
    assert ranges(answer) == ["3"]
    url = world.graph.sessions()[0]["url"]
    assert ranges(world.put(url, 3, DATA[3:], 10).json()) == ["6"]
    assert world.put(url, 6, DATA[6:], 10).status == 200
    assert world.put(url, 9, DATA[9:], 10).status == 201
    assert world.stored_bytes() == [DATA]


def test_a_range_over_the_longest_is_refused_and_a_shorter_one_goes_on(world: World) -> None:
    world.graph.switch(max_range=5)
    url = world.open(10)
    reply = world.put(url, 0, DATA[:6], 10)
    assert (reply.status, error_code(reply)) == (413, "RequestEntityTooLarge")
    assert world.put(url, 0, DATA[:5], 10).status == 200
    assert world.put(url, 5, DATA[5:], 10).status == 201


def test_any_length_of_range_is_taken_unless_limited(world: World) -> None:
    data = bytes(9_000_000)
    url = world.open(len(data))
    assert world.put(url, 0, data, len(data)).status == 201


def test_the_first_puts_can_meet_a_session_that_is_not_there_yet(world: World) -> None:
    world.graph.switch(first_put_404=2)
    url = world.open(10)
    for _ in range(2):
        reply = world.put(url, 0, DATA[:4], 10)
        assert (reply.status, error_code(reply)) == (404, "ErrorItemNotFound")
    assert world.put(url, 0, DATA, 10).status == 201


def test_authorization_on_an_upload_url_is_refused(world: World) -> None:
    url = world.open(10)
    for request in (
        world.range(url, 0, DATA, 10, Authorization=f"Bearer {world.token}"),
        Request("GET", url, {"Authorization": "Bearer x"}),
        Request("DELETE", url, {"authorization": "Bearer x"}),
    ):
        reply = world.graph.send(request)
        assert (reply.status, error_code(reply)) == (401, "InvalidAudienceForResource")
    assert world.put(url, 0, DATA, 10).status == 201


@pytest.mark.parametrize("change", ["query", "path", "escape", "no-query"])
def test_an_upload_url_works_only_byte_for_byte(world: World, change: str) -> None:
    url = world.open(10)
    path, _, query = url.partition("?")
    changed = {
        "query": url[:-5] + "AAAAA",
        "path": path[:-4] + "A')" + "?" + query,
        "escape": unquote(path) + "?" + query,
        "no-query": path,
    }[change]
    reply = world.put(changed, 0, DATA, 10)
    assert reply.status == (401 if change in {"query", "no-query"} else 404)
    assert world.graph.sessions()[0]["received"] == 0


def test_the_mailbox_limit_can_be_met_at_the_start(world: World) -> None:
    world.graph.add_mailbox("small@example.com", message_limit=15)
    item = world.graph.add_message("small@example.com")
    url = world.item("attachments", "createUploadSession", item=item, user="small@example.com")
    for size, status in ((15, 201), (16, 400)):
        reply = world.call("POST", url, {"AttachmentItem": {"attachmentType": "file", "name": "a", "size": size}})
        assert reply.status == status
    assert error_code(reply) == "ErrorMessageSizeExceeded"


@pytest.mark.parametrize("status", [413, 400, 507])
def test_the_mailbox_limit_can_come_late_in_the_middle(world: World, status: int) -> None:
    world.graph.add_mailbox("small@example.com", message_limit=7)
    item = world.graph.add_message("small@example.com")
    world.graph.switch(message_limit_at="put", message_limit_status=status)
    url = world.item("attachments", "createUploadSession", item=item, user="small@example.com")
    made = world.call("POST", url, {"AttachmentItem": {"attachmentType": "file", "name": "a", "size": 10}})
    upload = made.json()["uploadUrl"]
    assert world.put(upload, 0, DATA[:5], 10).status == 200
    reply = world.put(upload, 5, DATA[5:], 10)
    assert (reply.status, error_code(reply)) == (status, "ErrorMessageSizeExceeded")
    assert world.graph.attachments("small@example.com", item) == []
