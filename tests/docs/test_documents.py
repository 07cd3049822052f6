"""The documents say what the code says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from assurance.campaigns import CAMPAIGNS
from devkit import documents
from devkit.__main__ import COMMANDS
from shared.intake.metadata import METADATA_KEYS

ROOT = documents.ROOT
LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize("file", documents.current(), ids=lambda path: path.name)
def test_what_is_made_from_the_code_is_up_to_date(file: Path) -> None:
    assert documents.current()[file] == file.read_text(encoding="utf-8"), "run `python3 dev.py docs`"


def test_every_part_that_is_made_is_shown_somewhere() -> None:
    shown = {
        match["name"] for path in documents.documents() for match in documents.BLOCK.finditer(path.read_text("utf-8"))
    }
    assert shown == set(documents.parts())


@pytest.mark.parametrize("document", [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))], ids=lambda p: p.name)
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    broken = [
        link for link in LINK.findall(document.read_text(encoding="utf-8")) if not (document.parent / link).exists()
    ]
    assert broken == []


def test_readme_tells_every_metadata_key() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [key for key in METADATA_KEYS.values() if f"| `{key}` |" not in readme] == []


def test_paths_named_in_the_architecture_exist() -> None:
    named = re.findall(
        r"`((?:shared|devkit|assurance|bench|infra|tests)/[\w/]+(?:\.py)?)`",
        (ROOT / "docs/architecture.md").read_text(),
    )
    assert named
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_every_invariant_of_a_campaign_is_explained() -> None:
    explained = re.findall(r"^\| (I\d+) \|", (ROOT / "docs/reliability.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(explained) == len(set(explained))
    named = {name for one in CAMPAIGNS for name in re.findall(r"I\d+", one.invariants)}
    assert sorted(named - set(explained)) == []


@pytest.mark.parametrize(
    "document", [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))], ids=lambda path: path.name
)
def test_commands_of_dev_py_that_a_document_names_exist(document: Path) -> None:
    text = document.read_text(encoding="utf-8").replace("`python3 dev.py prove` is", "")  # what it was called before
    named = re.findall(r"python3 dev\.py ([a-z]+)(.*)", text)
    assert [name for name, _ in named if name not in COMMANDS] == []
    paths = [path for _, rest in named for path in re.findall(r"\btests/[\w/]+\.py", rest)]
    assert [path for path in paths if not (ROOT / path).exists()] == []
