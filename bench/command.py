"""`dev.py bench`: how fast one transfer is, beside the limit, the plain loop and O365; written to `docs/`.

The parts: `side-by-side`, `sizes`, `together`, `requests`, `imports`, `drops`. Without `--only` all of them run, which
takes about ten minutes on a quiet machine of two cores. `--quick` takes small files and one round, and writes to
`build/bench` instead of `docs`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import cold, drops, measure, peer, report
from bench.bed import Bed
from bench.measure import QUICK, Plan
from devkit import documents
from devkit.documents import ROOT

ON_BED: dict[str, Callable[[Bed, Plan], dict[str, Any]]] = {
    "side-by-side": measure.side_by_side,
    "sizes": measure.sizes,
    "together": measure.together,
    "requests": measure.requests,
}
ALONE: dict[str, Callable[[Plan], dict[str, Any]]] = {
    "imports": lambda plan: cold.imports(plan.imports),
    "drops": lambda plan: drops.drops(plan.drops),
}


def main(command: str, argv: list[str]) -> int:
    """Exit code 0 where everything ran and the bytes were right; a missed bar is told, not punished."""
    parser = argparse.ArgumentParser(
        prog=f"python3 dev.py {command}", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", action="append", choices=[*ON_BED, *ALONE], help="this part; may be repeated")
    parser.add_argument("--quick", action="store_true", help="small sizes, one round, written to build/bench")
    parser.add_argument("--rounds", type=int, help="rounds of `side-by-side` (default: 5)")
    parser.add_argument("--without-o365", action="store_true", help="leave the peer out; it needs a package index once")
    given = parser.parse_args(argv)
    plan = QUICK if given.quick else Plan()
    if given.rounds:
        plan = replace(plan, rounds=given.rounds)
    if given.without_o365:
        plan = replace(plan, contestants=tuple(name for name in plan.contestants if name != "o365"))
    folder = ROOT / "build" / "bench" if given.quick else ROOT / "docs"
    try:
        found = measured(plan, given.only or [*ON_BED, *ALONE])
    except subprocess.CalledProcessError as failed:
        sys.stderr.write(f"O365 could not be installed (exit code {failed.returncode}); --without-o365 goes without.\n")
        return 1
    keep(found, folder)
    tell(found)
    if not given.quick:
        documents.main("docs", [])
    return 0


def measured(plan: Plan, parts: list[str]) -> dict[str, Any]:
    """Run the parts, each with its date and what the machine was like."""
    found: dict[str, Any] = {}
    on_bed = [name for name in parts if name in ON_BED]
    if on_bed:
        pythons = {"o365": peer.made()} if "o365" in plan.contestants and "side-by-side" in parts else {}
        with Bed(pythons) as bed:
            for name in on_bed:
                found[name] = _part(name, lambda name=name: ON_BED[name](bed, plan))  # type: ignore[misc]
    for name in parts:
        if name in ALONE:
            found[name] = _part(name, lambda name=name: ALONE[name](plan))  # type: ignore[misc]
    return found


def _part(name: str, run: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    began, load = time.monotonic(), os.getloadavg()[0]
    print(f"{name} ...", flush=True)
    found = run()
    print(f"{name}: {time.monotonic() - began:.0f} s", flush=True)
    machine = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"
    return {**found, "date": datetime.now(UTC).date().isoformat(), "machine": machine, "load": round(load, 1)}


def keep(found: dict[str, Any], folder: Path) -> None:
    """Write what was measured, beside the parts that were measured before, and the plots of all of it."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = report.load(folder / report.KEPT.name) | found
    text = json.dumps(kept, indent=2, ensure_ascii=False)
    (folder / report.KEPT.name).write_text(text + "\n", encoding="utf-8")
    images = folder / "img"
    images.mkdir(exist_ok=True)
    for name, drawing in report.plots(kept).items():
        (images / name).write_text(drawing, encoding="utf-8")


def tell(found: dict[str, Any]) -> None:
    """The bars, a line each."""
    for what, got, most, held in report.bars(found):
        print(f"{'held  ' if held else 'MISSED'}  {what}: {got} (at most {most})")


if __name__ == "__main__":
    sys.exit(main("bench", sys.argv[1:]))
