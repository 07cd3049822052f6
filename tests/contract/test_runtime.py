"""The same app under `azure-functions-runtime`, the library that Azure itself runs.

It applies the production checks that azure-functions alone does not: parameter names against bindings, annotations,
return values. What it is sent is what the dev host sends, so that the two cannot drift apart.
"""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.storage.queue import QueueMessage

from devkit.functions_host import blobs, inputs
from devkit.local.azurite import Azurite
from devkit.local.stack import ROOT, Stack
from tests.devkit.functions_host.sample import FOLDER, Sample

pytestmark = pytest.mark.xdist_group("contract")
MAILBOX, NAME, CONTENT = "someone@example.com", "a folder/ünïcode.pdf", b"%PDF-1.7 a small file"
INSERTED = dt.datetime(2026, 11, 22, 10, tzinfo=dt.UTC)


def under_runtime(stack: Stack, app: Path, invocations: list[dict[str, Any]]) -> dict[str, Any]:
    """Run the harness in a process of its own: the library keeps one app for each process."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.contract.runtime_harness", str(app)],
        cwd=ROOT,
        env=stack.environment,
        input=json.dumps(invocations),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    outcome: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return outcome


def invocation(function: str, binding: dict[str, Any], blob: str) -> dict[str, Any]:
    """One invocation of a function, by the kind of its trigger; a kind that is not here fails the test."""
    match binding["type"]:
        case "blobTrigger":
            container = binding["path"].partition("/")[0]
            given = inputs.for_blob(binding["connection"], container, blob, parameters={"name": blob})
        case "queueTrigger":
            message = QueueMessage(id="1", dequeue_count=1, inserted_on=INSERTED)
            given = inputs.for_message(queue_text(binding["queueName"], blob), message)
        case "timerTrigger":
            given = inputs.for_timer(past_due=False, status={})
        case "httpTrigger":
            method = (binding.get("methods") or ["GET"])[0]
            given = inputs.for_request(method, "http://localhost/api/x", headers=[], parameters={"id": "x"}, body=b"")
        case other:
            pytest.fail(f"{function}: there is no invocation case for a {other}")
    return {"function": function, "input": given.value, "metadata": given.metadata}


def queue_text(queue: str, blob: str) -> str:
    """A message that belongs on a queue: the blob extension's own on its poison queue, a stray one elsewhere."""
    message = blobs.BlobMessage(f"{blobs.FUNCTION_ID_PREFIX}blob_dropped", "drop", blob, '"0x1"')
    return message.to_json() if queue == blobs.POISON_QUEUE else "nothing that this queue knows"


def trigger_of(bindings: list[dict[str, Any]]) -> dict[str, Any]:
    return next(binding for binding in bindings if binding["type"].endswith("Trigger"))


@pytest.fixture(scope="module")
def stack(azurite: Azurite) -> Iterator[Stack]:
    with Stack(host=False, azurite=azurite) as running:
        running.graph.add_mailbox(MAILBOX)
        yield running


@pytest.fixture(scope="module")
def sample(azurite: Azurite) -> Iterator[Sample]:
    with Sample(azurite, host=False) as running:
        yield running


def test_every_function_of_the_app_is_indexed_and_every_trigger_invokes(stack: Stack) -> None:
    message = stack.graph.add_message(MAILBOX)
    stack.drop(NAME, CONTENT, metadata={"mailbox": MAILBOX, "messageid": message}, events=0)
    indexed = under_runtime(stack, ROOT, [])
    assert "error" not in indexed, indexed["error"]
    invocations = [invocation(name, trigger_of(bound), NAME) for name, bound in indexed["functions"].items()]
    results = under_runtime(stack, ROOT, invocations)["results"]
    failures = {
        given["function"]: result["error"]
        for given, result in zip(invocations, results, strict=True)
        if "error" in result
    }
    assert failures == {}
    answers = [result["value"]["status"] for result in results if isinstance(result["value"], dict)]
    assert not [status for status in answers if status >= 500]
    (attached,) = stack.graph.attachments(MAILBOX, message)
    assert stack.graph.attachment_bytes(MAILBOX, message, attached.id) == CONTENT


def test_the_dev_host_finds_the_functions_that_azure_finds(stack: Stack) -> None:
    found = under_runtime(stack, ROOT, [])["functions"]
    with stack.start_host(options=["--no-timers"]) as host:
        assert host.ready["functions"] == sorted(found)
        bindings = host.status()["functions"]
    for name, bound in found.items():
        trigger = trigger_of(bound)
        assert {key: trigger[key] for key in ("type", "name")} == {key: bindings[name][key] for key in ("type", "name")}


def test_the_blob_trigger_is_sent_a_reference_not_the_blob(stack: Stack) -> None:
    bound = [trigger_of(each) for each in under_runtime(stack, ROOT, [])["functions"].values()]
    blob_triggers = [trigger for trigger in bound if trigger["type"] == "blobTrigger"]
    assert blob_triggers
    assert all(trigger["properties"]["SupportsDeferredBinding"] for trigger in blob_triggers)


def test_the_sample_app_runs_alike_under_both_hosts(sample: Sample) -> None:
    sample.drop("a.txt", b"123", events=0)
    indexed = under_runtime(sample, FOLDER, [])
    assert "error" not in indexed, indexed["error"]
    invocations = [
        invocation(name, trigger_of(bound), "a.txt")
        for name, bound in indexed["functions"].items()
        if name not in {"poison_seen", "cookie", "nothing"}  # no cookie among the plain classes; None fails
    ]
    results = under_runtime(sample, FOLDER, invocations)["results"]
    assert [result.get("error") for result in results] == [None] * len(invocations)
    assert [run["size"] for run in sample.runs("blob_seen")] == [3]
    assert sample.runs("message_seen")[0]["inserted"] == "2026-11-22 10:00:00+00:00"
    values = dict(zip([given["function"] for given in invocations], results, strict=True))
    assert values["echo"]["value"]["status"] == 202
    assert values["open_to_all"]["value"] == "open "


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("raise RuntimeError('no settings')", "no settings"),
        (
            """
import azure.functions as func
app = func.FunctionApp()
@app.timer_trigger(arg_name="timer", schedule="0 * * * * *")
def misnamed(tick: func.TimerRequest) -> None: ...
""",
            "cannot load the misnamed function",
        ),
    ],
)
def test_an_app_that_azure_could_not_index_fails_here(
    sample: Sample, tmp_path: Path, source: str, message: str
) -> None:
    (tmp_path / "function_app.py").write_text(source, encoding="utf-8")
    assert message in under_runtime(sample, tmp_path, [])["error"]


def test_a_trigger_kind_without_a_case_fails_the_test() -> None:
    with pytest.raises(pytest.fail.Exception, match="no invocation case for a kafkaTrigger"):
        invocation("f", {"type": "kafkaTrigger"}, "")
