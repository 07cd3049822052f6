"""Events made up locally: the envelope, and the stand-in that watches a container."""

from __future__ import annotations

import pytest

from devkit.local.azurite import Azurite
from tests.devkit.functions_host.sample import Sample

pytestmark = pytest.mark.xdist_group("host scan")


def test_the_event_is_the_one_that_event_grid_sends_for_a_blob(azurite: Azurite) -> None:
    with Sample(azurite) as stack:
        dropped = stack.drop("a b/ü.txt", b"123", content_type="text/plain", events=0)
        event = stack.send_event(dropped.name, times=0)
        account = stack.storage.account_name
        assert event["eventType"] == "Microsoft.Storage.BlobCreated"
        assert event["subject"] == "/blobServices/default/containers/drop/blobs/a b/ü.txt"
        assert event["topic"].endswith(f"/providers/Microsoft.Storage/storageAccounts/{account}")
        data = event["data"]
        assert data["url"].startswith("http://127.0.0.1:")
        assert data["url"].endswith(f"/{account}/drop/a%20b/%C3%BC.txt")
        assert f'"{data["eTag"]}"' == dropped.etag
        assert (data["api"], data["blobType"], data["contentLength"]) == ("PutBlob", "BlockBlob", 3)
        assert data["contentType"] == "text/plain"


def test_the_stand_in_tells_new_versions_and_not_what_was_there_before(azurite: Azurite) -> None:
    with Sample(azurite, options=["--event-grid-standin", "0.2"]) as stack:
        stack.drop("first.txt", b"1", events=0)
        stack.wait_until(lambda: [run["name"] for run in stack.runs("blob_seen")] == ["first.txt"])
        stack.restart_host()
        stack.drop("second.txt", b"1", events=0)
        stack.wait_until(lambda: len(stack.runs("blob_seen")) == 2)
        stack.drop("second.txt", b"22", events=0)
        stack.wait_until(lambda: len(stack.runs("blob_seen")) == 3)
        names = [(run["name"], run["size"]) for run in stack.runs("blob_seen")]
        assert names == [("first.txt", 1), ("second.txt", 1), ("second.txt", 2)]


def test_the_stand_in_tells_nothing_of_metadata_that_are_written_later(azurite: Azurite) -> None:
    with Sample(azurite, options=["--event-grid-standin", "0.2"]) as stack:
        stack.drop("first.txt", b"1", events=0)
        stack.wait_until(lambda: len(stack.runs("blob_seen")) == 1)
        blob = stack.storage.get_blob_client("drop", "first.txt")
        blob.set_blob_metadata({"mailbox": "ada@example.org"})
        stack.drop("second.txt", b"1", events=0)
        stack.wait_until(lambda: len(stack.runs("blob_seen")) == 2)
        blob.upload_blob(b"2", overwrite=True, metadata={"mailbox": "grace@example.org"})
        stack.wait_until(lambda: len(stack.runs("blob_seen")) == 3)
        assert [run["name"] for run in stack.runs("blob_seen")] == ["first.txt", "second.txt", "first.txt"]
