"""The .ps1 twins of the scripts hand their arguments over as they are, and end with the deployer's exit code."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.infra import powershell
from tests.infra.stand_in import ROOT

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

pytestmark = powershell.needed

DEPLOYER = """
import json, sys
print(json.dumps(sys.argv[1:]))
sys.exit(7 if "fail" in sys.argv else 0)
"""


@pytest.fixture
def infra(tmp_path: Path) -> Path:
    """The scripts as they are, before a deployer that tells what it was called with."""
    folder = tmp_path / "in fra"  # a blank, as in many a Windows path
    (folder / "hooks").mkdir(parents=True)
    for script in ("deploy.ps1", "hooks/prepare.ps1", "hooks/finish.ps1"):
        shutil.copy(ROOT / "infra" / script, folder / script)
    (folder / "deployer").mkdir()
    (folder / "deployer" / "__init__.py").touch()
    (folder / "deployer" / "__main__.py").write_text(DEPLOYER, encoding="utf-8")
    return folder


def run(script: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return powershell.run(script, *arguments, environment={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"]})


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["azd-prepare"], id="one"),
        pytest.param(["up", "contoso", "--yes"], id="three"),
        pytest.param(["remove", "a tenant", "--confirm", 'it\'s "this" one'], id="blanks and quotes"),
        pytest.param(["up", ""], id="an empty one"),
    ],
)
def test_every_argument_arrives_as_it_was_given(infra: Path, arguments: list[str]) -> None:
    done = run(infra / "deploy.ps1", *arguments)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == arguments


def test_without_arguments_the_list_of_commands_is_shown(infra: Path) -> None:
    assert json.loads(run(infra / "deploy.ps1").stdout) == ["--help"]


def test_the_deployers_exit_code_is_the_scripts(infra: Path) -> None:
    assert run(infra / "deploy.ps1", "fail").returncode == 7


@pytest.mark.parametrize(("hook", "command"), [("prepare", "azd-prepare"), ("finish", "azd-finish")])
def test_a_hook_calls_its_command(infra: Path, hook: str, command: str) -> None:
    done = run(infra / "hooks" / f"{hook}.ps1")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [command]


def test_a_hook_ends_with_the_deployers_exit_code(infra: Path) -> None:
    deployer = infra / "deployer" / "__main__.py"
    deployer.write_text("raise SystemExit(3)", encoding="utf-8")
    assert run(infra / "hooks" / "prepare.ps1").returncode == 3


def test_without_python_it_says_what_is_needed(infra: Path) -> None:
    done = powershell.run(infra / "deploy.ps1", environment={"PATH": "/nonexistent", "HOME": os.environ["HOME"]})
    assert done.returncode == 2
    assert "needs Python 3.11 or newer" in done.stderr
