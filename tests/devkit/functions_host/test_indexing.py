"""Which functions the dev host takes, by the bindings that the worker library states, and what it refuses by name."""

from __future__ import annotations

import json
from typing import Any

import pytest

from devkit.functions_host.indexing import AppError, described

REFERENCE = {"properties": {"SupportsDeferredBinding": True}}
BLOB = {"direction": "IN", "name": "b", "type": "blobTrigger", "path": "drop/{name}", "connection": "X"}
QUEUE = {"direction": "IN", "name": "m", "type": "queueTrigger", "queueName": "q", "connection": "X"}
HTTP = {"direction": "IN", "name": "req", "type": "httpTrigger", "authLevel": "FUNCTION", "route": "x"}
ANSWER = {"direction": "OUT", "name": "$return", "type": "http"}
TIMER = {"direction": "IN", "name": "t", "type": "timerTrigger", "schedule": "0 * * * * *"}


def raw(*bindings: dict[str, Any]) -> list[str]:
    return [json.dumps(binding) for binding in bindings]


@pytest.mark.parametrize(
    ("bindings", "trigger"),
    [
        ([BLOB | REFERENCE], BLOB | REFERENCE),
        ([QUEUE], QUEUE),
        ([HTTP, ANSWER], HTTP),
        ([ANSWER, HTTP], HTTP),
        ([TIMER], TIMER),
    ],
)
def test_a_function_of_each_kind_is_described_by_its_trigger(
    bindings: list[dict[str, Any]], trigger: dict[str, Any]
) -> None:
    binding = {key: value for key, value in trigger.items() if key != "direction"}
    assert described("one", raw(*bindings)) == {"name": "one", "binding": binding}


@pytest.mark.parametrize(
    ("bindings", "message"),
    [
        ([BLOB], "one: bind an SDK type such as BlobClient; the dev host carries no whole blobs"),
        ([{**QUEUE, "type": "eventGridTrigger"}], "one: the dev host has no eventGridTrigger"),
        ([QUEUE, {**ANSWER, "type": "queue", "name": "o"}], "one: the dev host has no queue binding 'o'"),
    ],
)
def test_what_the_host_cannot_run_is_refused_by_name(bindings: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(AppError) as refused:
        described("one", raw(*bindings))
    assert str(refused.value) == message
