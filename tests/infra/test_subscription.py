"""The event subscription: what it watches, what it calls, and what becomes of what cannot be delivered."""

from __future__ import annotations

import re

from tests.infra import bicep
from tests.infra.compiler import of_type, outputs, resources
from tests.infra.expressions import Call, value
from tests.infra.site import account

(made,) = resources("subscription")
subscription = made["properties"]
(app,) = of_type("example", "Microsoft.Web/sites")


def test_it_is_the_whole_of_the_second_pass() -> None:
    (topic,) = of_type("example", "Microsoft.EventGrid/systemTopics")
    assert made["type"] == "Microsoft.EventGrid/systemTopics/eventSubscriptions"
    assert made["id"] == f"{topic['id']}/eventSubscriptions/blob-dropped"


def test_it_watches_created_blobs_of_the_drop_container_only() -> None:
    filters = subscription["filter"]
    assert filters["includedEventTypes"] == ["Microsoft.Storage.BlobCreated"]
    # without the last slash the container drop-old would match as well
    assert filters["subjectBeginsWith"] == "/blobServices/default/containers/drop/blobs/"
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
    url = value(destination["properties"]["endpointUrl"])
    host = Call("reference", (app["id"], "2025-03-01"), ("defaultHostName",))
    key = Call("listKeys", (f"{app['id']}/host/default", "2025-03-01"), ("systemKeys", "blobs_extension"))
    webhook = Call("format", ("https://{0}/runtime/webhooks/blobs", host))
    assert url == Call("format", ("{0}?functionName=Host.Functions.blob_dropped&code={1}", webhook, key))
    source = (bicep.INFRA.parent / "function_app.py").read_text(encoding="utf-8")
    assert re.search(r'function_name\("blob_dropped"\)\s*@app\.blob_trigger\(', source)


def test_the_key_is_in_no_parameter_and_no_output() -> None:
    assert outputs("subscription") == {"name": "blob-dropped"}
    assert "key" not in bicep.read(bicep.INFRA / "subscription.bicep").parameters


def test_what_cannot_be_delivered_goes_to_the_dead_letter_container_by_the_topics_own_identity() -> None:
    letters = subscription["deadLetterWithResourceIdentity"]
    assert letters["identity"] == {"type": "SystemAssigned"}
    destination = letters["deadLetterDestination"]
    assert destination["endpointType"] == "StorageBlob"
    data = account("example", "stdrop")["id"]
    assert destination["properties"] == {"resourceId": data, "blobContainerName": "deadletters"}
    (topic,) = of_type("example", "Microsoft.EventGrid/systemTopics")
    assert topic["identity"] == {"type": "SystemAssigned"}
    assert topic["properties"]["topicType"] == "Microsoft.Storage.StorageAccounts"
    assert topic["properties"]["source"] == data


def test_delivery_is_tried_for_a_day() -> None:
    assert subscription["retryPolicy"] == {"maxDeliveryAttempts": 30, "eventTimeToLiveInMinutes": 1440}


def test_its_parameters_are_what_the_first_pass_returns() -> None:
    file = bicep.read(bicep.INFRA / "subscription.bicep")
    assert file.parameters.keys() <= outputs("example").keys()
