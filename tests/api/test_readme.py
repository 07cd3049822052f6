"""What the README says about calling and watching the app is what happens: its commands are run as they stand."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from devkit.local.azurite import Azurite
from devkit.local.harness import Harness, content
from devkit.local.stack import ROOT
from shared.api.description import description
from shared.log_observer import DECISION_KEYS
from tests.api.caller import Caller, accepted
from tests.e2e.stage import staged

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("api readme")]

README = (ROOT / "README.md").read_text(encoding="utf-8")
MIB = 1024 * 1024
MAILBOX, ITEM = "ada@contoso.example", "AAMkAGI2THVSAAA="
CURLRC = 'silent\nshow-error\nwrite-out = "\\n%{http_code}"\n'


@pytest.fixture(scope="module")
def stage(azurite: Azurite) -> Iterator[Harness]:
    with staged(azurite, settings={"TARGET_WAIT_SECONDS": "0", "RANGE_BYTES": str(MIB)}, options=["--keys"]) as running:
        running.graph.add_mailbox(MAILBOX, message_limit=20 * MIB)
        running.graph.add_message(MAILBOX, id=ITEM)
        yield running


def section(title: str) -> str:
    """One section of the README, without its title."""
    found = re.search(rf"^## {title}\n(.*?)(?=^## )", README, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def commands() -> list[str]:
    """The shell commands of «Call it», each as it stands there, comments left out."""
    [block] = re.findall(r"^```sh\n(.*?)^```", section("Call it"), re.MULTILINE | re.DOTALL)
    lines = [line for line in block.splitlines() if not line.startswith("#")]
    return [command for command in re.sub(r"\\\n\s+", "", "\n".join(lines)).splitlines() if command.strip()]


def begun(caller: Caller) -> str:
    """Nothing yet, but the file is there."""
    caller.harness.stack.drop("report.pdf", content(1000), events=0)
    return ""


def one_attached(caller: Caller) -> str:
    caller.harness.stack.drop("attached.pdf", content(1000), events=0)
    target = {"mailbox": MAILBOX, "messageId": ITEM}
    started = accepted(caller.start({"blob": "attached.pdf", "target": target}))
    return str(caller.ended(started["id"])["id"])


def one_failed(caller: Caller) -> str:
    caller.harness.stack.drop("failed.pdf", content(1000), events=0)
    target = {"mailbox": MAILBOX, "messageId": "AAMkADnowhere="}
    started = accepted(caller.start({"blob": "failed.pdf", "target": target}))
    return str(caller.ended(started["id"])["id"])


def one_operation(caller: Caller) -> str:
    filtered = {"filter": {"code": "TARGET_NOT_FOUND"}, "limit": 1}
    answer = caller.call("POST", "/transfers/cancel", json=filtered)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def one_running(caller: Caller) -> str:
    caller.harness.graph.fault({"action": "hold", "kind": "put", "nth": 2})
    caller.harness.stack.drop("running.pdf", content(4 * MIB + 1), events=0)
    started = accepted(caller.start({"blob": "running.pdf", "target": {"mailbox": MAILBOX, "messageId": ITEM}}))
    caller.harness.stack.wait_until(caller.harness.graph.holding, what="the second range is held")
    return str(started["id"])


@dataclass(frozen=True)
class Told:
    """What a command of the README should come to."""

    method: str
    path: str
    prepare: Callable[[Caller], str]
    status: int
    holds: Callable[[dict[str, Any], str], bool]


TOLD = [
    Told("post", "/transfers", begun, 202, lambda body, _: body["source"]["blob"] == "report.pdf"),
    Told("get", "/transfers/{id}", one_attached, 200, lambda body, i: (body["id"], body["state"]) == (i, "attached")),
    Told("get", "/transfers", one_failed, 200, lambda body, i: i in [one["id"] for one in body["transfers"]]),
    Told(
        "post", "/transfers/{id}/retry", one_failed, 202, lambda body, i: (body["id"], body["state"]) == (i, "queued")
    ),
    Told("delete", "/transfers/{id}", one_running, 202, lambda body, i: body["id"] == i),
    Told(
        "post",
        "/transfers/{id}/acknowledge",
        one_failed,
        200,
        lambda body, i: (body["id"], body["acknowledged"]["note"]) == (i, "sent by hand"),
    ),
    Told("post", "/transfers/retry", one_failed, 202, lambda body, _: body["filter"]["code"] == "TARGET_NOT_FOUND"),
    Told("post", "/transfers/cancel", begun, 202, lambda body, _: body["filter"]["blob"] == "reports/"),
    Told("get", "/operations/{id}", one_operation, 200, lambda body, i: (body["id"], body["limit"]) == (i, 1)),
    Told("get", "/health", begun, 200, lambda body, _: bool(body == {"status": "up"})),
    Told("get", "/health/details", begun, 200, lambda body, _: body["status"] == "up" and bool(body["checks"])),
    Told("get", "/openapi.json", begun, 200, lambda body, _: bool(body["openapi"] == "3.1.0")),
]


def test_there_is_one_command_for_every_operation() -> None:
    paths = description()["paths"]
    assert len(commands()) == len(TOLD)
    described = {(method, path) for path in paths for method in paths[path]}
    assert described - {(told.method, told.path) for told in TOLD} == {("get", "/ui")}


@pytest.mark.parametrize(
    ("number", "told"), list(enumerate(TOLD)), ids=lambda value: str(getattr(value, "path", value))
)
def test_a_command_does_what_it_says(caller: Caller, number: int, told: Told, tmp_path: Path) -> None:
    transfer_id = told.prepare(caller)
    (tmp_path / ".curlrc").write_text(CURLRC, encoding="utf-8")
    given = {"APP": caller.harness.stack.url, "KEY": caller.key, "ID": transfer_id, "CURL_HOME": str(tmp_path)}
    environment = {**os.environ, **given, "NO_PROXY": "127.0.0.1"}
    done = subprocess.run(
        ["bash", "-c", commands()[number]], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    body, _, status = done.stdout.rpartition("\n")
    assert int(status) == told.status, body
    assert told.holds(json.loads(body), transfer_id), body
    caller.harness.graph.release()
    caller.harness.stack.wait_until_idle()


def test_what_it_says_of_the_log_is_what_is_logged() -> None:
    watched = section("Watch it")
    assert [key for key in DECISION_KEYS if f"`{key}`" not in watched] == []


def test_every_metric_and_setting_it_names_is_one() -> None:
    watched, code = section("Watch it"), (ROOT / "shared" / "telemetry.py").read_text(encoding="utf-8")
    short = {f"drop.transfers.{name}" for name in re.findall(r"`\.(\w+)`", watched)}
    made = re.findall(r'create_(?:counter|gauge)\("([\w.]+)"', code)
    assert made
    assert {*re.findall(r"`(drop\.\w+\.\w+)`", watched), *short} == set(made)
    settings = re.findall(r"`((?:OTEL|APPLICATIONINSIGHTS|PYTHON)_[A-Z_]+)", watched)
    assert settings
    assert [name for name in settings if name not in code] == []


def test_the_documented_repair_of_metadata_and_a_retry_attach_the_file(caller: Caller) -> None:
    """The command's words as the Azure CLI reads them: Set Blob Metadata, which replaces all of them."""
    [block] = re.findall(r"^```sh\n(az storage blob metadata update.*?)^```", README, re.MULTILINE | re.DOTALL)
    words = shlex.split(block)
    named = words[words.index("--name") + 1]
    metadata = dict(word.split("=", 1) for word in words[words.index("--metadata") + 1 :])
    item = caller.harness.graph.add_message(MAILBOX, internet_message_id=metadata["internetmessageid"])
    stack = caller.harness.stack
    stack.drop(named, content(1001), metadata={"mailbox": metadata["mailbox"]})
    found = stack.wait_until(lambda: caller.listed(blob=named, code="TARGET_MISSING"), what="the file has failed")
    assert found is not None
    container = words[words.index("--container-name") + 1]
    stack.storage.get_blob_client(container, named).set_blob_metadata(metadata)
    successor = accepted(caller.call("POST", f"/transfers/{found[0]['id']}/retry"))
    assert successor["supersedes"] == found[0]["id"]
    assert caller.ended(successor["id"])["state"] == "attached"
    assert len(caller.harness.graph.attachments(MAILBOX, item)) == 1
