"""`dev.py verify`: the verification campaigns. Each tries a promise many times; documents quote the counts.

The everyday tests run the same campaigns at a smaller count. A failure prints the command that replays it.
"""

from __future__ import annotations

import argparse
import platform
import sys
import time
from datetime import UTC, datetime

from assurance import evidence, measured
from assurance.campaign import Campaign, fresh_seed
from assurance.campaigns import CAMPAIGNS
from assurance.evidence import Evidence
from assurance.measured import Origin
from devkit import documents


def main(_command: str, argv: list[str]) -> int:
    """Exit code 0 only where every campaign held at its floor."""
    names = [result.name for result in CAMPAIGNS]
    parser = argparse.ArgumentParser(prog="python3 dev.py verify", description=__doc__)
    parser.add_argument("--only", action="append", choices=names, help="run this campaign; may be repeated")
    parser.add_argument("--seed", type=int, help="replays the campaigns that draw (default: a fresh one for each)")
    given = parser.parse_args(argv)
    chosen = [result for result in CAMPAIGNS if given.only is None or result.name in given.only]
    origin = measured.origin()
    found = [tried(result, given.seed, origin) for result in chosen]
    evidence.keep(found, names, datetime.now(UTC).date().isoformat(), platform.python_version())
    documents.main("docs", [])
    return 0 if all(one.holds for one in found) else 1


def tried(result: Campaign, seed: int | None, origin: Origin) -> Evidence:
    """Run one campaign, say how it went, and hand over what was counted.

    Without a seed one is drawn, so that a repeat tries something new; it is said before anything runs.
    """
    seed = fresh_seed() if seed is None else seed
    print(f"{result.name}: {result.promise}", flush=True)
    if result.draws:
        print(f"  seed {seed}: dev.py verify --only {result.name} --seed {seed} draws the same", flush=True)
    rests = measured.fingerprints(result.rests)
    began = time.monotonic()
    outcome = result.run(seed)
    for line in outcome.broken[:20]:
        print(f"  FAILED {line}")
    found = Evidence(
        name=result.name,
        promise=result.promise,
        invariants=result.invariants,
        unit=result.unit,
        achieved=outcome.achieved,
        floor=result.floor,
        failures=len(outcome.broken),
        seed=seed if result.draws else None,
        seconds=round(time.monotonic() - began, 1),
        details=outcome.details,
        commit=origin.commit,
        tree=origin.tree,
        is_clean=origin.is_clean,
        rests=rests,
    )
    told = "holds" if found.holds else "DOES NOT HOLD"
    print(f"  {told}: {found.achieved:,} {found.unit}, {found.failures} failed, {found.seconds:,.0f} s", flush=True)
    return found


if __name__ == "__main__":
    sys.exit(main("verify", sys.argv[1:]))
