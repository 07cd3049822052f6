from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import pytest

from devkit.graph.faults import Faults, Rule
from devkit.graph.memory import InMemoryGraph
from devkit.graph.scenario import ADDRESS, World, error_code
from devkit.graph.wire import ConnectionLost, Request

if TYPE_CHECKING:
    from collections.abc import Callable

DATA = b"0123456789"

# Section 7 of the reference: every code with the status it comes with (or may come with, where that is open).
TABLE = [
    ("ErrorMessageSizeExceeded", 400),
    ("ErrorAttachmentSizeLimitExceeded", 413),
    ("ErrorAccessDenied", 403),
    ("Forbidden", 403),
    ("ErrorItemNotFound", 404),
    ("ErrorInvalidAttachmentId", 400),
    ("MailboxNotSupportedForRESTAPI", 404),
    ("Request_ResourceNotFound", 404),
    ("ErrorNonExistentMailbox", 404),
    ("ErrorIncorrectRoutingHint", 400),
    ("MailboxInfoStale", 503),
    ("InvalidAuthenticationToken", 401),
    ("InvalidAudienceForResource", 401),
    ("ErrorIrresolvableConflict", 412),
    ("TooManyRequests", 429),
    ("ErrorInternalServerTransientError", 500),
    ("ErrorApiQuarantined", 500),
    ("UnknownError", 504),
    ("ErrorQuotaExceeded", 403),
    ("QuotaExceededException", 507),
    ("UnsupportedEntityExpression", 400),
    ("ErrorMailboxStoreUnavailable", 503),
    ("ErrorServerBusy", 503),
    ("ErrorTimeoutExpired", 504),
    ("ErrorExceededMessageLimit", 429),
]


@pytest.mark.parametrize(("code", "status"), TABLE)
def test_every_code_of_the_error_table_can_be_answered(world: World, code: str, status: int) -> None:
    world.graph.fault({"action": "status", "status": status, "code": code, "message": "So it is."})
    reply = world.call("GET", world.item(), client_request_id="mine")
    assert (reply.status, error_code(reply)) == (status, code)
    error = reply.json()["error"]
    assert error["message"] == "So it is."
    assert error["innerError"].keys() == {"date", "request-id", "client-request-id"}
    assert error["innerError"]["request-id"] == reply.header("request-id")
    assert error["innerError"]["client-request-id"] == "mine"


def test_the_upload_host_writes_its_own_inner_error(world: World) -> None:
    url = world.open(10)
    world.graph.fault({"action": "status", "status": 500, "kind": "put"})
    injected = world.put(url, 0, DATA, 10).json()["error"]["innerError"]
    own = world.put(url, 3, b"#", 10).json()["error"]["innerError"]
    assert injected.keys() == own.keys() == {"requestId", "date"}


@pytest.mark.parametrize(
    ("body", "content_type", "start"),
    [
        ("json", "application/json; charset=utf-8", b'{"error"'),
        ("text", "text/plain", b"An injected 503"),
        ("html", "text/html", b"<!DOCTYPE html>"),
        ("empty", None, b""),
    ],
)
def test_a_status_comes_with_every_shape_of_body(
    world: World, body: str, content_type: str | None, start: bytes
) -> None:
    world.graph.fault({"action": "status", "status": 503, "body": body})
    reply = world.call("GET", world.item())
    assert reply.status == 503
    assert reply.body.startswith(start)
    assert bool(reply.body) == bool(start)
    if content_type:
        assert reply.header("Content-Type") == content_type


@pytest.mark.parametrize(("given", "sent"), [(10, "10"), (0.5, "0.5"), ("soon", "soon"), (None, None)])
def test_retry_after_comes_as_given_or_not_at_all(world: World, given: object, sent: str | None) -> None:
    world.graph.fault({"action": "status", "status": 429, "retry_after": given})
    assert world.call("GET", world.item()).header("Retry-After") == sent


def test_retry_after_can_be_a_date(world: World) -> None:
    world.graph.fault({"action": "status", "status": 503, "retry_after": "date:90"})
    reply = world.call("GET", world.item())
    until = parsedate_to_datetime(reply.header("Retry-After") or "")
    assert until - parsedate_to_datetime(reply.header("Date") or "") == timedelta(seconds=90)


