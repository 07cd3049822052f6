"""Answers as events: what Graph is known to say, and whatever else it may say."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from shared.core import actions as ac
from shared.core import events as ev
from shared.core.errors import CATALOGUE, Code
from shared.core.machine import apply, decide
from shared.core.model import TERMINAL, Failure, GraphAnswer, ItemKind, Listed, State, Target, TargetKey, Transfer
from shared.graph.hosts import OUTLOOK_HOSTS, UploadHosts
from shared.graph.http import HttpAnswer
from shared.graph.read import LONG_AGO, LONGEST_LIFETIME, UNSTATED_LIFETIME, graph_event, session_event
from tests.unit.core.shapes import ATTACHMENT, NOW, OUTCOMES, POLICY, SIZE, URL, at, shapes

HOSTS = UploadHosts(OUTLOOK_HOSTS)
ITEM = ac.Item("ann@example.com", ItemKind.MESSAGE, "AAMk=")
FIND = ac.FindItem(Target("ann@example.com", TargetKey.INTERNET_MESSAGE_ID, "<x@y>"))
LIST = ac.ListAttachments(ITEM)
OPEN = ac.OpenSession(ITEM, ATTACHMENT, SIZE)
POST = ac.PostAttachment(ITEM, ATTACHMENT, SIZE, NOW)
COMPARE = ac.CompareAttachment(ITEM, "new", SIZE)
PUT = ac.PutRange(URL, 0, 8, SIZE)
FINAL = ac.PutRange(URL, 12, 8, SIZE)
ASK = ac.AskSession(URL)
CANCEL = ac.CancelSession(URL)
GRAPH: list[ac.GraphCall] = [FIND, LIST, OPEN, POST, COMPARE]
SESSION: list[ac.SessionCall] = [PUT, FINAL, ASK, CANCEL]


def answer(status: int, body: Any = None, **headers: str) -> HttpAnswer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpAnswer(status, named, body if isinstance(body, bytes) else json.dumps(body).encode() if body else b"")


def event(call: ac.Request, got: HttpAnswer) -> ev.Event:
    if isinstance(call, ac.PutRange | ac.AskSession | ac.CancelSession):
        return session_event(call, got, NOW)
    return graph_event(call, got, NOW, HOSTS)


def error(code: str, message: str = "canary") -> dict[str, Any]:
    return {"error": {"code": code, "message": message}}


def seen(status: int, code: str | None = None) -> GraphAnswer:
    return GraphAnswer(status, code)


def refused(code: Code, status: int, word: str | None = None) -> ev.Refused:
    detail = f"{CATALOGUE[code].title} Graph answered {status} {word or 'without a code'}."
    return ev.Refused(Failure(code, detail, seen(status, word)), ev.RefusedBy.GRAPH)


class Held:
    """A refusal that may pass: the transfer waits, and ends with the code where it does not."""

    def __init__(self, code: Code) -> None:
        self.code = code

    def event(self, call: ac.Request, status: int, word: str | None = None) -> ev.Event:
        kind = ev.RangeDenied if isinstance(call, ac.PutRange) else ev.NotDone
        return kind(self.code, graph=seen(status, word))


def unsure(status: int, word: str | None = None) -> ev.Unsure:
    return ev.Unsure(Code.GRAPH_UNAVAILABLE, graph=seen(status, word))


# --- what goes well ---


@pytest.mark.parametrize(
    ("call", "got", "happened"),
    [
        (
            FIND,
            answer(200, {"value": [{"id": "A"}]}),
            ev.ItemsFound((ev.FoundItem("A", is_draft=False),), graph=seen(200)),
        ),
        (FIND, answer(200, {"value": "x"}), ev.Unsure(Code.GRAPH_ANSWER_UNEXPECTED, graph=seen(200))),
        (
            LIST,
            answer(200, {"value": [{"id": "A", "name": "n", "size": 5}]}),
            ev.AttachmentsListed((Listed("A", "n", 5),), graph=seen(200)),
        ),
        (LIST, answer(204), ev.Unsure(Code.GRAPH_ANSWER_UNEXPECTED, graph=seen(204))),
        (POST, answer(201, {"id": "A"}), ev.Committed("A", graph=seen(201))),
        (POST, answer(201, {"Id": "A"}, request_id="r"), ev.Committed("A", graph=GraphAnswer(201, None, "r"))),
        (POST, answer(201), ev.Committed(None, graph=seen(201))),
        (POST, answer(200, {"id": "A"}), ev.Unsure(Code.GRAPH_ANSWER_UNEXPECTED, graph=seen(200))),
        (COMPARE, answer(206), ev.Unsure(Code.GRAPH_ANSWER_UNEXPECTED, graph=seen(206))),
        (PUT, answer(200, {"nextExpectedRanges": ["8"]}), ev.OffsetKnown(8, graph=seen(200))),
        (PUT, answer(202, {"NextExpectedRanges": ["8-19"]}), ev.OffsetKnown(8, graph=seen(202))),
        (PUT, answer(204), ev.OffsetKnown(None, graph=seen(204))),
        (FINAL, answer(201, location="https://x/Attachments('A%3D')"), ev.Committed("A=", graph=seen(201))),
        (FINAL, answer(201), ev.Committed(None, graph=seen(201))),
        (FINAL, answer(200), ev.OffsetKnown(None, graph=seen(200))),
        (ASK, answer(200, {"nextExpectedRanges": ["8-"]}), ev.OffsetKnown(8, graph=seen(200))),
        (ASK, answer(200), ev.OffsetKnown(None, graph=seen(200))),
    ],
)
def test_a_success_carries_what_it_should_or_is_unsure(call: ac.Request, got: HttpAnswer, happened: ev.Event) -> None:
    assert event(call, got) == happened


OPENED = {"uploadUrl": URL, "expirationDateTime": "2026-03-02T10:00:00.1234567Z", "nextExpectedRanges": ["0-"]}


@pytest.mark.parametrize(
    ("changes", "expires", "offset"),
    [
        ({}, at(7200) + timedelta(microseconds=123456), 0),
        ({"nextExpectedRanges": ["8-"]}, at(7200) + timedelta(microseconds=123456), 8),
        ({"nextExpectedRanges": None}, at(7200) + timedelta(microseconds=123456), 0),
        ({"expirationDateTime": None}, NOW + UNSTATED_LIFETIME, 0),
        ({"expirationDateTime": "soon"}, NOW + UNSTATED_LIFETIME, 0),
        ({"expirationDateTime": "2026-03-02T07:00:00Z"}, NOW - LONG_AGO, 0),
        ({"expirationDateTime": "2026-03-02T06:59:59Z"}, NOW + UNSTATED_LIFETIME, 0),
        ({"expirationDateTime": "0289-04-30 20:05:36"}, NOW + UNSTATED_LIFETIME, 0),
        ({"expirationDateTime": "9999-12-31T23:59:59Z"}, NOW + LONGEST_LIFETIME, 0),
    ],
)
@pytest.mark.parametrize("status", [200, 201])
def test_a_session_is_opened_with_its_url_end_and_first_byte(
    changes: dict[str, Any], expires: Any, offset: int, status: int
) -> None:
    opened = event(OPEN, answer(status, {**OPENED, **changes}))
    assert opened == ev.SessionOpened(URL, expires, offset, graph=seen(status))


def test_lifetimes_that_are_not_stated_are_taken_for_long() -> None:
    assert timedelta(hours=24) == UNSTATED_LIFETIME
    assert timedelta(days=7) == LONGEST_LIFETIME
    assert timedelta(hours=1) == LONG_AGO


@pytest.mark.parametrize("body", [{}, {"uploadUrl": ""}, {"uploadUrl": 5}, None])
def test_a_session_without_a_url_is_none(body: object) -> None:
    assert event(OPEN, answer(201, body)) == ev.Unsure(Code.GRAPH_ANSWER_UNEXPECTED, graph=seen(201))


def test_a_session_at_a_foreign_host_is_refused_without_its_secret() -> None:
    url = "https://evil.example/api?authtoken=canary"
    assert event(OPEN, answer(201, {**OPENED, "uploadUrl": url})) == ev.Refused(
        Failure(
            Code.UPLOAD_HOST_REFUSED,
            "The upload session points to 'evil.example', which GRAPH_UPLOAD_HOSTS does not list.",
            seen(201),
        ),
        ev.RefusedBy.GRAPH,
    )


# --- what Graph is known to refuse: section 7 of the reference, row by row ---

EVERY: list[ac.Request] = [FIND, LIST, OPEN, POST, COMPARE]
ROWS: list[tuple[str, int, list[ac.Request], Any]] = [
    ("ErrorAttachmentSizeShouldNotBeLessThanMinimumSize", 400, [OPEN], ev.SessionTooSmall),
    ("ErrorAttachmentSessionIsSupportedOnlyForFileAttachments", 405, [OPEN], Code.GRAPH_REFUSED),
    ("ErrorMessageSizeExceeded", 413, [OPEN, POST, PUT, FINAL], Code.MESSAGE_LIMIT_EXCEEDED),
    ("ErrorMessageSizeExceeded", 400, [OPEN, POST, PUT, FINAL], Code.MESSAGE_LIMIT_EXCEEDED),
    ("ErrorMessageSizeExceeded", 500, [OPEN, POST, PUT, FINAL], Code.MESSAGE_LIMIT_EXCEEDED),
    ("ErrorAttachmentSizeLimitExceeded", 413, [OPEN, PUT, FINAL], Code.ATTACHMENT_TOO_LARGE),
    ("RequestEntityTooLarge", 413, [POST], ev.PostTooLarge),
    ("ErrorRequestEntityTooLarge", 400, [POST], ev.PostTooLarge),
    ("RequestEntityTooLarge", 413, [OPEN], Code.ATTACHMENT_TOO_LARGE),
    ("RequestEntityTooLarge", 413, [PUT, FINAL], ev.RangeTooLarge),
    ("ErrorAccessDenied", 403, [*EVERY, PUT, FINAL], Held(Code.ACCESS_DENIED)),
    ("Forbidden", 403, [*EVERY, PUT], Held(Code.ACCESS_DENIED)),
    ("Authorization_RequestDenied", 403, EVERY, Held(Code.ACCESS_DENIED)),
    ("ErrorItemNotFound", 404, EVERY, ev.ItemMissing),
    ("ErrorItemNotFound", 404, [PUT, FINAL], ev.SessionGone),
    ("ErrorInvalidMailboxItemId", 404, EVERY, Code.TARGET_IN_OTHER_MAILBOX),
    ("ErrorInvalidIdMalformed", 400, EVERY, Code.TARGET_INVALID),
    ("ErrorInvalidId", 400, EVERY, Code.TARGET_INVALID),
    ("ErrorInvalidAttachmentId", 400, [COMPARE], Code.GRAPH_REFUSED),
    ("MailboxNotEnabledForRESTAPI", 404, EVERY, Held(Code.MAILBOX_NOT_SUPPORTED)),
    ("MailboxNotSupportedForRESTAPI", 404, EVERY, Held(Code.MAILBOX_NOT_SUPPORTED)),
    ("ResourceNotFound", 404, EVERY, Held(Code.MAILBOX_NOT_FOUND)),
    ("ErrorInvalidUser", 404, EVERY, Held(Code.MAILBOX_NOT_FOUND)),
    ("Request_ResourceNotFound", 404, EVERY, Held(Code.MAILBOX_NOT_FOUND)),
    ("ErrorNonExistentMailbox", 404, EVERY, Held(Code.MAILBOX_NOT_FOUND)),
    ("ErrorIncorrectRoutingHint", 400, EVERY, Code.GRAPH_REFUSED),
    ("MailboxInfoStale", 503, [*EVERY, *SESSION], ev.Unsure),
    ("InvalidAuthenticationToken", 401, EVERY, Held(Code.TOKEN_REJECTED)),
    ("InvalidAudienceForResource", 401, [PUT, FINAL], Held(Code.UPLOAD_DENIED)),
    ("Authorization_IdentityNotFound", 401, EVERY, Held(Code.ACCESS_DENIED)),
    ("ErrorIrresolvableConflict", 412, EVERY, ev.NotDone),
    ("ErrorIrresolvableConflict", 409, EVERY, ev.NotDone),
    ("ErrorIrresolvableConflict", 412, [PUT, FINAL], ev.Unsure),
    ("ApplicationThrottled", 429, [*EVERY, *SESSION], ev.NotDone),
    ("TooManyRequests", 429, [*EVERY, *SESSION], ev.NotDone),
    ("ErrorInternalServerTransientError", 500, [*EVERY, *SESSION], ev.Unsure),
    ("ErrorApiQuarantined", 500, [*EVERY, *SESSION], ev.Unsure),
    ("UnknownError", 503, [*EVERY, *SESSION], ev.Unsure),
    ("UnknownError", 504, [*EVERY, *SESSION], ev.Unsure),
    ("ErrorQuotaExceeded", 400, [*EVERY, PUT, FINAL], Code.MAILBOX_FULL),
    ("QuotaExceededException", 507, [*EVERY, PUT, FINAL], Code.MAILBOX_FULL),
    ("UnprocessableType", 422, [POST], Code.GRAPH_REFUSED),
    ("RequestBroker--ParseUri", 400, EVERY, Code.GRAPH_REFUSED),
    ("UnsupportedEntityExpression", 400, [FIND], Code.GRAPH_REFUSED),
    ("ErrorInvalidUrlQueryFilter", 400, [FIND], Code.GRAPH_REFUSED),
    ("invalidRange", 416, [PUT, FINAL], ev.OffsetRefused),
    ("invalidRange", 400, [PUT, FINAL], ev.OffsetRefused),
    ("invalidRange", 409, [PUT, FINAL], ev.OffsetRefused),
    ("ResourceGone", 410, [PUT, FINAL], ev.SessionGone),
    ("ErrorMailboxStoreUnavailable", 503, [*EVERY, *SESSION], ev.Unsure),
    ("ErrorServerBusy", 503, [*EVERY, *SESSION], ev.Unsure),
    ("ErrorServerBusy", 400, [*EVERY, *SESSION], ev.NotDone),
    ("ApplicationThrottled", 403, [*EVERY, *SESSION], ev.NotDone),
    ("ErrorMailboxStoreUnavailable", 404, [*EVERY, *SESSION], ev.Unsure),
    ("ErrorTimeoutExpired", 504, [*EVERY, *SESSION], ev.Unsure),
    ("ErrorExceededMessageLimit", 403, EVERY, Held(Code.ACCESS_DENIED)),
]
CELLS = [(word, status, call, meaning) for word, status, calls, meaning in ROWS for call in calls]


@pytest.mark.parametrize(("word", "status", "call", "meaning"), CELLS)
@pytest.mark.parametrize("casing", [str, str.upper, str.lower])
def test_each_known_refusal_means_one_thing_in_any_casing(
    word: str, status: int, call: ac.Request, meaning: Any, casing: Any
) -> None:
    happened = event(call, answer(status, error(casing(word))))
    if isinstance(meaning, Code):
        assert happened == refused(meaning, status, casing(word))
    elif isinstance(meaning, Held):
        assert happened == meaning.event(call, status, casing(word))
    else:
        assert type(happened) is meaning
        assert happened.graph == seen(status, casing(word))


THROTTLED = ev.NotDone(Code.GRAPH_THROTTLED, 41.0, graph=seen(429))


@pytest.mark.parametrize("call", [*GRAPH, *SESSION])
@pytest.mark.parametrize("value", ["41", "Mon, 02 Mar 2026 08:00:41 GMT"])
def test_every_verb_is_told_when_to_come_back(call: ac.Request, value: str) -> None:
    assert event(call, answer(429, retry_after=value)) == THROTTLED
    later = ev.Unsure(Code.GRAPH_UNAVAILABLE, 41.0, graph=seen(503))
    assert event(call, answer(503, retry_after=value)) == later
    assert event(call, answer(429)) == ev.NotDone(Code.GRAPH_THROTTLED, graph=seen(429))


AT_0800_07 = "Mon, 02 Mar 2026 08:00:07 GMT"


@pytest.mark.parametrize("call", GRAPH)
@pytest.mark.parametrize("status", [409, 412])
@pytest.mark.parametrize("wait", ["7", AT_0800_07])
def test_a_conflict_had_no_effect_and_may_name_a_wait(call: ac.Request, status: int, wait: str) -> None:
    expected = ev.NotDone(Code.GRAPH_CONFLICT, 7.0, graph=seen(status))
    assert event(call, answer(status, retry_after=wait)) == expected


def test_a_conflict_about_a_range_may_have_had_an_effect() -> None:
    assert event(FINAL, answer(412)) == ev.Unsure(Code.GRAPH_CONFLICT, graph=seen(412))
    for wait in ("7", AT_0800_07):
        assert event(FINAL, answer(412, retry_after=wait)) == ev.Unsure(Code.GRAPH_CONFLICT, 7.0, graph=seen(412))


@pytest.mark.parametrize("status", [409, 412])
@pytest.mark.parametrize("wait", ["7", AT_0800_07])
def test_a_conflict_about_a_question_or_a_fence_may_name_a_wait(status: int, wait: str) -> None:
    expected = ev.NotDone(Code.GRAPH_CONFLICT, 7.0, graph=seen(status))
    assert event(CANCEL, answer(status, retry_after=wait)) == expected
    assert event(ASK, answer(status, retry_after=wait)) == expected


def test_a_range_that_finds_the_mailbox_full_is_refused_by_that_name() -> None:
    assert event(PUT, answer(507)) == refused(Code.MAILBOX_FULL, 507)


@pytest.mark.parametrize(
    ("status", "happened"),
    [
        (200, ev.SessionFenced(graph=seen(200))),
        (202, ev.SessionFenced(graph=seen(202))),
        (204, ev.SessionFenced(graph=seen(204))),
        (404, ev.SessionGone(graph=seen(404))),
        (410, ev.SessionGone(graph=seen(410))),
        (409, ev.NotDone(Code.GRAPH_CONFLICT, graph=seen(409))),
        (412, ev.NotDone(Code.GRAPH_CONFLICT, graph=seen(412))),
        (401, ev.FenceRefused(graph=seen(401))),
        (403, ev.FenceRefused(graph=seen(403))),
        (405, ev.FenceRefused(graph=seen(405))),
        (201, ev.FenceRefused(graph=seen(201))),
        (302, ev.FenceRefused(graph=seen(302))),
        (507, ev.FenceRefused(graph=seen(507))),
        (408, ev.Unsure(Code.GRAPH_UNAVAILABLE, graph=seen(408))),
        (500, ev.Unsure(Code.GRAPH_UNAVAILABLE, graph=seen(500))),
    ],
)
def test_only_an_answer_that_says_so_is_a_fence(status: int, happened: ev.Event) -> None:
    assert event(CANCEL, answer(status)) == happened


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 405, 410, 413, 416, 507])
def test_a_question_that_is_refused_tells_nothing(status: int) -> None:
    assert event(ASK, answer(status, error("ErrorAccessDenied"))) == ev.AskRefused(
        graph=seen(status, "ErrorAccessDenied")
    )


@pytest.mark.parametrize("status", [400, 409, 416])
def test_a_refused_range_may_say_where_the_session_stands(status: int) -> None:
    got = answer(status, {**error("invalidRange"), "nextExpectedRanges": ["4-"]})
    assert event(PUT, got) == ev.OffsetRefused(4, graph=seen(status, "invalidRange"))


@pytest.mark.parametrize("status", [401, 403, 404, 410])
@pytest.mark.parametrize("word", ["", "ErrorInvalidMailboxItemId", "ResourceNotFound", "ErrorInvalidIdMalformed"])
def test_from_an_upload_url_words_about_the_item_only_say_that_it_may_be_dead(status: int, word: str) -> None:
    happened = event(PUT, answer(status, error(word) if word else None))
    assert type(happened) is (ev.SessionGone if status in {404, 410} else ev.RangeDenied)


def within(*codes: str) -> dict[str, Any]:
    """An error with these codes, the outermost first."""
    said: dict[str, Any] = {}
    for code in reversed(codes):
        said = {"code": code, **({"innerError": said} if said else {"innererror": {"date": "x"}})}
    return {"error": said}


@pytest.mark.parametrize(
    ("codes", "status", "code"),
    [
        (("ErrorInternalServerError", "ErrorQuotaExceeded"), 500, Code.MAILBOX_FULL),
        (("UnknownError", "generalException", "ErrorMessageSizeExceeded"), 503, Code.MESSAGE_LIMIT_EXCEEDED),
        (("ErrorAccessDenied", "ErrorInvalidIdMalformed"), 403, Code.TARGET_INVALID),
    ],
)
def test_an_inner_code_is_more_exact_than_the_one_around_it(codes: tuple[str, ...], status: int, code: Code) -> None:
    assert event(POST, answer(status, within(*codes))) == refused(code, status, codes[-1])


def test_an_inner_code_of_a_range_is_read_too() -> None:
    got = answer(500, within("UnknownError", "ErrorQuotaExceeded"))
    assert event(FINAL, got) == refused(Code.MAILBOX_FULL, 500, "ErrorQuotaExceeded")


def test_an_unknown_inner_code_leaves_the_word_to_the_one_around_it() -> None:
    got = answer(403, within("ErrorAccessDenied", "SomethingNew"))
    assert event(LIST, got) == Held(Code.ACCESS_DENIED).event(LIST, 403, "ErrorAccessDenied")


def test_errors_within_errors_without_end_are_read_to_a_depth() -> None:
    assert isinstance(event(LIST, answer(400, within(*["x"] * 400))), ev.NotDone)


@pytest.mark.parametrize(
    ("message", "status", "meaning"),
    [
        ("Maximum request length exceeded.", 400, ev.PostTooLarge),
        ("The MAXIMUM REQUEST LENGTH supported is 4MB.", 400, ev.PostTooLarge),
        ("Maximum request length exceeded.", 422, ev.Refused),
        ("Something else.", 400, ev.NotDone),
    ],
)
def test_the_one_message_that_is_read_sends_the_file_the_other_way(message: str, status: int, meaning: type) -> None:
    assert type(event(POST, answer(status, error("BadRequest", message)))) is meaning
    assert type(event(OPEN, answer(status, error("BadRequest", message)))) is (
        ev.Refused if status == 422 else ev.NotDone
    )


def test_a_413_without_words_sends_a_post_the_other_way() -> None:
    assert event(POST, answer(413, b"<html>")) == ev.PostTooLarge(graph=seen(413))


@pytest.mark.parametrize("status", [502, 505, 508, 511, 520, 529, 599, 600, 999])
@pytest.mark.parametrize("call", [*GRAPH, *SESSION])
def test_an_unknown_failure_of_the_service_may_have_had_an_effect(call: ac.Request, status: int) -> None:
    assert event(call, answer(status)) == unsure(status)


@pytest.mark.parametrize("status", [405, 501])
def test_an_attachment_without_bytes_is_not_comparable(status: int) -> None:
    assert event(COMPARE, answer(status)) == ev.NotComparable(graph=seen(status))
    assert event(LIST, answer(501)) == unsure(501)


@pytest.mark.parametrize("status", [405, 406, 411, 414, 415, 422, 431, 451])
@pytest.mark.parametrize("call", [FIND, LIST, OPEN, POST, PUT, FINAL])
def test_a_client_error_about_the_form_of_the_request_is_final(call: ac.Request, status: int) -> None:
    assert event(call, answer(status)) == refused(Code.GRAPH_REFUSED, status)


@pytest.mark.parametrize("status", [402, 407, 417, 418, 421, 423, 424, 425, 426, 428, 449, 499])
@pytest.mark.parametrize("call", [*GRAPH, PUT, FINAL])
def test_a_client_error_that_nobody_explains_is_tried_again(call: ac.Request, status: int) -> None:
    assert event(call, answer(status)) == Held(Code.GRAPH_REFUSED).event(call, status)


@pytest.mark.parametrize("body", [None, error("ErrorIOError", "IO error during request payload read"), b"<html>"])
@pytest.mark.parametrize("call", GRAPH)
def test_a_400_without_a_word_that_is_known_is_tried_again(call: ac.Request, body: Any) -> None:
    happened = event(call, answer(400, body))
    assert isinstance(happened, ev.NotDone)
    assert happened.code is Code.GRAPH_REFUSED


@pytest.mark.parametrize("status", [100, 301, 303, 307, 399])
def test_a_redirect_is_never_followed_and_after_a_post_leaves_doubt(status: int) -> None:
    for call in (FIND, LIST, OPEN, COMPARE, PUT, FINAL):
        assert event(call, answer(status)) == Held(Code.GRAPH_ANSWER_UNEXPECTED).event(call, status)
    assert event(POST, answer(status)) == ev.Unsure(Code.GRAPH_ANSWER_UNEXPECTED, graph=seen(status))


# --- whatever else it may say (I11) ---

BODIES: dict[str, bytes] = {
    "none": b"",
    "html": b"<html><body>canary</body></html>",
    "torn": b'{"error": {"code": "Err',
    "not an object": b'["canary"]',
    "error": json.dumps(error("ErrorItemNotFound")).encode(),
    "hostile error": json.dumps({"error": {"code": {"canary": 1}, "innerError": "canary", "message": 5}}).encode(),
    "session": json.dumps(OPENED).encode(),
    "range": b'{"NextExpectedRanges": ["8"]}',
    "range beyond": b'{"nextExpectedRanges": ["999999999999-"]}',
    "list": b'{"value": [{"id": "A", "name": "report.pdf", "size": 30}]}',
    "hostile list": b'{"value": [null, {"id": 5}], "nextExpectedRanges": {"0": 1}, "uploadUrl": ["x"]}',
    "attachment": b'{"id": "A"}',
}
HEADERS: list[dict[str, str]] = [
    {},
    {"location": "https://x/Attachments('A')", "retry-after": "Fri, 31 Dec 9999 23:59:59 -2300", "request-id": "r"},
]


def wanting(kind: type[ac.Request]) -> list[Transfer]:
    """One transfer of every state and route that wants this kind of request."""
    found: dict[Any, Transfer] = {}
    for state in sorted(set(State) - TERMINAL):
        for shape in shapes(state):
            action = decide(shape, NOW, POLICY)
            if isinstance(action, kind):
                found.setdefault((state, shape.route, shape.announced_at is None, shape.tries), shape)
    return list(found.values())


def test_every_answer_is_an_event_that_its_state_knows_and_nothing_but_201_commits() -> None:
    cells = 0
    for call in (*GRAPH, *SESSION):
        candidates = wanting(type(call))
        for status in range(100, 600):
            for body in BODIES.values():
                for headers in HEADERS:
                    happened = event(call, HttpAnswer(status, headers, body))
                    cells += 1
                    assert type(happened) in OUTCOMES[type(call)]
                    assert not isinstance(happened, ev.Committed) or status == 201
                    assert "canary" not in repr(happened) or isinstance(happened, ev.SessionOpened)
                    shape = candidates[cells % len(candidates)]
                    after = apply(shape, happened, NOW, POLICY)
                    assert after.state is not State.ATTACHED or status == 201 or shape.landed
                    decide(after, after.not_before or NOW, POLICY)
    assert cells >= 20_000
