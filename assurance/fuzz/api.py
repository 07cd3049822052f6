"""Schemathesis against the running app: requests of every operation, sequences along their links, what came of them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote

import hypothesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from assurance import oracle
from assurance.campaign import Campaign, Outcome
from assurance.measured import LIVE
from devkit.local.harness import MAILBOX, Harness, content
from devkit.local.stack import ROOT, Stack
from shared.api.description import description

SCHEMATHESIS = Path(sys.executable).with_name("st")
CONFIG = ROOT / "devkit" / "schemathesis.toml"
FILE_BYTES = 1000
CASES = 1000
"""Requests for each operation in the large proof."""

STORY_SHARE = 5
"""Sequences along the links: one for so many cases of an operation. Each has several steps."""

FEWEST_SEQUENCES = 25

OPERATIONS = tuple(f"{method.upper()} {path}" for path, methods in description()["paths"].items() for method in methods)
"""Every described operation, as Schemathesis names it."""

HEALTH, SEQUENCES = "GET /health", "Stateful tests"

AT_ONCE = 4
"""Processes of Schemathesis side by side in the large proof, each with its share of the operations.

Its threads would not be quicker.
"""

CALM: dict[str, Any] = {"suppress_health_check": [HealthCheck.too_slow]}
"""How busy the machine is says nothing about the app."""

GIVEN_KEYS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=60)
"""Keys that nobody has, as a header can carry them."""


@dataclass(frozen=True, slots=True)
class Fuzzed:
    """What Schemathesis did. `cases` counts the requests by operation; `told` is its own report, failures included.

    `steps` are the requests of the sequences, which belong to no one operation.
    """

    passed: bool
    cases: Mapping[str, int]
    steps: int
    told: str


@contextmanager
def stage() -> Iterator[Harness]:
    """The app with keys, and the files that its description's examples name: some requests find what they ask for."""
    with Harness(
        Stack(settings={"TARGET_WAIT_SECONDS": "0", "ACCESS_WAIT_SECONDS": "0"}, options=["--keys"])
    ) as harness:
        metadata = {"mailbox": MAILBOX, "messageid": quote(harness.item(), safe="")}
        harness.stack.drop("reports/march.pdf", content(FILE_BYTES), events=0, metadata=metadata)
        harness.stack.drop("attached.pdf", content(FILE_BYTES), metadata=metadata)
        harness.stack.wait_until_idle()
        yield harness


def fuzz(harness: Harness, cases: int, seed: int, at_once: int = 1) -> Fuzzed:
    """Requests of every kind, `cases` generated ones for each operation, and then sequences along the links.

    `at_once` processes of Schemathesis send the requests; each takes seconds to start.
    """
    shares = [OPERATIONS[number::at_once] for number in range(at_once)]
    with ThreadPoolExecutor(at_once) as pool:
        runs = [*pool.map(lambda share: _run(harness, "examples,coverage,fuzzing", cases, seed, share), shares)]
    runs.append(_run(harness, "stateful", max(cases // STORY_SHARE, FEWEST_SEQUENCES), seed, ()))
    amiss = ask_for_health(harness, cases, seed)
    counts = sum((run.cases for run in runs), Counter({HEALTH: cases}))
    return Fuzzed(
        passed=not amiss and all(run.code == 0 for run in runs),
        cases={label: counts[label] for label in OPERATIONS},
        steps=counts[SEQUENCES],
        told="\n".join([*(run.told for run in runs), amiss]),
    )


def ask_for_health(harness: Harness, cases: int, seed: int) -> str:
    """What is amiss; "" where nothing is. Nothing is described that could be varied, but anybody may send anything."""
    stack = harness.stack
    right = str(stack.host.ready["keys"]["function"])

    @hypothesis.seed(seed)
    @settings(max_examples=cases, deadline=None, database=None, phases=[Phase.generate, Phase.shrink], **CALM)
    @given(st.dictionaries(st.text(min_size=1), st.text(), max_size=4), st.none() | st.just(right) | GIVEN_KEYS)
    def ask(query: dict[str, str], key: str | None) -> None:
        headers = {"x-functions-key": key} if key is not None else {}
        answer = stack.request("GET", "/api/health", params=query, headers=headers)
        assert answer.status_code == HTTPStatus.OK, answer.text
        body = answer.json()
        assert body == {"status": "up"}, body

    try:
        ask()
    except Exception as error:  # noqa: BLE001 - whatever went wrong is the finding
        return f"health: {type(error).__name__}: {error} {' '.join(getattr(error, '__notes__', []))}"
    return ""


def prove(seed: int) -> Outcome:
    """The large run, judged: no answer amiss, every operation called often, nothing left half done, no secret told."""
    with stage() as harness:
        found = fuzz(harness, CASES, seed, AT_ONCE)
        broken = [] if found.passed else [found.told[-4000:]]
        broken += [f"{label}: {count} requests" for label, count in found.cases.items() if count < CASES]
        broken += oracle.aftermath(harness)
    achieved = sum(found.cases.values()) + found.steps
    return Outcome(achieved, broken, {**found.cases, "in sequences": found.steps})


@dataclass(frozen=True, slots=True)
class _Run:
    """One run of Schemathesis: its exit code, its requests by operation, its report."""

    code: int
    cases: Counter[str]
    told: str


def _run(harness: Harness, phases: str, examples: int, seed: int, operations: tuple[str, ...]) -> _Run:
    stack = harness.stack
    key = str(stack.host.ready["keys"]["function"])
    number = OPERATIONS.index(operations[0]) if operations else len(OPERATIONS)
    described, events = (stack.logs_folder / f"{name}-{number}.json" for name in ("openapi", "events"))
    # described by a file: what the app itself serves as its description would not be tried
    text = stack.request("GET", "/api/openapi.json", headers={"x-functions-key": key}).text
    described.write_text(text, encoding="utf-8")
    command = [
        *(str(SCHEMATHESIS), "--config-file", str(CONFIG)),
        *("run", str(described), "--url", f"{stack.url}/api", "--header", f"x-functions-key: {key}"),
        *("--phases", phases, "--max-examples", str(examples), "--seed", str(seed)),
        *("--request-timeout", "60", "--warnings", "off", "--generation-database", "none", "--no-color"),
        *("--suppress-health-check", "too_slow", "--report", "ndjson", "--report-ndjson-path", str(events)),
        *(part for name in operations for part in ("--include-name", name)),
    ]
    done = subprocess.run(command, cwd=stack.logs_folder, capture_output=True, text=True, check=False)
    return _Run(done.returncode, _counted(events), done.stdout + done.stderr)


def _counted(events: Path) -> Counter[str]:
    """The requests that were sent, by operation; those of sequences together."""
    counts: Counter[str] = Counter()
    with events.open(encoding="utf-8") as lines:
        for line in lines:
            finished = json.loads(line).get("ScenarioFinished")
            if finished is not None:
                counts[finished["recorder"]["label"]] += len(finished["recorder"].get("interactions", ()))
    return counts


CAMPAIGNS = (
    Campaign(
        "api",
        "every request to the HTTP API is answered as its description says; a caller's mistake is never a 5xx",
        "I21",
        "requests generated by Schemathesis, over 1,000 for each operation, and sequences along their links",
        len(OPERATIONS) * CASES,
        prove,
        draws=True,
        rests=(*LIVE, "assurance/fuzz/api.py", "devkit/schemathesis.toml"),
    ),
)
"""Rows for `assurance/campaigns.py`."""
