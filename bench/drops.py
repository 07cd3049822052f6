"""From the drop to the first byte at Graph, and to the attachment: through the dev host, event, queue and all."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from statistics import median
from typing import Any

from devkit.local.harness import Harness, content
from devkit.local.stack import Stack

SIZE = 1_000_000
"""Bytes. Small enough that everything around the transfer is what counts."""


def drops(rounds: int) -> dict[str, Any]:
    """Milliseconds from the event that tells of a blob: the first file of a fresh worker, and the ones after it."""
    with Harness(Stack()) as harness:
        cold = _one(harness)
        warm = [_one(harness) for _ in range(rounds)]
    return {
        "size": SIZE,
        "rounds": rounds,
        "cold": {"first_byte_ms": cold[0], "attached_ms": cold[1]},
        "warm": {
            "first_byte_ms": round(median(first for first, _ in warm)),
            "attached_ms": round(median(attached for _, attached in warm)),
        },
    }


def _one(harness: Harness) -> tuple[int, int]:
    """One file. Graph's log has when its request came; that it was attached is looked at every few milliseconds."""
    file = harness.drop(content(SIZE, seed=time.monotonic()), events=0)
    began = datetime.now(UTC)
    harness.stack.send_event(file.blob)
    harness.stack.wait_until(lambda: harness.graph.attachments(file.mailbox, file.item), what="the file is attached")
    attached = datetime.now(UTC)
    harness.ended(file)
    (post,) = harness.requests(file, "post")
    came = datetime.fromisoformat(str(post["time"]))
    return _milliseconds(came, began), _milliseconds(attached, began)


def _milliseconds(until: datetime, since: datetime) -> int:
    return round((until - since).total_seconds() * 1000)
