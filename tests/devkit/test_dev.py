"""`dev.py`: what it installs, for which command, and what it says before it does."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
INSTALLED = "installing Python packages"

# A pip and an npm that write down what they were asked for; the interpreter of .venv answers as this one does.
VENV_PYTHON = """#!/bin/sh
case "$*" in
    *"sys.version"*) cat "{home}/version" ;;
    *"-m pip"*) echo "pip $*" >> "{home}/calls"; {pip} ;;
    *"-m devkit"*) echo "devkit $*" >> "{home}/calls" ;;
esac
"""
TOOL = """#!/bin/sh
case "$1" in
    --version) echo {version} ;;
    *) echo "{name} $*" >> "{home}/calls"; mkdir -p node_modules ;;
esac
"""


@dataclass(frozen=True)
class Clone:
    """A clone whose installers only tell what they were asked for."""

    folder: Path

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "dev.py", *arguments],
            cwd=self.folder,
            env={"PATH": str(self.folder / "bin"), "HOME": str(self.folder)},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def calls(self) -> list[str]:
        path = self.folder / "calls"
        lines = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return lines

    def tool(self, name: str, version: str = "v20.1.0") -> None:
        path = self.folder / "bin" / name
        path.write_text(TOOL.format(name=name, version=version, home=self.folder))
        path.chmod(0o755)

    def interpreter(self, version: str = sys.version, pip: str = ":") -> None:
        """The environment's interpreter; `pip` is what pip does besides."""
        (self.folder / "version").write_text(version)
        path = self.folder / ".venv" / "bin" / "python"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_text(VENV_PYTHON.format(home=self.folder, pip=pip))
        path.chmod(0o755)


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    shutil.copy(ROOT / "dev.py", tmp_path)
    shutil.copy(ROOT / "requirements.txt", tmp_path)
    (tmp_path / "devkit").mkdir()
    for name in ("__init__.py", "__main__.py", "package-lock.json"):
        shutil.copy(ROOT / "devkit" / name, tmp_path / "devkit")
    for path in (ROOT / "devkit").glob("requirements*.txt"):
        shutil.copy(path, tmp_path / "devkit")
    made = Clone(tmp_path)
    (tmp_path / "bin").mkdir()
    for name in ("sh", "cat", "mkdir", "sleep"):  # and nothing else of this machine
        program = shutil.which(name)
        assert program is not None
        (tmp_path / "bin" / name).symlink_to(program)
    made.tool("node")
    made.tool("npm")
    made.interpreter()
    return made


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",)])
def test_the_commands_are_listed_and_nothing_is_installed(clone: Clone, arguments: tuple[str, ...]) -> None:
    shutil.rmtree(clone.folder / ".venv")
    done = clone.run(*arguments)
    assert done.returncode == 0
    assert "demo " in done.stdout
    assert clone.calls() == []
    assert not (clone.folder / ".venv").exists()


def test_a_command_that_there_is_not_is_refused_and_nothing_is_installed(clone: Clone) -> None:
    done = clone.run("frobnicate")
    assert done.returncode == 2
    assert "frobnicate" in done.stderr
    assert clone.calls() == []


def test_the_demo_gets_the_local_stack_and_none_of_the_tools(clone: Clone) -> None:
    done = clone.run("demo")
    assert done.returncode == 0, done.stderr
    assert INSTALLED in done.stderr
    calls = clone.calls()
    assert any("requirements-local.txt" in call for call in calls)
    assert not any(call.endswith("devkit/requirements.txt") for call in calls)
    assert any(call.startswith("npm ci --omit=dev") for call in calls)


def test_the_tests_get_the_tools_too_and_after_them_the_demo_needs_nothing(clone: Clone) -> None:
    assert clone.run("test").returncode == 0
    calls = clone.calls()
    assert any(call.endswith("devkit/requirements.txt") for call in calls)
    assert any(call.startswith("npm ci --ignore-scripts") for call in calls)
    for command in ("test", "demo"):
        assert clone.run(command).returncode == 0
        assert clone.calls() == [f"devkit -m devkit {command}"]


def test_what_azure_installs_is_taken_by_its_hashes(clone: Clone) -> None:
    clone.run("demo")
    assert any("--require-hashes" in call and call.endswith("/requirements.txt") for call in clone.calls())


def test_a_changed_pin_is_installed(clone: Clone) -> None:
    clone.run("demo")
    clone.calls()
    with (clone.folder / "devkit" / "requirements-local.txt").open("a") as file:
        file.write("# another line\n")
    assert INSTALLED in clone.run("demo").stderr


@pytest.mark.parametrize("state", ["another version", "gone"])
def test_an_environment_whose_interpreter_changed_is_made_anew(clone: Clone, state: str) -> None:
    clone.run("demo")
    if state == "gone":
        (clone.folder / ".venv" / "bin" / "python").unlink()
    else:
        clone.interpreter(version="3.9.0")
    done = clone.run("check")
    assert "making .venv anew" in done.stderr


@pytest.mark.parametrize(
    ("node", "said"), [("v18.20.1", "this is v18.20.1"), ("garbage", "this is garbage"), (None, "Node.js 20 or newer")]
)
def test_an_old_or_missing_node_is_named_before_anything_is_installed(
    clone: Clone, node: str | None, said: str
) -> None:
    if node is None:
        (clone.folder / "bin" / "npm").unlink()
    else:
        clone.tool("node", node)
    done = clone.run("demo")
    assert done.returncode == 2
    assert said in done.stderr
    assert clone.calls() == []


def test_ctrl_c_stops_the_installation_with_130_and_the_next_call_goes_on(clone: Clone) -> None:
    clone.interpreter(pip="kill -INT $PPID; exec sleep 30")
    done = clone.run("demo")
    assert done.returncode == 130
    assert "stopped; the next call goes on" in done.stderr
    assert "Traceback" not in done.stderr
    clone.interpreter()
    assert INSTALLED in clone.run("demo").stderr


def test_a_step_that_fails_is_named_and_its_exit_code_kept(clone: Clone) -> None:
    clone.interpreter(pip="exit 7")
    done = clone.run("demo")
    assert done.returncode == 7
    assert "failed: " in done.stderr


def test_the_readme_says_what_the_first_call_says_of_its_size(clone: Clone) -> None:
    told = (ROOT / "README.md").read_text(encoding="utf-8")
    (clone.folder / ".venv" / ".stamp-local").unlink(missing_ok=True)
    said = clone.run("demo").stderr
    sizes = re.findall(r"\(?(about \d+ MB)", said)
    assert len(sizes) == 2, said
    assert f"`.venv` ({sizes[0]}) and `devkit/node_modules` ({sizes[1]})" in told
