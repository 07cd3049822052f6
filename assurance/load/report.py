"""The generated parts of `docs/scale.md`: what was tested, and how far it is to each ceiling."""

from __future__ import annotations

import json
from math import ceil
from typing import Any

from assurance import evidence
from assurance.load.graph import Line
from devkit.documents import ROOT, Parts, kept, table
from shared.core.policy import LARGEST_RANGE
from shared.rate_limit.limits import OUTLOOK
from shared.run import sweep

PERFORMANCE = ROOT / "docs" / "performance.json"
"""What `dev.py bench` measured."""

MB, MIB, DAY = 1_000_000, 1024 * 1024, 86_400

ACCOUNT_REQUESTS = 20_000
"""Requests a second of a standard account outside the largest regions (storage scalability targets)."""

QUEUE_MESSAGES = 2_000
"""Messages a second of one queue (queue storage scalability targets)."""

GRAPH_REQUESTS = 13_000
"""Requests a second of one app over all tenants: 130,000 in 10 seconds (graph/throttling-limits)."""

SWEEP_SECONDS = 60
"""Between two ticks of the sweep (function_app.py); a test holds the two together."""

INSTANCES = 40
"""`maximumInstanceCount` of infra/main.bicep; a test holds the two together."""

STORAGE_SECONDS = 0.03 * 9
"""What a transfer waits for storage: the 30 ms of the bench for each of the writes that it waits for, and the reads."""

SIZES = ((0.25, 512), (1.0, 2048), (2.0, 4096))
"""Cores and MiB of Flex Consumption's instances (flex-consumption-plan)."""

USED = 0.8
"""How much of an instance's cores transfers may take."""


def campaigns_table() -> str:
    """The simulation and the load test, side by side."""
    results = [result for result in evidence.load()["results"] if result["name"] in {"pacing", "load-test"}]
    if not results:
        return "Not tested yet."
    names = list(dict.fromkeys(name for result in results for name in result["details"]))
    body = [("files attached exactly once", *(f"{result['achieved']:,}" for result in results))]
    body += [(name, *(_number(result["details"].get(name, "-")) for result in results)) for name in names]
    body.append(("measured on", *(result["date"] for result in results)))
    return table(("", *(f"`{result['name']}`" for result in results)), body, figures=True)


def ceilings_table() -> str:
    """Each ceiling in files a day, of the simulation's average size."""
    result = next((one for one in evidence.load()["results"] if one["name"] == "pacing"), None)
    if result is None:
        return "Not tested yet."
    files, told = result["achieved"], result["details"]
    size = told["bytes"] / files
    ranges = ceil(size / LARGEST_RANGE)
    calls = told["storage calls"] / files + ranges
    messages = told["runs"] / files
    line = Line()
    seconds = line.seconds(0) * (2 + ranges) + size / line.bytes_per_second + STORAGE_SECONDS
    at_once = INSTANCES * _host_json()["blobs"]["maxDegreeOfParallelism"]
    rows = [
        (
            "one mailbox's bytes",
            f"{OUTLOOK.window_bytes / MB:.0f} MB in {OUTLOOK.window_seconds / 60:.0f} minutes",
            f"{size / MB:.1f} MB",
            OUTLOOK.window_bytes / OUTLOOK.window_seconds / size,
        ),
        (
            "the sweep's walk through the drop container",
            f"{sweep.PAGES * sweep.PAGE:,} files in {SWEEP_SECONDS} seconds",
            "1 entry, while it stays there",
            sweep.PAGES * sweep.PAGE / SWEEP_SECONDS,
        ),
        (
            f"{INSTANCES} instances",
            f"{at_once} transfers at once",
            f"{seconds:.2f} s",
            at_once / seconds,
        ),
        (
            "the work queue",
            f"{QUEUE_MESSAGES:,} messages a second",
            f"{messages:.1f} messages",
            QUEUE_MESSAGES / messages,
        ),
        (
            "the storage account",
            f"{ACCOUNT_REQUESTS:,} requests a second",
            f"{calls:.0f} calls",
            ACCOUNT_REQUESTS / calls,
        ),
        (
            "Graph, over all mailboxes",
            f"{GRAPH_REQUESTS:,} requests a second",
            f"{told['requests to Graph'] / files:.1f} requests",
            GRAPH_REQUESTS * files / told["requests to Graph"],
        ),
    ]
    rows.sort(key=lambda row: row[3])
    body = [(what, most, each, f"{rate * DAY:,.0f}") for what, most, each, rate in rows]
    return table(("", "ceiling", "a file takes", "files a day"), body, figures=True)


def instances_table() -> str:
    """How many transfers an instance can feed, by what one of them takes on the wire's clock."""
    beside = kept(PERFORMANCE).get("side-by-side", {}).get("latencies", ())
    product: dict[str, Any] | None = next((one["contestants"]["product"] for one in beside if one["put_ms"]), None)
    if product is None:
        return "Not measured yet."
    share, memory, idle = product["cpu"] / product["seconds"], product["memory"] / MIB, product["idle"] / MIB
    rows = []
    for cores, mib in SIZES:
        by_cores = max(1, int(USED * cores / share))
        by_memory = int((mib - idle) / memory)
        fit = min(by_cores, by_memory)
        chosen = max(1, round(0.6 * fit))
        rows.append((f"{mib:,} MB, {cores:g} cores", str(by_cores), str(by_memory), str(chosen)))
    head = ("instance", "transfers its cores feed", "its memory holds", "set")
    return table(head, rows, figures=True)


def _host_json() -> dict[str, Any]:
    text = (ROOT / "host.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)["extensions"]
    return found


def _number(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:,}"


PARTS: Parts = {
    "scale-campaigns": campaigns_table,
    "scale-ceilings": ceilings_table,
    "scale-instances": instances_table,
}
"""The generated parts of `docs/scale.md`, for `devkit/documents.py`."""
