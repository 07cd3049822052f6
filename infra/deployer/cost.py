"""`cost`: what is billed for one transfer and for a month without any, from counts and from `infra/prices.json`.

The counts are upper bounds for a transfer that meets no trouble; a test holds the storage calls to what the product
does. Prices are Microsoft's own list as it was fetched last, or unknown. What the Functions host and its scale
controller do by themselves (leases, polling of queues) is not counted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import prices
from .azure import say

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .prices import PriceList

UNKNOWN = "unknown"

RANGE_BYTES = 4_194_304
"""One upload request: the setting's default, and its most."""

LARGEST_POST = 3_000_000
"""Bytes that still go up in one request: base64 makes four bytes of three, and the request's limit is 4 MiB."""

INSTANCE_GB = 2.0
"""Memory of one instance as it is billed; the parameter instanceMemoryMB is 2048 by default."""

SHORTEST_BILLED_SECONDS = 1.0
"""Assumed: an execution on demand is billed for a second at least. No first-hand source is at hand; if less is billed,
the count of GB-seconds is too high, never too low."""

START_SECONDS, RANGE_SECONDS = 2.0, 0.5
"""Assumed, for a warm instance near the mailbox: looking the item up and opening the session, and one range. Your own
are in the log's durationMs."""

LINE_BYTES = 1_000
"""Assumed, of a log row with its columns; a decision is logged by Application Insights and by the platform."""

SWEEPS_A_MONTH = 60 * 24 * 30


@dataclass(frozen=True, slots=True)
class Use:
    """Units of each meter."""

    functions_executions: float
    functions_gb_seconds: float
    event_grid_operations: float
    blob_writes: float
    blob_reads: float
    blob_gb_months: float
    queue_operations: float
    log_gb: float

    def by_meter(self) -> Iterable[tuple[str, float]]:
        """`(meter of prices.json, units)`."""
        return ((name.replace("_", "-"), getattr(self, name)) for name in self.__slots__)


def of_transfer(size: int, range_bytes: int = RANGE_BYTES) -> Use:
    """At most this is used for one file of `size` bytes that nothing goes wrong with."""
    ranges = 0 if size <= LARGEST_POST else math.ceil(size / range_bytes)
    seconds = max(SHORTEST_BILLED_SECONDS, START_SECONDS + ranges * RANGE_SECONDS)
    # The checkpoint made, and its mark; the session's URL, the announced commit, the outcome; the mark of its end; one
    # behind each range. Marks are taken away by a delete, which is free.
    writes = 8 + ranges
    # The file's properties, the checkpoint and its marks; the bytes: one stream, opened anew once per range at most.
    reads = 4 + max(1, ranges)
    decisions = 8 + ranges
    return Use(
        functions_executions=1,
        functions_gb_seconds=INSTANCE_GB * seconds,
        event_grid_operations=3,
        blob_writes=writes,
        blob_reads=reads,
        blob_gb_months=size / 1e9,  # kept for a month; nothing with SOURCE_ON_SUCCESS=delete and no soft delete
        # The webhook puts the event on the host's queue; a worker takes and deletes it. A run that carries a session
        # through sends a message against its own death, and takes it back.
        queue_operations=3 if ranges == 0 else 5,
        log_gb=(2 * decisions + writes + 3) * LINE_BYTES / 1e9,
    )


def of_idle_month() -> Use:
    """A month in which nothing is dropped: the sweep looks every minute."""
    return Use(
        functions_executions=SWEEPS_A_MONTH,
        functions_gb_seconds=SWEEPS_A_MONTH * INSTANCE_GB * SHORTEST_BILLED_SECONDS,
        event_grid_operations=0,
        blob_writes=SWEEPS_A_MONTH * 3,  # two listings, which cost as much as writes, and the position
        blob_reads=SWEEPS_A_MONTH,
        blob_gb_months=0,
        queue_operations=0,
        log_gb=SWEEPS_A_MONTH * 5 * LINE_BYTES / 1e9,
    )


COLUMNS = (
    ("100 kB", of_transfer(100_000)),
    ("10 MB", of_transfer(10_000_000)),
    ("150 MB", of_transfer(150_000_000)),
    ("idle month", of_idle_month()),
)


def table(kept: PriceList | None = None) -> str:
    """Counts and the priced part, as Markdown; docs/deploy.md quotes it."""
    kept = kept or prices.read()
    lines = [
        f"| billed | {' | '.join(name for name, _ in COLUMNS)} | price ({kept.currency}) | source |",
        f"| --- | {'---: | ' * len(COLUMNS)}---: | --- |",
    ]
    for meter, _ in COLUMNS[0][1].by_meter():
        price = kept.prices[meter]
        units = (_plain(dict(use.by_meter())[meter]) for _, use in COLUMNS)
        amount = UNKNOWN if price.amount is None else _plain(price.amount)
        lines.append(f"| {prices.METERS[meter].unit} | {' | '.join(units)} | {amount} | {price.source} |")
    sums = (f"**{_sum(use, kept)}**" for _, use in COLUMNS)
    when = f"{kept.region}, fetched {kept.fetched}; free grants not deducted" if kept.fetched else "never fetched"
    lines.append(f"| **all together, {kept.currency}** | {' | '.join(sums)} | | {when} |")
    return "\n".join(lines)


def _sum(use: Use, kept: PriceList) -> str:
    """A sum that leaves a meter out would look like a price: one unknown meter makes it unknown."""
    total = priced(use, kept)
    return UNKNOWN if total is None else f"{total:.5f}"


def _plain(number: float) -> str:
    """At most eight decimals, no exponent, no trailing zeros."""
    return f"{number:,.8f}".rstrip("0").rstrip(".")


def priced(use: Use, kept: PriceList) -> float | None:
    """What it costs; None where the price of something that is used is unknown. Free grants are not deducted."""
    total = 0.0
    for meter, units in use.by_meter():
        amount = kept.prices[meter].amount
        if amount is None and units:
            return None
        total += units * (amount or 0)
    return total


def print_cost() -> int:
    """Print the table; its exit code."""
    say(table())
    return 0
