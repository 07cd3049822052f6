"""Azurite as the stack starts it."""

from __future__ import annotations

import urllib.request

import psutil
import pytest
from azure.core import MatchConditions
from azure.core.exceptions import ResourceModifiedError
from azure.storage.blob import BlobClient, BlobServiceClient
from azure.storage.queue import QueueServiceClient

from devkit.local.azurite import MOST_ACCOUNTS, Azurite

pytestmark = pytest.mark.xdist_group("azurite")


def test_two_run_side_by_side_and_know_nothing_of_each_other() -> None:
    with Azurite() as one, Azurite() as other:
        assert set(one.origins.values()).isdisjoint(other.origins.values())
        with (
            BlobServiceClient.from_connection_string(one.connection_string) as first,
            BlobServiceClient.from_connection_string(other.connection_string) as second,
        ):
            first.create_container("here")
            assert [container.name for container in second.list_containers()] == []


def test_blobs_and_queues_work_with_the_newest_sdks() -> None:
    with Azurite() as azurite:
        text = azurite.connection_string
        with (
            BlobServiceClient.from_connection_string(text) as blobs,
            QueueServiceClient.from_connection_string(text) as queues,
        ):
            container = blobs.create_container("con")
            blob: BlobClient = container.upload_blob("b", b"0123456789", metadata={"a": "1"})
            etag = blob.get_blob_properties().etag

            def read() -> bytes:
                same = MatchConditions.IfNotModified
                return blob.download_blob(offset=2, length=3, etag=etag, match_condition=same).readall()

            assert read() == b"234"
            blob.upload_blob(b"changed", overwrite=True)
            with pytest.raises(ResourceModifiedError):
                read()
            queue = queues.create_queue("que")
            queue.send_message("later", visibility_timeout=60)
            assert queue.peek_messages() == []


def test_each_account_is_empty_and_none_is_handed_out_twice(azurite: Azurite) -> None:
    one, other = azurite.new_account(), azurite.new_account()
    with (
        BlobServiceClient.from_connection_string(one) as first,
        BlobServiceClient.from_connection_string(other) as second,
    ):
        first.create_container("here")
        assert [container.name for container in second.list_containers()] == []
        assert [container.name for container in first.list_containers()] == ["here"]


def test_more_accounts_than_it_has_are_refused() -> None:
    unstarted = Azurite()
    given = {unstarted.new_account() for _ in range(MOST_ACCOUNTS)}
    assert len(given) == MOST_ACCOUNTS
    with pytest.raises(LookupError, match="handed out"):
        unstarted.new_account()


def test_nothing_is_left_when_it_stops() -> None:
    with Azurite() as azurite:
        pids = [azurite.pid, *(child.pid for child in psutil.Process(azurite.pid).children(recursive=True))]
        origin = azurite.origins["Blob"]
    assert not any(psutil.pid_exists(pid) for pid in pids)
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(origin)
