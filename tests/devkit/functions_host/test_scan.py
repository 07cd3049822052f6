"""Polling mode: every version of every blob once, whoever scans."""

from __future__ import annotations

import pytest

from devkit.local.azurite import Azurite
from tests.devkit.functions_host.sample import Sample

pytestmark = pytest.mark.xdist_group("host scan")
POLLING = {"SAMPLE_SOURCE": "poll", "BLOB_TRIGGER_SOURCE": "LogsAndContainerScan"}
OPTIONS = ["--scan", "0.2"]


def sizes(stack: Sample, name: str) -> list[int]:
    return [run["size"] for run in stack.runs("blob_seen") if run["name"] == name]


def test_each_version_is_found_once_a_change_of_metadata_too_and_none_again_after_a_restart(azurite: Azurite) -> None:
    with Sample(azurite, settings=POLLING, options=OPTIONS) as stack:
        stack.drop("a/ü.txt", b"1")
        stack.wait_until(lambda: sizes(stack, "a/ü.txt") == [1])
        stack.drop("a/ü.txt", b"22")
        stack.wait_until(lambda: sizes(stack, "a/ü.txt") == [1, 2])
        stack.storage.get_blob_client("drop", "a/ü.txt").set_blob_metadata({"a": "b"})
        stack.wait_until(lambda: sizes(stack, "a/ü.txt") == [1, 2, 2])
        stack.restart_host()
        stack.drop("next.txt", b"333")
        stack.wait_until(lambda: sizes(stack, "next.txt") == [3])
        stack.wait_until_idle()
        assert sizes(stack, "a/ü.txt") == [1, 2, 2]


def test_hosts_side_by_side_hand_each_version_out_once(azurite: Azurite) -> None:
    with Sample(azurite, settings=POLLING, options=OPTIONS) as stack:
        stack.start_host()
        for number in range(10):
            stack.drop(f"{number}.txt", b"1")
        stack.wait_until(lambda: len({run["name"] for run in stack.runs("blob_seen")}) == 10)
        stack.wait_until_idle()
        assert len(stack.runs("blob_seen")) == 10


def test_a_version_that_was_replaced_before_it_ran_is_left_out(azurite: Azurite) -> None:
    with Sample(azurite, settings=POLLING, options=["--scan", "600"]) as stack:
        stack.wait_until_idle()
        old = stack.drop("old.txt", b"1")
        stack.drop("old.txt", b"22")
        event = {
            "data": {"url": f"http://127.0.0.1/a/drop/{old.name}", "eTag": old.etag[1:-1], "blobType": "BlockBlob"}
        }
        path = "/runtime/webhooks/blobs?functionName=Host.Functions.blob_seen"
        answer = stack.request("POST", path, json=event, headers={"aeg-event-type": "Notification"})
        assert answer.status_code == 202
        stack.wait_until(lambda: all(not length for length in stack.queue_lengths().values()))
        assert sizes(stack, "old.txt") == []
