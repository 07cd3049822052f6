"""What of an app's functions this host takes: it refuses what it cannot run, rather than run it differently."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

TRIGGERS = ("blobTrigger", "queueTrigger", "timerTrigger", "httpTrigger")


class AppError(RuntimeError):
    """The app cannot be indexed by this host; the message says which function and why."""


def described(name: str, raw_bindings: Iterable[str]) -> dict[str, Any]:
    """What the host needs to know of a function, from its bindings as the worker library states them (JSON each)."""
    bindings: list[dict[str, Any]] = [json.loads(raw) for raw in raw_bindings]
    trigger = next(binding for binding in bindings if str(binding["type"]).lower().endswith("trigger"))
    if trigger["type"] not in TRIGGERS:
        raise AppError(f"{name}: the dev host has no {trigger['type']}")
    for other in bindings:
        if other is not trigger and other["type"] != "http":
            raise AppError(f"{name}: the dev host has no {other['type']} binding {other['name']!r}")
    is_reference = trigger.get("properties", {}).get("SupportsDeferredBinding", False)
    if trigger["type"] == "blobTrigger" and not is_reference:
        raise AppError(f"{name}: bind an SDK type such as BlobClient; the dev host carries no whole blobs")
    return {"name": name, "binding": {key: value for key, value in trigger.items() if key != "direction"}}
