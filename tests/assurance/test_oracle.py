"""The judge of end-to-end stories notices each kind of wrong that it is there for."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from assurance import oracle
from assurance.harness import MAILBOX, Scene, content
from devkit.graph.wire import Request
from devkit.local.azurite import Azurite
from devkit.local.stack import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("judge")]


@pytest.fixture(scope="module")
def scene(azurite: Azurite) -> Iterator[Scene]:
    with Scene(Stack(settings={"OUTCOME_QUEUE": "outcomes"}, azurite=azurite)) as running:
        yield running


def graph_headers(scene: Scene) -> dict[str, str]:
    return {"Authorization": f"Bearer {scene.graph.issue_token()}", "Content-Type": "application/json"}


def attachments_url(scene: Scene, item: str, mailbox: str = MAILBOX) -> str:
    return f"{scene.graph.graph_url}/users/{mailbox}/messages/{quote(item, safe='')}/attachments"


def test_a_story_that_went_well_has_nothing_wrong(scene: Scene) -> None:
    file = scene.drop(content(5_000_000))
    scene.ended(file)
    assert oracle.attached_once(scene, file) == []
    assert oracle.aftermath(scene) == []


def test_an_attachment_too_many_is_noticed(scene: Scene) -> None:
    file = scene.drop(content(10))
    scene.ended(file)
    body = b'{"@odata.type": "#microsoft.graph.fileAttachment", "name": "other", "contentBytes": "YQ=="}'
    scene.graph.send(Request("POST", attachments_url(scene, file.item, file.mailbox), graph_headers(scene), body))
    more, bytes_differ, *_ = oracle.attached_once(scene, file)
    assert "has 2 attachments" in more
    assert "other content" in bytes_differ


def test_an_attachment_that_is_missing_is_noticed(scene: Scene) -> None:
    file = scene.drop(content(10))
    transfer = scene.ended(file)
    address = f"{attachments_url(scene, file.item, file.mailbox)}/{quote(transfer['attachmentId'], safe='')}"
    scene.graph.send(Request("DELETE", address, graph_headers(scene)))
    assert "has 0 attachments" in oracle.attached_once(scene, file)[0]


def test_a_transfer_that_failed_is_noticed(scene: Scene) -> None:
    file = scene.drop(content(10), isinline="true")  # without a contentid
    scene.ended(file)
    assert any("is failed" in wrong for wrong in oracle.attached_once(scene, file))


def test_an_open_session_a_mark_and_a_message_are_left_behind(scene: Scene) -> None:
    item = scene.item()
    body = b'{"AttachmentItem": {"attachmentType": "file", "name": "a", "size": 4000000}}'
    opened = scene.graph.send(
        Request("POST", f"{attachments_url(scene, item)}/createUploadSession", graph_headers(scene), body)
    )
    container = scene.stack.storage.get_container_client(scene.stack.checkpoint_container)
    container.upload_blob("unfinished/0123", b"")
    scene.stack.queues.create_queue("stray")
    scene.stack.send_message("stray", "hello")
    wrong = " ".join(oracle.left_behind(scene))
    assert "transfer 0123 is still marked" in wrong
    assert f"an upload session of {item} is open" in wrong
    assert "queue stray holds 1" in wrong
    scene.stack.queues.delete_queue("stray")
    container.delete_blob("unfinished/0123")
    url = opened.json()["uploadUrl"]
    scene.graph.send(Request("DELETE", url, {"Authorization": "Bearer x"}))
    assert ["Authorization" in wrong for wrong in oracle.strays(scene)] == [True]
    scene.graph.send(Request("DELETE", url))
    assert oracle.left_behind(scene) == []


def test_a_checkpoint_that_its_metadata_misdescribe_is_noticed(scene: Scene) -> None:
    file = scene.drop(content(10))
    transfer = scene.ended(file)
    assert oracle.misdescribed(scene) == []
    container = scene.stack.storage.get_container_client(scene.stack.checkpoint_container)
    blob = container.get_blob_client(f"transfers/{transfer['id']}.json")
    metadata = dict(blob.get_blob_properties().metadata)
    other = json.dumps({"transfer": {**transfer, "attachmentId": "other"}}).encode()
    for lie, told in (
        ({"state": "failed"}, "is attached, and its metadata say failed"),
        ({"summary": base64.b64encode(zlib.compress(other)).decode()}, "differ in attachmentId"),
    ):
        blob.set_blob_metadata({**metadata, **lie})
        (wrong,) = oracle.misdescribed(scene)
        assert told in wrong
    blob.set_blob_metadata(metadata)
    assert oracle.misdescribed(scene) == []


def test_a_secret_in_a_checkpoint_that_is_over_is_noticed_whatever_its_metadata_say(scene: Scene) -> None:
    file = scene.drop(content(10))
    transfer = scene.ended(file)
    container = scene.stack.storage.get_container_client(scene.stack.checkpoint_container)
    blob = container.get_blob_client(f"transfers/{transfer['id']}.json")
    text, metadata = blob.download_blob().readall(), dict(blob.get_blob_properties().metadata)
    told = json.loads(text)
    told["transfer"]["secret"] = "authtoken=abcdefgh%3D"
    blob.upload_blob(json.dumps(told), overwrite=True, metadata={**metadata, "state": "sending"})
    assert any("transfers/" in leak for leak in oracle.leaks(scene))
    blob.upload_blob(text, overwrite=True, metadata=metadata)
    assert oracle.leaks(scene) == []


@pytest.mark.parametrize(
    "text",
    [
        "authtoken=abcdefgh%3D",
        "Authorization: Bearer abcdefghijklmnop",
        "x;AccountKey=abcd==;y",
        "https://x/y?sig=abc%3D",
    ],
)
def test_what_looks_like_a_secret_is_noticed(scene: Scene, text: str) -> None:
    scene.stack.queues.get_queue_client("outcomes").clear_messages()
    assert oracle.leaks(scene) == []
    scene.stack.send_message("outcomes", text)
    assert oracle.leaks(scene) != []


def test_every_secret_that_was_handed_out_is_searched_for(scene: Scene) -> None:
    scene.stack.queues.get_queue_client("outcomes").clear_messages()
    scene.stack.send_message("outcomes", f"a word: {scene.graph.secrets()[-1]}")
    assert oracle.leaks(scene) != []
    scene.stack.queues.get_queue_client("outcomes").clear_messages()


def test_a_run_that_broke_is_noticed(scene: Scene) -> None:
    assert oracle.broken_runs(scene) == []
    scene.stack.host.run("blob_dropped", "x")  # no blob has an empty name: the SDK refuses it
    scene.stack.wait_until(lambda: scene.stack.host.invocations()[-1]["ended"])
    (wrong,) = oracle.broken_runs(scene)
    assert "blob_dropped failed" in wrong
    assert oracle.broken_runs(scene, frozenset({"failed"})) == []
