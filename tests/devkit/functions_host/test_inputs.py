"""What a worker is sent, in the forms of the Functions host."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

from azure.storage.queue import QueueMessage

from devkit.functions_host import frames, inputs


def texts(given: inputs.Input) -> dict[str, Any]:
    """The trigger metadata, which come as JSON values, without `sys`."""
    assert {datum["type"] for datum in given.metadata.values()} == {"json"}
    found = {name: json.loads(datum["value"]) for name, datum in given.metadata.items()}
    assert set(found.pop("sys")) == {"UtcNow", "RandGuid"}
    return found


def test_a_request_loses_its_empty_query_values_and_joins_repeated_ones() -> None:
    headers = [("Accept", "a"), ("ACCEPT", "b")]
    given = inputs.for_request(
        "GET", "http://h/x?a=1&a=&b=&A=3&c=%C3%BC+1", headers=headers, parameters={"id": "7"}, body=b"\0"
    )
    value = given.value["value"]
    assert value["query"] == {"a": "1,,3", "c": "ü 1"}
    assert value["headers"] == {"accept": "a,b"}
    assert value["params"] == {"id": "7"}
    assert frames.from_base64(value["body"]["value"]) == b"\0"


def test_a_message_comes_with_the_queues_own_facts() -> None:
    moment = dt.datetime(2026, 11, 22, 10, 5, 6, tzinfo=dt.UTC)
    message = QueueMessage(id="7", pop_receipt="r", dequeue_count=3, inserted_on=moment)
    given = inputs.for_message("text", message)
    assert given.value == {"type": "string", "value": "text"}
    assert texts(given) == {
        "QueueTrigger": "text",
        "Id": "7",
        "DequeueCount": "3",
        "PopReceipt": "r",
        "InsertionTime": "2026-11-22T10:05:06Z",
    }


def test_a_message_by_hand_has_no_facts() -> None:
    assert texts(inputs.for_message("text")) == {"QueueTrigger": "text"}


def test_a_blob_is_a_reference_to_it() -> None:
    given = inputs.for_blob(
        "DropStorage",
        "drop",
        "a/ü",
        parameters={"name": "a/ü"},
        url="http://u",
        metadata={"a": ""},
        properties={"b": 1},
    )
    content = json.loads(given.value["value"]["content"])
    assert content == {"Connection": "DropStorage", "ContainerName": "drop", "BlobName": "a/ü"}
    assert texts(given) == {
        "BlobTrigger": "drop/a/ü",
        "Uri": "http://u",
        "name": "a/ü",
        "Metadata": {"a": ""},
        "Properties": {"b": 1},
    }


def test_a_timer_says_whether_it_is_late() -> None:
    given = inputs.for_timer(past_due=True, status={"Next": "x"})
    assert json.loads(given.value["value"])["IsPastDue"] is True
    assert json.loads(given.value["value"])["ScheduleStatus"] == {"Next": "x"}


def test_a_direct_request_is_a_json_object_or_a_body() -> None:
    given = inputs.for_direct_request('{"method": "put", "headers": [{"name": "A", "value": "b"}], "body": {"c": 1}}')
    value = given.value["value"]
    assert (value["method"], value["headers"]) == ("PUT", {"a": "b"})
    assert frames.from_base64(value["body"]["value"]) == b'{"c": 1}'
    plain = inputs.for_direct_request("plain").value["value"]
    assert (plain["method"], frames.from_base64(plain["body"]["value"])) == ("POST", b"plain")
