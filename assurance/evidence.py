"""A campaign's result, and how it is kept: every number that the documents quote comes from here."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from assurance import measured

SHORT = 9  # characters of a commit's or a tree's name
ROOT = Path(__file__).resolve().parent.parent
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
    """What was kept last: `date`, `python`, `proofs`; empty where nothing was kept yet."""
    if not path.exists():
        return {"date": "", "python": "", "proofs": []}
    kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return kept


def keep(found: Iterable[Evidence], order: Iterable[str], date: str, python: str, path: Path = KEPT) -> None:
    """Keep the results, in the `order` of the campaigns' names, whose promises build on one another.

    A campaign that was not run this time keeps its older result, with its own date; one that is no more loses it.
    """
    kept = {proof["name"]: proof for proof in load(path)["proofs"]}
    for evidence in found:
        told = {"details": dict(evidence.details), "rests": dict(evidence.rests), "date": date}
        kept[evidence.name] = {**asdict(evidence), **told}
    proofs = [kept[name] for name in order if name in kept]
    text = json.dumps({"date": date, "python": python, "proofs": proofs}, indent=2, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def stale_since(proof: Mapping[str, Any], root: Path = ROOT) -> str:
    """Why a kept result no longer speaks of the code as it is: the paths that changed since; empty where none did."""
    if not proof.get("rests"):
        return "an origin that was not kept"
    return ", ".join(measured.changed(proof["rests"], root))


def told_origin(proof: Mapping[str, Any]) -> str:
    """The commit that a kept result was measured on, and the tree where that was another."""
    if not proof.get("commit"):
        return "-"
    commit, tree = str(proof["commit"])[:SHORT], str(proof["tree"])[:SHORT]
    return f"`{commit}`" if proof.get("is_clean") else f"`{commit}` and changes, tree `{tree}`"
