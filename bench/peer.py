"""The environment that O365 runs in: `build/bench-venv`, made from `requirements.txt` when it is first wanted."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from devkit.documents import ROOT

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
HOME = ROOT / "build" / "bench-venv"


def installed() -> Path | None:
    """Its interpreter, where it is there and of these requirements."""
    stamp = HOME / ".stamp"
    if stamp.exists() and stamp.read_text(encoding="utf-8") == REQUIREMENTS.read_text(encoding="utf-8"):
        return HOME / "bin" / "python"
    return None


def made() -> Path:
    """Its interpreter; installed first where it is missing. CalledProcessError where that fails."""
    found = installed()
    if found is not None:
        return found
    python = HOME / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(HOME)], check=True)
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "-r", str(REQUIREMENTS)], check=True)
    (HOME / ".stamp").write_text(REQUIREMENTS.read_text(encoding="utf-8"), encoding="utf-8")
    return python
