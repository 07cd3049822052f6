"""What `dev.py verify` shows about the rules themselves, the pure core: by its own tests, at a larger count."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from assurance.campaign import Campaign, Outcome
from assurance.mutation import campaign

ROOT = campaign.ROOT
TESTS = "tests/unit/core"
PYTEST = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist")
FACTOR = "PROOF_FACTOR"
"""The environment's word for how many times more examples than every day (tests/unit/core/shapes.py)."""

WALKS = "test_walks.py::test_after_every_step_of_any_life_the_transfer_makes_sense"
RANGES = "test_ranges.py::test_a_range_and_its_headers_agree"
_PASSING = re.compile(r"(\d+) passing, (\d+) failing")


def walks(seed: int) -> Outcome:
    """Whole lives of a transfer under any events, in any order."""
    return _examples(WALKS, 2, seed)


def ranges(seed: int) -> Outcome:
    """Ranges of files of any size, from any byte on, in ranges of any length."""
    return _examples(RANGES, 10, seed)


def branches(_seed: int) -> Outcome:
    """Every statement and every branch of the core, by the core's own tests."""
    with tempfile.TemporaryDirectory() as room:
        told = Path(room) / "coverage.json"
        environment = {"COVERAGE_FILE": str(Path(room) / "data")}
        measured = ("-m", "coverage", "run", "--branch", "--source", "shared/core", *PYTEST, TESTS)
        code, said = _done(measured, environment)
        if code:
            return Outcome(0, [f"the tests failed: {said[-500:]}"])
        code, said = _done(("-m", "coverage", "json", "-o", str(told)), environment)
        if code:
            return Outcome(0, [f"coverage has nothing to tell: {said[-500:]}"])
        report = json.loads(told.read_text(encoding="utf-8"))
    missed = [
        f"{name}: lines {file['missing_lines']}, branches {file['missing_branches']}"
        for name, file in report["files"].items()
        if file["missing_lines"] or file["missing_branches"]
    ]
    totals = report["totals"]
    details = {"statements": int(totals["num_statements"]), "branches": int(totals["num_branches"])}
    return Outcome(int(totals["percent_covered"]), missed, dict(details))


def changes(_seed: int) -> Outcome:
    """Every line of the rules changed, and a test that fails for it."""
    scope = campaign.rules()
    report = campaign.run(scope)
    broken = _unexplained(report, scope)
    if report.noticed < campaign.ENOUGH:
        broken.append(f"only {report.noticed:.1%} of the changes were noticed")
    return _changed(report, broken)


def changes_of_edges(_seed: int) -> Outcome:
    """The same for what runs, stores and paces transfers: enough is noticed, or every other change is explained."""
    report = campaign.run(campaign.EDGES)
    return _changed(report, [] if report.noticed >= campaign.ENOUGH else _unexplained(report, campaign.EDGES))


def _unexplained(report: campaign.Report, scope: campaign.Scope) -> list[str]:
    explained = campaign.EXPLAINED.read_text(encoding="utf-8") if campaign.EXPLAINED.exists() else ""
    return campaign.unexplained(report.survivors, campaign.belonging(explained, scope))


def _changed(report: campaign.Report, broken: list[str]) -> Outcome:
    share = f"{100 * report.noticed:.1f} %"
    survived = len(report.survivors)
    return Outcome(report.tried, broken, {"noticed": share, "without an effect": survived, "endless": report.endless})


def _examples(test: str, factor: int, seed: int) -> Outcome:
    """Run one generated test with so many times its examples; what hypothesis says it tried."""
    asked = (f"{TESTS}/{test}", "--hypothesis-show-statistics", f"--hypothesis-seed={seed}", "-o", "timeout=3600")
    code, said = _done((*PYTEST, *asked), {FACTOR: str(factor)})
    counts = [(int(passing), int(failing)) for passing, failing in _PASSING.findall(said)]
    broken = [said[-1500:]] if code or not counts or any(failing for _, failing in counts) else []
    return Outcome(sum(passing for passing, _ in counts), broken)


def _done(arguments: tuple[str, ...], environment: dict[str, str]) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


CAMPAIGNS = (
    Campaign(
        "walks",
        "at every step of any sequence of events, progress is what Graph confirmed, and whatever ended stays ended",
        "I9, I14",
        "random sequences of up to 100 events",
        4_000,
        walks,
        draws=True,
        rests=("shared/core", TESTS),
    ),
    Campaign(
        "ranges",
        "from any offset, the ranges cover the file once and in order, each within the size limit",
        "I10",
        "random files, and every resume offset of every file up to 64 bytes",
        30_000,
        ranges,
        draws=True,
        rests=("shared/core", TESTS),
    ),
    Campaign(
        "branches",
        "the tests of the pure core execute all of it",
        "I24",
        "% of the core's statements and branches",
        100,
        branches,
        rests=("shared/core", TESTS),
    ),
    Campaign(
        "mutation",
        "a changed line of the rules makes a test fail, or is listed as having no effect",
        "I25",
        "changed lines of the core, and of what reads and writes Graph's answers",
        2_000,
        changes,
        rests=campaign.RESTS,
    ),
    Campaign(
        "mutation-edges",
        "19 of 20 changed lines in the code that runs, stores and rate-limits transfers make a test fail, or are "
        "explained",
        "I25",
        "changed lines of runs, storage and rate limiting",
        2_000,
        changes_of_edges,
        rests=campaign.RESTS,
    ),
)
"""Rows for `assurance/campaigns.py`."""
