"""Schemathesis against the running app: requests of every operation, stories along their links, what came of them."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from urllib.parse import quote

import hypothesis
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from devkit import judge
from devkit.proof import Outcome, Proof
from devkit.scene import MAILBOX, Scene, content
from devkit.stack import ROOT, Stack

SCHEMATHESIS = Path(sys.executable).with_name("st")
CONFIG = ROOT / "devkit" / "schemathesis.toml"
FILE_BYTES = 1000
CASES = 1000
"""Requests for each operation in the large proof."""

STORY_SHARE = 5
"""Stories along the links: one for so many cases of an operation. Each has several steps."""

FEWEST_STORIES = 25

OPERATIONS = {
    "startTransfer": "start_transfer",
    "listTransfers": "list_transfers",
    "readTransfer": "read_transfer",
    "cancelTransfer": "cancel_transfer",
    "retryTransfer": "retry_transfer",
    "readHealth": "health",
    "readDescription": "openapi",
    "readPage": "ui",
}
"""Every described operation, with the function behind it."""

HALVES = (tuple(OPERATIONS)[:3], tuple(OPERATIONS)[3:])
"""Two processes side by side, each with about half of the work."""

GIVEN_KEYS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=60)
"""Keys that nobody has, as a header can carry them."""

_GENERATED = re.compile(r"^ +([\d,]+) generated", re.MULTILINE)
_TESTED = re.compile(r"Tested: (\d+)")


@dataclass(frozen=True, slots=True)
class Fuzzed:
    """What Schemathesis did. `calls` counts what reached each function; `told` is its own report, failures included."""

    passed: bool
    generated: int
    tested: int
    calls: Mapping[str, int]
    told: str


@contextmanager
def stage() -> Iterator[Scene]:
    """The app with keys, and the files that its description's examples name: some requests find what they ask for."""
    with Scene(Stack(settings={"TARGET_WAIT_SECONDS": "0"}, options=["--keys"])) as scene:
        metadata = {"mailbox": MAILBOX, "messageid": quote(scene.item(), safe="")}
        scene.stack.drop("reports/march.pdf", content(FILE_BYTES), events=0, metadata=metadata)
        scene.stack.drop("attached.pdf", content(FILE_BYTES), metadata=metadata)
        scene.stack.wait_until_idle()
        yield scene


def fuzz(scene: Scene, cases: int, seed: int) -> Fuzzed:
    """Requests of every kind, `cases` generated ones for each operation, and then stories along the links."""
    with ThreadPoolExecutor(len(HALVES)) as pool:
        runs = [*pool.map(lambda half: _run(scene, "examples,coverage,fuzzing", cases, seed, half), HALVES)]
    tested = [int(found) for run in runs for found in _TESTED.findall(run.stdout)]
    runs.append(_run(scene, "stateful", max(cases // STORY_SHARE, FEWEST_STORIES), seed, ()))
    amiss = ask_for_health(scene, cases, seed)
    return Fuzzed(
        passed=not amiss and all(run.returncode == 0 for run in runs),
        generated=cases + sum(int(one.replace(",", "")) for run in runs for one in _GENERATED.findall(run.stdout)),
        tested=sum(tested),
        calls=Counter(call["function"] for call in scene.stack.host.invocations()),
        told="\n".join([*(run.stdout + run.stderr for run in runs), amiss]),
    )


def ask_for_health(scene: Scene, cases: int, seed: int) -> str:
    """What is amiss; "" where nothing is. Nothing is described that could be varied, but anybody may send anything."""
    stack = scene.stack
    right = str(stack.host.ready["keys"]["function"])

    @hypothesis.seed(seed)
    @settings(max_examples=cases, deadline=None, database=None, phases=[Phase.generate, Phase.shrink])
    @given(st.dictionaries(st.text(min_size=1), st.text(), max_size=4), st.none() | st.just(right) | GIVEN_KEYS)
    def ask(query: dict[str, str], key: str | None) -> None:
        headers = {"x-functions-key": key} if key is not None else {}
        answer = stack.request("GET", "/api/health", params=query, headers=headers)
        assert answer.status_code == HTTPStatus.OK, answer.text
        body = answer.json()
        assert (body["status"], "checks" in body) == ("up", key == right), body

    try:
        ask()
    except Exception as error:  # noqa: BLE001 - whatever went wrong is the finding
        return f"health: {type(error).__name__}: {error} {' '.join(getattr(error, '__notes__', []))}"
    return ""


def prove(seed: int) -> Outcome:
    """The large run, judged: no answer amiss, every operation called often, nothing left half done, no secret told."""
    with stage() as scene:
        found = fuzz(scene, CASES, seed)
        broken = [] if found.passed else [found.told[-4000:]]
        broken += [
            f"{name} was called {found.calls[name]} times" for name in OPERATIONS.values() if found.calls[name] < CASES
        ]
        broken += judge.aftermath(scene)
    return Outcome(found.generated, broken, {f"calls of {name}": found.calls[name] for name in OPERATIONS.values()})


def _run(
    scene: Scene, phases: str, examples: int, seed: int, operations: tuple[str, ...]
) -> subprocess.CompletedProcess[str]:
    stack = scene.stack
    key = str(stack.host.ready["keys"]["function"])
    described = stack.logs_folder / f"openapi-{len(operations)}.json"  # one from the app itself would not be tried
    text = stack.request("GET", "/api/openapi.json", headers={"x-functions-key": key}).text
    described.write_text(text, encoding="utf-8")
    command = [
        *(str(SCHEMATHESIS), "--config-file", str(CONFIG)),
        *("run", str(described), "--url", f"{stack.url}/api", "--header", f"x-functions-key: {key}"),
        *("--phases", phases, "--max-examples", str(examples), "--seed", str(seed)),
        *("--request-timeout", "60", "--warnings", "off", "--generation-database", "none", "--no-color"),
        *(part for name in operations for part in ("--include-operation-id", name)),
    ]
    return subprocess.run(command, cwd=stack.logs_folder, capture_output=True, text=True, check=False)


PROOFS = (
    Proof(
        "api",
        "no request to the HTTP API is answered amiss: what is wrong with it is told, and never as the app's own fault",
        "I21",
        "requests that Schemathesis made up, over 1,000 for each of 8 operations, and stories along their links",
        8 * CASES,
        prove,
        draws=True,
    ),
)
"""Rows for `devkit/proofs.py`."""
