"""Runs PowerShell, the real one, where it is on the PATH."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PWSH = shutil.which("pwsh")
needed = pytest.mark.skipif(PWSH is None, reason="pwsh, which runs the .ps1 files for real, is not on the PATH")


def run(script: Path, *arguments: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a script as `pwsh -File` does: its exit code is the script's own."""
    assert PWSH is not None
    return subprocess.run(
        [PWSH, "-NoProfile", "-NonInteractive", "-File", str(script), *arguments],
        env={"POWERSHELL_TELEMETRY_OPTOUT": "1", "NO_COLOR": "1", **environment},
        text=True,
        capture_output=True,
        check=False,
        timeout=120,
    )
