"""Tools that the other requirements cannot hold: npm packages, and checkov with its tight pins. Kept in build/."""

from __future__ import annotations

import fcntl
import hashlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parent
KEPT = HERE.parents[2] / "build" / "infra-toolchain"


def node_modules() -> Path:
    """The folder of npm packages that `package-lock.json` names."""
    return _made_once("node", HERE / "package-lock.json", _install_npm) / "node_modules"


def checkov() -> Path:
    """The checkov program."""
    return _made_once("checkov", HERE / "requirements-checkov.txt", _install_checkov) / "bin" / "checkov"


def _made_once(name: str, recipe: Path, make: Callable[[Path, Path], None]) -> Path:
    """The folder made from `recipe`; made anew when the recipe or the interpreter is another one."""
    wanted = hashlib.sha256(recipe.read_bytes() + sys.version.encode()).hexdigest()[:16]
    folder = KEPT / f"{name}-{wanted}"
    KEPT.mkdir(parents=True, exist_ok=True)
    with (KEPT / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # test runs side by side share one installation
        if not (folder / ".made").exists():
            make(folder, recipe)
            (folder / ".made").touch()
    return folder


def _install_npm(folder: Path, recipe: Path) -> None:
    folder.mkdir(exist_ok=True)
    for file in (recipe, recipe.with_name("package.json")):
        (folder / file.name).write_bytes(file.read_bytes())
    _run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", cwd=folder)


def _install_checkov(folder: Path, recipe: Path) -> None:
    _run(sys.executable, "-m", "venv", "--clear", "--without-pip", str(folder), cwd=KEPT)
    pip = (sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "--disable-pip-version-check")
    _run(*pip, "install", "--quiet", "--no-compile", "--no-deps", "--requirement", str(recipe), cwd=KEPT)


def _run(*command: str, cwd: Path) -> None:
    done = subprocess.run(command, cwd=cwd, check=False, text=True, capture_output=True)
    assert done.returncode == 0, f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}"
