"""Bicep's own compiler, where it is on the PATH, and the snapshots that it makes of whole deployments.

    python -m tests.infra.compiler      writes the snapshots anew

A snapshot stands beside its parameter file and holds every resource of the deployment with its final name and
properties. The tests read it, so that they need no compiler; with one they also find out whether it is current.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
INFRA = ROOT / "infra"
BICEP = shutil.which("bicep")
needed = pytest.mark.skipif(BICEP is None, reason="bicep, Azure's compiler of these templates, is not on the PATH")

PARAMETER_FILES = {
    "example": INFRA / "tenants" / "example.bicepparam",
    **{
        name: Path(__file__).with_name("tenants") / f"{name}.bicepparam"
        for name in ("everything", "closed-and-long-name", "subscription")
    },
}
"""The example that operators copy; a tenant with everything turned on; one with the longest name, closed to the
internet and without a custom role; and the second pass of the example's deployment, subscription.bicep."""

TENANTS = [name for name in PARAMETER_FILES if name != "subscription"]

_PLACES = {"subscription": "rg-attachdrop-example"}
_REGIONS = {"everything": "swedencentral"}


def bicep(*arguments: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """One call of the compiler, in that folder."""
    assert BICEP is not None
    command = [BICEP, *arguments]
    return subprocess.run(command, cwd=folder, text=True, capture_output=True, check=False, timeout=120)


def snapshot(mode: str, tenant: str) -> subprocess.CompletedProcess[str]:
    """`overwrite` writes the tenant's snapshot, `validate` compares it with what the templates make now."""
    return bicep(
        *("snapshot", str(PARAMETER_FILES[tenant]), "--mode", mode),
        *("--tenant-id", "11111111-1111-4111-8111-111111111111"),
        *("--subscription-id", "22222222-2222-4222-8222-222222222222"),
        *("--resource-group", _PLACES.get(tenant, f"rg-attachdrop-{tenant}")),
        *("--location", _REGIONS.get(tenant, "westeurope")),
    )


@cache
def resources(tenant: str) -> tuple[dict[str, Any], ...]:
    """Every resource of the tenant's deployment, from its snapshot."""
    path = PARAMETER_FILES[tenant].with_suffix(".snapshot.json")
    return tuple(json.loads(path.read_text(encoding="utf-8"))["predictedResources"])


@cache
def outputs(tenant: str) -> dict[str, Any]:
    """What the tenant's deployment returns, from its snapshot."""
    path = PARAMETER_FILES[tenant].with_suffix(".snapshot.json")
    return json.loads(path.read_text(encoding="utf-8"))["outputs"]  # type: ignore[no-any-return]


def of_type(tenant: str, type_name: str) -> list[dict[str, Any]]:
    """The tenant's resources of one type."""
    return [one for one in resources(tenant) if one["type"] == type_name]


def sort_outputs(file: Path) -> None:
    """The compiler writes them in another order each time, which a pull request would show as a change."""
    found = json.loads(file.read_text(encoding="utf-8"))
    found["outputs"] = dict(sorted(found["outputs"].items()))
    file.write_text(json.dumps(found, indent=2, ensure_ascii=False), encoding="utf-8")


if __name__ == "__main__":
    for name, file in PARAMETER_FILES.items():
        done = snapshot("overwrite", name)
        sys.stderr.write(done.stdout + done.stderr)
        if done.returncode:
            sys.exit(done.returncode)
        sort_outputs(file.with_suffix(".snapshot.json"))
