"""Importing the app stays light: what costs time is imported by the first call that needs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from devkit.local.azurite import ACCOUNT, KEY
from devkit.local.stack import ROOT

STORAGE = (
    f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};"
    f"BlobEndpoint=http://127.0.0.1:1/{ACCOUNT};QueueEndpoint=http://127.0.0.1:1/{ACCOUNT};"
)
HEAVY = (
    "azure.storage.queue",
    "jinja2",
    "opentelemetry",
    "pydantic",
    "shared.api.description",
    "shared.api.page",
    "shared.storage.checkpoints",
)
NEEDED = "azure.functions, azurefunctions.extensions.bindings.blob, azure.storage.blob"
"""What the worker imports anyway for a blob trigger; azure-identity comes with the binding."""

BEYOND = f"import sys, {NEEDED}; there = set(sys.modules); import function_app; print(*(set(sys.modules) - there))"
PROGRAM = "import sys, function_app; print(*(name for name in sys.argv[1:] if name in sys.modules))"


def imported(tmp_path: Path, **settings: str) -> set[str]:
    """Which of the heavy modules are there once the app is imported."""
    return printed([PROGRAM, *HEAVY], tmp_path, **settings)


def printed(program: list[str], tmp_path: Path, **settings: str) -> set[str]:
    """The words that the program says, run with the app's settings."""
    environment = {
        "PATH": "",
        "AzureWebJobsStorage": STORAGE,
        "DropStorage": STORAGE,
        "HOME": str(tmp_path),
        **settings,
    }
    command = [sys.executable, "-c", *program]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_the_app_imports_none_of_what_is_heavy(tmp_path: Path) -> None:
    assert imported(tmp_path) == set()


def test_beyond_what_the_worker_needs_anyway_the_app_imports_nothing_but_itself(tmp_path: Path) -> None:
    packages = {name.partition(".")[0] for name in printed([BEYOND], tmp_path)}
    assert packages == {"function_app", "shared"}


def test_telemetry_that_is_asked_for_comes_with_the_first_run_and_not_before(tmp_path: Path) -> None:
    asked = {
        "AzureFunctionsJobHost__telemetryMode": "OpenTelemetry",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1",
    }
    assert imported(tmp_path, **asked) == set()


@pytest.mark.parametrize("name", ["azure.functions", "shared.app"])
def test_the_program_that_looks_sees_what_is_imported(tmp_path: Path, name: str) -> None:
    """A look that always saw nothing would prove nothing."""
    environment = {"PATH": "", "AzureWebJobsStorage": STORAGE, "DropStorage": STORAGE, "HOME": str(tmp_path)}
    command = [sys.executable, "-c", PROGRAM, name]
    assert subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    ).stdout.split() == [name]
