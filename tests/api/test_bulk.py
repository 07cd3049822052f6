"""Commands for many, acknowledgements, and retries of corrected metadata: over HTTP, on the running app."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from devkit.local.azurite import Azurite
from devkit.local.harness import MAILBOX, Harness, content
from tests.api.caller import Caller, accepted, refused
from tests.e2e.stage import LOST, staged

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("api bulk")]

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def stage(azurite: Azurite) -> Iterator[Harness]:
    settings = {"RANGE_BYTES": str(MIB), "TARGET_WAIT_SECONDS": "0"}
    # Without the sweep, which finds corrected metadata too, sooner or later.
    with staged(azurite, settings=settings, options=["--keys", "--no-timers"], allowed=LOST) as running:
        yield running


def failing(caller: Caller, folder: str, count: int) -> list[dict[str, Any]]:
    """So many failed transfers of files in this folder, whose messages do not exist."""
    started = []
    for number in range(count):
        target = {"mailbox": MAILBOX, "messageId": f"AAMkAD{folder.strip('/')}{number}="}
        asked = caller.dropped(f"{folder}{number}.bin", content(100), target=target)
        started.append(accepted(caller.start(asked))["id"])
    failed = [caller.ended(one) for one in started]
    assert {one["error"]["code"] for one in failed} == {"TARGET_NOT_FOUND"}
    caller.harness.stack.wait_until_idle()
    return failed


def finished(caller: Caller, answer: Any) -> dict[str, Any]:
    """The report, once the operation is finished."""
    assert answer.status_code == 202, answer.text
    begun = answer.json()
    assert answer.headers["Location"] == begun["links"]["self"] == f"/api/operations/{begun['id']}"
    assert int(answer.headers["Retry-After"]) > 0

    def look() -> dict[str, Any] | None:
        shown: dict[str, Any] = caller.get(f"/operations/{begun['id']}").json()
        return shown if shown["state"] == "finished" else None

    report = caller.harness.stack.wait_until(look, what="the operation is finished")
    assert report is not None
    return report


# --- many -------------------------------------------------------------------------------------------------------------


def test_everything_that_matches_is_retried_and_each_has_its_result(caller: Caller) -> None:
    failed = failing(caller, "many/", 5)
    for one in failed:
        caller.harness.graph.add_message(MAILBOX, id=one["target"]["messageId"])
    asked = {"filter": {"blob": "many/", "code": "TARGET_NOT_FOUND"}, "limit": 10, "by": "ann@example.org"}
    report = finished(caller, caller.call("POST", "/transfers/retry", json=asked))
    ids = {one["id"] for one in failed}
    assert {one["transferId"]: one["outcome"] for one in report["results"]} == dict.fromkeys(ids, "accepted")
    assert {one["blob"] for one in report["results"]} == {f"many/{number}.bin" for number in range(5)}
    assert report["counts"] == {"chosen": 5, "pending": 0, "accepted": 5, "rejected": 0, "failed": 0}
    assert (report["requestedBy"], report["hasMore"]) == ("ann@example.org", False)
    assert report["filter"] == {"state": "failed", "blob": "many/", "code": "TARGET_NOT_FOUND"}
    assert {caller.ended(one)["state"] for one in ids} == {"attached"}


def test_no_more_than_the_limit_is_retried_and_the_report_says_that_there_is_more(caller: Caller) -> None:
    failing(caller, "limited/", 3)
    asked = {"filter": {"blob": "limited/"}, "limit": 2}
    report = finished(caller, caller.call("POST", "/transfers/retry", json=asked))
    assert (report["counts"]["accepted"], report["hasMore"]) == (2, True)


def test_what_was_named_one_by_one_has_a_result_each_whatever_it_is(caller: Caller) -> None:
    [failed] = failing(caller, "named/", 1)
    attached = caller.ended(accepted(caller.start(caller.dropped("named attached.bin", content(100))))["id"])
    asked = {"transfers": [failed["id"], attached["id"], "0" * 32, failed["id"]]}
    report = finished(caller, caller.call("POST", "/transfers/retry", json=asked))
    told = {one["transferId"]: (one["outcome"], one["code"]) for one in report["results"]}
    assert told == {
        failed["id"]: ("accepted", None),
        attached["id"]: ("rejected", "TRANSFER_ATTACHED"),
        "0" * 32: ("rejected", "TRANSFER_NOT_FOUND"),
    }
    assert all(one["remedy"] for one in report["results"] if one["code"])
    caller.ended(failed["id"])


def test_everything_that_matches_is_cancelled(caller: Caller) -> None:
    graph = caller.harness.graph
    graph.fault({"action": "hold", "kind": "put", "nth": 2})
    held = accepted(caller.start(caller.dropped("running/held.bin", content(4 * MIB))))["id"]
    caller.harness.stack.wait_until(graph.holding, what="a range is held")
    report = finished(
        caller, caller.call("POST", "/transfers/cancel", json={"filter": {"blob": "running/"}, "limit": 5})
    )
    assert [(one["transferId"], one["outcome"]) for one in report["results"]] == [(held, "accepted")]
    graph.release()
    assert caller.ended(held)["state"] == "cancelled"


ONE = {"filter": {"blob": "x/"}, "limit": 1}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, None),
        ([], None),
        ({"filter": {"blob": "x/"}}, "limit"),
        ({"filter": {}, "limit": 1}, "filter"),
        ({"filter": {"blob": ""}, "limit": 1}, "filter.blob"),
        ({"filter": {"nmae": "x"}, "limit": 1}, "filter.nmae"),
        ({"filter": {"code": "NO_SUCH"}, "limit": 1}, "filter.code"),
        ({"filter": {"since": "soon"}, "limit": 1}, "filter.since"),
        ({"filter": {"state": "attached"}, "limit": 1}, "filter.state"),
        ({"filter": {"state": 5}, "limit": 1}, "filter.state"),
        ({**ONE, "limit": 0}, "limit"),
        ({**ONE, "limit": 1001}, "limit"),
        ({**ONE, "limit": "1"}, "limit"),
        ({**ONE, "limit": True}, "limit"),
        ({**ONE, "transfers": ["0" * 32]}, None),
        ({"transfers": []}, "transfers"),
        ({"transfers": ["x"]}, "transfers.0"),
        ({**ONE, "by": "a\nb"}, "by"),
    ],
)
@pytest.mark.parametrize("action", ["retry", "cancel"])
def test_a_command_for_many_that_makes_no_sense_is_refused(
    caller: Caller, action: str, body: object, field: str | None
) -> None:
    problem = refused(caller.call("POST", f"/transfers/{action}", json=body), 400, "REQUEST_INVALID")
    assert [fault["field"] for fault in problem["faults"]] == [field]


def test_an_empty_body_or_one_that_is_no_json_is_refused(caller: Caller) -> None:
    for path in ("/transfers/retry", "/transfers/cancel", f"/transfers/{'0' * 32}/acknowledge"):
        for body in (b"", b"{", b"\xff"):
            refused(caller.call("POST", path, data=body), 400, "REQUEST_INVALID")
        refused(caller.call("POST", path, data=b" " * 70_000), 413, "REQUEST_TOO_LARGE")


@pytest.mark.parametrize("operation", ["0" * 32, "x", "0" * 33])
def test_an_operation_that_does_not_exist_is_told(caller: Caller, operation: str) -> None:
    refused(caller.get(f"/operations/{operation}"), 404, "OPERATION_NOT_FOUND")


# --- acknowledged -----------------------------------------------------------------------------------------------------


def test_an_acknowledged_failure_leaves_the_failed_list_and_stays_in_the_history(caller: Caller) -> None:
    [failed] = failing(caller, "noted/", 1)
    said = {"note": "Sent by hand.", "by": "ann@example.org"}
    answer = caller.call("POST", f"/transfers/{failed['id']}/acknowledge", json=said)
    assert answer.status_code == 200, answer.text
    noted = answer.json()
    assert (noted["state"], noted["error"]["code"]) == ("failed", "TARGET_NOT_FOUND")
    assert {**noted["acknowledged"], "at": None} == {**said, "at": None, "successor": None}
    assert "acknowledge" not in noted["links"]
    listed = {state: [one["id"] for one in caller.listed(state=state)] for state in ("failed", "acknowledged")}
    assert failed["id"] not in listed["failed"]
    assert failed["id"] in listed["acknowledged"]
    assert [one["acknowledged"]["note"] for one in caller.listed(blob="noted/")] == ["Sent by hand."]
    assert [one["id"] for one in caller.listed(state="failed", blob="noted/")] == []
    [checkpoint] = [one for one in caller.harness.transfers() if one["id"] == failed["id"]]
    assert checkpoint["history"][-1]["outcome"] == "acknowledged"


def test_an_acknowledged_failure_can_be_tried_again_and_is_listed_again_if_it_fails(caller: Caller) -> None:
    [failed] = failing(caller, "renoted/", 1)
    caller.call("POST", f"/transfers/{failed['id']}/acknowledge", json={"note": "Never mind."})
    accepted(caller.call("POST", f"/transfers/{failed['id']}/retry"))
    again = caller.ended(failed["id"])
    assert (again["state"], again["acknowledged"]) == ("failed", None)
    caller.harness.stack.wait_until_idle()
    assert failed["id"] in [one["id"] for one in caller.listed(state="failed")]
    assert failed["id"] not in [one["id"] for one in caller.listed(state="acknowledged")]


def test_only_a_failure_can_be_acknowledged(caller: Caller) -> None:
    attached = caller.ended(accepted(caller.start(caller.dropped("fine.bin", content(100))))["id"])
    path = f"/transfers/{attached['id']}/acknowledge"
    refused(caller.call("POST", path, json={"note": "Fine."}), 409, "TRANSFER_NOT_FAILED")
    refused(caller.call("POST", f"/transfers/{'0' * 32}/acknowledge", json={"note": "x"}), 404, "TRANSFER_NOT_FOUND")
    for body in ({}, {"note": ""}, {"note": " "}, {"note": "x" * 501}, {"note": "a\nb"}, {"note": 5}):
        refused(caller.call("POST", path, json=body), 400, "REQUEST_INVALID")


# --- metadata that were corrected -------------------------------------------------------------------------------------


def corrected(caller: Caller, blob: str, **metadata: str) -> None:
    """Set Blob Metadata: as everywhere, no event tells of it."""
    stack = caller.harness.stack
    stack.storage.get_blob_client(stack.drop_container, blob).set_blob_metadata(metadata)


@pytest.mark.parametrize("first", [{}, {"mailbox": MAILBOX}, {"mailbox": MAILBOX, "messageid": "AAMkADwrong="}])
def test_a_retry_reads_corrected_metadata_anew_and_says_so(caller: Caller, first: dict[str, str]) -> None:
    blob = f"repair/{len(first)}.bin"
    caller.harness.stack.drop(blob, content(100), metadata=first)
    caller.harness.stack.wait_until(lambda: caller.listed(blob=blob), what="the file has a transfer")
    [found] = caller.listed(blob=blob)
    failed = caller.ended(found["id"])
    assert failed["state"] == "failed"
    assert failed["metadata"] == (None if len(first) == 2 else first or None)
    item = caller.harness.item()
    corrected(caller, blob, mailbox=MAILBOX, messageid=item.replace("%", "%25"))
    caller.harness.stack.wait_until_idle()
    assert [one["id"] for one in caller.listed(blob=blob)] == [failed["id"]], "nobody was told, and nobody noticed"
    answer = caller.call("POST", f"/transfers/{failed['id']}/retry")
    successor = accepted(answer)
    assert successor["id"] != failed["id"]
    assert successor["supersedes"] == failed["id"]
    assert successor["source"]["etag"] != failed["source"]["etag"]
    assert caller.ended(successor["id"])["state"] == "attached"
    assert len(caller.harness.graph.attachments(MAILBOX, item)) == 1
    older = caller.transfer(failed["id"])
    assert older["acknowledged"]["successor"] == successor["id"]
    assert older["links"]["successor"] == f"/api/transfers/{successor['id']}"
    assert "retry" not in older["links"]
    assert failed["id"] not in [one["id"] for one in caller.listed(state="failed")]
    again = accepted(caller.call("POST", f"/transfers/{failed['id']}/retry"))
    assert (again["id"], again["state"]) == (successor["id"], "attached"), "asked twice, it is the same one"
    stories = {one["id"]: " ".join(step["outcome"] for step in one["history"]) for one in caller.harness.transfers()}
    assert successor["id"] in stories[failed["id"]]
    assert failed["id"] in stories[successor["id"]]


def test_a_retry_of_metadata_that_are_still_wrong_is_the_failure_of_the_new_version(caller: Caller) -> None:
    blob = "repair/still wrong.bin"
    caller.harness.stack.drop(blob, content(100), metadata={})
    caller.harness.stack.wait_until(lambda: caller.listed(blob=blob), what="the file has a transfer")
    [failed] = caller.listed(blob=blob)
    refused(caller.call("POST", f"/transfers/{failed['id']}/retry"), 409, "RETRY_POINTLESS")
    corrected(caller, blob, mailbox=MAILBOX)
    successor = accepted(caller.call("POST", f"/transfers/{failed['id']}/retry"))
    assert (successor["state"], successor["error"]["code"]) == ("failed", "TARGET_MISSING")
    assert [one["id"] for one in caller.listed(state="failed", blob=blob)] == [successor["id"]]
    assert [one["id"] for one in caller.listed(state="failed", mailbox=MAILBOX, blob=blob)] == [successor["id"]]


def test_a_target_that_a_request_named_is_not_taken_from_metadata_that_came_later(caller: Caller) -> None:
    [failed] = failing(caller, "asked/", 1)
    elsewhere = caller.harness.item()
    corrected(caller, failed["source"]["blob"], mailbox=MAILBOX, messageid=elsewhere.replace("%", "%25"))
    caller.harness.graph.add_message(MAILBOX, id=failed["target"]["messageId"])
    successor = accepted(caller.call("POST", f"/transfers/{failed['id']}/retry"))
    assert (successor["supersedes"], successor["target"]) == (failed["id"], failed["target"])
    assert caller.ended(successor["id"])["state"] == "attached"
    assert caller.harness.graph.attachments(MAILBOX, elsewhere) == []


def test_many_retries_name_the_successors_of_corrected_files(caller: Caller) -> None:
    for number in range(3):
        caller.harness.stack.drop(f"repairs/{number}.bin", content(100), metadata={"mailbox": MAILBOX})
    caller.harness.stack.wait_until(lambda: len(caller.listed(blob="repairs/")) == 3, what="each has a transfer")
    caller.harness.stack.wait_until_idle()
    for number in range(2):
        item = caller.harness.item()
        corrected(caller, f"repairs/{number}.bin", mailbox=MAILBOX, messageid=item.replace("%", "%25"))
    asked = {"filter": {"blob": "repairs/", "mailbox": MAILBOX}, "limit": 10}
    report = finished(caller, caller.call("POST", "/transfers/retry", json=asked))
    told = {one["blob"]: (one["outcome"], one["code"], one["successor"]) for one in report["results"]}
    assert told["repairs/2.bin"] == ("rejected", "RETRY_POINTLESS", None)
    for number in range(2):
        outcome, code, successor = told[f"repairs/{number}.bin"]
        assert (outcome, code) == ("accepted", None)
        assert successor is not None
        assert caller.ended(successor)["state"] == "attached"
