"""Schemathesis against the running app: every operation, API_FUZZ_CASES cases each (12), stateful links too.

`API_FUZZ_CASES=1000 python3 dev.py test tests/api/test_fuzz.py -n 0 -s` is the long run, with its report.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from devkit.scene import MAILBOX, Scene, content
from devkit.stack import ROOT
from shared.api.openapi import description
from tests.api.caller import Caller
from tests.e2e.stage import staged

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("api fuzz"), pytest.mark.timeout(7200)]

CASES = os.environ.get("API_FUZZ_CASES", "12")
OPERATIONS = sum(len(methods) for methods in description()["paths"].values())
SCHEMATHESIS = Path(sys.executable).with_name("st")


@pytest.fixture(scope="module")
def stage() -> Iterator[Scene]:
    with staged(settings={"TARGET_WAIT_SECONDS": "0"}, options=["--keys"]) as running:
        running.graph.add_mailbox(MAILBOX)
        item = running.graph.add_message(MAILBOX)
        metadata = {"mailbox": MAILBOX, "messageid": quote(item, safe="")}
        # the files that the description's own examples name, so that some requests find what they ask for
        running.stack.drop("reports/march.pdf", content(1000), events=0, metadata=metadata)
        running.stack.drop("attached.pdf", content(1000), metadata=metadata)
        running.stack.wait_until_idle()
        yield running


def test_no_request_that_schemathesis_thinks_of_is_answered_amiss(caller: Caller) -> None:
    stack = caller.scene.stack
    described = stack.logs_folder / "openapi.json"  # from a file: one from the app itself is not tried by Schemathesis
    described.write_text(caller.get("/openapi.json").text, encoding="utf-8")
    command = [
        *(str(SCHEMATHESIS), "--config-file", str(ROOT / "devkit" / "schemathesis.toml")),
        *("run", str(described), "--url", f"{stack.url}/api", "--header", f"x-functions-key: {caller.key}"),
        *("--max-examples", CASES, "--request-timeout", "60", "--warnings", "off"),
        *("--generation-database", "none"),
    ]
    done = subprocess.run(command, cwd=stack.logs_folder, capture_output=True, text=True, check=False)
    sys.stdout.write(done.stdout)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    selected = re.search(r"Selected: (\d+)/(\d+)\s+Tested: (\d+)", done.stdout)
    assert selected is not None
    assert set(selected.groups()) == {str(OPERATIONS)}


def test_every_function_call_of_it_returned(caller: Caller) -> None:
    called = caller.scene.stack.host.invocations()
    assert {call["function"] for call in called} >= {
        *("start_transfer", "read_transfer", "list_transfers", "retry_transfer", "cancel_transfer"),
        *("health", "openapi", "ui"),
    }
    assert [call["error"] for call in called if call["outcome"] != "succeeded"] == []
