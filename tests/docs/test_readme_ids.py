"""The ways to an item's id that the README shows: a shell leaves them as they stand, and they ask for the same."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from shared.core.model import Target, TargetKey
from shared.intake.mailboxes import AllowedMailboxes
from shared.intake.metadata import Wanted, read_metadata

README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
ASKED = ["internetMessageId", "subject", "id"]
NEWEST = "createdDateTime desc"


def block(language: str) -> str:
    """The first block in this language under «Get the item's id»."""
    found = re.search(r"^### 1\. Get the item's id\n(.*?)^### ", README, re.MULTILINE | re.DOTALL)
    assert found is not None
    return str(re.findall(rf"^```{language}\n(.*?)^```", found[1], re.MULTILINE | re.DOTALL)[0])


def words_of(command: str, program: str, folder: Path) -> list[str]:
    """What the program is called with, once the shell has read the command."""
    stub = folder / program
    stub.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n', encoding="utf-8")
    stub.chmod(0o755)
    environment = {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(["sh", "-euc", command], env=environment, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_graph_explorer_and_the_cli_ask_for_the_message_id_first(tmp_path: Path) -> None:
    method, explored = block("text").split()
    words = words_of(block("sh"), "az", tmp_path)
    asked = words[words.index("--url") + 1]
    assert method == "GET"
    for url in (explored, asked):
        query = parse_qs(urlsplit(url).query)
        assert query == {"$select": [",".join(ASKED)], "$orderby": [NEWEST], "$top": ["10"]}
    assert urlsplit(explored).path == "/v1.0/me/messages"
    assert urlsplit(asked).path == "/v1.0/users/ada@contoso.example/messages"
    assert words[words.index("--query") + 1] == f"value[].[{', '.join(ASKED)}]"


def test_powershell_asks_for_the_same() -> None:
    _, ask, shown = block("powershell").splitlines()
    assert f"-Property {','.join(ASKED)} -Sort '{NEWEST}' -Top 10 |" in ask
    assert shown.split("Format-List ")[1].lower() == ", ".join(ASKED).lower()


@pytest.mark.skipif(shutil.which("pwsh") is None, reason="needs PowerShell")
def test_powershell_can_read_it() -> None:
    read = "[Management.Automation.Language.Parser]::ParseInput($env:TEXT, [ref]$null, [ref]$faults)"
    done = subprocess.run(
        ["pwsh", "-NoProfile", "-Command", f"$faults = $null; [void]{read}; exit $faults.Count"],
        env={**os.environ, "TEXT": block("powershell")},
        check=False,
    )
    assert done.returncode == 0


def by_command(program: str, folder: Path) -> dict[str, str]:
    """The metadata that an upload with this program gives the blob."""
    upload = rf"^```sh\n({program} (?:storage blob upload|copy).*?)^```"
    [command] = re.findall(upload, README, re.MULTILINE | re.DOTALL)
    words = words_of(command, program, folder)
    pairs = " ".join(words[words.index("--metadata") + 1 :]).replace(";", " ").split()
    return dict(pair.split("=", 1) for pair in pairs)


def by_python() -> dict[str, str]:
    """The metadata that the Python sample gives the blob."""
    [sample] = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    [given] = [
        word.value for word in ast.walk(ast.parse(sample)) if isinstance(word, ast.keyword) if word.arg == "metadata"
    ]
    found: dict[str, str] = eval(ast.unparse(given), {"quote": quote})
    return found


def test_every_upload_names_the_item_that_its_message_id_says(tmp_path: Path) -> None:
    wanted = Target("ada@contoso.example", TargetKey.INTERNET_MESSAGE_ID, "<CAFE0123@contoso.example>")
    names = []
    for metadata in (by_command("az", tmp_path), by_command("azcopy", tmp_path), by_python()):
        found = read_metadata("report.pdf", metadata, "application/pdf", AllowedMailboxes())
        assert isinstance(found, Wanted)
        assert (found.target, found.slips) == (wanted, ())
        names.append(found.attachment.name)
    assert names == ["report.pdf", "report.pdf", "Bericht für März.pdf"]
