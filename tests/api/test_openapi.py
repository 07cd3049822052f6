"""The description is valid, complete, and linted by public tools."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from devkit.local.stack import ROOT
from shared.api.description import description
from shared.core.errors import Code
from shared.core.public_state import PublicState

FUNCTIONS = (ROOT / "function_app.py").read_text(encoding="utf-8")
METHODS = ("get", "post", "delete", "put", "patch")


def operations() -> dict[tuple[str, str], Any]:
    """By method and path."""
    paths = description()["paths"]
    return {(method, path): paths[path][method] for path in paths for method in METHODS if method in paths[path]}


def test_every_http_function_is_described_and_nothing_else() -> None:
    routed = re.findall(r'@app\.route\("([^"]+)", trigger_arg_name="request", methods=\[([^\]]+)\]', FUNCTIONS)
    served = {(method.strip('" ').lower(), f"/{route}") for route, methods in routed for method in methods.split(",")}
    assert served - set(operations()) == {("post", "/ui")}  # the page's own form
    assert set(operations()) <= served


def test_every_reference_leads_somewhere() -> None:
    text = json.dumps(description())
    for reference in set(re.findall(r'"\$ref": "#/([^"]+)"', text)):
        found: Any = description()
        for part in reference.split("/"):
            found = found[part]


def test_every_link_leads_to_an_operation() -> None:
    ids = {operation["operationId"] for operation in operations().values()}
    linked = set(re.findall(r'"operationId": "(\w+)", "parameters"', json.dumps(description())))
    assert linked
    assert linked <= ids


def test_codes_and_states_are_those_of_the_code() -> None:
    schemas = description()["components"]["schemas"]
    assert schemas["Error"]["properties"]["code"]["enum"] == [code.value for code in Code]
    assert schemas["Transfer"]["properties"]["state"]["enum"] == list(PublicState)


def test_only_health_is_open_to_anybody() -> None:
    open_to_all = {path for (_, path), operation in operations().items() if {} in operation.get("security", [])}
    assert open_to_all == {"/health"}
    [anonymous] = re.findall(r'@app\.route\("([^"]+)"[^)]*auth_level=NO_KEY', FUNCTIONS)
    assert f"/{anonymous}" == "/health"


def test_a_public_linter_has_nothing_to_say(tmp_path: Path) -> None:
    file = tmp_path / "openapi.json"
    file.write_text(json.dumps(description()), encoding="utf-8")
    linter = ROOT / "devkit" / "node_modules" / ".bin" / "redocly"
    quiet = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true", "NO_COLOR": "1"}
    command = [
        str(linter),
        "lint",
        str(file),
        "--config",
        str(ROOT / "devkit" / "redocly.yaml"),
        "--max-problems",
        "50",
    ]
    done = subprocess.run(command, env={**os.environ, **quiet}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Your API description is valid" in done.stdout + done.stderr


@pytest.mark.parametrize("operation", operations().values(), ids=lambda operation: operation["operationId"])
def test_every_operation_says_what_it_does_and_what_can_go_wrong(operation: dict[str, Any]) -> None:
    assert operation["summary"]
    assert operation["tags"]
    assert operation["responses"]
    keyed = {} not in operation.get("security", [])
    assert ("401" in operation["responses"]) == keyed
