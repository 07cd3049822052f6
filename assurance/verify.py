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
    names = [campaign.name for campaign in CAMPAIGNS]
    parser = argparse.ArgumentParser(prog="python3 dev.py verify", description=__doc__)
    parser.add_argument("--only", action="append", choices=names, help="run this campaign; may be repeated")
    parser.add_argument("--seed", type=int, help="replays the campaigns that draw (default: a fresh one for each)")
    given = parser.parse_args(argv)
    chosen = [campaign for campaign in CAMPAIGNS if given.only is None or campaign.name in given.only]
    origin = measured.origin()
    found = []
    for campaign in chosen:  # each result is kept as it comes: the whole takes hours, and may be interrupted
        found.append(tried(campaign, given.seed, origin))
        evidence.keep(found[-1:], names, datetime.now(UTC).date().isoformat(), platform.python_version())
    documents.main("docs", [])
    return 0 if all(one.holds for one in found) else 1


def tried(campaign: Campaign, seed: int | None, origin: Origin) -> Evidence:
    """Run one campaign, say how it went, and hand over what was counted.

    Without a seed one is drawn, so that a repeat tries something new; it is said before anything runs.
    """
    seed = fresh_seed() if seed is None else seed
    print(f"{campaign.name}: {campaign.promise}", flush=True)
    if campaign.draws:
        print(f"  seed {seed}: dev.py verify --only {campaign.name} --seed {seed} draws the same", flush=True)
    rests = measured.fingerprints(campaign.rests)
    began = time.monotonic()
    outcome = campaign.run(seed)
    for line in outcome.broken[:20]:
        print(f"  FAILED {line}")
    found = Evidence(
        name=campaign.name,
        promise=campaign.promise,
        invariants=campaign.invariants,
        unit=campaign.unit,
        achieved=outcome.achieved,
        floor=campaign.floor,
        failures=len(outcome.broken),
        seed=seed if campaign.draws else None,
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
