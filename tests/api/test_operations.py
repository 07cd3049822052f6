"""Start, read and list over HTTP, on the running app; how transfers are ended and retried stands in test_ends.py."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from assurance import oracle
from devkit.local.azurite import Azurite
from devkit.local.harness import MAILBOX, Harness, content
from tests.api.caller import Caller, accepted, refused
from tests.e2e.stage import LOST, staged

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("api operations")]

MIB = 1024 * 1024
OTHER = "grace@example.org"
FORBIDDEN = "mallory@example.net"


@pytest.fixture(scope="module")
def stage(azurite: Azurite) -> Iterator[Harness]:
    settings = {"RANGE_BYTES": str(MIB), "ALLOWED_MAILBOXES": "@example.org", "TARGET_WAIT_SECONDS": "0"}
    with staged(azurite, settings=settings, options=["--keys"], allowed=LOST) as running:
        running.graph.add_mailbox(OTHER)
        yield running


# --- start ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1000, 4 * MIB + 1])
def test_a_file_is_attached_as_the_body_says(caller: Caller, size: int) -> None:
    data = content(size)
    shown = {"name": "März.pdf", "contentType": "application/pdf"}
    asked = caller.dropped(f"in/by body {size}.bin", data, attachment=shown)
    started = accepted(caller.start(asked))
    ended = caller.ended(started["id"])
    assert (ended["state"], ended["error"]) == ("attached", None)
    assert ended["source"]["blob"] == asked["blob"]
    assert ended["target"] == asked["target"]
    assert ended["progress"] == {"bytesConfirmed": size, "bytesTotal": size, "percent": 100.0}
    assert ended["links"] == {"self": f"/api/transfers/{started['id']}"}
    [attached] = caller.harness.graph.attachments(MAILBOX, asked["target"]["messageId"])
    assert (attached.name, attached.id) == ("März.pdf", ended["attachment"]["id"])
    assert caller.harness.graph.attachment_bytes(MAILBOX, asked["target"]["messageId"], attached.id) == data


def test_what_the_body_leaves_out_the_files_metadata_decides(caller: Caller) -> None:
    item = caller.harness.item("event")
    file = caller.harness.drop(content(100), kind="event", item=item, events=0, attachmentname="shown.txt")
    ended = caller.ended(accepted(caller.start({"blob": file.blob}))["id"])
    assert ended["target"] == {"mailbox": MAILBOX, "eventId": item}
    assert ended["attachment"]["name"] == "shown.txt"


def test_each_part_that_is_left_out_is_decided_by_the_metadata_alone(caller: Caller) -> None:
    file = caller.harness.drop(content(100), events=0, attachmentname="shown.txt")
    by_target = accepted(caller.start({"blob": file.blob, "attachment": {"name": "other.txt"}}))
    assert (by_target["target"]["messageId"], by_target["attachment"]["name"]) == (file.item, "other.txt")
    item = caller.harness.item()
    by_name = accepted(caller.start({"blob": file.blob, "target": {"mailbox": MAILBOX, "messageId": item}}))
    assert (by_name["target"]["messageId"], by_name["attachment"]["name"]) == (item, "shown.txt")
    assert {caller.ended(one["id"])["state"] for one in (by_target, by_name)} == {"attached"}


def test_the_same_again_is_the_same_transfer_and_one_attachment(caller: Caller) -> None:
    asked = caller.dropped("again.bin", content(1000))
    answers: list[Any] = []
    callers = [threading.Thread(target=lambda: answers.append(caller.start(asked))) for _ in range(6)]
    for each in callers:
        each.start()
    for each in callers:
        each.join()
    [transfer_id] = {accepted(answer)["id"] for answer in answers}
    assert caller.ended(transfer_id)["state"] == "attached"
    later = accepted(caller.start(asked))
    assert (later["id"], later["state"]) == (transfer_id, "attached")
    caller.harness.stack.wait_until_idle()
    assert len(caller.harness.graph.attachments(MAILBOX, asked["target"]["messageId"])) == 1


def test_the_same_file_for_another_item_is_another_transfer(caller: Caller) -> None:
    asked = caller.dropped("twice.bin", content(1000))
    other = {**asked, "target": {"mailbox": OTHER, "messageId": caller.harness.item(mailbox=OTHER)}}
    first, second = accepted(caller.start(asked)), accepted(caller.start(other))
    assert first["id"] != second["id"]
    assert {caller.ended(one["id"])["state"] for one in (first, second)} == {"attached"}


def test_the_answer_comes_before_the_upload(caller: Caller) -> None:
    caller.harness.graph.fault({"action": "hold", "kind": "post"})
    started = accepted(caller.start(caller.dropped("held.bin", content(1000))))
    caller.harness.stack.wait_until(caller.harness.graph.holding, what="the upload is held")
    assert started["state"] == "queued"
    assert caller.transfer(started["id"])["state"] == "sending"
    caller.harness.graph.release()
    assert caller.ended(started["id"])["state"] == "attached"


@pytest.mark.parametrize(("size", "code"), [(0, "SOURCE_EMPTY"), (157_286_401, "SOURCE_TOO_LARGE")])
def test_a_file_of_an_impossible_size_is_a_transfer_that_has_failed(caller: Caller, size: int, code: str) -> None:
    started = accepted(caller.start(caller.dropped(f"size {size}.bin", bytes(size))))
    assert (started["state"], started["error"]["code"]) == ("failed", code)
    assert "retry" not in started["links"]
    refused(caller.call("POST", f"/transfers/{started['id']}/retry"), 409, "RETRY_POINTLESS")


TARGET = {"mailbox": MAILBOX, "messageId": "AAMk="}
REFUSED: list[tuple[object, int, list[tuple[str, str | None]]]] = [
    ([], 400, [("REQUEST_INVALID", None)]),
    ("text", 400, [("REQUEST_INVALID", None)]),
    ({}, 400, [("REQUEST_INVALID", "blob")]),
    ({"blob": 5}, 400, [("REQUEST_INVALID", "blob")]),
    ({"blob": None}, 400, [("REQUEST_INVALID", "blob")]),
    ({"blob": ""}, 400, [("REQUEST_INVALID", "blob")]),
    ({"blob": "there", "target": "x"}, 400, [("REQUEST_INVALID", "target")]),
    ({"blob": "there", "target": None}, 400, [("REQUEST_INVALID", "target")]),
    ({"blob": "there", "blubb": 1}, 400, [("REQUEST_INVALID", "blubb")]),
    ({"blob": "there", "target": {**TARGET, "mesageId": "A"}}, 400, [("REQUEST_INVALID", "target.mesageId")]),
    ({"blob": "there", "target": {"messageId": "A"}}, 400, [("MAILBOX_MISSING", "target.mailbox")]),
    ({"blob": "there", "target": {"mailbox": MAILBOX}}, 422, [("TARGET_MISSING", None)]),
    ({"blob": "there", "target": {**TARGET, "eventId": "A"}}, 422, [("TARGET_CONTRADICTORY", None)]),
    ({"blob": "there", "target": {"mailbox": "ada", "messageId": "A"}}, 422, [("MAILBOX_INVALID", "target.mailbox")]),
    (
        {"blob": "there", "target": {"mailbox": FORBIDDEN, "messageId": "A"}},
        403,
        [("MAILBOX_NOT_ALLOWED", "target.mailbox")],
    ),
    ({"blob": "there", "target": {**TARGET, "messageId": "a b"}}, 422, [("TARGET_INVALID", "target.messageId")]),
    ({"blob": "there", "attachment": {"isInline": "yes"}}, 400, [("INLINE_INVALID", "attachment.isInline")]),
    ({"blob": "there", "attachment": {"isInline": True}}, 422, [("CONTENT_ID_MISSING", "attachment.contentId")]),
    (
        {"blob": "there", "attachment": {"contentType": "pdf"}},
        422,
        [("CONTENT_TYPE_INVALID", "attachment.contentType")],
    ),
    ({"blob": "there", "attachment": {"name": "a\u202eb"}}, 422, [("ATTACHMENT_NAME_INVALID", "attachment.name")]),
    ({"blob": "../checkpoints/x"}, 422, [("REQUEST_INVALID", "blob")]),
    ({"blob": "a/./b"}, 422, [("REQUEST_INVALID", "blob")]),
    ({"blob": "a\\..\\b"}, 422, [("REQUEST_INVALID", "blob")]),
    ({"blob": "a\u0000b"}, 422, [("REQUEST_INVALID", "blob")]),
    ({"blob": "x" * 1025}, 422, [("REQUEST_INVALID", "blob")]),
    (
        {"target": {"mailbox": 5, "messageId": "a b", "eventId": "1"}, "attachment": {"name": "\u0007"}, "zzz": 0},
        400,
        [
            ("REQUEST_INVALID", "blob"),
            ("REQUEST_INVALID", "zzz"),
            ("MAILBOX_INVALID", "target.mailbox"),
            ("TARGET_CONTRADICTORY", None),
            ("TARGET_INVALID", "target.messageId"),
            ("ATTACHMENT_NAME_INVALID", "attachment.name"),
        ],
    ),
]


@pytest.mark.parametrize(("given", "status", "faults"), REFUSED, ids=lambda value: json.dumps(value)[:60])
def test_a_body_is_refused_with_every_fault_in_it(
    caller: Caller, given: object, status: int, faults: list[tuple[str, str | None]]
) -> None:
    caller.harness.stack.drop("there", b"x", events=0, metadata={"mailbox": MAILBOX, "messageid": "AAMk%3D"})
    problem = refused(caller.start(given), status, faults[0][0])
    assert [(fault["code"], fault["field"]) for fault in problem["faults"]] == faults
    assert all(fault["detail"] and fault["remedy"] for fault in problem["faults"])


def test_a_body_in_chunks_is_refused_with_the_reason(caller: Caller) -> None:
    chunks = iter([b'{"blob": "a', b'.pdf"}'])
    answer = caller.call("POST", "/transfers", data=chunks, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    told = answer.json()
    assert told["code"] == "REQUEST_INVALID"
    assert "without Content-Length, arrives empty" in told["detail"]


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff", b'{"blob":"\\ud800"}', b"[" * 60_000, b"NaN", b"1" * 5000])
def test_a_body_that_is_not_json_is_refused(caller: Caller, raw: bytes) -> None:
    refused(caller.call("POST", "/transfers", data=raw), 400, "REQUEST_INVALID")


@pytest.mark.parametrize(("size", "status"), [(64 * 1024, 400), (64 * 1024 + 1, 413)])
def test_a_body_may_have_64_kib(caller: Caller, size: int, status: int) -> None:
    answer = caller.call("POST", "/transfers", data=b'"' + b"x" * (size - 2) + b'"')
    refused(answer, status, "REQUEST_TOO_LARGE" if status == 413 else "REQUEST_INVALID")


@pytest.mark.parametrize("name", ["not there", "x" * 1024, "?x=1", "a%2e%2e", "/", "drop/", "ä\u202e", "%", "a//b"])
def test_an_unknown_file_is_not_found(caller: Caller, name: str) -> None:
    refused(caller.start({"blob": name, "target": TARGET}), 404, "BLOB_NOT_FOUND")


def test_metadata_that_cannot_be_used_is_told_and_makes_no_transfer(caller: Caller) -> None:
    metadata = {"mailbox": "nobody", "isinline": "perhaps"}
    caller.harness.stack.drop("bad metadata", b"x", events=0, metadata=metadata)
    problem = refused(caller.start({"blob": "bad metadata"}), 422, "MAILBOX_INVALID")
    codes = [fault["code"] for fault in problem["faults"]]
    assert codes == ["MAILBOX_INVALID", "TARGET_MISSING", "INLINE_INVALID"]
    assert all("metadata" in fault["detail"] for fault in problem["faults"])
    assert [one for one in caller.listed() if one["source"]["blob"] == "bad metadata"] == []


# --- read -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", ["0" * 32, "0" * 31, "F" * 32, "x", "%2e%2e%2fsweep", "%00", "ä"])
@pytest.mark.parametrize(("method", "after"), [("GET", ""), ("DELETE", ""), ("POST", "/retry")])
def test_an_unknown_transfer_is_not_found(caller: Caller, given: str, method: str, after: str) -> None:
    refused(caller.call(method, f"/transfers/{given}{after}"), 404, "TRANSFER_NOT_FOUND")


def test_a_transfer_under_way_says_when_to_look_again(caller: Caller) -> None:
    caller.harness.graph.fault({"action": "hold", "kind": "put", "nth": 3})
    started = accepted(caller.start(caller.dropped("slow.bin", content(5 * MIB))))
    caller.harness.stack.wait_until(caller.harness.graph.holding, what="the third range is held")

    def first_confirmed() -> bool:
        """The second may be, or its save may have been left to the next one."""
        return caller.transfer(started["id"])["progress"] in (
            {"bytesConfirmed": MIB, "bytesTotal": 5 * MIB, "percent": 20.0},
            {"bytesConfirmed": 2 * MIB, "bytesTotal": 5 * MIB, "percent": 40.0},
        )

    caller.harness.stack.wait_until(first_confirmed)
    answer = caller.get(f"/transfers/{started['id']}")
    assert answer.headers["Retry-After"] == "5"
    assert answer.json()["links"]["cancel"] == f"/api/transfers/{started['id']}"
    caller.harness.graph.release()
    caller.ended(started["id"])
    assert "Retry-After" not in caller.get(f"/transfers/{started['id']}").headers


# --- list -----------------------------------------------------------------------------------------------------------


def test_a_listing_has_every_transfer_once_in_pages_of_any_size(caller: Caller) -> None:
    for number in range(4):
        caller.ended(accepted(caller.start(caller.dropped(f"listed {number}.bin", content(1000))))["id"])
    whole = [one["id"] for one in caller.listed(limit=200)]
    assert whole == sorted(whole)
    assert len(whole) == len(set(whole)) > 3
    assert [one["id"] for one in caller.listed(limit=1)] == whole
    assert [one["id"] for one in caller.listed(limit=7)] == whole


def test_a_listed_transfer_is_the_transfer_that_is_read(caller: Caller) -> None:
    listed = caller.listed()
    assert [caller.transfer(one["id"]) for one in listed] == listed


@pytest.mark.parametrize("state", ["queued", "sending", "waiting", "attached", "failed", "cancelled"])
def test_a_listing_by_state_has_exactly_those(caller: Caller, state: str) -> None:
    by_state = caller.listed(state=state, limit=3)
    assert by_state == [one for one in caller.listed() if one["state"] == state]


def test_a_listing_by_mailbox_has_exactly_those_whatever_their_case(caller: Caller) -> None:
    target = {"mailbox": OTHER, "messageId": caller.harness.item(mailbox=OTHER)}
    asked = {**caller.dropped("of another mailbox.bin", content(1000)), "target": target}
    caller.ended(accepted(caller.start(asked))["id"])
    everything = [one for one in caller.listed() if one["target"]["mailbox"] == OTHER]
    assert everything
    assert caller.listed(mailbox=OTHER.upper(), limit=2) == everything
    assert caller.listed(mailbox=OTHER, state="attached") == [one for one in everything if one["state"] == "attached"]
    assert caller.listed(mailbox="nobody@example.org") == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"state": "done"}, "state"),
        ({"state": "failed,failed"}, "state"),
        ({"limit": "0"}, "limit"),
        ({"limit": "201"}, "limit"),
        ({"limit": "5.0"}, "limit"),
        ({"limit": "-1"}, "limit"),
        ({"limit": "٣"}, "limit"),
        ({"continuation": "x"}, "continuation"),
        ({"continuation": "!"}, "continuation"),
        ({"continuation": "x" * 4097}, "continuation"),
        ({"mailbox": "x" * 319}, "mailbox"),
        ({"stat": "failed"}, None),
        ({"blob": "x" * 1025}, "blob"),
        ({"code": "TARGET_NOT_FOND"}, "code"),
        ({"code": "anything"}, "code"),
        ({"code": "TARGET_NOT_FOUND,ACCESS_DENIED"}, "code"),
        ({"since": "yesterday"}, "since"),
        ({"since": "2026-13-01"}, "since"),
        ({"since": "2026-03-02T25:00"}, "since"),
        ({"since": "1999-12-31"}, "since"),
    ],
)
def test_a_query_that_makes_no_sense_is_refused(caller: Caller, query: dict[str, str], field: str | None) -> None:
    problem = refused(caller.get("/transfers", **query), 400, "REQUEST_INVALID")
    assert [fault["field"] for fault in problem["faults"]] == [field]


def test_an_empty_value_is_as_good_as_none(caller: Caller) -> None:
    nothing = {"state": "", "mailbox": "", "limit": "", "continuation": ""}
    assert caller.get("/transfers", **nothing).json() == caller.get("/transfers").json()


def test_a_continuation_of_another_listing_is_refused(caller: Caller) -> None:
    continuation = caller.get("/transfers", limit=1).json()["continuation"]
    assert continuation
    refused(caller.get("/transfers", state="attached", continuation=continuation), 400, "REQUEST_INVALID")


# --- everywhere -----------------------------------------------------------------------------------------------------

OPERATIONS = [
    ("POST", "/transfers"),
    ("GET", "/transfers"),
    ("GET", f"/transfers/{'0' * 32}"),
    ("DELETE", f"/transfers/{'0' * 32}"),
    ("POST", f"/transfers/{'0' * 32}/retry"),
    ("POST", f"/transfers/{'0' * 32}/acknowledge"),
    ("POST", "/transfers/retry"),
    ("POST", "/transfers/cancel"),
    ("GET", f"/operations/{'0' * 32}"),
    ("GET", "/openapi.json"),
    ("GET", "/ui"),
    ("POST", "/ui"),
]


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
@pytest.mark.parametrize("key", [None, "wrong"])
def test_without_the_key_nothing_is_answered(caller: Caller, method: str, path: str, key: str | None) -> None:
    headers = {"x-functions-key": key} if key else {}
    answer = caller.harness.stack.request(method, f"/api{path}", headers=headers)
    assert (answer.status_code, answer.text) == (401, "")


def test_no_answer_holds_a_secret(caller: Caller) -> None:
    """While a session is open: its URL is in the checkpoint at that moment, and nowhere else."""
    caller.harness.graph.fault({"action": "hold", "kind": "put", "nth": 3})
    started = accepted(caller.start(caller.dropped("secret.bin", content(6 * MIB))))
    caller.harness.stack.wait_until(caller.harness.graph.holding, what="the third range is held")
    paths = ["/transfers", f"/transfers/{started['id']}", "/ui", f"/ui?transfer={started['id']}", "/health"]
    texts = [caller.get(path).text for path in paths]
    texts.append(caller.call("POST", f"/transfers/{started['id']}/retry").text)
    container = caller.harness.stack.storage.get_container_client(caller.harness.stack.checkpoint_container)
    texts += [str(blob.metadata) for blob in container.list_blobs(include=["metadata"])]
    secrets = [*caller.harness.graph.secrets(), caller.key]
    assert secrets
    assert [secret for secret in secrets for text in texts if secret in text or quote(secret, safe="") in text] == []
    assert [sign for text in texts for sign in oracle._SIGNS.findall(text)] == []
    caller.harness.graph.release()
    caller.ended(started["id"])