def test_a_status_can_come_although_the_work_was_done(world: World) -> None:
    world.graph.fault({"action": "status", "status": 504, "kind": "final-put", "after_effect": True})
    assert world.put(world.open(10), 0, DATA, 10).status == 504
    assert world.stored_bytes() == [DATA]


@pytest.mark.parametrize("kind", ["put", "post", "create"])
def test_a_status_means_that_nothing_was_done(world: World, kind: str) -> None:
    url = world.open(10)
    world.graph.fault({"action": "status", "status": 500, "kind": kind})
    calls: dict[str, Callable[[], Any]] = {
        "put": lambda: world.put(url, 0, DATA, 10),
        "post": lambda: world.post(DATA),
        "create": lambda: world.create(10),
    }
    assert calls[kind]().status == 500
    assert world.stored() == []
    assert len(world.graph.sessions()) == 1


def test_a_connection_can_break_before_anything_happened(world: World) -> None:
    url = world.open(10)
    world.graph.fault({"action": "reset-before", "kind": "final-put"})
    with pytest.raises(ConnectionLost):
        world.put(url, 0, DATA, 10)
    assert world.graph.sessions()[0]["received"] == 0
    assert world.put(url, 0, DATA, 10).status == 201


def test_a_connection_can_break_after_everything_happened(world: World) -> None:
    url = world.open(10)
    world.graph.fault({"action": "reset-after", "kind": "final-put"})
    with pytest.raises(ConnectionLost):
        world.put(url, 0, DATA, 10)
    assert world.stored_bytes() == [DATA]
    assert world.put(url, 0, DATA, 10).status == 404


@pytest.mark.parametrize("kept", [0, 1, 5])
def test_a_connection_can_break_within_a_range_that_is_kept_in_part(world: World, kept: int) -> None:
    url = world.open(10)
    world.graph.fault({"action": "cut", "kind": "put", "bytes": kept})
    with pytest.raises(ConnectionLost):
        world.put(url, 0, DATA[:6], 10)
    assert world.graph.sessions()[0]["received"] == kept
    assert world.put(url, kept, DATA[kept:], 10).status == 201
    assert world.stored_bytes() == [DATA]


@pytest.mark.parametrize("calls", [1, 3])
def test_a_request_can_land_late(world: World, calls: int) -> None:
    url = world.open(10)
    world.graph.fault({"action": "late", "kind": "final-put", "calls": calls})
    with pytest.raises(ConnectionLost):
        world.put(url, 0, DATA, 10)
    counts = []
    for _ in range(calls + 1):
        counts.append(len(world.stored()))
        world.call("GET", world.item())
    assert counts == [0] * calls + [1]
    assert world.stored_bytes() == [DATA]


@pytest.mark.parametrize("fence", ["cancelled", "overtaken"])
def test_a_late_request_meets_the_rules_like_any_other(world: World, fence: str) -> None:
    url = world.open(10)
    world.graph.fault({"action": "late", "kind": "final-put", "calls": 2})
    with pytest.raises(ConnectionLost):
        world.put(url, 0, DATA, 10)
    if fence == "cancelled":
        assert world.cancel(url).status == 204
    else:
        assert world.put(url, 0, DATA, 10).status == 201
    for _ in range(3):
        world.call("GET", world.item())
    assert len(world.stored()) == (fence == "overtaken")
    late = [one for one in world.graph.requests() if one["lost"]]
    assert [one["status"] for one in late] == [0, 404]


def test_a_delay_changes_only_the_time(world: World) -> None:
    world.graph.fault({"action": "delay", "seconds": 0.01, "kind": "put"})
    assert world.put(world.open(10), 0, DATA, 10).status == 201


def test_a_slow_answer_arrives_whole(world: World) -> None:
    world.post(DATA * 100)
    url = world.item("attachments")
    whole = world.call("GET", url).json()["value"]
    world.graph.fault({"action": "slow-body", "seconds": 0.01, "kind": "list"})
    assert world.call("GET", url).json()["value"] == whole
    assert world.graph.requests()[-1]["fault"] == "slow-body"


@pytest.mark.parametrize(
    ("nth", "times", "expected"),
    [
        (1, 1, [503, 200, 200, 200]),
        (2, 1, [200, 503, 200, 200]),
        (2, 2, [200, 503, 503, 200]),
        (3, 0, [200, 200, 503, 503]),
        (1, 0, [503, 503, 503, 503]),
    ],
)
def test_a_rule_hits_so_often_from_its_nth_match_on(world: World, nth: int, times: int, expected: list[int]) -> None:
    world.graph.fault({"action": "status", "kind": "item", "nth": nth, "times": times})
    found = []
    for _ in expected:
        world.call("GET", world.item("attachments"))
        found.append(world.call("GET", world.item()).status)
    assert found == expected


