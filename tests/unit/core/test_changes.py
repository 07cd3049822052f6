"""A transfer changes in the table and nowhere else: no module outside the core makes one from another."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.core.model import Transfer

ROOT = Path(__file__).resolve().parents[3]
FIELDS = frozenset(Transfer.__slots__)
ITS_OWN = FIELDS - {
    "id",
    "plan",
    "state",
    "failure",
    "history",
    "runs",
    "session",
    "tries",
    "retries",
    "range_bytes",
    "updated_at",
    "finished_at",
}
"""Names of fields that no other value of the product has: whoever changes one of them changes a transfer."""


def changes(source: str) -> Iterator[str]:
    """Every place that makes a transfer, or makes one from another, as far as names tell."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        keywords = {keyword.arg for keyword in node.keywords}
        first = ast.unparse(node.args[0]) if node.args else ""
        makes = called == "Transfer"
        changes_one = called == "replace" and (keywords & ITS_OWN or "transfer" in first or "instance" in first)
        if makes or changes_one or called in {"__setattr__", "setattr"}:
            yield f"{node.lineno}: {ast.unparse(node)}"


def outside() -> list[Path]:
    return [
        path
        for path in [ROOT / "function_app.py", *sorted((ROOT / "shared").rglob("*.py"))]
        if path.relative_to(ROOT).parts[:2] != ("shared", "core")
    ]


@pytest.mark.parametrize("path", outside(), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_outside_the_core_changes_a_transfer(path: Path) -> None:
    assert [*changes(path.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize(
    "source",
    [
        "replace(transfer, cancel_requested=True)",
        "dataclasses.replace(stored.checkpoint.instance, state=State.FAILED)",
        "replace(told, recheck_at=until)",
        "replace(found, not_before=until)",
        "Transfer(id=one, plan=plan, route=route)",
        "object.__setattr__(transfer, 'state', State.FAILED)",
    ],
)
def test_every_way_to_change_one_is_seen(source: str) -> None:
    assert [*changes(source)]
