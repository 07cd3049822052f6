"""host.json, its overrides, and what the values must look like."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from devkit.functions_host import settings

ROOT = Path(__file__).resolve().parents[3]


def load(tmp_path: Path, content: dict[str, Any], **environment: str) -> settings.HostSettings:
    (tmp_path / "host.json").write_text(json.dumps(content), encoding="utf-8")
    return settings.load_host_settings(tmp_path, environment)


def test_the_products_own_host_json_is_read_as_it_is_meant() -> None:
    found = settings.load_host_settings(ROOT, {})
    assert found.function_timeout == 600
    assert found.route_prefix == "api"
    assert found.queues == settings.QueueRules(1, 3, 5, 30.0, 10.0, base64=False)
    assert found.blobs.base64  # the blob trigger's own queue, whatever the app's queues hold
    assert (found.blobs.batch_size + found.blobs.new_batch_threshold, found.blobs.max_dequeue_count) == (4, 5)


def test_without_a_host_json_the_functions_hosts_defaults_hold(tmp_path: Path) -> None:
    found = settings.load_host_settings(tmp_path, {})
    assert found.function_timeout == 1800
    assert found.queues == settings.QueueRules(16, 8, 5, 0.0, 60.0, base64=True)


def test_a_host_json_with_comments_and_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    text = '\ufeff{"functionTimeout": null, /* "a" */ "extensions": {"http": {"routePrefix": null}}} // "http://x"'
    (tmp_path / "host.json").write_text(text, encoding="utf-8")
    found = settings.load_host_settings(tmp_path, {"AzureFunctionsJobHost__functionTimeout": ""})
    assert (found.function_timeout, found.route_prefix) == (1800, "")


def test_a_setting_of_the_environment_goes_over_host_json_ignoring_case(tmp_path: Path) -> None:
    content = {"extensions": {"queues": {"batchSize": 8, "messageEncoding": "none"}}}
    found = load(
        tmp_path,
        content,
        AzureFunctionsJobHost__extensions__queues__batchsize="2",
        AzureFunctionsJobHost__functionTimeout="00:00:00.25",
        AzureFunctionsJobHost__extensions__http__routePrefix="",
    )
    assert found.queues.batch_size == 2
    assert found.queues.new_batch_threshold == 1
    assert found.queues.base64 is False
    assert found.function_timeout == 0.25
    assert found.route_prefix == ""


def test_the_blob_triggers_own_queue_does_not_heed_the_polling_interval(tmp_path: Path) -> None:
    found = load(tmp_path, {"extensions": {"queues": {"maxPollingInterval": "00:00:10"}}})
    assert (found.queues.max_polling_seconds, found.blobs.max_polling_seconds) == (10, 60)


# the numbers are those of the blob extension's own test, SharedBlobQueueListenerFactoryTests
@pytest.mark.parametrize(
    ("parallelism", "batch", "threshold"),
    [(100, 32, 68), (64, 32, 32), (63, 32, 31), (62, 32, 30), (16, 9, 7), (3, 2, 1), (2, 2, 0), (1, 1, 0)],
)
def test_blob_parallelism_becomes_a_batch_and_a_threshold(
    tmp_path: Path, parallelism: int, batch: int, threshold: int
) -> None:
    found = load(tmp_path, {"extensions": {"blobs": {"maxDegreeOfParallelism": parallelism}}})
    assert (found.blobs.batch_size, found.blobs.new_batch_threshold) == (batch, threshold)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("00:10:00", 600), ("1.02:03:04", 93784), ("00:00:01.5", 1.5), ("-1", math.inf), (-1, math.inf)],
)
def test_time_spans_are_seconds(text: object, seconds: float) -> None:
    assert settings.time_span(text, "functionTimeout") == seconds


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"functionTimeout": "10 minutes"}, "functionTimeout must be a time span"),
        ({"extensions": {"queues": {"batchSize": 33}}}, "batchsize must be 1 to 32"),
        ({"extensions": {"queues": {"batchSize": "many"}}}, "batchsize must be a whole number"),
        ({"extensions": {"queues": {"maxDequeueCount": 0}}}, "maxdequeuecount must be 1 to any number"),
        ({"extensions": {"queues": {"visibilityTimeout": 30}}}, "visibilityTimeout must be a time span"),
    ],
)
def test_a_bad_value_is_named(tmp_path: Path, content: dict[str, Any], message: str) -> None:
    with pytest.raises(settings.SettingsError, match=message):
        load(tmp_path, content)


def test_an_override_through_a_value_is_refused(tmp_path: Path) -> None:
    with pytest.raises(settings.SettingsError, match="which is a value in host"):
        load(tmp_path, {"functionTimeout": "00:10:00"}, AzureFunctionsJobHost__functionTimeout__x="1")


def test_percent_names_are_resolved_and_missing_ones_named() -> None:
    assert settings.resolve_percent("%A%-%B%/x", {"A": "1", "B": "2"}) == "1-2/x"
    with pytest.raises(settings.SettingsError, match="%C%"):
        settings.resolve_percent("%C%", {})


def test_local_settings_are_the_values_of_the_file(tmp_path: Path) -> None:
    assert settings.load_local_settings(tmp_path) == {}
    content = {"IsEncrypted": False, "Values": {"A": "1", "N": 2}}
    (tmp_path / "local.settings.json").write_text(json.dumps(content), encoding="utf-8")
    assert settings.load_local_settings(tmp_path) == {"A": "1", "N": "2"}


def test_a_connection_needs_a_connection_string() -> None:
    assert settings.connection_string("X", {"X": "one"}) == "one"
    assert settings.connection_string("X", {"AzureWebJobsX": "two"}) == "two"
    with pytest.raises(settings.SettingsError, match="'X' needs a connection string"):
        settings.connection_string("X", {"X__serviceUri": "https://x"})


def test_the_host_id_is_the_same_for_every_host_of_a_folder(tmp_path: Path) -> None:
    assert settings.host_id(tmp_path, {}) == settings.host_id(tmp_path / ".", {})
    assert settings.host_id(tmp_path, {}) != settings.host_id(tmp_path / "other", {})
    assert settings.host_id(tmp_path, {"AzureFunctionsWebHost__hostid": "Mine"}) == "mine"
