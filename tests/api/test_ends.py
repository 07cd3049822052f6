"""Retry and cancel over HTTP, on the running app."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from devkit.local.azurite import Azurite
from devkit.local.harness import MAILBOX, Harness, content
from tests.api.caller import Caller, accepted, refused
from tests.e2e.stage import LOST, staged

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("api ends")]

MIB = 1024 * 1024
NOWHERE = "AAMkADnowhere="


@pytest.fixture(scope="module")
def stage(azurite: Azurite) -> Iterator[Harness]:
    settings = {"RANGE_BYTES": str(MIB), "TARGET_WAIT_SECONDS": "0"}
    with staged(azurite, settings=settings, options=["--keys"], allowed=LOST) as running:
        yield running


# --- retry ----------------------------------------------------------------------------------------------------------


def test_a_failed_transfer_is_tried_again_once_its_cause_is_gone(caller: Caller) -> None:
    asked = caller.dropped("late.bin", content(1000), target={"mailbox": MAILBOX, "messageId": NOWHERE})
    started = accepted(caller.start(asked))
    failed = caller.ended(started["id"])
    assert (failed["state"], failed["error"]["code"]) == ("failed", "TARGET_NOT_FOUND")
    caller.harness.stack.wait_until_idle()  # its end is told before it is listed
    assert failed["links"]["retry"] == f"/api/transfers/{started['id']}/retry"
    assert started["id"] in [one["id"] for one in caller.listed(state="failed")]
    refused(caller.call("DELETE", f"/transfers/{started['id']}"), 409, "TRANSFER_FAILED")
    caller.harness.graph.add_message(MAILBOX, id=NOWHERE)
    again = accepted(caller.call("POST", f"/transfers/{started['id']}/retry"))
    assert (again["id"], again["error"], again["finishedAt"]) == (started["id"], None, None)
    assert (again["state"], again["attempts"]) == ("queued", 0)
    assert caller.ended(started["id"])["state"] == "attached"
    caller.harness.stack.wait_until_idle()
    assert started["id"] not in [one["id"] for one in caller.listed(state="failed")]
    assert len(caller.harness.graph.attachments(MAILBOX, NOWHERE)) == 1


def test_an_attached_transfer_can_be_neither_retried_nor_cancelled(caller: Caller) -> None:
    started = accepted(caller.start(caller.dropped("done.bin", content(1000))))
    caller.ended(started["id"])
    refused(caller.call("POST", f"/transfers/{started['id']}/retry"), 409, "TRANSFER_ATTACHED")
    refused(caller.call("DELETE", f"/transfers/{started['id']}"), 409, "TRANSFER_ATTACHED")


def test_a_transfer_under_way_cannot_be_retried(caller: Caller) -> None:
    caller.harness.graph.fault({"action": "hold", "kind": "post"})
    started = accepted(caller.start(caller.dropped("busy.bin", content(1000))))
    caller.harness.stack.wait_until(caller.harness.graph.holding, what="the upload is held")
    refused(caller.call("POST", f"/transfers/{started['id']}/retry"), 409, "TRANSFER_NOT_OVER")
    caller.harness.graph.release()
    caller.ended(started["id"])


# --- cancel ---------------------------------------------------------------------------------------------------------


def test_a_transfer_that_is_sending_is_cancelled_and_its_session_deleted(caller: Caller) -> None:
    caller.harness.graph.fault({"action": "hold", "kind": "put", "nth": 2})
    asked = caller.dropped("cancelled.bin", content(6 * MIB))
    started = accepted(caller.start(asked))
    caller.harness.stack.wait_until(caller.harness.graph.holding, what="the second range is held")
    assert accepted(caller.call("DELETE", f"/transfers/{started['id']}"))["state"] == "sending"
    accepted(caller.call("DELETE", f"/transfers/{started['id']}"))
    caller.harness.graph.release()
    ended = caller.ended(started["id"])
    assert (ended["state"], ended["error"]) == ("cancelled", None)
    [session] = [one for one in caller.harness.graph.sessions() if one["item"] == asked["target"]["messageId"]]
    assert session["state"] == "cancelled"
    assert caller.harness.graph.attachments(MAILBOX, asked["target"]["messageId"]) == []
    accepted(caller.call("DELETE", f"/transfers/{started['id']}"))
    again = accepted(caller.call("POST", f"/transfers/{started['id']}/retry"))
    assert caller.ended(again["id"])["state"] == "attached"
    assert len(caller.harness.graph.attachments(MAILBOX, asked["target"]["messageId"])) == 1


@pytest.mark.parametrize("kind", ["final-put", "post"])
def test_a_commit_that_wins_the_race_makes_the_transfer_attached(caller: Caller, kind: str) -> None:
    caller.harness.graph.fault({"action": "hold", "kind": kind})
    asked = caller.dropped(f"race {kind}.bin", content(1000 if kind == "post" else 5 * MIB))
    started = accepted(caller.start(asked))
    caller.harness.stack.wait_until(caller.harness.graph.holding, what="the commit is held")
    accepted(caller.call("DELETE", f"/transfers/{started['id']}"))
    caller.harness.graph.release()
    assert caller.ended(started["id"])["state"] == "attached"
    assert len(caller.harness.graph.attachments(MAILBOX, asked["target"]["messageId"])) == 1


def test_a_transfer_whose_worker_was_killed_is_cancelled_all_the_same(caller: Caller) -> None:
    caller.harness.graph.fault({"action": "hold", "kind": "put", "nth": 2})
    asked = caller.dropped("killed.bin", content(6 * MIB))
    started = accepted(caller.start(asked))
    caller.harness.stack.wait_until(caller.harness.graph.holding, what="the second range is held")
    caller.harness.stack.kill_worker()
    accepted(caller.call("DELETE", f"/transfers/{started['id']}"))
    caller.harness.graph.release()
    assert caller.ended(started["id"], 90)["state"] == "cancelled"
    assert caller.harness.graph.attachments(MAILBOX, asked["target"]["messageId"]) == []
