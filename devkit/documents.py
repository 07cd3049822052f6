"""`dev.py docs`: the parts of the documents that are made from the code, so that they cannot drift from it.

A generated part stands between `<!-- made by dev.py docs: NAME -->` and `<!-- end -->`; `dev.py docs` writes all of
them, and a test fails when one is out of date. Everything outside these marks is written by people.

The parts are made by the modules in `PROVIDERS`, named as text because they stand above this package.
"""

from __future__ import annotations

import importlib
import json
import re
import sys
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

from devkit.api_description import document as api
from shared.api.description import FILE as DESCRIPTION

ROOT = Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"(<!-- made by dev\.py docs: (?P<name>[a-z-]+) -->\n)(?:.*?\n)??(<!-- end -->)", re.DOTALL)

PROVIDERS = ("assurance.documents", "assurance.load.report", "bench.report")
"""Modules with `PARTS`: what makes each part, by its name. One with `remarks` has something to say beside them."""

Parts = dict[str, Callable[[], str]]


def main(_command: str, _argv: list[str]) -> int:
    """Write every generated part anew; say which documents changed."""
    for file, text in current().items():
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")
            print(f"brought up to date: {file.relative_to(ROOT)}")
    for provider in PROVIDERS:
        remarks: Callable[[], Iterable[str]] | None = getattr(importlib.import_module(provider), "remarks", None)
        for line in remarks() if remarks else ():
            print(line)
    return 0


@cache
def parts() -> Parts:
    """What makes each part, by its name. Raises ValueError where two providers make a part of one name."""
    found: Parts = {}
    for provider in PROVIDERS:
        made: Parts = importlib.import_module(provider).PARTS
        twice = found.keys() & made.keys()
        if twice:
            raise ValueError(f"more than one module makes {', '.join(sorted(twice))}")
        found |= made
    return found


def current() -> dict[Path, str]:
    """Each file that is made, or has a part that is made, with its text as the code has it now."""
    written = {document: rendered(document.read_text(encoding="utf-8")) for document in documents()}
    return {**written, DESCRIPTION: api.text()}


def documents() -> list[Path]:
    """README.md and everything under docs/ that has a generated part."""
    found = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [document for document in found if document.exists() and BLOCK.search(document.read_text(encoding="utf-8"))]


def rendered(text: str) -> str:
    """The document with each generated part as the code has it now. Raises KeyError for a part nobody makes."""
    return BLOCK.sub(lambda match: match[1] + parts()[match["name"]]() + "\n" + match[3], text)


def kept(path: Path) -> dict[str, Any]:
    """Results that a command kept as JSON; empty where there are none yet."""
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}


def table(head: Iterable[str], rows: Iterable[Iterable[str]], *, figures: bool = False) -> str:
    """A Markdown table. With `figures`, every column but the first is aligned to the right."""
    lines = [list(head), *([*row] for row in rows)]
    others = len(lines[0]) - 1
    lines.insert(1, ["---", *(["---:" if figures else "---"] * others)])
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


if __name__ == "__main__":
    sys.exit(main("docs", []))
