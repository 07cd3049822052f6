"""Whether the tests notice: each line of the rules is changed in every way that mutmut knows, and a test must fail.

What no test notices stands in tests/mutation_survivors.md with the reason why it makes no difference; a change that
survives and does not stand there breaks the proof, and so does one that stands there and is noticed.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "mutation"
EXPLAINED = ROOT / "tests" / "mutation_survivors.md"
COPIED = ("shared", "tests/unit", "devkit", "pyproject.toml", "host.json")
RESTS = ("shared", "tests/unit", "tests/pace", "pyproject.toml", "tests/mutation_survivors.md")
SIDE_BY_SIDE = 2
ENOUGH = 0.95
"""Share of the changes that a test must notice."""

FIRST = "shared.core.retry.x_backoff__mutmut_1"
"""mutmut writes all changes, and which test reaches which function, before it tries the first; we try the others."""

_CHANGED = re.compile(r"^[-+](?![-+]{2})", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Survivor:
    """A change that no test notices: the function, and the changed lines as a diff shows them, without indentation."""

    function: str
    change: str

    def __str__(self) -> str:
        return f"{self.function}: {' '.join(self.change.splitlines())}"


@dataclass(frozen=True, slots=True)
class Report:
    """How many changes were tried, which of them survived, and how many made a test run for ever."""

    tried: int
    survivors: tuple[Survivor, ...]
    endless: int

    @property
    def noticed(self) -> float:
        """Share of the changes that a test noticed."""
        return 1 - len(self.survivors) / self.tried if self.tried else 0.0


def run(build: Path = BUILD) -> Report:
    """Change every line; RuntimeError where the tests do not even run."""
    _copied(build)
    _done([str(Path(sys.executable).parent / "mutmut"), "run", "--max-children", "1", FIRST], build)
    mutants, result = build / "mutants", build / "result.json"
    given = _configured()
    chosen = [*given["pytest_add_cli_args_test_selection"], *given["pytest_add_cli_args"]]
    script = [sys.executable, "-P", str(ROOT / "devkit" / "forks.py"), str(result), str(SIDE_BY_SIDE)]
    said = _done([*script, *chosen], mutants, {"PYTHONPATH": str(mutants)})
    told: dict[str, str] = json.loads(result.read_text(encoding="utf-8"))
    if (told.pop("", None), told.pop("fail", None)) != ("survived", "killed"):
        raise RuntimeError(f"the tests do not pass without a change, or pass with a broken product:\n{said[-2000:]}")
    survivors = [_shown(name, build) for name, status in told.items() if status in {"survived", "unreached"}]
    return Report(len(told), tuple(survivors), sum(status == "endless" for status in told.values()))


def unexplained(survivors: Iterable[Survivor], explained: str) -> list[str]:
    """What does not fit between the survivors and the text that explains them, one line each."""
    found, told = set(survivors), set(read(explained))
    return [
        *(f"no test notices, and nobody explains: {one}" for one in sorted(found - told, key=str)),
        *(f"explained, but noticed or gone: {one}" for one in sorted(told - found, key=str)),
    ]


def read(explained: str) -> list[Survivor]:
    """The survivors that the text explains: under a heading with the function's name, each an indented diff."""
    survivors: list[Survivor] = []
    for section in explained.split("\n## ")[1:]:
        heading, _, rest = section.partition("\n")
        blocks = re.findall(r"(?:^    .*\n?)+", rest, re.MULTILINE)
        survivors += [Survivor(heading.strip("` "), _plain(block)) for block in blocks]
    return survivors


def written(survivors: Iterable[Survivor]) -> str:
    """The survivors as the text has them, for a person to explain."""
    text = ""
    for one in sorted(survivors, key=str):
        text += f"\n## `{one.function}`\n\n" + "".join(f"    {line}\n" for line in one.change.splitlines())
    return text


def _plain(diff: str) -> str:
    lines = (line.strip() for line in diff.splitlines())
    return "\n".join(f"{line[0]} {line[1:].strip()}" for line in lines if line)


def _shown(name: str, build: Path) -> Survivor:
    diff = _done([str(Path(sys.executable).parent / "mutmut"), "show", name], build)
    changed = "\n".join(line for line in diff.splitlines() if _CHANGED.match(line))
    function = re.sub(r"__mutmut_\d+$", "", name).removeprefix("shared.")
    function = re.sub(r"\.x_|\.xǁ", ".", function).replace("ǁ", ".")
    return Survivor(function, _plain(changed))


def _copied(build: Path) -> None:
    """The tree as it is now, where mutmut may write."""
    shutil.rmtree(build, ignore_errors=True)
    build.mkdir(parents=True)
    for name in COPIED:
        there, here = ROOT / name, build / name
        here.parent.mkdir(parents=True, exist_ok=True)
        if there.is_dir():
            shutil.copytree(there, here, ignore=shutil.ignore_patterns("node_modules", "__pycache__"))
        else:
            shutil.copy(there, here)


def _configured() -> dict[str, list[str]]:
    given: dict[str, list[str]] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["mutmut"]
    return given


def _done(command: list[str], where: Path, more: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        command, cwd=where, env={**os.environ, **(more or {})}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{command[0]} ended with {done.returncode}:\n{(done.stdout + done.stderr)[-3000:]}")
    return done.stdout + done.stderr
