"""What `docs/performance.md` shows of the measurements, made from `docs/performance.json`, and the plots beside it."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from pathlib import Path
from typing import Any

from bench import svg
from devkit import documents
from devkit.documents import ROOT, Parts, table
from shared.core.policy import LARGEST_RANGE

KEPT = ROOT / "docs" / "performance.json"
MIB, MB = 1024 * 1024, 1_000_000
WHOLE = 150 * MB
"""Bytes. The bars on time are about a file of this size: in a small one the durable writes are most of the time."""

NAMES = {
    "limit": "the limit",
    "product": "this product",
    "loop": "read, then PUT",
    "o365": "O365",
}

Kept = dict[str, Any]


def load(path: Path = KEPT) -> Kept:
    """The parts by name; empty where nothing was measured yet."""
    return documents.kept(path)


def bars(kept: Kept) -> list[tuple[str, str, str, bool]]:
    """Each bar that the product is held to: what it is about, what was measured, what is allowed, whether it held."""
    found: list[tuple[str, str, str, bool]] = []

    def bar(what: str, measured: float, most: float, form: str) -> None:
        found.append((what, form.format(measured), form.format(most), measured <= most))

    beside = kept.get("side-by-side", {"size": 0, "latencies": ()})
    for latency in beside["latencies"] if beside["size"] >= WHOLE else ():
        product, where = latency["contestants"]["product"], _where(latency)
        if latency["put_ms"]:
            bar(f"first storage call to durable outcome, {where}", product["seconds_ratio"], 1.10, "{:.2f} x the limit")
            bar(f"first to last PUT, {where}", product["span_ratio"], 1.03, "{:.2f} x the limit")
        else:
            bar(f"first to last PUT, {where}", product["span_ratio"], 2.5, "{:.2f} x the limit")
        bar(f"CPU, {where}", product["cpu"], 0.5, "{:.2f} s")
        bar(f"memory above the idle worker, {where}", product["memory"] / MIB, 24, "{:.0f} MiB")
    for row in kept.get("sizes", {}).get("rows", ()):
        if row["size"] == 10 * MB:
            bar("memory above the idle worker, 10 MB", row["product"]["memory"] / MIB, 24, "{:.0f} MiB")
    for row in kept.get("requests", {}).get("rows", ()):
        puts = row["graph"].get("put", 0) + row["graph"].get("final-put", 0)
        if puts:
            bar(f"PUTs, {_megabytes(row['size'])}", puts, ceil(row["size"] / LARGEST_RANGE), "{}")
    if "imports" in kept:
        bar("importing the app", kept["imports"]["ratio"], 1.3, "{:.2f} x what the worker imports anyway")
    return found


def bars_table() -> str:
    """The bars, one row each."""
    rows = [(what, measured, most, "yes" if held else "**no**") for what, measured, most, held in bars(load())]
    return table(("", "measured", "at most", "held"), rows, figures=True)


def side_by_side_table() -> str:
    """One table for each latency."""
    kept = load().get("side-by-side", {})
    told = []
    for latency in kept.get("latencies", ()):
        rows = [
            (
                NAMES[name],
                f"{one['seconds_ratio']:.2f}",
                f"{one['span_ratio']:.2f}",
                f"{one['seconds']:.2f}",
                f"{one['cpu']:.2f}",
                "(the file)" if name == "limit" else f"{one['memory'] / MIB:.0f}",
            )
            for name, one in latency["contestants"].items()
        ]
        head = ("", "whole run / limit", "first to last PUT / limit", "whole run (s)", "CPU (s)", "memory (MiB)")
        caption = f"{_megabytes(kept['size'])}, {_where(latency)}, medians of {kept['rounds']}:"
        told.append(f"{caption}\n\n{table(head, rows, figures=True)}")
    return "\n\n".join(told) or "Not measured yet."


def requests_table() -> str:
    """What a lone transfer asks for."""
    rows = load().get("requests", {}).get("rows", ())
    graph = sorted({kind for row in rows for kind in row["graph"]})
    storage = sorted({kind for row in rows for kind in row["storage"]})
    body = [(f"Graph: {kind}", *(str(row["graph"].get(kind, 0)) for row in rows)) for kind in graph]
    body += [(f"storage: {kind}", *(str(row["storage"].get(kind, 0)) for row in rows)) for kind in storage]
    body.append(("storage calls in all", *(str(sum(row["storage"].values())) for row in rows)))
    return table(("", *(_megabytes(row["size"]) for row in rows)), body, figures=True)


def sizes_table() -> str:
    """The curve over the size of the file."""
    rows = [_pair(_megabytes(row["size"]), row) for row in load().get("sizes", {}).get("rows", ())]
    return table(_PAIR_HEAD, rows, figures=True)


def together_table() -> str:
    """The curve over how many files are on their way at once."""
    kept = load().get("together", {})
    rows = [_pair(f"{row['count']} x {_megabytes(kept['size'])}", row) for row in kept.get("rows", ())]
    return table(_PAIR_HEAD, rows, figures=True)


_PAIR_HEAD = ("", "limit (s)", "this product (s)", "ratio", "CPU (s)", "memory (MiB)")


def _pair(name: str, row: Kept) -> tuple[str, ...]:
    limit, product = row["limit"], row["product"]
    return (
        name,
        f"{limit['seconds']:.2f}",
        f"{product['seconds']:.2f}",
        f"{product['seconds_ratio']:.2f}",
        f"{product['cpu']:.2f}",
        f"{product['memory'] / MIB:.0f}",
    )


def starts_table() -> str:
    """Cold start, and what a drop takes through the host."""
    kept = load()
    rows = []
    if "imports" in kept:
        one = kept["imports"]
        rows.append(("importing the app / what the worker imports anyway", f"{one['ratio']:.2f}"))
    if "drops" in kept:
        one = kept["drops"]
        for heat, told in (("warm", "warm worker"), ("cold", "first file of a worker")):
            rows.append((f"event to first byte at Graph, 1 MB, {told}", f"{one[heat]['first_byte_ms']} ms"))
            rows.append((f"event to attached, 1 MB, {told}", f"{one[heat]['attached_ms']} ms"))
    return table(("", "measured"), rows, figures=True)


def machine_line() -> str:
    """On what, and when."""
    parts = [part for part in load().values() if "machine" in part]
    told = sorted({f"{part['date']}: {part['machine']}" for part in parts})
    loads = [part["load"] for part in parts]
    busy = f" Load average while measuring: {min(loads):.1f} to {max(loads):.1f}." if loads else ""
    return "; ".join(told) + "." + busy if told else "Not measured yet."


def plots(kept: Kept) -> dict[str, str]:
    """SVG text by file name, of the parts that are there."""
    made = {}
    for latency in kept.get("side-by-side", {}).get("latencies", ()):
        rows = [
            (NAMES[name], one["seconds_ratio"], f"{one['seconds_ratio']:.2f} x")
            for name, one in latency["contestants"].items()
        ]
        title = f"{_megabytes(kept['side-by-side']['size'])}: whole run, as a multiple of the limit; {_where(latency)}"
        made[f"bench-{latency['blob_ms']:g}-{latency['put_ms']:g}.svg"] = svg.bars(title, rows)
    if "sizes" in kept:
        drawn = _lines(kept["sizes"]["rows"], lambda row: row["size"] / MB)
        made["bench-sizes.svg"] = svg.lines("One file: seconds over its size", "MB", "seconds", drawn)
    if "together" in kept:
        drawn = _lines(kept["together"]["rows"], lambda row: float(row["count"]))
        size = _megabytes(kept["together"]["size"])
        made["bench-together.svg"] = svg.lines(f"Files of {size} at once in one worker", "files", "seconds", drawn)
    return made


def _lines(rows: list[Kept], across: Callable[[Kept], float]) -> list[svg.Line]:
    return [
        svg.Line(NAMES[name], [(across(row), row[name]["seconds"]) for row in rows]) for name in ("limit", "product")
    ]


def _where(latency: Kept) -> str:
    if not latency["put_ms"]:
        return "no latency"
    return f"{latency['blob_ms']:g} ms per blob request, {latency['put_ms']:g} ms per PUT"


def _megabytes(size: int) -> str:
    return f"{size / MB:g} MB"


PARTS: Parts = {
    "bench-bars": bars_table,
    "bench-side-by-side": side_by_side_table,
    "bench-requests": requests_table,
    "bench-sizes": sizes_table,
    "bench-together": together_table,
    "bench-starts": starts_table,
    "bench-machine": machine_line,
}
"""The generated parts of `docs/performance.md`, for `devkit/documents.py`."""
