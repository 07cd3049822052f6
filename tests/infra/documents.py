"""The tables of docs/deploy.md: roles and alerts as they are deployed (by the snapshots), parameters as declared.

    python -m tests.infra.documents      writes them anew

A table stands between `<!-- made by tests.infra.documents: NAME -->` and `<!-- end -->`; a test fails when one is old.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

from infra.deployer import cost
from tests.infra import bicep
from tests.infra.bicep import Choice, Expr
from tests.infra.compiler import of_type
from tests.infra.roles import everywhere

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

DOCUMENT = bicep.INFRA.parent / "docs" / "deploy.md"
BLOCK = re.compile(r"(<!-- made by tests\.infra\.documents: (?P<name>[a-z]+) -->\n).*?(\n<!-- end -->)", re.DOTALL)

SEVERITY = {1: "1, act now", 2: "2, look today"}
WINDOW = {"PT15M": "15 minutes", "PT30M": "30 minutes", "PT2H": "2 hours"}


def rendered(text: str) -> str:
    """The document with each table as the templates have it now."""
    return BLOCK.sub(lambda match: match[1] + TABLES[match["name"]]() + match[3], text)


def roles() -> str:
    """One row for each reason; where the tenants' files decide about the role, every one that it may be."""
    rows: dict[str, tuple[str, str, list[str]]] = {}
    for one in everywhere():
        _, _, found = rows.setdefault(one.why, (one.who, one.where, []))
        if one.role not in found:
            found.append(one.role)
    listed = ((who, where, " or ".join(found), why) for why, (who, where, found) in rows.items())
    return _table(("who", "where", "role", "why"), listed)


def parameters() -> str:
    rows = []
    for name, one in bicep.main().parameters.items():
        rows.append((f"`{name}`", _default(one.is_required, one.default), str(one.decorators.get("description", ""))))
    return _table(("parameter", "default", "meaning"), rows)


def alerts() -> str:
    rows = []
    for one in of_type("example", "Microsoft.Insights/scheduledQueryRules"):
        rule = one["properties"]
        name = one["name"].removeprefix("attachdrop-example-")
        remedy = rule["actions"]["customProperties"]["remedy"]
        rows.append((f"`{name}`", SEVERITY[rule["severity"]], WINDOW[rule["windowSize"]], remedy))
    return _table(("alert", "severity", "looks back", "what it means, and what to do"), rows)


def _default(is_required: bool, default: Any) -> str:
    if is_required:
        return "**required**"
    if isinstance(default, Expr | Choice):
        return "-"
    if isinstance(default, bool):
        return "`true`" if default else "`false`"
    return "-" if default in ("", [], {}) else f"`{default}`"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(head), *([*row] for row in rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


TABLES: dict[str, Callable[[], str]] = {
    "roles": roles,
    "parameters": parameters,
    "alerts": alerts,
    "cost": cost.table,
}


if __name__ == "__main__":
    DOCUMENT.write_text(rendered(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
    sys.exit()
