"""A campaign's result, and how it is kept: every number that the documents quote comes from here."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from assurance import measured
from devkit import documents
from devkit.documents import ROOT

SHORT = 9  # characters of a commit's or a tree's name
KEPT = ROOT / "docs" / "reliability.json"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One campaign's result.

    Attributes:
        name: the campaign's own, for `dev.py verify --only`.
        promise: what it shows, in a sentence.
        invariants: which of the invariants it stands for.
        unit: what was counted.
        achieved, floor: how many were tried, and how many must be.
        failures: how many of them broke the promise; must be none.
        seed: replays the run; None where nothing was drawn.
        seconds: how long it took.
        details: further counts, by name.
        commit, tree: what it was measured on; the tree differs from the commit's where `is_clean` is false.
        rests: the paths that it rests on, each with its fingerprint.
    """

    name: str
    promise: str
    invariants: str
    unit: str
    achieved: int
    floor: int
    failures: int
    seed: int | None
    seconds: float
    details: Mapping[str, int | float | str]
    commit: str = ""
    tree: str = ""
    is_clean: bool = False
    rests: Mapping[str, str] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """True where enough was tried and nothing broke."""
        return self.failures == 0 and self.achieved >= self.floor


def load(path: Path = KEPT) -> dict[str, Any]:
    """What was kept last: `date`, `python`, `results`; empty where nothing was kept yet."""
    return {"date": "", "python": "", "results": [], **documents.kept(path)}


def keep(found: Iterable[Evidence], order: Iterable[str], date: str, python: str, path: Path = KEPT) -> None:
    """Keep the results, in the `order` of the campaigns' names, whose promises build on one another.

    A campaign that was not run this time keeps its older result, with its own date; one that is no more loses it.
    """
    with _alone(path.parent):
        kept = {result["name"]: result for result in load(path)["results"]}
        for evidence in found:
            told = {"details": dict(evidence.details), "rests": dict(evidence.rests), "date": date}
            kept[evidence.name] = {**asdict(evidence), **told}
        results = [kept[name] for name in order if name in kept]
        text = json.dumps({"date": date, "python": python, "results": results}, indent=2, ensure_ascii=False)
        path.write_text(text + "\n", encoding="utf-8")


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Two commands that run side by side keep their results one after the other."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def stale_since(result: Mapping[str, Any], root: Path = ROOT) -> str:
    """Why a kept result no longer speaks of the code as it is: the paths that changed since; empty where none did."""
    if not result.get("rests"):
        return "an origin that was not kept"
    return ", ".join(measured.changed(result["rests"], root))


def told_origin(result: Mapping[str, Any]) -> str:
    """The commit that a kept result was measured on, and the tree where that was another."""
    if not result.get("commit"):
        return "-"
    commit, tree = str(result["commit"])[:SHORT], str(result["tree"])[:SHORT]
    return f"`{commit}`" if result.get("is_clean") else f"`{commit}` and changes, tree `{tree}`"
