"""What `dev.py verify` shows about many transfers: limits kept, fairness and speed, in virtual time and for real."""

from __future__ import annotations

from dataclasses import replace

from assurance.campaign import Campaign, Outcome
from assurance.load import load_test, simulate
from assurance.measured import LIVE
from shared.core.allowance import MailboxBytes

MOST_REFUSED = 0.01
"""429s, as a share of all requests to Graph."""

SIMULATED = 1.15
REHEARSED = 1.2
"""Times the least that the limits allow, until the last file is attached."""

SLOWEST = 2.0
"""Times its own bound, for the mailbox that waited longest: none is starved while others are served."""


def simulated(seed: int) -> Outcome:
    """10,000 files over 500 mailboxes, hot ones among them, on up to 100 workers."""
    result = simulate.simulate(simulate.Plan(seed=seed))
    makespan = result.makespan / result.bound
    broken = []
    if result.once != result.files:
        broken.append(f"{result.files - result.once} files were not attached exactly once (seed {seed})")
    if result.refused >= MOST_REFUSED * result.requests:
        broken.append(f"{result.refused} of {result.requests} requests were refused (seed {seed})")
    if makespan > SIMULATED:
        broken.append(f"it took {makespan:.3f} times the bound (seed {seed})")
    if result.slowest > SLOWEST:
        broken.append(f"a mailbox took {result.slowest:.2f} times its own bound (seed {seed})")
    details: dict[str, int | float | str] = {
        "bytes": result.bytes,
        "times the bound": round(makespan, 3),
        "the slowest mailbox, times its own bound": round(result.slowest, 2),
        "requests to Graph": result.requests,
        "429": result.refused,
        "412": result.conflicts,
        "runs": result.runs,
        "storage calls": sum(result.calls.values()),
        "virtual hours": round(result.makespan / 3600, 2),
    }
    return Outcome(result.once, broken, details)


def rehearsed(seed: int) -> Outcome:
    """60 files onto 6 items through three worker processes, one of them killed half-way."""
    result = load_test.rehearse(load_test.Plan(seed=seed))
    broken = list(result.wrong)
    if not result.killed:
        broken.append("no worker was killed")
    if result.ratio > REHEARSED:
        broken.append(f"it took {result.ratio:.3f} times the bound")
    requests = sum(result.answers.values())
    if result.answers[429] >= MOST_REFUSED * requests:
        broken.append(f"{result.answers[429]} of {requests} requests were refused")
    details: dict[str, int | float | str] = {
        "bytes": result.bytes,
        "times the bound": round(result.ratio, 3),
        "requests to Graph": requests,
        "429": result.answers[429],
        "412": result.answers[412],
    }
    return Outcome(result.files - len(result.wrong), broken, details)


def learned(seed: int) -> Outcome:
    """MAILBOX_BYTES=learn where the service counts bytes, and where it does not: so many loads of each, drawn."""
    broken, details, files = [], {}, 0
    for counted in (True, False):
        world = "counts" if counted else "does not count"
        plans = [replace(LEARNING, counted=counted, seed=seed + number) for number in range(LOADS)]
        results = [simulate.simulate(plan) for plan in plans]
        files += sum(result.once for result in results)
        ratio = sum(result.makespan for result in results) / sum(result.bound for result in results)
        refused = sum(result.refused for result in results) / sum(result.requests for result in results)
        missed = sum(result.files - result.once for result in results)
        if missed or ratio > SIMULATED or refused >= MOST_REFUSED:
            told = f"{missed} files missed, {ratio:.3f} times the bound, {refused:.2%} refused"
            broken.append(f"it {world}: {told} (seed {seed})")
        details[f"it {world}: times the bound"] = round(ratio, 3)
        details[f"it {world}: 429"] = sum(result.refused for result in results)
    return Outcome(files, broken, dict(details))


LOADS = 10
LEARNING = simulate.Plan(files=400, mailboxes=20, workers=24, bytes=MailboxBytes.LEARN)
"""One load: how many are drawn, and what each of them is."""

CAMPAIGNS = (
    Campaign(
        "pacing",
        "many files for few mailboxes are attached once, within Outlook's limits, in little more time than they need",
        "I1-I3, I15, I23",
        "files over 500 mailboxes on up to 100 workers, in virtual time",
        10_000,
        simulated,
        draws=True,
        rests=("shared/rate_limit", "shared/run", "shared/storage", "assurance/load"),
    ),
    Campaign(
        "learning",
        "MAILBOX_BYTES=learn: that a service counts bytes is learned politely; one that does not is used in full",
        "I1-I3, I15",
        "files, 400 at a time over 20 mailboxes, for a service that counts bytes and for one that does not",
        8_000,
        learned,
        draws=True,
        rests=("shared/rate_limit", "shared/run", "shared/engine", "shared/storage", "assurance/load"),
    ),
    Campaign(
        "load-test",
        "the same in real processes, with one worker killed half-way",
        "I1-I3, I15, I23",
        "files of 1 to 20 MB onto 6 items of 3 mailboxes through three worker processes",
        60,
        rehearsed,
        draws=True,
        rests=(*LIVE, "assurance/load"),
    ),
)
"""Rows for `assurance/campaigns.py`."""
