#!/usr/bin/env python3
"""The one entry for people who work on Outlook Attachment Drop.

    python3 dev.py demo           drop a 25 MB file, kill the worker half-way, find the file attached
    python3 dev.py test           everything: checks, unit tests, end-to-end tests over the local stack
    python3 dev.py test --fast    the checks and the tests that need no process but their own
    python3 dev.py check          ruff, mypy and the import rules only

`python3 dev.py` alone lists every command and installs nothing. The first command that needs something makes `.venv`,
installs the pinned requirements into it and `npm ci`s Azurite: for the local stack alone, or with the tools of the
checks and the tests. Later calls find that nothing changed and start at once. Standard library only.
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

from devkit.__main__ import COMMANDS

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
DEVKIT = ROOT / "devkit"
OLDEST, NEWEST = (3, 11), (3, 13)
OLDEST_NODE = 20
LOCAL_COMMANDS = frozenset({"demo", "package"})
"""Commands that need the local stack alone, and none of the checks' and tests' tools."""


def main() -> int:
    """Make the environment where it is missing or stale, then hand over to `python -m devkit`."""
    arguments = sys.argv[1:]
    if not arguments or arguments[0] not in COMMANDS:  # nothing is installed to say what there is
        command = [sys.executable, "-m", "devkit", *(arguments or ["--help"])]
        return subprocess.run(command, cwd=ROOT, check=False).returncode
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        wanted = " to ".join(".".join(map(str, version)) for version in (OLDEST, NEWEST))
        say(f"needs CPython {wanted}; this is {sys.version.split()[0]}.")
        return 2
    fault = node_fault()
    if fault is not None:
        say(fault)
        return 2
    try:
        with (ROOT / ".venv.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # two commands started side by side must not install over each other
            with_tools = arguments[0] not in LOCAL_COMMANDS
            prepare_python(with_tools=with_tools)
            prepare_azurite(with_tools=with_tools)
    except KeyboardInterrupt:
        say("stopped; the next call goes on with the installation.")
        return 130
    return hand_over(arguments)


def node_fault() -> str | None:
    """What is wrong with the Node.js on the PATH; None where it will do."""
    need = f"Node.js {OLDEST_NODE} or newer with npm: Azurite, the local storage, is an npm package"
    if shutil.which("npm") is None or shutil.which("node") is None:
        return f"needs {need}."
    printed = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False).stdout.strip()
    major = printed.removeprefix("v").partition(".")[0]
    if not major.isdigit() or int(major) < OLDEST_NODE:
        return f"needs {need}; this is {printed or 'a node that does not say its version'}."
    return None


def hand_over(arguments: list[str]) -> NoReturn:
    """Become `python -m devkit`, in the environment: signals and exit codes are then the command's own."""
    os.chdir(ROOT)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # else every process of the local stack compiles all of it again
    os.execv(PYTHON, [str(PYTHON), "-m", "devkit", *arguments])


def prepare_python(*, with_tools: bool) -> None:
    """Install the pinned requirements into `.venv` unless its stamp says that they are there.

    An environment that exists is brought up to date in place, so that a command that is running in it goes on; one
    whose interpreter is another or gone is made anew.
    """
    locked, local, tools = ROOT / "requirements.txt", DEVKIT / "requirements-local.txt", DEVKIT / "requirements.txt"
    runtime = DEVKIT / "requirements-runtime.txt"
    files = [locked, local, runtime, tools] if with_tools else [locked, local, runtime]
    stamp = VENV / (".stamp" if with_tools else ".stamp-local")
    wanted = digest(files, sys.version)
    if runs(PYTHON) and stamp.exists() and stamp.read_text() == wanted:
        return
    anew = VENV.exists() and not runs(PYTHON)
    say(
        "making .venv anew: its interpreter is gone or is another"
        if anew
        else "making .venv, or bringing it up to date"
    )
    run(sys.executable, "-m", "venv", *(["--clear"] if anew else []), str(VENV))
    pip = (str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    size = "about 640 MB with the tools of checks and tests" if with_tools else "about 110 MB"
    say(f"installing Python packages, once ({size}; one to three minutes)")
    run(*pip, "--require-hashes", "-r", str(locked))  # what runs in Azure, to the last package
    run(*pip, "-r", str(tools if with_tools else local))
    run(*pip, "--no-deps", "--ignore-requires-python", "-r", str(runtime))
    stamp.write_text(wanted)
    if with_tools:
        (VENV / ".stamp-local").write_text(digest([locked, local, runtime], sys.version))


def runs(python: Path) -> bool:
    """Whether the environment's interpreter is there and of this version."""
    asked = [str(python), "-c", "import sys; print(sys.version)"]
    try:
        told = subprocess.run(asked, capture_output=True, text=True, check=False)
    except OSError:
        return False
    return told.stdout.strip() == sys.version.strip()


def prepare_azurite(*, with_tools: bool) -> None:
    """Install Azurite from the lock file, with the linter of the API description where tools are wanted."""
    lock, modules = DEVKIT / "package-lock.json", DEVKIT / "node_modules"
    wanted = digest([lock], "")
    enough = [modules / ".stamp"] if with_tools else [modules / ".stamp", modules / ".stamp-local"]
    if any(stamp.exists() and stamp.read_text() == wanted for stamp in enough):
        return
    say("installing Azurite, the local storage, once (about 190 MB)")
    left_out = [] if with_tools else ["--omit=dev"]
    run("npm", "ci", *left_out, "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", cwd=DEVKIT)
    (modules / (".stamp" if with_tools else ".stamp-local")).write_text(wanted)


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
