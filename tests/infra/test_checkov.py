"""checkov finds nothing that has not been thought about: each suppression stands in the resource, with its reason."""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.infra import toolchain
from tests.infra.bicep import INFRA

if TYPE_CHECKING:
    from pathlib import Path

# one process waits for the installation, not two
pytestmark = pytest.mark.xdist_group("infra checkov")

# main.bicep only puts modules together; checkov's parser does not know its function fail(). types.bicep makes nothing.
UNREAD = {"main.bicep", "types.bicep"}


def readable(path: Path, folder: Path) -> Path:
    """A copy without what checkov does not know: imports, types other than Bicep's own, lambdas, choices over lines."""
    text = re.sub(r"^import .*$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    text = re.sub(r"^(param \w+) (?:\w+ByName)", r"\1 object", text, flags=re.MULTILINE)
    text = re.sub(r"^((?:param|output) \w+) \w+\[\]", r"\1 array", text, flags=re.MULTILINE)
    text = re.sub(r"^(param \w+) '.*$", r"\1 string", text, flags=re.MULTILINE)
    text = re.sub(r"map\(rule\.dimensions, name => \{.*?\}\)", "[]", text, flags=re.DOTALL)
    text = re.sub(r"\n\s+([?:]) ", r" \1 ", text)
    copy = folder / path.name
    copy.write_text(text, encoding="utf-8")
    return copy


def summary(*files: Path) -> dict[str, Any]:
    """What checkov counted; a file that it cannot read fails as well."""
    command = [str(toolchain.checkov()), "--framework", "bicep", "--output", "json", "--quiet", "--skip-download"]
    for path in files:
        command += ["--file", str(path)]
    environment = {"PATH": "/usr/bin:/bin", "CKV_PARSE_ERROR_FAIL": "true", "HOME": str(toolchain.KEPT)}
    done = subprocess.run(command, text=True, capture_output=True, check=False, env=environment)
    counted: dict[str, Any] = json.loads(done.stdout)["summary"] | {"exit": done.returncode}
    return counted


def test_every_file_that_it_can_read_is_sound(tmp_path: Path) -> None:
    files = [path for path in sorted(INFRA.rglob("*.bicep")) if path.name not in UNREAD]
    found = summary(*(readable(path, tmp_path) for path in files))
    assert (found["exit"], found["failed"], found["parsing_errors"]) == (0, 0, 0)
    assert found["passed"] > 0


def test_it_notices_an_account_that_takes_old_tls(tmp_path: Path) -> None:
    bad = tmp_path / "bad.bicep"
    source = (INFRA / "modules" / "host-storage.bicep").read_text(encoding="utf-8")
    bad.write_text(source.replace("TLS1_2", "TLS1_0"), encoding="utf-8")
    found = summary(readable(bad, tmp_path))
    assert found["failed"] == 1
    assert found["exit"] == 1


def test_every_suppression_has_a_reason() -> None:
    for path in INFRA.rglob("*.bicep"):
        for suppression in re.findall(r"checkov:skip=(.*)", path.read_text(encoding="utf-8")):
            check, _, reason = suppression.partition(": ")
            assert re.fullmatch(r"CKV2?_AZURE_\d+", check)
            assert len(reason) > 20, suppression
