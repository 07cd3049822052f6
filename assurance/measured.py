"""What a result was measured on: the commit, the tree, and a fingerprint of each path that the result rests on."""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PASSED_OVER = {"__pycache__", "node_modules", ".hypothesis"}
DIGITS = 16  # of a fingerprint: enough to tell trees apart, short enough to read

RUNS = ("shared/core", "shared/engine", "shared/graph", "shared/rate_limit", "shared/run", "shared/storage")
"""What a simulated run goes through."""

SIMULATED = (*RUNS, "assurance/simulation", "devkit/graph")
"""What a scenario of the simulation rests on."""

APP = ("shared", "function_app.py", "host.json", "requirements.txt")
LIVE = (
    *APP,
    "devkit/functions_host",
    "devkit/graph",
    "assurance/oracle.py",
    "devkit/local/harness.py",
    "devkit/local/stack.py",
)
"""What a scenario in real processes rests on."""

EVERYTHING = (*APP, "devkit", "tests")
"""For a campaign that does not say better: everything that could matter."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a result comes from. `tree` differs from the commit's own where something was not committed yet.

    Both are empty outside of a repository.
    """

    commit: str
    tree: str
    is_clean: bool


def origin(root: Path = ROOT) -> Origin:
    """The commit and the tree of the files as they are now, what is not committed included."""
    commit = _git(root, "rev-parse", "HEAD")
    if not commit:
        return Origin("", "", is_clean=False)
    with tempfile.TemporaryDirectory() as folder:
        index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        _git(root, "read-tree", "HEAD", more=index)
        _git(root, "add", "--all", more=index)
        tree = _git(root, "write-tree", more=index)
    return Origin(commit, tree, is_clean=tree == _git(root, "rev-parse", "HEAD^{tree}"))


def fingerprints(paths: Iterable[str], root: Path = ROOT) -> dict[str, str]:
    """Each path with a digest of the names and contents below it; empty text for a path that is not there."""
    return {path: _fingerprint(root / path, root) for path in paths}


def changed(kept: Mapping[str, str], root: Path = ROOT) -> list[str]:
    """The paths that are not what they were when their fingerprints were kept."""
    now = fingerprints(kept, root)
    return [path for path, digest in kept.items() if now[path] != digest]


def _fingerprint(path: Path, root: Path) -> str:
    digest = hashlib.sha256()
    files = list(_files(path))
    for file in sorted(files):
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        digest.update(f"{file.relative_to(root).as_posix()}\0{content}\n".encode())
    return digest.hexdigest()[:DIGITS] if files else ""


def _files(path: Path) -> Iterator[Path]:
    """The files below a path, or the path itself; what tools leave behind is passed over."""
    if path.is_file():
        yield path
    elif path.is_dir():
        for entry in path.iterdir():
            if entry.name not in PASSED_OVER and entry.suffix != ".pyc":
                yield from _files(entry)


def _git(root: Path, *arguments: str, more: Mapping[str, str] | None = None) -> str:
    """What git says; empty where it has nothing to say, or is not there."""
    try:
        done = subprocess.run(
            ["git", *arguments],
            cwd=root,
            env={**os.environ, **(more or {})},
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
