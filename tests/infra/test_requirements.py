"""The lock: every package that Azure installs has one version and its hashes."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from packaging.markers import Marker

from tests.infra.stand_in import ROOT

if TYPE_CHECKING:
    from pathlib import Path

LOCK = (ROOT / "requirements.txt").read_text(encoding="utf-8")
WANTED = (ROOT / "requirements.in").read_text(encoding="utf-8")
ENTRY = re.compile(
    r"^(?P<name>[a-z0-9-]+)==(?P<version>[^ \\]+)(?P<rest>(?:.*\\\n)+.*--hash=sha256:[0-9a-f]{64})", re.MULTILINE
)
PYTHONS = ("3.11", "3.12", "3.13")


def locked() -> set[tuple[str, str]]:
    return {(match["name"], match["version"]) for match in ENTRY.finditer(LOCK)}


def test_every_line_of_the_lock_is_an_exact_version_with_hashes() -> None:
    names = re.findall(r"^([a-z0-9-]+)", LOCK, re.MULTILINE)
    assert sorted(names) == sorted(name for name, _ in locked())
    assert not re.search(r"^(-e|-r|--index|--extra|git\+|https?:)", LOCK, re.MULTILINE)


def test_what_the_app_imports_stands_in_the_lock_with_the_same_version() -> None:
    wanted = set(re.findall(r"^([a-z0-9-]+)==([^;\s]+)", WANTED, re.MULTILINE))
    assert len(wanted) >= 10
    assert wanted <= locked()


def test_everything_beyond_the_four_has_its_reason() -> None:
    _, _, beyond = WANTED.partition("# Beyond the four above")
    reasons = re.findall(r"^# - ", beyond, re.MULTILINE)
    assert len(reasons) >= 5


def applying_to(python: str) -> str:
    """The lock without what its markers leave out on that Python; pip itself goes by the Python that it runs on."""
    environment = {"python_version": python, "python_full_version": f"{python}.0"}
    kept = []
    for match in ENTRY.finditer(LOCK):
        marker = re.match(r"\s*;([^\\]*)", match["rest"])
        if marker is None or Marker(marker[1].strip()).evaluate(environment):
            kept.append(f"{match['name']}=={match['version']}{match['rest'][marker.end() if marker else 0 :]}")
    return "\n".join(kept)


@pytest.mark.parametrize("python", PYTHONS)
def test_the_lock_is_complete_for_every_python(python: str, tmp_path: Path) -> None:
    """pip, told to take nothing without a hash, finds a wheel for every package on Azure's Linux."""
    lock = tmp_path / "lock.txt"
    lock.write_text(applying_to(python), encoding="utf-8")
    where = ("--python-version", python, "--platform", "manylinux_2_28_x86_64", "--platform", "manylinux2014_x86_64")
    command = (sys.executable, "-m", "pip", "install", "--dry-run", "--quiet", "--require-hashes", *where)
    target = (
        "--ignore-requires-python",
        "--only-binary",
        ":all:",
        "--target",
        str(tmp_path / "target"),
        "-r",
        str(lock),
    )
    done = subprocess.run([*command, *target], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
