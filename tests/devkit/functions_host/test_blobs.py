"""The Event Grid webhook and what comes of its events, by the blob extension's rules."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from devkit.functions_host import blobs
from devkit.local.azurite import Azurite
from tests.devkit.functions_host.sample import BLOBS, Sample

pytestmark = pytest.mark.xdist_group("host blobs")
WEBHOOK = "/runtime/webhooks/blobs?functionName=Host.Functions.blob_seen"


@pytest.fixture(scope="module")
def sample(azurite: Azurite) -> Iterator[Sample]:
    with Sample(azurite, settings={f"{BLOBS}poisonBlobThreshold": "3"}) as stack:
        yield stack


NOWHERE = {"data": {"url": "http://127.0.0.1:1/acc/drop/nowhere", "eTag": "0x1", "blobType": "BlockBlob"}}
RENAMED = {
    "eventType": "Microsoft.Storage.BlobRenamed",
    "data": {"sourceUrl": "http://127.0.0.1:1/acc/drop/a", "destinationUrl": "http://127.0.0.1:1/acc/drop/b"},
}


def post(stack: Sample, kind: str | None, events: Any, path: str = WEBHOOK) -> requests.Response:
    return stack.request("POST", path, json=events, headers={} if kind is None else {"aeg-event-type": kind})


def seen(stack: Sample, name: str) -> list[dict[str, Any]]:
    return [run for run in stack.runs("blob_seen") if run["name"] == name]


def test_the_validation_handshake_is_answered(sample: Sample) -> None:
    events = [{"eventType": "Microsoft.EventGrid.SubscriptionValidationEvent", "data": {"validationCode": "512d38b6"}}]
    answer = post(sample, "SubscriptionValidation", events)
    assert (answer.status_code, answer.json()) == (200, {"validationResponse": "512d38b6"})
    assert answer.headers["Content-Type"].startswith("text/plain")


def test_the_handshake_of_cloud_events_is_answered(sample: Sample) -> None:
    answer = sample.request("OPTIONS", WEBHOOK, headers={"WebHook-Request-Origin": "eventgrid.azure.net"})
    assert (answer.status_code, answer.headers["Webhook-Allowed-Origin"]) == (200, "eventgrid.azure.net")


def test_a_notification_is_accepted_before_anything_has_run(sample: Sample) -> None:
    before = len(sample.host.invocations())
    assert post(sample, "Notification", [NOWHERE]).status_code == 202
    sample.wait_until_idle()
    assert len(sample.host.invocations()) == before, "a message whose blob is gone is dropped without a run"


@pytest.mark.parametrize(
    ("kind", "events", "status"),
    [
        ("Unsubscribe", [], 202),
        ("SomethingElse", [], 400),
        (None, [], 400),
        ("Notification", "no event", 500),
        ("Notification", [{"data": {}}], 500),
        ("Notification", [{"data": {"url": "http://127.0.0.1/acc", "eTag": "", "blobType": "BlockBlob"}}], 500),
        ("Notification", [RENAMED], 500),
        ("Notification", NOWHERE, 202),
        ("Notification", [NOWHERE, NOWHERE], 202),
        ("Notification", [{"specversion": "1.0", "type": "Microsoft.Storage.BlobCreated", **NOWHERE}], 202),
        ("SubscriptionValidation", [], 500),
    ],
)
def test_other_requests_get_the_answer_of_the_functions_host(
    sample: Sample, kind: str | None, events: Any, status: int
) -> None:
    assert post(sample, kind, events).status_code == status


@pytest.mark.parametrize("name", ["plain.txt", "a folder/with space+plus%25.txt", "ümlaut/文件.bin", "q?a=b&c#d.txt"])
def test_the_function_gets_the_blob_that_the_event_names(sample: Sample, name: str) -> None:
    sample.drop(name, b"12345")
    (run,) = sample.wait_until(lambda: seen(sample, name))
    assert (run["container"], run["size"]) == ("drop", 5)


def test_duplicates_are_passed_on(sample: Sample) -> None:
    sample.drop("twice.txt", b"1", events=3)
    sample.wait_until(lambda: len(seen(sample, "twice.txt")) == 3)


def test_an_event_outside_the_path_is_passed_on_all_the_same(sample: Sample) -> None:
    sample.storage.create_container("elsewhere").upload_blob("stray.txt", b"1")
    sample.send_event("stray.txt", container="elsewhere")
    (run,) = sample.wait_until(lambda: seen(sample, "stray.txt"))
    assert run["container"] == "elsewhere"


def test_a_function_sees_the_blob_as_it_is_now_not_as_it_was_at_the_event(sample: Sample) -> None:
    event = sample.send_event(sample.drop("changed.txt", b"1", events=0).name, times=0)
    sample.drop("changed.txt", b"22", events=0)
    assert post(sample, "Notification", [event]).status_code == 202
    (run,) = sample.wait_until(lambda: seen(sample, "changed.txt"))
    assert run["size"] == 2


@pytest.mark.parametrize("name", ["Host.Functions.gone", "blob_seen", ""])
def test_an_event_for_a_function_that_is_not_there_is_dropped(sample: Sample, name: str) -> None:
    event = sample.send_event(sample.drop("nobody.txt", b"1", events=0).name, times=0)
    path = f"/runtime/webhooks/blobs?functionName={name}"
    assert post(sample, "Notification", event, path).status_code == 202
    sample.wait_until_idle()
    assert seen(sample, "nobody.txt") == []


@pytest.mark.parametrize("name", ["ends/", "/begins"])
def test_a_blob_that_the_net_client_cannot_name_is_never_seen(sample: Sample, name: str) -> None:
    sample.drop(name, b"1")
    sample.drop(f"after {name.strip('/')}", b"1")
    sample.wait_until(lambda: seen(sample, f"after {name.strip('/')}"))
    sample.wait_until_idle()
    assert seen(sample, name) == []


@pytest.mark.parametrize(
    ("name", "reached"), [("a", True), ("a.b/.c/d..", True), ("a//b", True), ("a/.", False), ("../a", False)]
)
def test_the_net_client_resolves_segments_of_dots(name: str, reached: bool) -> None:
    assert blobs.out_of_reach(name) is not reached


def test_a_blob_that_fails_too_often_leaves_the_documented_message_in_the_poison_queue(sample: Sample) -> None:
    dropped = sample.drop("bad.txt", b"1", metadata={"do": "fail always"})
    (poison,) = sample.wait_until(lambda: sample.runs("poison_seen"))
    assert len(seen(sample, "bad.txt")) == 3
    assert poison["body"] == {
        "Type": "BlobTrigger",
        "FunctionId": "Host.Functions.blob_seen",
        "BlobType": "BlockBlob",
        "ContainerName": "drop",
        "BlobName": "bad.txt",
        "ETag": dropped.etag,
    }


def test_a_blob_that_fails_is_tried_again_without_delay(sample: Sample) -> None:
    sample.drop("again.txt", b"1", metadata={"do": "fail always"})
    sample.wait_until(lambda: len(seen(sample, "again.txt")) == 3)
    runs = [run for run in sample.host.invocations("blob_seen") if run["outcome"] == "failed"][-3:]
    first, *_, last = (dt.datetime.fromisoformat(run["started"]) for run in runs)
    assert (last - first).total_seconds() < 2


def test_a_function_on_the_blob_poison_queue_is_given_other_apps_messages(sample: Sample) -> None:
    message = blobs.BlobMessage("Host.Functions.of_another_app", "theirs", "their.txt", '"0x1"')
    queue = sample.queues.get_queue_client(blobs.POISON_QUEUE)
    if blobs.POISON_QUEUE not in sample.queue_lengths():
        queue.create_queue()
    sample.send_message(blobs.POISON_QUEUE, message.to_json())
    sample.wait_until(lambda: "their.txt" in [run["body"]["BlobName"] for run in sample.runs("poison_seen")])


def test_a_killed_worker_costs_a_blob_one_try(sample: Sample) -> None:
    sample.drop("killed.txt", b"1", metadata={"do": "sleep 4"})
    sample.wait_until(lambda: seen(sample, "killed.txt"))
    sample.kill_worker()
    sample.wait_until_idle()
    runs = [record for record in sample.host.invocations("blob_seen") if record["outcome"] != "failed"][-2:]
    assert [(run["outcome"], run["dequeueCount"]) for run in runs] == [("worker lost", 1), ("succeeded", 2)]


def test_no_more_blobs_run_at_once_than_the_degree_of_parallelism(azurite: Azurite) -> None:
    with Sample(azurite, settings={f"{BLOBS}maxDegreeOfParallelism": "3"}) as stack:
        for number in range(7):
            stack.drop(f"{number}", b"1", metadata={"do": f"sleep {0.3 if number else 1.5}"})
        stack.wait_until_idle()
        records = stack.host.invocations("blob_seen")
        assert len(records) == 7
        assert max(sum(o["started"] <= r["started"] < o["ended"] for o in records) for r in records) == 3


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://account.blob.core.windows.net/drop/a%20b/c.txt", ("drop", "a b/c.txt")),
        ("http://127.0.0.1:10000/devstoreaccount1/drop/x%2525.txt", ("drop", "x%25.txt")),
        ("http://localhost:10000/devstoreaccount1/drop/%C3%BC", ("drop", "ü")),
    ],
)
def test_container_and_name_are_read_from_both_forms_of_a_blobs_url(url: str, expected: tuple[str, str]) -> None:
    assert blobs.split_url(url) == expected


def test_a_message_survives_its_json() -> None:
    message = blobs.BlobMessage("Host.Functions.x", "drop", "ü", '"0x1"')
    assert blobs.BlobMessage.from_json(message.to_json()) == message
    assert '\n  "BlobName": "ü",\n' in message.to_json(), "indented, and names unescaped"
    assert list(json.loads(message.to_json())) == [
        "Type",
        "FunctionId",
        "BlobType",
        "ContainerName",
        "BlobName",
        "ETag",
    ]