@pytest.mark.parametrize(
    "match",
    [
        {"method": "GET"},
        {"path": "/attachments$"},
        {"path": r"/messages/[^/]+/attachments"},
        {"kind": "list"},
        {"kind": ["put", "list"]},
        {"kind": "list", "method": "GET", "path": "users"},
    ],
)
def test_a_rule_hits_what_it_describes(world: World, match: dict[str, object]) -> None:
    world.graph.fault({"action": "status", **match})
    assert world.call("GET", world.item("attachments")).status == 503


@pytest.mark.parametrize(
    "match", [{"method": "PUT"}, {"path": "events"}, {"kind": "item"}, {"kind": "list", "method": "POST"}]
)
def test_a_rule_spares_what_it_does_not_describe(world: World, match: dict[str, object]) -> None:
    world.graph.fault({"action": "status", **match})
    assert world.call("GET", world.item("attachments")).status == 200


@pytest.mark.parametrize(("kind", "expected"), [("put", [503, 503]), ("final-put", [200, 503])])
def test_put_means_every_range_and_final_put_only_the_last(world: World, kind: str, expected: list[int]) -> None:
    url = world.open(10)
    world.graph.fault({"action": "status", "kind": kind, "times": 0})
    assert [world.put(url, 0, DATA[:4], 10).status, world.put(url, 4, DATA[4:], 10).status] == expected


def test_the_first_of_two_rules_wins_and_both_count() -> None:
    faults = Faults()
    first, second = Rule("status", status=500), Rule("status", status=503, nth=2)
    faults.add(first)
    faults.add(second)
    assert [faults.match("GET", "list", "/") for _ in range(3)] == [first, second, None]


def test_cleared_rules_hit_nothing(world: World) -> None:
    world.graph.fault({"action": "status", "times": 0})
    assert world.call("GET", world.item()).status == 503
    world.graph.clear_faults()
    assert world.call("GET", world.item()).status == 200


def test_a_rule_may_be_given_as_a_value(world: World) -> None:
    world.graph.fault(Rule("status", kind=("item",), status=418, headers={"X-Tea": "pot"}))
    reply = world.call("GET", world.item())
    assert (reply.status, reply.header("X-Tea")) == (418, "pot")


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({}, "action"),
        ({"action": "explode"}, "action"),
        ({"action": "status", "kinds": "put"}, "kinds"),
        ({"action": "status", "kind": "upload"}, "upload"),
        ({"action": "status", "body": "xml"}, "body"),
        ({"action": "status", "path": "("}, "regular expression"),
        ({"action": "status", "nth": "first"}, "nth"),
    ],
)
def test_a_rule_that_names_what_does_not_exist_is_refused(world: World, rule: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        world.graph.fault(rule)
    assert world.call("GET", world.item()).status == 200


def test_the_server_and_memory_log_the_same_for_the_same_faults(world: World) -> None:
    url = world.open(10)
    world.graph.fault({"action": "reset-after", "kind": "final-put"})
    world.graph.fault({"action": "status", "status": 503, "kind": "item"})
    since = len(world.graph.requests())
    with pytest.raises(ConnectionLost):
        world.put(url, 0, DATA, 10)
    world.call("GET", world.item())
    found = [(one["kind"], one["status"], one["fault"], one["lost"]) for one in world.graph.requests(since)]
    assert found == [("final-put", 201, "reset-after", True), ("item", 503, "status", False)]


def test_a_fault_in_memory_says_whether_it_had_an_effect() -> None:
    graph = InMemoryGraph(now=datetime(2026, 1, 1, tzinfo=UTC))
    world = World(graph)
    for action, effect in (("reset-before", False), ("black-hole", False), ("reset-after", True)):
        url = world.open(10)
        graph.fault({"action": action, "kind": "put"})
        with pytest.raises(ConnectionLost) as lost:
            graph.send(Request("PUT", url, {"Content-Range": "bytes 0-9/10"}, DATA))
        assert lost.value.effect is effect
    assert len(graph.attachments(ADDRESS, world.message)) == 1
