"""`dev.py docs`: the parts of the documents that are made from the code, so that they cannot drift from it.

A generated part stands between `<!-- made by dev.py docs: NAME -->` and `<!-- end -->`; `dev.py docs` writes all of
them, and a test fails when one is out of date. Everything outside these marks is written by people.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from assurance import evidence, rooms
from assurance.campaigns import CAMPAIGNS
from assurance.load import report as pacing
from assurance.simulation import healing
from bench import report as bench
from shared.core import events as ev
from shared.core.errors import CATALOGUE
from shared.core.model import TERMINAL, State
from shared.core.table import TABLE
from shared.settings import SETTINGS

ROOT = Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"(<!-- made by dev\.py docs: (?P<name>[a-z-]+) -->\n)(?:.*?\n)??(<!-- end -->)", re.DOTALL)

ASIDES = {
    ev.CancelRequested,
    ev.Forbidden,
    ev.Refused,
    ev.NotDone,
    ev.RangeTooLarge,
    ev.RunStarted,
    ev.ItemMissing,
    ev.CommitAborted,
    ev.CommitUnsent,
}
"""Events that can come almost anywhere: waiting, giving up, and a new run. The table below the picture has them all."""

TWISTS = {(state, ev.Unsure) for state in (State.ASKING, State.FENCING, State.LOOKING, State.COMPARING)}
"""Failures while settling: tried again until the retry budget is spent."""

ENDS = {State.FAILED, State.CANCELLED}
"""Drawn from `looking` alone, where every verdict is carried out; a retry budget can be spent elsewhere too."""

SETTLING = (State.ASKING, State.RESENDING, State.FENCING, State.LOOKING, State.COMPARING)


def main(_command: str, _argv: list[str]) -> int:
    """Write every generated part anew; say which documents changed."""
    for document in documents():
        old = document.read_text(encoding="utf-8")
        new = rendered(old)
        if new != old:
            document.write_text(new, encoding="utf-8")
            print(f"brought up to date: {document.relative_to(ROOT)}")
    for proof in evidence.load()["proofs"]:
        why = evidence.stale_since(proof)
        if why:
            print(f"stale: {proof['name']}, because of {why}")
    return 0


def documents() -> list[Path]:
    """README.md and everything under docs/ that has a generated part."""
    found = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [document for document in found if document.exists() and BLOCK.search(document.read_text(encoding="utf-8"))]


def rendered(text: str) -> str:
    """The document with each generated part as the code has it now. Raises KeyError for a part nobody makes."""
    return BLOCK.sub(lambda match: match[1] + PARTS[match["name"]]() + "\n" + match[3], text)


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table."""
    lines = [list(head), *([*row] for row in rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def settings_table() -> str:
    """Every setting the app reads."""
    rows = [(f"`{one.name}`", f"`{one.default}`" if one.default else "-", one.meaning) for one in SETTINGS]
    return table(("setting", "default", "meaning"), rows)


def errors_table() -> str:
    """Every code a transfer can fail with, or a request be refused with."""
    rows = [
        (f"`{code.value}`", entry.title, entry.remedy, "yes" if entry.retryable else "no")
        for code, entry in CATALOGUE.items()
    ]
    return table(("code", "what happened", "what to do", "may heal by itself"), rows)


def state_diagram() -> str:
    """The way of a transfer, by the events that lead from state to state."""
    arrows: dict[tuple[State, State], set[str]] = {}
    for state, steps in TABLE.items():
        for event, row in steps.items():
            if event in ASIDES or (state, event) in TWISTS:
                continue
            for to in row.leads_to:
                if to is not state and (to not in ENDS or state is State.LOOKING):
                    arrows.setdefault((state, to), set()).add(_words(event.__name__))
    lines = ["```mermaid", "stateDiagram-v2", "    [*] --> planned", "    state settling {"]
    lines += [f"        {state.value}" for state in SETTLING]
    lines.append("    }")
    for (state, to), told in sorted(arrows.items()):
        lines.append(f"    {state.value} --> {to.value}: {', '.join(sorted(told))}")
    lines += [f"    {state.value} --> [*]" for state in sorted(TERMINAL)]
    return "\n".join([*lines, "```"])


def transition_table() -> str:
    """Every step there is: the row and its outcomes."""
    rows = [
        (f"`{state.value}`", _words(event.__name__), ", ".join(f"`{to.value}`" for to in sorted(row.leads_to)))
        for state, steps in TABLE.items()
        for event, row in steps.items()
    ]
    return table(("in", "when", "leads to"), rows)


def promises_table() -> str:
    """What was tried, how often, and how much of it failed: the numbers that `dev.py verify` kept."""
    rows = [
        (
            _worded(proof)[0],
            f"{proof['achieved']:,} {_worded(proof)[1]}",
            f"{proof['failures']:,} failed",
            _dated(proof),
        )
        for proof in evidence.load()["proofs"]
    ]
    return table(("promise", "tried", "result", "on"), rows)


def campaigns_table() -> str:
    """The same in full: invariants, floors, seeds, and further counts."""
    rows = [
        (
            f"`{proof['name']}`",
            proof["invariants"],
            f"{proof['achieved']:,} {_worded(proof)[1]}",
            f"{proof['floor']:,}",
            str(proof["failures"]),
            "-" if proof["seed"] is None else str(proof["seed"]),
            ", ".join(f"{name} {_number(count)}" for name, count in proof["details"].items()) or "-",
            f"{proof['seconds']:,.0f}",
            proof["date"],
            evidence.told_origin(proof),
            "yes" if evidence.stale_since(proof) else "no",
        )
        for proof in evidence.load()["proofs"]
    ]
    measured = ("seconds", "date", "measured on", "stale")
    return table(("campaign", "invariants", "tried", "floor", "failures", "seed", "further counts", *measured), rows)


def _worded(proof: dict[str, Any]) -> tuple[str, str]:
    """Promise and unit in the campaign's present words; those that were kept where the campaign is no more."""
    words = {one.name: (one.promise, one.unit) for one in CAMPAIGNS}
    return words.get(proof["name"], (proof["promise"], proof["unit"]))


def _dated(proof: dict[str, Any]) -> str:
    """The day of a result, and whether the code it speaks of has changed since."""
    return f"{proof['date']}, stale" if evidence.stale_since(proof) else str(proof["date"])


def outages_table() -> str:
    """How transfers came through outages of storage, by their length; empty until the campaign ran."""
    found: dict[str, str] = next(
        (proof["details"] for proof in evidence.load()["proofs"] if proof["name"] == "outages"), {}
    )
    return table(("storage down for", *healing.COLUMNS), ([name, *told.split(" / ")] for name, told in found.items()))


def _number(count: float | str) -> str:
    return count if isinstance(count, str) else f"{count:,}"


def _words(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", " ", name).lower()


PARTS: dict[str, Callable[[], str]] = {
    "settings": settings_table,
    "errors": errors_table,
    "rooms": lambda: rooms.diagram(rooms.imports()),
    "states": state_diagram,
    "transitions": transition_table,
    "promises": promises_table,
    "campaigns": campaigns_table,
    "outages": outages_table,
    **bench.PARTS,
    **pacing.PARTS,
}


if __name__ == "__main__":
    sys.exit(main("docs", []))
