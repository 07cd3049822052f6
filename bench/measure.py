"""The parts of the bench: each measures one thing and returns it as plain values, ready for JSON.

Contestants take turns, and a ratio is the median of the rounds' own ratios: what else the machine does meanwhile hits
both sides of it alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from bench.bed import Bed

LIMIT, PRODUCT = "limit", "product"
LATENCIES = ((0.0, 0.0), (30.0, 80.0))
"""Milliseconds per blob request, and per PUT, POST and session: none, which shows the program's own cost, and what a
storage account and Graph take about."""

MB = 1_000_000


@dataclass(frozen=True)
class Plan:
    """How much is measured. Sizes in bytes."""

    contestants: tuple[str, ...] = (LIMIT, PRODUCT, "loop", "o365")
    rounds: int = 5
    size: int = 150 * MB
    sizes: tuple[int, ...] = (1 * MB, 3 * MB, 10 * MB, 25 * MB, 50 * MB, 100 * MB, 150 * MB)
    sizes_rounds: int = 3
    together: tuple[int, ...] = (1, 2, 4, 8)
    together_size: int = 20 * MB
    latencies: tuple[tuple[float, float], ...] = LATENCIES
    imports: int = 9
    drops: int = 7


QUICK = Plan(
    rounds=1,
    size=10 * MB,
    sizes=(1 * MB, 5 * MB, 10 * MB),
    sizes_rounds=1,
    together=(1, 2),
    together_size=5 * MB,
    imports=3,
    drops=2,
)


def side_by_side(bed: Bed, plan: Plan) -> dict[str, Any]:
    """Every contestant with the same file, at each latency."""
    found = []
    for blob_ms, put_ms in plan.latencies:
        bed.latency(blob_ms=blob_ms, put_ms=put_ms)
        measured = interleaved(bed, plan.contestants, plan.size, plan.rounds)
        found.append({"blob_ms": blob_ms, "put_ms": put_ms, "contestants": measured})
    return {"size": plan.size, "rounds": plan.rounds, "latencies": found}


def sizes(bed: Bed, plan: Plan) -> dict[str, Any]:
    """The product and the limit over the sizes of files, at the larger latency."""
    _slow(bed, plan)
    rows = [
        {"size": size, **interleaved(bed, (LIMIT, PRODUCT), size, plan.sizes_rounds)} for size in sorted(plan.sizes)
    ]
    return {"rounds": plan.sizes_rounds, "rows": rows}


def together(bed: Bed, plan: Plan) -> dict[str, Any]:
    """The product and the limit with several files at once in one process, for different mailboxes."""
    _slow(bed, plan)
    rows = [
        {"count": count, **interleaved(bed, (LIMIT, PRODUCT), plan.together_size, plan.sizes_rounds, count)}
        for count in plan.together
    ]
    return {"size": plan.together_size, "rounds": plan.sizes_rounds, "rows": rows}


def requests(bed: Bed, plan: Plan) -> dict[str, Any]:
    """What a lone transfer asks of Graph and of storage, counted on the wire."""
    _slow(bed, plan)
    rows = []
    for size in sorted({min(plan.sizes), 10 * MB, plan.size}):
        graph, storage = bed.requests(PRODUCT, size)
        rows.append({"size": size, "graph": dict(graph), "storage": dict(storage)})
    return {"rows": rows}


def interleaved(
    bed: Bed, names: Sequence[str], size: int, rounds: int, count: int = 1
) -> dict[str, dict[str, float | int]]:
    """Medians by contestant, and of the ratios to the limit. The order changes with every round."""
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    for number in range(rounds):
        permit = number % len(names)
        for name in (*names[permit:], *names[:permit]):
            runs[name].append(bed.run(name, size, count))
    return {name: _summed(runs[name], runs[LIMIT]) for name in names}


def _summed(runs: list[dict[str, float]], limit: list[dict[str, float]]) -> dict[str, float | int]:
    middle = {key: median(run[key] for run in runs) for key in runs[0]}
    ratios = {
        f"{key}_ratio": median(mine[key] / its[key] for mine, its in zip(runs, limit, strict=True))
        for key in ("seconds", "span")
    }
    return {key: round(value, 4) if key not in {"memory", "idle"} else int(value) for key, value in middle.items()} | {
        key: round(value, 3) for key, value in ratios.items()
    }


def _slow(bed: Bed, plan: Plan) -> None:
    blob_ms, put_ms = plan.latencies[-1]
    bed.latency(blob_ms=blob_ms, put_ms=put_ms)
