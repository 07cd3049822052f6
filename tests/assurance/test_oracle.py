"""The judge of end-to-end scenarios notices each kind of wrong that it is there for."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest

from assurance import oracle
from devkit.graph.wire import Request
from devkit.local.azurite import Azurite
from devkit.local.harness import MAILBOX, Harness, content
from devkit.local.stack import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("judge")]


@pytest.fixture(scope="module")
def harness(azurite: Azurite) -> Iterator[Harness]:
    with Harness(Stack(settings={"OUTCOME_QUEUE": "outcomes"}, azurite=azurite)) as running:
        yield running


def graph_headers(harness: Harness) -> dict[str, str]:
    return {"Authorization": f"Bearer {harness.graph.issue_token()}", "Content-Type": "application/json"}


def attachments_url(harness: Harness, item: str, mailbox: str = MAILBOX) -> str:
    return f"{harness.graph.graph_url}/users/{mailbox}/messages/{quote(item, safe='')}/attachments"


def test_a_scenario_that_went_well_has_no_findings(harness: Harness) -> None:
    file = harness.drop(content(5_000_000))
    harness.ended(file)
    assert oracle.attached_once(harness, file) == []
    assert oracle.aftermath(harness) == []


def test_an_attachment_too_many_is_noticed(harness: Harness) -> None:
    file = harness.drop(content(10))
    harness.ended(file)
    body = b'{"@odata.type": "#microsoft.graph.fileAttachment", "name": "other", "contentBytes": "YQ=="}'
    harness.graph.send(Request("POST", attachments_url(harness, file.item, file.mailbox), graph_headers(harness), body))
    more, bytes_differ, *_ = oracle.attached_once(harness, file)
    assert "has 2 attachments" in more
    assert "other content" in bytes_differ


def test_an_attachment_that_is_missing_is_noticed(harness: Harness) -> None:
    file = harness.drop(content(10))
    transfer = harness.ended(file)
    address = f"{attachments_url(harness, file.item, file.mailbox)}/{quote(transfer['attachmentId'], safe='')}"
    harness.graph.send(Request("DELETE", address, graph_headers(harness)))
    assert "has 0 attachments" in oracle.attached_once(harness, file)[0]


def test_a_transfer_that_failed_is_noticed(harness: Harness) -> None:
    file = harness.drop(content(10), isinline="true")  # without a contentid
    harness.ended(file)
    assert any("is failed" in wrong for wrong in oracle.attached_once(harness, file))


def test_an_open_session_a_mark_and_a_message_are_left_behind(harness: Harness) -> None:
    item = harness.item()
    body = b'{"AttachmentItem": {"attachmentType": "file", "name": "a", "size": 4000000}}'
    opened = harness.graph.send(
        Request("POST", f"{attachments_url(harness, item)}/createUploadSession", graph_headers(harness), body)
    )
    container = harness.stack.storage.get_container_client(harness.stack.checkpoint_container)
    container.upload_blob("unfinished/0123", b"")
    harness.stack.queues.create_queue("stray")
    harness.stack.send_message("stray", "hello")
    wrong = " ".join(oracle.left_behind(harness))
    assert "transfer 0123 is still marked" in wrong
    assert f"an upload session of {item} is open" in wrong
    assert "queue stray holds 1" in wrong
    harness.stack.queues.delete_queue("stray")
    container.delete_blob("unfinished/0123")
    url = opened.json()["uploadUrl"]
    harness.graph.send(Request("DELETE", url, {"Authorization": "Bearer x"}))
    assert ["Authorization" in wrong for wrong in oracle.strays(harness)] == [True]
    harness.graph.send(Request("DELETE", url))
    assert oracle.left_behind(harness) == []


@pytest.mark.parametrize(
    ("state", "due_in", "messages", "left"),
    [
        ("attached", 300, 1, 0),  # what it left behind when it waited for its mailbox
        ("attached", 300, 2, 1),  # one too many
        ("attached", -1, 1, 1),  # it should have come, and gone
        ("attached", None, 1, 1),  # nothing explains it
        ("sending", 300, 1, 1),  # it may still be needed
    ],
)
def test_a_hidden_message_counts_unless_a_transfer_that_is_over_explains_it(
    harness: Harness, state: str, due_in: float | None, messages: int, left: int
) -> None:
    file = harness.drop(content(10))
    transfer = harness.ended(file)
    oracle.settle(harness)
    container = harness.stack.storage.get_container_client(harness.stack.checkpoint_container)
    blob = container.get_blob_client(f"transfers/{transfer['id']}.json")
    text, metadata = blob.download_blob().readall(), dict(blob.get_blob_properties().metadata)
    told = json.loads(text)
    due = None if due_in is None else (datetime.now(UTC) + timedelta(seconds=due_in)).isoformat()
    told["transfer"] |= {"state": state, "recheckAt": due}
    blob.upload_blob(json.dumps(told), overwrite=True, metadata=metadata)
    queue = harness.stack.queues.get_queue_client("transfers")
    for _ in range(messages):
        queue.send_message("hidden", visibility_timeout=600)
    try:
        assert oracle.messages_left(harness)["transfers"] == left
        assert (f"queue transfers holds {left} messages" in oracle.left_behind(harness)) is bool(left)
    finally:
        queue.clear_messages()
        blob.upload_blob(text, overwrite=True, metadata=metadata)


def test_a_checkpoint_that_its_metadata_misdescribe_is_noticed(harness: Harness) -> None:
    file = harness.drop(content(10))
    transfer = harness.ended(file)
    assert oracle.misdescribed(harness) == []
    container = harness.stack.storage.get_container_client(harness.stack.checkpoint_container)
    blob = container.get_blob_client(f"transfers/{transfer['id']}.json")
    metadata = dict(blob.get_blob_properties().metadata)
    other = json.dumps({"transfer": {**transfer, "attachmentId": "other"}}).encode()
    for lie, told in (
        ({"state": "failed"}, "is attached, and its metadata say failed"),
        ({"summary": base64.b64encode(zlib.compress(other)).decode()}, "differ in attachmentId"),
    ):
        blob.set_blob_metadata({**metadata, **lie})
        (wrong,) = oracle.misdescribed(harness)
        assert told in wrong
    blob.set_blob_metadata(metadata)
    assert oracle.misdescribed(harness) == []


def test_a_secret_in_a_checkpoint_that_is_over_is_noticed_whatever_its_metadata_say(harness: Harness) -> None:
    file = harness.drop(content(10))
    transfer = harness.ended(file)
    container = harness.stack.storage.get_container_client(harness.stack.checkpoint_container)
    blob = container.get_blob_client(f"transfers/{transfer['id']}.json")
    text, metadata = blob.download_blob().readall(), dict(blob.get_blob_properties().metadata)
    told = json.loads(text)
    told["transfer"]["secret"] = "authtoken=abcdefgh%3D"
    blob.upload_blob(json.dumps(told), overwrite=True, metadata={**metadata, "state": "sending"})
    assert any("transfers/" in leak for leak in oracle.leaks(harness))
    blob.upload_blob(text, overwrite=True, metadata=metadata)
    assert oracle.leaks(harness) == []


@pytest.mark.parametrize(
    "text",
    [
        "authtoken=abcdefgh%3D",
        "Authorization: Bearer abcdefghijklmnop",
        "x;AccountKey=abcd==;y",
        "https://x/y?sig=abc%3D",
    ],
)
def test_what_looks_like_a_secret_is_noticed(harness: Harness, text: str) -> None:
    harness.stack.queues.get_queue_client("outcomes").clear_messages()
    assert oracle.leaks(harness) == []
    harness.stack.send_message("outcomes", text)
    assert oracle.leaks(harness) != []


def test_every_secret_that_was_handed_out_is_searched_for(harness: Harness) -> None:
    harness.stack.queues.get_queue_client("outcomes").clear_messages()
    harness.stack.send_message("outcomes", f"a word: {harness.graph.secrets()[-1]}")
    assert oracle.leaks(harness) != []
    harness.stack.queues.get_queue_client("outcomes").clear_messages()


def test_a_run_that_broke_is_noticed(harness: Harness) -> None:
    assert oracle.broken_runs(harness) == []
    harness.stack.host.run("blob_dropped", "x")  # no blob has an empty name: the SDK refuses it
    harness.stack.wait_until(lambda: harness.stack.host.invocations()[-1]["ended"])
    (wrong,) = oracle.broken_runs(harness)
    assert "blob_dropped failed" in wrong
    assert oracle.broken_runs(harness, frozenset({"failed"})) == []
