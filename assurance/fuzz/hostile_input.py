"""What `dev.py verify` shows about hostile input and secrets, each at its floor."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from assurance.campaign import Campaign, Outcome
from assurance.fuzz import canaries, driver
from assurance.fuzz.answers import REQUESTS, check
from assurance.fuzz.checkpoints import check as check_checkpoint
from assurance.fuzz.generated import CHECKPOINTS
from assurance.fuzz.shapes import ANSWERS, check_all, table
from assurance.measured import APP, SIMULATED
from assurance.simulation import campaigns
from assurance.simulation.case import Case
from shared.core.errors import Code
from shared.graph.http import HttpAnswer
from shared.storage import codec
from shared.storage.ports import Checkpoint

ROUND_TRIPS = 10_000
TORN = 50
GENERATED_ANSWERS = 10_000
FUZZ_SECONDS = 600
"""In all, shared by the targets; two run at a time."""


def round_trips(drawn: int) -> Outcome:
    """Checkpoints of every kind, written and read."""
    broken: list[str] = []
    tried = 0

    @seed(drawn)
    @_many(ROUND_TRIPS)
    @given(CHECKPOINTS)
    def once(written: Checkpoint) -> None:
        nonlocal tried
        tried += 1
        assert codec.decode(codec.encode(written), written.instance.id) == written

    _tell(once, broken)
    return Outcome(tried, broken)


def torn(drawn: int) -> Outcome:
    """Checkpoints cut off at every byte."""
    broken: list[str] = []
    cuts = 0
    for number, text in enumerate(_samples(drawn)):
        for length in range(len(text)):
            cuts += 1
            if check_checkpoint(text[:length]) != Code.CHECKPOINT_UNREADABLE:
                broken.append(f"sample {number} cut at byte {length} was read")
    return Outcome(cuts, broken, {"checkpoints": TORN})


def answers(drawn: int) -> Outcome:
    """The whole table, and answers that no table has."""
    broken: list[str] = []
    cells = 0
    for asked in REQUESTS:
        try:
            count, _ = check_all(asked, table())
        except Exception as error:  # noqa: BLE001 - whatever escapes the product is a finding
            broken.append(f"{asked}: {type(error).__name__}: {error}")
        else:
            cells += count

    @seed(drawn)
    @_many(GENERATED_ANSWERS)
    @given(st.sampled_from(list(REQUESTS)), ANSWERS)
    def once(asked: str, answer: HttpAnswer) -> None:
        nonlocal cells
        cells += 1
        check(REQUESTS[asked], answer, few=True)

    _tell(once, broken)
    return Outcome(cells, broken, {"requests": len(REQUESTS), "generated": GENERATED_ANSWERS})


def fuzzed(drawn: int) -> Outcome:
    """Every target under the coverage-guided fuzzer."""
    try:
        report = driver.run(FUZZ_SECONDS, drawn)
    except driver.Unavailable as reason:
        return Outcome(0, [str(reason)])
    covered = {f"covered in {result.target}": result.covered for result in report.results}
    return Outcome(report.executed, report.broken, {"targets": len(report.results), **covered})


def secrets(drawn: int) -> Outcome:
    """Scenarios whose every answer holds secrets, and all that was said in them."""
    told = read = 0
    broken: list[str] = []
    for case in _talkative(drawn):
        heard, leaks = canaries.overhear(case)
        told += 1
        read += heard.size
        broken += leaks
    return Outcome(told, broken, {"characters read": read})


def _talkative(drawn: int) -> Iterator[Case]:
    everything = (case for case in campaigns.mixed(4000, drawn) if case.workers == 1)
    strange = (case for case in campaigns.unknown_answers() if case.workers == 1)
    return chain(campaigns.single_faults(), islice(strange, 0, None, 4), everything)


def _samples(drawn: int) -> list[bytes]:
    found: list[bytes] = []

    @seed(drawn)
    @_many(TORN)
    @given(CHECKPOINTS)
    def once(written: Checkpoint) -> None:
        found.append(codec.encode(written))

    once()
    return found[:TORN]


def _many(count: int) -> settings:
    return settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )


def _tell(once: object, broken: list[str]) -> None:
    """Run a generated check; its failure, made as small as it gets, is one line."""
    try:
        once()  # type: ignore[operator]  # what hypothesis makes of a function takes nothing
    except Exception as error:  # noqa: BLE001 - whatever escapes the product is a finding
        notes = " ".join(getattr(error, "__notes__", []))
        broken.append(" ".join(f"{type(error).__name__}: {error} {notes}".split()))


CAMPAIGNS = (
    Campaign(
        "round-trips",
        "a checkpoint is read back as it was written",
        "I17",
        "generated checkpoints of every state",
        ROUND_TRIPS,
        round_trips,
        draws=True,
        rests=("shared/core", "shared/storage", "assurance/fuzz"),
    ),
    Campaign(
        "torn-checkpoints",
        "a checkpoint that is cut off at any byte is refused with a code",
        "I17",
        "cuts of 50 checkpoints",
        20_000,
        torn,
        draws=True,
        rests=("shared/core", "shared/storage", "assurance/fuzz"),
    ),
    Campaign(
        "answers",
        "every answer of Graph maps to one defined event, and only a 201 to attached",
        "I11",
        "answers: every status from 100 to 999 with 16 bodies and 3 sets of headers to 9 requests, and generated ones",
        388_800,
        answers,
        draws=True,
        rests=("shared/core", "shared/graph", "assurance/fuzz"),
    ),
    Campaign(
        "fuzz",
        "metadata, names, checkpoints, answers, messages, settings and URLs of any content are handled or refused",
        "I11, I17, I20",
        "inputs from a coverage-guided fuzzer",
        500_000,
        fuzzed,
        draws=True,
        rests=(*APP, "assurance/fuzz"),
    ),
    Campaign(
        "secrets",
        "no log line, error, answer or notification holds an upload URL, a token or a file's content",
        "I19",
        "scenarios, with everything that the app wrote in them searched",
        5_000,
        secrets,
        draws=True,
        rests=(*APP, *SIMULATED, "assurance/fuzz", "assurance/secrets.py"),
    ),
)
"""Rows for `assurance/campaigns.py`."""
