"""The generated parts that come from the product's tables and the campaigns' results. See `devkit/documents.py`."""

from __future__ import annotations

import re
from typing import Any

from assurance import evidence, rooms
from assurance.campaigns import CAMPAIGNS
from assurance.simulation import healing
from devkit.documents import Parts, table
from shared.core import events as ev
from shared.core.errors import CATALOGUE
from shared.core.model import TERMINAL, State
from shared.core.table import TABLE
from shared.settings import SETTINGS

ASIDES = {
    ev.CancelRequested,
    ev.Forbidden,
    ev.Refused,
    ev.NotDone,
    ev.RangeTooLarge,
    ev.RunStarted,
    ev.ItemMissing,
    ev.CommitAborted,
    ev.CancelNoted,
    ev.Held,
    ev.RetryRequested,
    ev.Stopped,
}
"""Events that can come almost anywhere: waiting, giving up, and a new run. The table below the picture has them all."""

TWISTS = {(state, ev.Unsure) for state in (State.ASKING, State.FENCING, State.LOOKING, State.COMPARING)}
"""Failures while settling: tried again until the retry budget is spent."""

ENDS = {State.FAILED, State.CANCELLED}
"""Drawn from `looking` alone, where every verdict is carried out; a retry budget can be spent elsewhere too."""

SETTLING = (State.ASKING, State.RESENDING, State.FENCING, State.LOOKING, State.COMPARING)


def remarks() -> list[str]:
    """A line for each campaign whose result no longer speaks of the code as it is."""
    because = {result["name"]: evidence.stale_since(result) for result in evidence.load()["results"]}
    return [f"stale: {name}, because of {why}" for name, why in because.items() if why]


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
            _worded(result)[0],
            f"{result['achieved']:,} {_worded(result)[1]}",
            f"{result['failures']:,} failed",
            _dated(result),
        )
        for result in evidence.load()["results"]
    ]
    return table(("promise", "tried", "result", "on"), rows)


def campaigns_table() -> str:
    """The same in full: invariants, floors, seeds, and further counts."""
    rows = [
        (
            f"`{result['name']}`",
            result["invariants"],
            f"{result['achieved']:,} {_worded(result)[1]}",
            f"{result['floor']:,}",
            str(result["failures"]),
            "-" if result["seed"] is None else str(result["seed"]),
            ", ".join(f"{name} {_number(count)}" for name, count in result["details"].items()) or "-",
            f"{result['seconds']:,.0f}",
            result["date"],
            evidence.told_origin(result),
            "yes" if evidence.stale_since(result) else "no",
        )
        for result in evidence.load()["results"]
    ]
    measured = ("seconds", "date", "measured on", "stale")
    return table(("campaign", "invariants", "tried", "floor", "failures", "seed", "further counts", *measured), rows)


def _worded(result: dict[str, Any]) -> tuple[str, str]:
    """Promise and unit in the campaign's present words; those that were kept where the campaign is no more."""
    words = {one.name: (one.promise, one.unit) for one in CAMPAIGNS}
    return words.get(result["name"], (result["promise"], result["unit"]))


def _dated(result: dict[str, Any]) -> str:
    """The day of a result, and whether the code it speaks of has changed since."""
    return f"{result['date']}, stale" if evidence.stale_since(result) else str(result["date"])


def outages_table() -> str:
    """How transfers came through outages of storage, by their length; empty until the campaign ran."""
    found: dict[str, str] = next(
        (result["details"] for result in evidence.load()["results"] if result["name"] == "outages"), {}
    )
    return table(("storage down for", *healing.COLUMNS), ([name, *told.split(" / ")] for name, told in found.items()))


def _number(count: float | str) -> str:
    return count if isinstance(count, str) else f"{count:,}"


def _words(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", " ", name).lower()


PARTS: Parts = {
    "settings": settings_table,
    "errors": errors_table,
    "rooms": lambda: rooms.diagram(rooms.imports()),
    "states": state_diagram,
    "transitions": transition_table,
    "promises": promises_table,
    "campaigns": campaigns_table,
    "outages": outages_table,
}
