#!/usr/bin/env python3
"""The one entry for people who work on Outlook Attachment Drop.

    python3 dev.py demo      drop a 25 MB file, kill the worker half-way, find the file attached
    python3 dev.py test      everything: checks, unit tests, end-to-end tests over the local stack
    python3 dev.py check     ruff, mypy and the import rules only

`python3 dev.py` alone lists every command. The first call makes `.venv`, installs the pinned requirements into it and
`npm ci`s Azurite; later calls find that nothing changed and start at once. This file uses the standard library only.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
DEVKIT = ROOT / "devkit"
OLDEST, NEWEST = (3, 11), (3, 13)


def main() -> int:
    """Make the environment where it is missing or stale, then hand over to `python -m devkit`."""
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        wanted = " to ".join(".".join(map(str, version)) for version in (OLDEST, NEWEST))
        sys.stderr.write(f"dev.py needs CPython {wanted}; this is {sys.version.split()[0]}.\n")
        return 2
    if shutil.which("npm") is None:
        sys.stderr.write("dev.py needs npm (Node.js 20 or newer): Azurite, the local storage, is an npm package.\n")
        return 2
    with (ROOT / ".venv.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two commands started side by side must not install over each other
        prepare_python()
        prepare_azurite()
    return hand_over(sys.argv[1:])


def hand_over(arguments: list[str]) -> NoReturn:
    """Become `python -m devkit`, in the environment: signals and exit codes are then the command's own."""
    os.chdir(ROOT)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # else every process of the local stack compiles all of it again
    os.execv(PYTHON, [str(PYTHON), "-m", "devkit", *arguments])


def prepare_python() -> None:
    """Install the pinned requirements into `.venv` unless its stamp says that they are there.

    An environment that exists is brought up to date in place, so that a command that is running in it goes on.
    """
    files = [
        ROOT / "requirements.txt",  # what runs in Azure, to the last package and its hash
        DEVKIT / "requirements.txt",
        DEVKIT / "requirements-runtime.txt",
    ]
    stamp, wanted = VENV / ".stamp", digest(files, sys.version)
    if PYTHON.exists() and stamp.exists() and stamp.read_text() == wanted:
        return
    say("bringing .venv up to date")
    run(sys.executable, "-m", "venv", str(VENV))
    pip = (str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    say("installing Python packages (a minute or two, once)")
    run(*pip, "--require-hashes", "-r", str(files[0]))
    run(*pip, "-r", str(files[1]))
    run(*pip, "--no-deps", "--ignore-requires-python", "-r", str(files[2]))
    stamp.write_text(wanted)


def prepare_azurite() -> None:
    """Install Azurite from the lock file unless its stamp says that it is there."""
    lock = DEVKIT / "package-lock.json"
    stamp, wanted = DEVKIT / "node_modules" / ".stamp", digest([lock], "")
    if stamp.exists() and stamp.read_text() == wanted:
        return
    say("installing Azurite (once)")
    run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", cwd=DEVKIT)
    stamp.write_text(wanted)


def digest(files: list[Path], salt: str) -> str:
    """A fingerprint of what would be installed: the files' contents, and the interpreter's version as the salt."""
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files) + salt.encode()).hexdigest()


def run(*command: str, cwd: Path = ROOT) -> None:
    """Run one preparation step; its failure ends dev.py with the step's own exit code."""
    done = subprocess.run(command, cwd=cwd, check=False)
    if done.returncode:
        say(f"failed: {' '.join(command)}")
        raise SystemExit(done.returncode)


def say(line: str) -> None:
    """Progress goes to stderr: stdout belongs to the command."""
    sys.stderr.write(f"dev.py: {line}\n")


if __name__ == "__main__":
    raise SystemExit(main())
