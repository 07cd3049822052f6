"""Run every target under the coverage-guided fuzzer for a while, and say what was tried and what broke.

Each target is a process of its own, two at a time: libFuzzer ends the process that it runs in. What reached new code is
left in `build/fuzz/<target>/found`; `keep_found` takes the small part of it that the corpus lacks. An input that breaks
a target stays in `build/fuzz/<target>/broken`, by its digest, beside what the fuzzer `said`, and replays alone:

    python -m assurance.fuzz.worker TARGET build/fuzz/TARGET/broken/crash-...
"""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from assurance.fuzz import corpus
from assurance.fuzz.targets import TARGETS

BUILD = corpus.ROOT / "build" / "fuzz"
AT_ONCE = 2
"""Processes. Chosen: the two cores that every number in docs/reliability.md is for."""

SLOWEST = 20
"""Seconds that one input may take; more is a finding too."""

MEMORY = 2048
"""MiB that one process may take; more is a finding too."""

GRACE = 120
"""Seconds beyond its time after which a process that does not end is killed: it imports, and replays the corpus."""

WHY_NOT = (
    "the fuzzer needs atheris, which is installed on Linux for x86-64 only (devkit/requirements.txt): on other systems "
    "the corpus and the generated tests still run"
)

_EXECUTED = re.compile(r"stat::number_of_executed_units:\s*(\d+)")
_COVERED = re.compile(r"cov: (\d+)")
_RAISED = re.compile(r"=== Uncaught Python exception: ===\n(.*)")


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one target.

    Attributes:
        executed: inputs that were tried.
        covered: branches and calls of the product's code that they reached.
        new: inputs that reached code which the corpus did not.
        broken: one line for each input that broke it: the file, and what it raised.
    """

    target: str
    executed: int
    covered: int
    new: int
    broken: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """What a run came to. `seconds` is how long it took."""

    results: tuple[Result, ...]
    seed: int
    seconds: float

    @property
    def executed(self) -> int:
        """Inputs tried, over all targets."""
        return sum(result.executed for result in self.results)

    @property
    def broken(self) -> list[str]:
        """What broke, over all targets."""
        return [line for result in self.results for line in result.broken]


class Unavailable(RuntimeError):  # noqa: N818 - it names what is the case
    """There is no fuzzer on this system; the text says why."""


def run(seconds: float, seed: int, targets: Iterable[str] = tuple(TARGETS), build: Path = BUILD) -> Report:
    """Fuzz the targets for about `seconds` in all, which they share evenly.

    `seed` must be above 0 (libFuzzer draws its own for 0). Raises Unavailable where there is no fuzzer.
    """
    if importlib.util.find_spec("atheris") is None:
        raise Unavailable(WHY_NOT)
    if seed <= 0:
        raise ValueError("a seed is a whole number above 0")
    names = list(targets)
    each = max(1, round(seconds * min(AT_ONCE, len(names)) / len(names)))
    began = time.monotonic()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        results = tuple(pool.map(lambda name: _fuzzed(name, each, seed, build / name), names))
    return Report(results, seed, round(time.monotonic() - began, 1))


def keep_found(target: str, build: Path = BUILD) -> list[Path]:
    """Take into the corpus what the last run found, as far as it reaches code that the corpus does not reach."""
    room = build / target
    merged = room / "merged"
    shutil.rmtree(merged, ignore_errors=True)
    shutil.copytree(corpus.KEPT / target, merged)
    before = {path.name for path in merged.iterdir()}
    _worker(target, ["-merge=1", f"-max_len={corpus.LARGEST}", str(merged), str(room / "found")], 600)
    for name in before:
        (merged / name).unlink(missing_ok=True)
    return corpus.keep(target, merged)


def _fuzzed(target: str, seconds: int, seed: int, room: Path) -> Result:
    found, broken = room / "found", room / "broken"
    shutil.rmtree(room, ignore_errors=True)
    found.mkdir(parents=True)
    broken.mkdir()
    words = room / "words"  # libFuzzer takes no empty one
    lines = [f'"{_escaped(word)}"\n' for word in TARGETS[target].words or (" ",)]
    words.write_text("".join(lines), encoding="ascii")
    said = _worker(
        target,
        [
            f"-max_total_time={seconds}",
            f"-seed={seed}",
            f"-max_len={corpus.LARGEST}",
            f"-timeout={SLOWEST}",
            f"-rss_limit_mb={MEMORY}",
            f"-dict={words}",
            f"-artifact_prefix={broken}/",
            "-print_final_stats=1",
            str(found),
            str(corpus.KEPT / target),
        ],
        seconds + GRACE,
    )
    (room / "said").write_text(said, encoding="utf-8")
    executed, covered = _EXECUTED.search(said), _COVERED.findall(said)
    raised = _RAISED.search(said)
    why = raised[1] if raised else said.strip().rpartition("\n")[2]
    failures = [f"{target}: {path.relative_to(room.parent)}: {why}" for path in sorted(broken.iterdir())]
    if not failures and executed is None:
        failures = [f"{target}: the fuzzer did not run: {why}"]
    return Result(
        target,
        int(executed[1]) if executed else 0,
        int(covered[-1]) if covered else 0,
        len(list(found.iterdir())),
        tuple(failures),
    )


def _worker(target: str, arguments: list[str], timeout: float) -> str:
    """What the process said. One that does not end is killed, and so counts as broken."""
    command = [sys.executable, "-m", "assurance.fuzz.worker", target, *arguments]
    try:
        done = subprocess.run(
            command, cwd=corpus.ROOT, capture_output=True, text=True, errors="replace", timeout=timeout, check=False
        )
    except subprocess.TimeoutExpired:
        return f"it did not end within {timeout:.0f} seconds"
    return done.stderr + done.stdout


def _escaped(word: str) -> str:
    """A word in libFuzzer's dictionary: what is not plain ASCII as hexadecimal bytes."""
    plain = set(range(0x20, 0x7F)) - {ord('"'), ord("\\")}
    return "".join(chr(byte) if byte in plain else f"\\x{byte:02X}" for byte in word.encode())
