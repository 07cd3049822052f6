"""What is done and told when a transfer ends, how the attachment is shown, and where uploads may go."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from devkit.graph.wire import Request
from devkit.local.azurite import Azurite
from devkit.local.harness import MAILBOX, Delivery, Harness, content
from tests.e2e.stage import attached, failed, staged

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("e2e outcomes")]

CLIENT_ID = "0b6d2c1e-2f4a-4d0c-9a4e-1c2d3e4f5a6b"


@pytest.fixture(scope="module")
def stage(azurite: Azurite) -> Iterator[Harness]:
    settings = {
        "SOURCE_ON_SUCCESS": "delete",
        "OUTCOME_QUEUE": "outcomes",
        "GRAPH_CLIENT_ID": CLIENT_ID,
        "ACCESS_WAIT_SECONDS": "0",
    }
    with staged(azurite, settings=settings, switches={"client_ids": [CLIENT_ID]}) as running:
        yield running


def exists(harness: Harness, file: Delivery) -> bool:
    return bool(harness.stack.storage.get_blob_client(harness.stack.drop_container, file.blob).exists())


def notices(harness: Harness, file: Delivery) -> list[dict[str, Any]]:
    """What was told of this file; the queue is emptied."""
    queue = harness.stack.queues.get_queue_client("outcomes")
    told = [json.loads(text) for text in harness.stack.peek("outcomes")]
    queue.clear_messages()
    return [one for one in told if one["source"]["blob"] == file.blob]


@pytest.mark.parametrize("size", [1000, 5_000_000])
def test_an_attached_file_is_told_of_once_and_deleted(harness: Harness, size: int) -> None:
    file = harness.drop(content(size))
    transfer = attached(harness, file)
    harness.stack.wait_until(lambda: not exists(harness, file), what="the source is deleted")
    harness.stack.wait_until_idle()
    (notice,) = notices(harness, file)
    assert notice["id"] == transfer["id"]
    assert notice["state"] == "attached"
    assert notice["progress"] == {"bytesConfirmed": size, "bytesTotal": size, "percent": 100.0}
    assert notice["attachment"]["id"] == transfer["attachmentId"]
    assert notice["error"] is None


def test_a_file_that_failed_is_told_of_with_its_remedy_and_kept(harness: Harness) -> None:
    file = harness.drop(content(10), target={"mailbox": "nobody@example.org", "messageid": "AAMk"})
    harness.ended(file)
    harness.stack.wait_until_idle()
    (notice,) = notices(harness, file)
    assert (notice["state"], notice["error"]["code"]) == ("failed", "MAILBOX_NOT_FOUND")
    assert notice["error"]["remedy"]
    assert exists(harness, file)


def test_a_version_that_came_after_the_attached_one_is_not_deleted_with_it(harness: Harness) -> None:
    harness.graph.fault({"action": "hold", "kind": "post"})
    old = harness.drop(content(1000, "old"), blob="twice.txt")
    harness.stack.wait_until(harness.graph.holding, what="the request is held")
    new = harness.drop(content(999, "new"), blob="twice.txt", item=old.item, events=0)
    harness.graph.release()
    harness.ended(old)
    harness.stack.wait_until_idle()
    assert exists(harness, new)
    assert [one["sha256"] for one in harness.attachments(old)] == [old.sha256]


NAMES = [
    ("Angebot für Zoë.pdf", "Angebot für Zoë.pdf"),
    ("見積書 2026年.xlsx", "見積書 2026年.xlsx"),
    ("عرض.pdf", "عرض.pdf"),
    ("naïve 🎉.txt", "naïve 🎉.txt"),
    ("50% off + more.txt", "50% off + more.txt"),
    ('a/b\\c:d*e?"f<g>h|.txt', "a_b_c_d_e__f_g_h_.txt"),
]


@pytest.mark.parametrize(("name", "shown"), NAMES)
@pytest.mark.parametrize("size", [100, 3_500_000])
def test_a_name_that_was_asked_for_is_shown_whatever_its_script(
    harness: Harness, name: str, shown: str, size: int
) -> None:
    file = harness.drop(content(size), shown_name=shown, attachmentname=quote(name, safe=""))
    attached(harness, file)


@pytest.mark.parametrize(
    ("blob", "shown"),
    [
        ("in/2026/Rechnung für März.pdf", "Rechnung für März.pdf"),
        ("a%20b.txt", "a%20b.txt"),
        ("見積 100%.txt", "見積 100%.txt"),
        ("folder with blanks/a+b & c.txt", "a+b & c.txt"),
        ("quote's #1.txt", "quote's #1.txt"),
    ],
)
@pytest.mark.parametrize("size", [100, 3_500_000])
def test_a_blobs_own_name_is_shown_as_it_is(harness: Harness, blob: str, shown: str, size: int) -> None:
    file = harness.drop(content(size), blob=f"{size}/{blob}", shown_name=shown)
    attached(harness, file)


@pytest.mark.parametrize("size", [2000, 5_000_000])
def test_an_inline_picture_is_attached_with_its_content_id(harness: Harness, size: int) -> None:
    file = harness.drop(
        content(size), blob=f"logo{size}.png", contenttype="image/png", isinline="true", contentid="logo%40example.org"
    )
    attached(harness, file)
    (there,) = harness.graph.attachments(file.mailbox, file.item)
    assert (there.is_inline, there.content_id) == (True, "logo@example.org")


def test_the_content_type_is_that_of_the_metadata_else_the_blobs_own(harness: Harness) -> None:
    asked = harness.drop(content(10), contenttype="application/pdf")
    attached(harness, asked)
    item = harness.item()
    dropped = harness.stack.drop(
        "own.csv", b"a;b", metadata={"mailbox": MAILBOX, "messageid": item}, content_type="text/csv"
    )
    own = Delivery(dropped.name, dropped.etag, 3, "", MAILBOX, "message", item, "own.csv")
    harness.ended(own)
    shown = [harness.graph.attachments(file.mailbox, file.item)[0].content_type for file in (asked, own)]
    assert shown == ["application/pdf", "text/csv"]


def test_a_session_on_a_host_that_is_not_allowed_gets_no_byte_of_the_file(harness: Harness) -> None:
    harness.graph.switch(upload_origin="http://localhost:9")
    file = harness.drop(content(5_000_000))
    failure = failed(harness, file)
    assert failure["code"] == "UPLOAD_HOST_REFUSED"
    assert "'localhost'" in failure["detail"]
    assert harness.requests(file, "put", "final-put") == []
    (session,) = harness.sessions(file)
    assert (session["received"], session["state"]) == (0, "open")  # not even a DELETE goes to such a host
    where = session["url"].replace("http://localhost:9", harness.graph.upload_origin)
    harness.graph.send(Request("DELETE", where))
