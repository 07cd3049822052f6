"""`dev.py check` and `dev.py test`: what they run, and that their exit codes are honest."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from devkit import checks

PLUGINS = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_PLUGINS": "xdist.plugin,pytest_timeout"}
"""Of all that are installed, those that the suite's own settings need: the others take seconds to import."""


class Runs:
    """Takes the place of subprocess.run: answers with the codes given, by the first word after the program's."""

    def __init__(self, **codes: int) -> None:
        self.codes = codes
        self.commands: list[list[str]] = []

    def __call__(self, command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        self.commands.append(list(command))
        name = "pytest" if "pytest" in command else Path(command[0]).name.replace("-", "_")
        return subprocess.CompletedProcess(command, self.codes.get(name, 0))

    @property
    def names(self) -> list[str]:
        return ["pytest" if "pytest" in each else Path(each[0]).name for each in self.commands]


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    return monkeypatch


def run_pytest(command: list[str]) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **PLUGINS}
    return subprocess.run(command, cwd=checks.ROOT, env=environment, capture_output=True, text=True, check=False)


def test_check_runs_every_check_and_nothing_else(use: pytest.MonkeyPatch) -> None:
    runs = Runs()
    use.setattr(subprocess, "run", runs)
    assert checks.main("check", []) == 0
    assert runs.names == ["ruff", "ruff", "mypy", "lint-imports"]


def test_test_runs_the_checks_and_then_the_tests_with_the_arguments_given(use: pytest.MonkeyPatch) -> None:
    runs = Runs()
    use.setattr(subprocess, "run", runs)
    assert checks.main("test", ["-k", "poison", "-n", "0"]) == 0
    assert runs.names == ["ruff", "ruff", "mypy", "lint-imports", "pytest"]
    assert runs.commands[-1][-4:] == ["-k", "poison", "-n", "0"]


def test_test_fast_runs_the_checks_and_the_pure_tests(use: pytest.MonkeyPatch) -> None:
    runs = Runs()
    use.setattr(subprocess, "run", runs)
    assert checks.main("test", ["--fast", "-x"]) == 0
    assert runs.names == ["ruff", "ruff", "mypy", "lint-imports", "pytest"]
    assert runs.commands[-1][-2:] == ["-x", "tests/unit"]
    assert (checks.ROOT / "tests" / "unit").is_dir()


@pytest.mark.parametrize(
    ("command", "codes", "expected", "last"),
    [
        ("check", {"mypy": 1}, 1, "lint-imports"),
        ("check", {"mypy": 2, "lint_imports": 3}, 2, "lint-imports"),
        ("test", {"ruff": 1}, 1, "lint-imports"),
        ("test", {"pytest": 5}, 5, "pytest"),
    ],
)
def test_the_exit_code_is_the_first_failures(
    use: pytest.MonkeyPatch, command: str, codes: dict[str, int], expected: int, last: str
) -> None:
    runs = Runs(**codes)
    use.setattr(subprocess, "run", runs)
    assert checks.main(command, []) == expected
    assert runs.names[-1] == last


def test_check_takes_no_arguments() -> None:
    assert checks.main("check", ["-k", "x"]) == 2


def test_pytests_closing_line_is_the_last_one(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text("def test_it() -> None:\n    assert True\n", encoding="utf-8")
    source = (
        f"from devkit import checks; checks.CHECKS = (); raise SystemExit(checks.main('test', [{str(tmp_path)!r}]))"
    )
    done = run_pytest([sys.executable, "-c", source])
    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines()[-1].startswith("=")
    assert "1 passed in" in done.stdout.splitlines()[-1]


def test_tests_of_one_group_share_a_process(tmp_path: Path) -> None:
    """Else every process would start every stack. pytest 9.2 is pinned away for it: xdist 3.8 groups nothing there."""
    (tmp_path / "test_it.py").write_text(
        "import os\n"
        "from pathlib import Path\n"
        "import pytest\n"
        "@pytest.mark.xdist_group('one')\n"
        "@pytest.mark.parametrize('number', range(12))\n"
        "def test_it(number: int) -> None:\n"
        f"    (Path({str(tmp_path)!r}) / f'{{os.getpid()}}').touch()\n"
        "@pytest.mark.parametrize('number', range(12))\n"
        "def test_other(number: int) -> None:\n"
        "    assert number < 12\n",
        encoding="utf-8",
    )
    command = [*checks.PYTEST, "-p", "no:cacheprovider", str(tmp_path)]
    done = run_pytest(command)
    assert done.returncode == 0, done.stdout
    assert len([found for found in tmp_path.iterdir() if found.name.isdigit()]) == 1
