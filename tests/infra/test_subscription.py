"""The event subscription: what it watches, what it calls, and what becomes of what cannot be delivered."""

from __future__ import annotations

import re

from tests.infra import bicep
from tests.infra.bicep import Expr

file = bicep.read(bicep.INFRA / "subscription.bicep")
subscription = file.resource("blobDropped").body["properties"]


def test_it_watches_created_blobs_of_the_drop_container_only() -> None:
    filters = subscription["filter"]
    assert filters["includedEventTypes"] == ["Microsoft.Storage.BlobCreated"]
    assert filters["subjectBeginsWith"] == "/blobServices/default/containers/${dropContainer}/blobs/"
    assert filters["isSubjectCaseSensitive"] is True


def test_it_takes_only_calls_that_complete_a_file() -> None:
    (filters,) = subscription["filter"]["advancedFilters"]
    assert filters == {
        "operatorType": "StringIn",
        "key": "data.api",
        "values": ["PutBlob", "PutBlockList", "CopyBlob", "FlushWithClose"],
    }


def test_it_calls_the_blob_triggers_webhook_of_the_function_that_exists() -> None:
    destination = subscription["destination"]
    assert destination["endpointType"] == "WebHook"
    assert destination["properties"]["endpointUrl"] == "${webhook}?functionName=Host.Functions.blob_dropped&code=${key}"
    assert file.variables["webhook"] == "https://${app.properties.defaultHostName}/runtime/webhooks/blobs"
    source = (bicep.INFRA.parent / "function_app.py").read_text(encoding="utf-8")
    assert re.search(r'function_name\("blob_dropped"\)\s*@app\.blob_trigger\(', source)


def test_what_cannot_be_delivered_goes_to_the_dead_letter_container_by_the_topics_own_identity() -> None:
    letters = subscription["deadLetterWithResourceIdentity"]
    assert letters["identity"] == {"type": "SystemAssigned"}
    destination = letters["deadLetterDestination"]
    assert destination["endpointType"] == "StorageBlob"
    assert destination["properties"] == {
        "resourceId": Expr("dataStorage.id"),
        "blobContainerName": Expr("deadLetterContainer"),
    }
    topic = bicep.module("events").resource("topic").body
    assert topic["identity"] == {"type": "SystemAssigned"}
    assert topic["properties"]["topicType"] == "Microsoft.Storage.StorageAccounts"


def test_delivery_is_tried_for_a_day() -> None:
    assert subscription["retryPolicy"] == {"maxDeliveryAttempts": 30, "eventTimeToLiveInMinutes": 1440}


def test_its_parameters_are_what_the_first_pass_returns() -> None:
    outputs = bicep.main().outputs
    assert file.parameters.keys() <= outputs.keys()
