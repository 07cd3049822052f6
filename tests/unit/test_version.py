"""The package's version: one number, wherever it stands."""

from __future__ import annotations

import tomllib
from pathlib import Path

from shared.api.page.render import page
from shared.version import VERSION

ROOT = Path(__file__).resolve().parents[2]


def test_what_is_deployed_says_the_version_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == VERSION


def test_the_page_says_which_version_it_is() -> None:
    facts = {"view": "message", "title": "Transfers", "message": "", "page": None, "item": None, "report": None}
    given = facts | {"ask": None, "now": "2026-03-02T08:00:00.000Z", "knows_callers": False}
    assert f"Version {VERSION}" in page(200, None, given).body.decode()
