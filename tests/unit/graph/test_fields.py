"""The pieces of an answer: each reader takes what it knows, and makes nothing of the rest."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.events import FoundItem
from shared.core.model import GraphAnswer, Listed
from shared.graph import fields
from shared.graph.http import HttpAnswer
from tests.unit.core.shapes import NOW


def answer(status: int = 200, body: Any = None, **headers: str) -> HttpAnswer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpAnswer(status, named, b"" if body is None else json.dumps(body).encode())


@pytest.mark.parametrize(
    ("ranges", "start"),
    [
        (["0-"], 0),
        (["2097152"], 2097152),
        (["8-15"], 8),
        (["16-", "4-7"], 4),
        (["12-", "8-9"], 8),
        ([" 8 - 15 "], 8),
        ([8], 8),
        (["999999999999999999-"], 10**18 - 1),
        ([], None),
        (None, None),
        ("0-", None),
        (b"0-", None),
        ({"0": 1}, None),
        (["x"], None),
        (["8-", "x"], None),
        (["-8"], None),
        ([""], None),
        (["8-15-"], None),
        (["1" * 19], None),
        (["٣-"], None),
        ([None], None),
        ([8.0], None),
        ([True], None),
        ([["8-"]], None),
        (8, None),
    ],
)
def test_the_lowest_start_of_every_form_is_the_next_byte(ranges: object, start: int | None) -> None:
    assert fields.lowest_start(ranges) == start


@pytest.mark.parametrize("key", ["nextExpectedRanges", "NextExpectedRanges", "NEXTEXPECTEDRANGES"])
def test_the_next_byte_is_found_in_any_casing(key: str) -> None:
    assert fields.next_offset(answer(200, {key: ["8-"]})) == 8
    assert fields.next_offset(answer(200, {})) is None


DAY = fields.LONGEST_RETRY_AFTER.total_seconds()


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("10", 10.0),
        ("0", 0.0),
        ("1.5", 1.5),
        ("0.25", 0.25),
        (" 7 ", 7.0),
        ("86400", DAY),
        ("86401", DAY),
        ("9" * 400, DAY),
        ("Mon, 02 Mar 2026 08:00:41 GMT", 41.0),
        ("Mon, 02 Mar 2026 09:00:41 +0100", 41.0),
        ("Mon, 02 Mar 2026 08:00:41 -0000", 41.0),
        ("Mon, 02 Mar 2026 07:59:00 GMT", 0.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", DAY),
        ("Fri, 31 Dec 9999 23:59:59 -2300", DAY),
        ("Mon, 1 Jan 0001 00:00:00 +2300", 0.0),
        ("", None),
        ("-1", None),
        ("1e3", None),
        ("٣", None),
        ("soon", None),
        ("1.", None),
        (".5", None),
        ("1,5", None),
        ("\x00", None),
        ("Mon, 1 Jan 99999999999999999999 00:00:00 GMT", None),
        ("Mon, 1 Jan 2026 00:00:00 +99999999999999999999", None),
        ("Mon, 41 Jan 2026 00:00:00 GMT", None),
    ],
)
def test_retry_after_counts_seconds_or_names_a_date(value: str, seconds: float | None) -> None:
    assert fields.retry_after(answer(429, retry_after=value), NOW) == seconds


def test_without_the_header_nothing_is_asked() -> None:
    assert fields.retry_after(answer(429), NOW) is None


@given(st.text())
def test_any_retry_after_is_a_bounded_wait_or_none(value: str) -> None:
    seconds = fields.retry_after(answer(429, retry_after=value), NOW)
    assert seconds is None or 0 <= seconds <= DAY


ERROR = {"error": {"code": "ErrorItemNotFound", "message": "canary", "innerError": {"request-id": "inner-1"}}}


def test_a_date_to_wait_for_is_read_against_the_clock_that_sent_it() -> None:
    ours_is_slow = {"date": "Mon, 02 Mar 2026 09:00:00 GMT", "retry-after": "Mon, 02 Mar 2026 09:00:30 GMT"}
    assert fields.retry_after(HttpAnswer(429, ours_is_slow), NOW) == 30
    unreadable = {**ours_is_slow, "date": "yesterday"}
    assert fields.retry_after(HttpAnswer(429, unreadable), datetime(2026, 3, 2, 9, tzinfo=UTC)) == 30


@pytest.mark.parametrize(
    ("seen", "kept"),
    [
        (answer(404, ERROR, request_id="head-1"), GraphAnswer(404, "ErrorItemNotFound", "head-1")),
        (answer(404, ERROR), GraphAnswer(404, "ErrorItemNotFound", "inner-1")),
        (answer(404, {"Error": {"Code": "X", "InnerError": {"RequestId": "in-2"}}}), GraphAnswer(404, "X", "in-2")),
        (answer(404, {"error": {"code": "a.b:C_d-9"}}), GraphAnswer(404, "a.b:C_d-9")),
        (answer(404, {"error": {"code": "has space"}}, request_id="a b"), GraphAnswer(404)),
        (answer(404, {"error": {"code": "c" * 128}}, request_id="r" * 129), GraphAnswer(404, "c" * 128)),
        (answer(404, {"error": {"code": "https://outlook.office.com/?authtoken=canary"}}), GraphAnswer(404)),
        (answer(404, {"error": {"code": 5, "innerError": "x"}}), GraphAnswer(404)),
        (answer(404, {"error": "x"}), GraphAnswer(404)),
        (answer(200, ERROR, request_id="head-1"), GraphAnswer(200, None, "head-1")),
        (answer(200, ERROR), GraphAnswer(200)),
        (HttpAnswer(503, {}, b"<html>"), GraphAnswer(503)),
    ],
)
def test_of_an_answer_only_status_code_and_request_id_are_kept(seen: HttpAnswer, kept: GraphAnswer) -> None:
    assert fields.summary(seen) == kept


@pytest.mark.parametrize(
    ("body", "link"), [({"@odata.nextLink": "https://x"}, "https://x"), ({}, None), ({"@odata.nextLink": 5}, None)]
)
def test_the_next_page_is_where_the_answer_says(body: object, link: str | None) -> None:
    assert fields.next_link(answer(200, body)) == link


def lowered(body: Any) -> Any:
    return answer(200, body).json()


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"value": []}, ()),
        ({"Value": [{"Id": "A", "IsDraft": True}]}, (FoundItem("A", is_draft=True),)),
        (
            {"value": [{"id": "A", "isDraft": False}, {"id": "b"}]},
            (FoundItem("A", is_draft=False), FoundItem("b", is_draft=False)),
        ),
        ({"value": [{"id": "A", "isDraft": "true"}]}, (FoundItem("A", is_draft=False),)),
        ({}, None),
        ({"value": {}}, None),
        ({"value": ["A"]}, None),
        ({"value": [{"id": ""}]}, None),
        ({"value": [{"id": 5}]}, None),
        ({"value": [{"id": "a"}, {}]}, None),
    ],
)
def test_a_lookup_is_a_list_of_items_with_ids(body: object, found: object) -> None:
    assert fields.items(lowered(body)) == found


@pytest.mark.parametrize(
    ("body", "listed"),
    [
        ({"value": []}, ()),
        ({"Value": [{"Id": "A", "Name": "n", "Size": 5}]}, (Listed("A", "n", 5),)),
        ({"value": [{"id": "A", "size": 0}]}, (Listed("A", "", 0),)),
        ({"value": [{"id": "A", "name": 5, "size": 5}]}, (Listed("A", "", 5),)),
        ({"value": [{"id": "A", "name": "n", "size": "5"}]}, (Listed("A", "n", None),)),
        ({"value": [{"id": "A", "name": "n", "size": 5.0}]}, (Listed("A", "n", None),)),
        ({"value": [{"id": "A", "name": "n", "size": True}]}, (Listed("A", "n", None),)),
        ({"value": [{"id": "A", "name": "n"}]}, (Listed("A", "n", None),)),
        (
            {"value": [{"@odata.type": "#microsoft.graph.referenceAttachment", "id": "A"}]},
            (Listed("A", "", None, True),),
        ),
        ({"value": [{"@odata.type": "#microsoft.graph.itemAttachment", "id": "A"}]}, (Listed("A", "", None),)),
        ({"value": [{"@odata.type": 5, "id": "A"}]}, (Listed("A", "", None),)),
        ({"value": [{"name": "n", "size": 5}]}, None),
        ({"value": [{"id": "A", "size": 5}, None]}, None),
        ({"value": None}, None),
    ],
)
def test_a_listing_is_a_list_of_attachments_with_ids(body: object, listed: object) -> None:
    assert fields.listing(lowered(body)) == listed


@pytest.mark.parametrize(
    ("location", "attachment_id"),
    [
        ("https://outlook.office.com/api/v2.0/Users('o@t')/Messages('M')/Attachments('AAMk=')", "AAMk="),
        ("https://outlook.office.com/api/v2.0/users('o')/events('e')/attachments('A%2FB%3D')", "A/B="),
        ("https://outlook.office.com/api/v2.0/Messages%28%27M%27%29/Attachments%28%27AAMk%3D%27%29", "AAMk="),
        ("https://outlook.office.com/api/v2.0/users%28'o'%29/attachments%28'AAMk%2D%3d'%29", "AAMk-="),
        ("/x/ATTACHMENTS('first')/Attachments('last')", "last"),
        ("https://graph.microsoft.com/v1.0/users/u/messages/m/attachments/AAMk%3D?x=1", "AAMk="),
        ("https://graph.microsoft.com/v1.0/users/u/messages/m/attachments/AAMk", "AAMk"),
        ("https://outlook.office.com/api/v2.0/Users('o')/AttachmentSessions('S')", None),
        ("https://outlook.office.com/attachments", None),
        ("https://outlook.office.com/attachments('')", None),
        ("", None),
    ],
)
def test_the_attachments_id_is_the_last_in_the_location(location: str, attachment_id: str | None) -> None:
    assert fields.attachment_id(answer(201, location=location)) == attachment_id


def test_without_a_location_there_is_no_id() -> None:
    assert fields.attachment_id(answer(201)) is None


@pytest.mark.parametrize(
    ("value", "text"),
    [("x", "x"), ("\U0001f600", "\U0001f600"), ("", None), (5, None), (None, None), (["x"], None), ("a\ud83d", None)],
)
def test_text_is_a_string_that_is_not_empty_and_that_can_be_stored(value: object, text: str | None) -> None:
    assert fields.text(value) == text


@pytest.mark.parametrize(
    ("value", "at"),
    [
        ("2019-09-25T01:09:30.7671707Z", datetime(2019, 9, 25, 1, 9, 30, 767170, tzinfo=UTC)),
        ("2019-09-25T01:09:30Z", datetime(2019, 9, 25, 1, 9, 30, tzinfo=UTC)),
        ("2019-09-25T03:09:30+02:00", datetime(2019, 9, 25, 1, 9, 30, tzinfo=UTC)),
        ("2019-09-25T01:09:30", datetime(2019, 9, 25, 1, 9, 30, tzinfo=UTC)),
        ("2019-13-25T01:09:30Z", None),
        ("9999-12-31T23:59:59-01:00", None),
        ("0001-01-01T00:00:00+01:00", None),
        ("soon", None),
        ("", None),
        (5, None),
        (None, None),
    ],
)
def test_an_instant_is_read_in_utc(value: object, at: datetime | None) -> None:
    read = fields.instant(value)
    assert read == at
    assert read is None or read.utcoffset() == timedelta(0)


def test_a_time_without_a_zone_is_utc_wherever_the_machine_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        read = [fields.instant(text) for text in ("2019-09-25T01:09:30", "2019-09-25T01:09:30Z")]
    time.tzset()
    assert read == [datetime(2019, 9, 25, 1, 9, 30, tzinfo=UTC)] * 2
    assert [at.utcoffset() for at in read if at] == [timedelta(0)] * 2


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://Evil.example:8443/x?authtoken=canary", "evil.example"),
        ("https://user:canary@evil.example/", "evil.example"),
        ("/x?authtoken=canary", ""),
        ("https://[::1", ""),
        ("https://authtoken=canary/x", ""),
        ("", ""),
    ],
)
def test_of_an_untrusted_url_only_the_host_is_told(url: str, host: str) -> None:
    assert fields.host_of(url) == host


@pytest.mark.parametrize(("body", "said"), [({"error": {"code": "X"}}, {"code": "X"}), ({"error": "X"}, {}), ({}, {})])
def test_a_refusals_error_is_an_object_or_nothing(body: dict[str, Any], said: object) -> None:
    assert fields.error(body) == said


@pytest.mark.parametrize("unusable", ["", ".", "..", "é", "a\n", "a" * 4097, 7, None])
def test_an_item_whose_id_cannot_stand_in_a_path_makes_the_answer_unusable(unusable: object) -> None:
    assert fields.items({"value": [{"id": "AAMk"}, {"id": unusable}]}) is None
    assert fields.items({"value": [{"id": "AAMk="}]}) == (FoundItem("AAMk=", is_draft=False),)
