"""What the host is told: host.json with its overrides, app settings, and storage connections.

Names, defaults and forms are those of the Azure Functions host (host.json reference, version 2.0).
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

OVERRIDE_PREFIX = "AzureFunctionsJobHost__"
HOST_ID_SETTING = "AzureFunctionsWebHost__hostid"
HOST_STORAGE = "AzureWebJobsStorage"
DEFAULT_TIMEOUT_SECONDS = 30 * 60.0  # Flex Consumption, Premium and Dedicated
MAX_BATCH = 32  # the most one Get Messages call returns
BLOB_POLLING_SECONDS = 60.0  # the blob trigger's own queue does not heed maxPollingInterval
BLOB_PARALLELISM = 16  # the default is 8 for each core; two cores are taken for granted here

_TIME_SPAN = re.compile(r"(?:(\d+)\.)?(\d{1,2}):(\d{2}):(\d{2}(?:\.\d+)?)")
_COMMENT = re.compile(r'(?P<text>"(?:[^"\\]|\\.)*")|//[^\r\n]*|/\*.*?\*/', re.DOTALL)
_PERCENT = re.compile(r"%([^%]+)%")


class SettingsError(ValueError):
    """A setting that the host cannot work with; the message names it and says what is expected."""


@dataclass(frozen=True)
class QueueRules:
    """How messages of one queue are taken and given back; the same for storage queues and the blob trigger's own.

    At most `batch_size + new_batch_threshold` messages run at once; a new batch is fetched when no more than
    `new_batch_threshold` are left running.
    """

    batch_size: int
    new_batch_threshold: int
    max_dequeue_count: int
    visibility_seconds: float  # before a FAILED message is tried again; running ones are hidden 10 minutes at a time
    max_polling_seconds: float
    base64: bool


@dataclass(frozen=True)
class HostSettings:
    """host.json as this host understands it. `function_timeout` is in seconds, infinite for `-1`."""

    function_timeout: float
    queues: QueueRules
    blobs: QueueRules
    route_prefix: str


def load_host_settings(app: Path, environment: Mapping[str, str]) -> HostSettings:
    """Read `app`/host.json, overlaid by `AzureFunctionsJobHost__a__b` settings; SettingsError on a bad value."""
    path = app / "host.json"
    data: dict[str, Any] = json.loads(_plain(path.read_text(encoding="utf-8-sig"))) if path.exists() else {}
    tree = _lower_keys(data)
    for name, text in environment.items():
        if name.lower().startswith(OVERRIDE_PREFIX.lower()):
            _overlay(tree, name[len(OVERRIDE_PREFIX) :].lower().split("__"), text)
    extensions = tree.get("extensions", {})
    queues, blobs = extensions.get("queues", {}), extensions.get("blobs", {})
    batch = _integer(queues, "batchsize", 16, low=1, high=MAX_BATCH)
    timeout = tree.get("functiontimeout") or None  # null and "" leave it to the plan
    parallelism = _integer(blobs, "maxdegreeofparallelism", BLOB_PARALLELISM, low=1)
    blob_batch = min(parallelism // 2 + 1, MAX_BATCH)  # the blob extension's own conversion
    polling = time_span(queues.get("maxpollinginterval", "00:01:00"), "maxPollingInterval")
    return HostSettings(
        function_timeout=DEFAULT_TIMEOUT_SECONDS if timeout is None else time_span(timeout, "functionTimeout"),
        queues=QueueRules(
            batch_size=batch,
            new_batch_threshold=_integer(queues, "newbatchthreshold", batch // 2, low=0),
            max_dequeue_count=_integer(queues, "maxdequeuecount", 5, low=1),
            visibility_seconds=time_span(queues.get("visibilitytimeout", "00:00:00"), "visibilityTimeout"),
            max_polling_seconds=polling,
            base64=str(queues.get("messageencoding", "base64")).lower() == "base64",
        ),
        blobs=QueueRules(
            batch_size=blob_batch,
            new_batch_threshold=parallelism - blob_batch,
            max_dequeue_count=_integer(blobs, "poisonblobthreshold", 5, low=1),
            visibility_seconds=0.0,
            max_polling_seconds=BLOB_POLLING_SECONDS,
            base64=True,
        ),
        route_prefix=str(extensions.get("http", {}).get("routeprefix", "api") or "").strip("/"),
    )


def _plain(text: str) -> str:
    """The text without its comments, which the host's own parser passes over."""
    return _COMMENT.sub(lambda found: found["text"] or " ", text)


def time_span(text: object, name: str) -> float:
    """Seconds of a .NET time span, `[d.]hh:mm:ss[.fff]`; infinite for `-1`; SettingsError for anything else."""
    if str(text) == "-1":
        return math.inf
    found = _TIME_SPAN.fullmatch(str(text))
    if not found:
        raise SettingsError(f"{name} must be a time span like 00:10:00 (or -1), not {text!r}")
    days, hours, minutes, seconds = found.groups()
    return int(days or 0) * 86400 + int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def load_local_settings(app: Path) -> dict[str, str]:
    """`Values` of `app`/local.settings.json: what a developer keeps beside the app. None there is none."""
    path = app / "local.settings.json"
    values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")).get("Values", {}) if path.exists() else {}
    return {name: str(value) for name, value in values.items()}


def resolve_percent(text: str, settings: Mapping[str, str]) -> str:
    """Replace each `%NAME%` by that setting, as the host does in binding values; SettingsError when it is missing."""

    def value(found: re.Match[str]) -> str:
        try:
            return settings[found[1]]
        except KeyError:
            raise SettingsError(f"'%{found[1]}%' does not resolve to a value: no such setting") from None

    return _PERCENT.sub(value, text)


def connection_string(name: str, settings: Mapping[str, str]) -> str:
    """The connection string of the connection `name`; SettingsError when it is not one.

    Azurite takes identities over https only, so the local stack works with connection strings alone.
    """
    value = settings.get(name) or settings.get(f"AzureWebJobs{name}")
    if not value:
        raise SettingsError(f"the connection {name!r} needs a connection string in the setting {name}")
    return value


def host_id(app: Path, settings: Mapping[str, str]) -> str:
    """The id under which hosts share their storage: the setting, else the same for every host of this folder."""
    given = settings.get(HOST_ID_SETTING)
    return given.lower() if given else "dev" + hashlib.sha256(str(app.resolve()).encode()).hexdigest()[:16]


def _lower_keys(value: Any) -> Any:
    """host.json's names are matched ignoring case."""
    if isinstance(value, dict):
        return {str(key).lower(): _lower_keys(item) for key, item in value.items()}
    return value


def _overlay(tree: dict[str, Any], path: list[str], text: str) -> None:
    """Put one override where its name says, making the sections on the way."""
    for key in path[:-1]:
        inner = tree.setdefault(key, {})
        if not isinstance(inner, dict):
            raise SettingsError(f"{OVERRIDE_PREFIX}{'__'.join(path)} goes through {key}, which is a value in host.json")
        tree = inner
    tree[path[-1]] = text


def _integer(section: Mapping[str, Any], key: str, default: int, *, low: int, high: int | None = None) -> int:
    """A whole number of a section of host.json, `low` and `high` inclusive."""
    value = section.get(key, default)
    try:
        number = int(value)
    except (TypeError, ValueError):
        raise SettingsError(f"{key} must be a whole number, not {value!r}") from None
    if number < low or (high is not None and number > high):
        raise SettingsError(f"{key} must be {low} to {'any number' if high is None else high}, not {number}")
    return number
