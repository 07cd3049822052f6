"""host.json, whole: each value, and why it is that one. Whoever changes a value changes its reason here too."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.engine.checkpoint import LEASE_SECONDS

ROOT = Path(__file__).resolve().parents[2]
HOST_JSON: dict[str, Any] = json.loads((ROOT / "host.json").read_text(encoding="utf-8-sig"))

QUEUES, BLOBS = "extensions.queues", "extensions.blobs"
SAMPLING = "logging.applicationInsights.samplingSettings"

WANTED: dict[str, tuple[object, str]] = {
    "version": ("2.0", "the only one there is"),
    "functionTimeout": ("00:10:00", "the most that every plan allows; runs stop by themselves before it"),
    "extensionBundle.id": ("Microsoft.Azure.Functions.ExtensionBundle", "brings the storage triggers"),
    "extensionBundle.version": ("[4.*, 5.0.0)", "the only line that is still maintained"),
    f"{BLOBS}.maxDegreeOfParallelism": (4, "first runs on one instance: what its memory holds at 150 MB each"),
    f"{BLOBS}.poisonBlobThreshold": (
        5,
        "five tries come within half a second: more would not help, fewer would give up on a hiccup",
    ),
    f"{QUEUES}.batchSize": (1, "a message is taken when there is a place for it, never to lie in wait"),
    f"{QUEUES}.newBatchThreshold": (3, "with a batch of one: four at once"),
    f"{QUEUES}.maxDequeueCount": (
        5,
        "with the visibility timeout, two and a half minutes of failures; 1 would make each lost worker poison",
    ),
    f"{QUEUES}.visibilityTimeout": (
        "00:00:30",
        "longer than a lease, so that the next try finds the transfer free; 0 would burn five tries in a second",
    ),
    f"{QUEUES}.maxPollingInterval": ("00:00:10", "how long a called transfer waits on an idle instance"),
    f"{QUEUES}.messageEncoding": (
        "none",
        "every text reaches the function; with base64 a plain one would lie in the poison queue, unread, for ever",
    ),
    "extensions.http.routePrefix": ("api", "part of the contract: links and Location carry it"),
    "logging.logLevel.default": ("Information", "decisions are logged at this level"),
    "logging.logLevel.Host.Results": ("Information", "one line for each invocation: alerts count them"),
    f"{SAMPLING}.isEnabled": (True, "dependencies and metrics of a busy day are thinned out"),
    f"{SAMPLING}.excludedTypes": (
        "Request;Exception;Trace",
        "alerts and searches rest on these: a sampled Trace is a decision nobody can find again",
    ),
}


def leaves(value: dict[str, Any], path: str = "") -> Iterator[tuple[str, object]]:
    """Every value with its path; names with a dot in them stay as they are."""
    for key, inner in value.items():
        if isinstance(inner, dict):
            yield from leaves(inner, f"{path}{key}.")
        else:
            yield f"{path}{key}", inner


def differences(found: dict[str, Any]) -> set[str]:
    """The paths at which a host.json differs from what is wanted, missing and further ones included."""
    there = dict(leaves(found))
    paths = there.keys() | WANTED.keys()
    return {path for path in paths if path not in there or path not in WANTED or there[path] != WANTED[path][0]}


def test_every_value_of_host_json_is_the_one_that_there_is_a_reason_for() -> None:
    assert differences(HOST_JSON) == set()
    assert all(reason for _, reason in WANTED.values())


def changed(path: str, change: str) -> dict[str, Any]:
    """host.json with one value gone, or another one."""
    found = copy.deepcopy(HOST_JSON)
    section: dict[str, Any] = found
    rest = path
    while rest not in section:
        key = next(key for key in section if rest.startswith(f"{key}."))
        section, rest = section[key], rest.removeprefix(f"{key}.")
    if change == "gone":
        del section[rest]
    else:
        value = section[rest]
        section[rest] = not value if isinstance(value, bool) else value + 1 if isinstance(value, int) else f"{value}x"
    return found


@pytest.mark.parametrize("change", ["gone", "another"])
@pytest.mark.parametrize("path", sorted(dict(leaves(HOST_JSON))))
def test_a_value_that_is_gone_or_another_is_noticed(path: str, change: str) -> None:
    assert differences(changed(path, change)) == {path}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (f"{QUEUES}.maxDequeueCount", 1),
        (f"{QUEUES}.visibilityTimeout", "00:00:00"),
        (f"{SAMPLING}.excludedTypes", "Request;Exception"),
    ],
)
def test_what_was_once_not_noticed_is(path: str, value: object) -> None:
    *sections, key = path.split(".")
    found = copy.deepcopy(HOST_JSON)
    section: dict[str, Any] = found
    for name in sections:
        section = section[name]
    section[key] = value
    assert differences(found) == {path}


def test_a_value_more_is_noticed() -> None:
    assert differences({**HOST_JSON, "concurrency": {"dynamicConcurrencyEnabled": True}}) == {
        "concurrency.dynamicConcurrencyEnabled"
    }


def test_a_failed_message_comes_back_after_its_lease() -> None:
    hours, minutes, seconds = HOST_JSON["extensions"]["queues"]["visibilityTimeout"].split(":")
    assert int(hours) * 3600 + int(minutes) * 60 + int(seconds) > LEASE_SECONDS
