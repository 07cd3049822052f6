"""Answers of every shape: a table that is gone through whole, and strategies for what no table has."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from assurance.fuzz.answers import REQUESTS, check_event, check_evidence, event_of
from assurance.fuzz.reachable import CONTENT, URL
from shared.core import events as ev
from shared.graph.http import HttpAnswer

BODIES: dict[str, bytes] = {
    "empty": b"",
    "object": b"{}",
    "list": b"[]",
    "torn": b'{"value": [{"id"',
    "bytes": b"\xff\xfe\x00",
    "html": b"<!DOCTYPE html><html>Bad gateway</html>",
    "item": b'{"id": "AAMk=", "isDraft": true, "value": [{"id": "AAMk=", "name": "report.pdf", "size": 30}]}',
    "session": json.dumps({"uploadUrl": URL, "expirationDateTime": "2026-03-02T11:00:00Z"}).encode(),
    "session elsewhere": b'{"uploadUrl": "https://evil.example/s?authtoken=x"}',
    "ranges": b'{"nextExpectedRanges": ["8-19"]}',
    "denied": b'{"error": {"code": "ErrorAccessDenied", "message": "no"}}',
    "too small": b'{"error": {"code": "ErrorAttachmentSizeShouldNotBeLessThanMinimumSize"}}',
    "too large": b'{"error": {"code": "BadRequest", "message": "Maximum request length exceeded."}}',
    "odd types": b'{"id": 5, "value": {}, "uploadUrl": [], "nextExpectedRanges": 8, "error": "x"}',
    "half a pair": b'{"id": "\\ud800", "value": [{"id": "\\ud800", "size": 30}], "uploadUrl": "\\ud800"}',
    "content": CONTENT,
}
HEADERS: list[dict[str, str]] = [
    {},
    {"retry-after": "7", "location": "https://outlook.office.com/Attachments('AAMkB%3D')", "request-id": "r-1"},
    {"retry-after": "99999999999", "location": "/attachments/%0d%0a", "request-id": "a b"},
]

STATUSES = range(100, 1000)
"""What the HTTP library takes for a status."""


def table(headers: Iterable[dict[str, str]] = HEADERS) -> Iterator[HttpAnswer]:
    """Every status with every kind of body, once with each of the `headers`."""
    return (HttpAnswer(status, one, body) for status in STATUSES for body in BODIES.values() for one in headers)


def check_all(asked: str, given: Iterable[HttpAnswer]) -> tuple[int, int]:
    """Try the answers to one request; events that are alike are told to the transfers once.

    How many answers there were, and how many events that are not alike. Raises as `answers.check` does.
    """
    request, told, count = REQUESTS[asked], set(), 0
    for answer in given:
        event = event_of(request, answer)
        check_evidence(request, answer, event)
        count += 1
        alike = event.failure.code if isinstance(event, ev.Refused) else repr(replace(event, graph=None))
        if alike not in told:
            told.add(alike)
            check_event(request, event)
    return count, len(told)


TEXTS = st.text(max_size=20)
SCALARS = st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats() | TEXTS
RANGES = st.lists(
    st.sampled_from(["0-", "8", "8-19", "16-", "4-7", "20-", "x", "-1", "", "9" * 18, "9" * 30]) | SCALARS, max_size=3
)
CODES = st.sampled_from(
    [
        "ErrorItemNotFound",
        "errorAccessDenied",
        "ErrorQuotaExceeded",
        "ErrorIrresolvableConflict",
        "RequestEntityTooLarge",
        "ErrorAttachmentSizeShouldNotBeLessThanMinimumSize",
    ]
)
JSON: st.SearchStrategy[Any] = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=6
)
ENTRIES = st.lists(
    st.fixed_dictionaries({}, optional={"id": TEXTS | JSON, "Name": JSON, "size": JSON, "isDraft": JSON}), max_size=3
)
DOCUMENTS = st.fixed_dictionaries(
    {},
    optional={
        "id": TEXTS | JSON,
        "value": ENTRIES | JSON,
        "uploadUrl": st.sampled_from([URL, URL + "\n", "https://evil.example/", "https://[", ""]) | JSON,
        "ExpirationDateTime": st.datetimes().map(str) | JSON,
        "nextExpectedRanges": RANGES | JSON,
        "@odata.nextLink": TEXTS | JSON,
        "error": st.fixed_dictionaries({}, optional={"code": CODES | JSON, "message": JSON, "innerError": JSON}) | JSON,
    },
)
VALUES = st.sampled_from(["5", "0", "-1", "1e9", "9" * 400, "Mon, 02 Mar 2026 08:05:00 GMT"]) | st.text(max_size=30)
FIELDS = st.dictionaries(
    st.sampled_from(["retry-after", "location", "request-id", "content-type", "www-authenticate"]) | TEXTS,
    VALUES | st.sampled_from(["/attachments('x')", "/ATTACHMENTS/%ff%00/", "https://evil.example/attachments/"]),
    max_size=4,
)
ANSWERS = st.builds(
    HttpAnswer,
    st.integers(100, 599) | st.sampled_from([200, 201, 202, 204, 400, 401, 404, 409, 412, 413, 416, 429, 503]),
    FIELDS,
    DOCUMENTS.map(lambda document: json.dumps(document).encode()) | st.binary(max_size=60) | st.just(CONTENT),
)
