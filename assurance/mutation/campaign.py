"""Whether the tests notice: each line of the rules is changed in every way that mutmut knows, and a test must fail.

What no test notices stands in tests/mutation_survivors.md with the reason why it makes no difference; a change that
survives and does not stand there breaks the proof, and so does one that stands there and is noticed.

    python -m assurance.mutation.campaign --scope edges --sample 100

tries some changes of what runs, stores and paces transfers, drawn anew each time, and prints what no test notices.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from assurance.campaign import fresh_seed
from assurance.mutation.runner import SAMPLE
from devkit.local.azurite import SHARED, Azurite

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "mutation"
RUNNER = Path(__file__).with_name("runner.py")
EXPLAINED = ROOT / "tests" / "mutation_survivors.md"
COPIED = (
    "shared",
    "tests/conftest.py",
    "tests/unit",
    "tests/assurance/load",
    "tests/storage",
    "devkit",
    "assurance",
    "pyproject.toml",
    "host.json",
)
RESTS = (
    "shared",
    "tests/unit",
    "tests/assurance/load",
    "tests/storage",
    "pyproject.toml",
    "tests/mutation_survivors.md",
)
SIDE_BY_SIDE = 2
ENOUGH = 0.95
"""Share of the changes that a test must notice."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Which packages are changed, and which tests must notice.

    `first` names one change: mutmut writes all of them, and which test reaches which function, before it tries the
    first; we try the others. `stores` says that the tests need Azurite.
    """

    name: str
    packages: tuple[str, ...]
    first: str
    mutate: tuple[str, ...]
    tests: tuple[str, ...]
    arguments: tuple[str, ...]
    stores: bool = False


def rules() -> Scope:
    """The core, and what reads and writes Graph's answers: as pyproject.toml has it for mutmut."""
    given = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["mutmut"]
    return Scope(
        "rules",
        ("core", "graph"),
        "shared.core.retry.x_backoff__mutmut_1",
        tuple(given["only_mutate"]),
        tuple(given["pytest_add_cli_args_test_selection"]),
        tuple(given["pytest_add_cli_args"]),
    )


EDGES = Scope(
    "edges",
    ("run", "storage", "rate_limit", "engine"),
    "shared.storage.summary.x_pack__mutmut_1",
    ("shared/run/*.py", "shared/storage/*.py", "shared/rate_limit/*.py", "shared/engine/*.py"),
    (
        "tests/unit/run",
        "tests/unit/engine",
        "tests/unit/storage",
        "tests/unit/rate_limit",
        "tests/storage",
        "tests/assurance/load",
    ),
    (
        # the slow nets, and what plays whole fleets: what only they catch is missing from the tests of its own module
        "--deselect=tests/unit/storage/test_validation.py::test_whatever_the_core_makes_is_sound",
        "--deselect=tests/unit/storage/test_validation.py::test_the_core_can_go_on_from_whatever_is_sound",
        "--ignore=tests/storage/test_storage_breaks.py",
        "--ignore=tests/assurance/load/test_campaigns.py",
        "--ignore=tests/assurance/load/test_load_test.py",
        "--ignore=tests/assurance/load/test_report.py",
        "--ignore=tests/assurance/load/test_simulation.py",
        "--ignore=tests/assurance/load/test_timeline.py",
    ),
    stores=True,
)
"""What runs, stores and paces transfers. Azurite serves the tests of the adapters."""

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


def run(scope: Scope, build: Path = BUILD, *, sample: str = "") -> Report:
    """Change every line of a scope, or a sample (`COUNT:SEED`); RuntimeError where the tests do not even run."""
    build = build / scope.name
    _copied(build, scope)
    mutants, result = build / "mutants", build / "result.json"
    script = [sys.executable, "-P", str(RUNNER), str(result), str(SIDE_BY_SIDE)]
    with ExitStack() as parts:
        more = {}
        if scope.stores:
            more[SHARED] = json.dumps(parts.enter_context(Azurite()).origins)
        mutmut = str(Path(sys.executable).parent / "mutmut")
        _done([mutmut, "run", "--max-children", "1", scope.first], build, more)
        more |= {"PYTHONPATH": str(mutants), SAMPLE: sample}
        said = _done([*script, *scope.tests, *scope.arguments], mutants, more)
    told: dict[str, str] = json.loads(result.read_text(encoding="utf-8"))
    if (told.pop("", None), told.pop("fail", None)) != ("survived", "killed"):
        raise RuntimeError(f"the tests do not pass without a change, or pass with a broken product:\n{said[-2000:]}")
    survivors = [_shown(name, build) for name, status in told.items() if status in {"survived", "unreached"}]
    return Report(len(told), tuple(survivors), sum(status == "endless" for status in told.values()))


def belonging(explained: str, scope: Scope) -> str:
    """The part of the explanations that is about the packages of a scope."""
    head, *sections = explained.split("\n## ")
    mine = [section for section in sections if section.strip("` ").partition(".")[0] in scope.packages]
    return "\n## ".join([head, *mine])


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


def _copied(build: Path, scope: Scope) -> None:
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
    project = build / "pyproject.toml"
    project.write_text(configured(project.read_text(encoding="utf-8"), scope), encoding="utf-8")


def configured(project: str, scope: Scope) -> str:
    """pyproject.toml with mutmut's table as the scope has it."""
    table = {
        "source_paths": ["shared"],
        "also_copy": ["devkit", "assurance"],
        "only_mutate": scope.mutate,
        "pytest_add_cli_args_test_selection": scope.tests,
        "pytest_add_cli_args": scope.arguments,
    }
    written = "".join(f"{key} = {json.dumps(value)}\n" for key, value in table.items())
    return re.sub(
        r"\[tool\.mutmut\]\n.*?(?=^\[)",
        lambda _: f"[tool.mutmut]\n{written}\n",
        project,
        flags=re.DOTALL | re.MULTILINE,
    )


def _done(command: list[str], where: Path, more: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        command, cwd=where, env={**os.environ, **(more or {})}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{command[0]} ended with {done.returncode}:\n{(done.stdout + done.stderr)[-3000:]}")
    return done.stdout + done.stderr


def main() -> int:
    """From the command line; exit code 1 where less than ENOUGH is noticed."""
    scopes = {scope.name: scope for scope in (rules(), EDGES)}
    parser = argparse.ArgumentParser(prog="python -m assurance.mutation.campaign", description=__doc__)
    parser.add_argument("--scope", choices=scopes, default="edges")
    parser.add_argument("--sample", type=int, help="so many changes (default: all)")
    parser.add_argument("--seed", type=int, default=fresh_seed(), help="of the sample (default: a fresh one, printed)")
    given = parser.parse_args()
    if given.sample:
        print(f"seed {given.seed}", flush=True)
    report = run(scopes[given.scope], sample=f"{given.sample}:{given.seed}" if given.sample else "")
    print(written(report.survivors))
    print(f"{report.tried} changes, {report.noticed:.1%} noticed, {report.endless} endless")
    return 0 if report.noticed >= ENOUGH else 1


if __name__ == "__main__":
    sys.exit(main())
