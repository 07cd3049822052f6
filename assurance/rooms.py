"""Which room of the product imports which, read from the code: the picture in docs/architecture.md is made from it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PRODUCT = "shared"
TRIGGERS = "function_app"

PURPOSES = {
    TRIGGERS: "the triggers: blob, queue, timer, HTTP",
    "app": "what each trigger does",
    "composition": "builds the parts, once per process",
    "api": "HTTP operations, the operator's page",
    "run": "the transfer's executor, rate limiter, commands, sweep",
    "intake": "metadata or request body to target and attachment",
    "graph": "actions as requests, answers as events",
    "storage": "blobs, checkpoints, queues, outcome index",
    "rate_limit": "who may work on a mailbox; pure",
    "settings": "every setting, read once",
    "views": "a transfer as JSON",
    "version": "which version this is",
    "log": "one JSON line per event",
    "log_observer": "what the driver and the sweep tell, as log lines",
    "telemetry": "spans and metrics",
    "engine": "runs a process: driver, runner, checkpoint writer",
    "core": "states, rules, ranges, retries, errors; pure",
}
"""What each room is for. A room that is missing here is drawn with its name alone."""

Imports = Mapping[str, frozenset[str]]


def imports(root: Path = ROOT) -> Imports:
    """Each room of the product, `function_app` among them, with the rooms that it imports."""
    found: dict[str, set[str]] = {}
    for file in [root / f"{TRIGGERS}.py", *sorted((root / PRODUCT).rglob("*.py"))]:
        path = file.relative_to(root).with_suffix("").parts
        if path == (PRODUCT, "__init__"):
            continue
        room = path[0] if path == (TRIGGERS,) else path[1]
        others = found.setdefault(room, set())
        others |= set(_imported(ast.parse(file.read_text(encoding="utf-8")))) - {room}
    return {room: frozenset(others) for room, others in found.items()}


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from (name.split(".")[1] for name in names if name.startswith(f"{PRODUCT}."))


def reduced(found: Imports) -> Imports:
    """The imports without those that others imply: a picture with every arrow would show none."""

    def reach(room: str) -> frozenset[str]:
        direct = found.get(room, frozenset())
        return direct.union(*(reach(other) for other in direct))

    return {
        room: frozenset(other for other in others if not any(other in reach(between) for between in others))
        for room, others in found.items()
    }


def diagram(found: Imports) -> str:
    """The rooms and their imports as a Mermaid flowchart, from the triggers down to the core."""
    lines = ["```mermaid", "flowchart TD"]
    for room in sorted(found, key=lambda one: (list(PURPOSES).index(one) if one in PURPOSES else len(PURPOSES), one)):
        path = f"{room}.py" if room == TRIGGERS else f"{PRODUCT}/{room}"
        purpose = f"<br/>{PURPOSES[room]}" if room in PURPOSES else ""
        lines.append(f'    {room}["{path}{purpose}"]')
    lines += [f"    {room} --> {other}" for room, others in sorted(reduced(found).items()) for other in sorted(others)]
    return "\n".join([*lines, "```"])
