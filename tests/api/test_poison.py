"""Nothing disappears into a poison queue unseen: on the running app, with a defect that some files hit."""

from __future__ import annotations

import base64
import contextlib
import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from azure.core.exceptions import ResourceExistsError

from assurance import oracle
from assurance.checkpoint_fixtures import CheckpointFixtures
from devkit.local.azurite import Azurite
from devkit.local.harness import MAILBOX, Harness, content
from devkit.local.stack import ROOT, Stack
from shared.core import planning
from shared.core.model import Attachment, Route, Source, Target, TargetKey
from tests.api.caller import Caller, accepted

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("api poison")]

MIB = 1024 * 1024
BLOB_POISON = "webjobs-blobtrigger-poison"
TRANSFER_POISON = "transfers-poison"

DEFECTIVE = f"""
import importlib.util, sys
sys.path.insert(0, {str(ROOT)!r})
from shared.engine import checkpoint
checkpoint.LEASE_SECONDS = 1.0  # first of all: others take their own from it

from functools import partial
from shared.core.actions import AskSession
from shared import composition
from shared.run import executor
from shared.run import runner

composition.Policy = partial(composition.Policy, poison_first=1, poison_cap=1, poison_patience=2, poison_tries=2)
run, accept, put = runner.TransferRunner._run, runner.TransferRunner.start, executor.GraphExecutor._session_call

def broken_run(self, stored, *rest):
    if "unlucky run" in stored.checkpoint.instance.plan.source.blob:
        raise RuntimeError("a defect")
    return run(self, stored, *rest)

def broken_start(self, transfer, *asked):
    if "unlucky start" in transfer.plan.source.blob:
        raise RuntimeError("a defect")
    return accept(self, transfer, *asked)

def broken_commit(self, call):
    answer = put(self, call)
    if "unlucky commit" in self._reader._source.blob:
        if isinstance(call, AskSession) or getattr(call, "is_final", False):
            raise RuntimeError("a defect")
    return answer

runner.TransferRunner._run, runner.TransferRunner.start = broken_run, broken_start
executor.GraphExecutor._session_call = broken_commit
spec = importlib.util.spec_from_file_location("real_function_app", {str(ROOT / "function_app.py")!r})
real = importlib.util.module_from_spec(spec)
spec.loader.exec_module(real)
app = real.app
"""
QUEUES = "AzureFunctionsJobHost__extensions__queues__"
SETTINGS = {
    f"{QUEUES}visibilityTimeout": "00:00:02",  # above the lease of a second, as 30 are above 20
    f"{QUEUES}maxDequeueCount": "2",
    "AzureFunctionsJobHost__extensions__blobs__poisonBlobThreshold": "2",
    "RANGE_BYTES": str(MIB),
}


@pytest.fixture(scope="module")
def stage(azurite: Azurite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harness]:
    """The product's own functions, with a defect in them that only unlucky files hit."""
    folder = tmp_path_factory.mktemp("defective")
    (folder / "function_app.py").write_text(DEFECTIVE, encoding="utf-8")
    shutil.copy(ROOT / "host.json", folder / "host.json")
    with Harness(Stack(app=Path(folder), settings=SETTINGS, options=["--keys"], azurite=azurite)) as harness:
        yield harness
        oracle.settle(harness)
        assert [*oracle.left_behind(harness), *oracle.leaks(harness), *oracle.strays(harness)] == []


def test_a_continuation_that_always_fails_ends_its_transfer(caller: Caller) -> None:
    caller.harness.stack.drop("unlucky run.bin", content(100), events=0)
    target = {"mailbox": MAILBOX, "messageId": caller.harness.item()}
    started = accepted(caller.start({"blob": "unlucky run.bin", "target": target}))
    ended = caller.ended(started["id"])
    assert (ended["state"], ended["error"]["code"]) == ("failed", "RUNS_FAILED")
    assert "host gave up" in ended["error"]["detail"]
    assert ended["links"]["retry"]
    assert started["id"] in [one["id"] for one in caller.listed(state="failed")]
    caller.harness.stack.wait_until_idle()
    assert '"event": "transfer_failed"' in caller.harness.stack.logs
    assert '"event": "poison_message"' in caller.harness.stack.logs


def test_an_event_that_always_fails_makes_a_failed_transfer_for_its_file(caller: Caller) -> None:
    file = caller.harness.drop(content(100), blob="unlucky start.bin")
    caller.harness.ended(file)
    [ended] = [one for one in caller.listed(state="failed") if one["source"]["blob"] == file.blob]
    assert ended["error"]["code"] == "RUNS_FAILED"
    assert "'unlucky start.bin'" in ended["error"]["detail"]
    assert ended["target"] == {"mailbox": file.mailbox, "messageId": file.item}


def test_a_commit_that_may_have_landed_ends_in_doubt_and_a_retry_finds_it(caller: Caller) -> None:
    file = caller.harness.drop(content(5 * MIB), blob="unlucky commit.bin")
    ended = caller.ended(str(caller.harness.ended(file)["id"]))
    assert (ended["state"], ended["error"]["code"]) == ("failed", "COMMIT_IN_DOUBT")
    assert [session["state"] for session in caller.harness.sessions(file)] == ["committed"]
    accepted(caller.call("POST", f"/transfers/{ended['id']}/retry"))
    assert caller.ended(ended["id"])["state"] == "attached"
    assert oracle.attached_once(caller.harness, file) == []


def make_queues(stack: Stack) -> None:
    """As a deployment makes them (infra/modules/data-storage.bicep): neither app nor host does before it writes one."""
    for name in ("transfers", TRANSFER_POISON, BLOB_POISON):
        with contextlib.suppress(ResourceExistsError):
            stack.queues.create_queue(name)


def test_a_poison_message_about_nothing_we_know_is_told_of(caller: Caller) -> None:
    stack = caller.harness.stack
    make_queues(stack)
    known = len(stack.logs)
    stack.send_message(TRANSFER_POISON, json.dumps({"transferId": "0" * 32}))
    stack.send_message(TRANSFER_POISON, "not ours")
    stack.send_message(BLOB_POISON, "not ours")
    gone = {"FunctionId": "Host.Functions.blob_dropped", "ContainerName": "drop", "BlobName": "gone", "ETag": '"1"'}
    stack.send_message(BLOB_POISON, json.dumps(gone))
    stack.send_message(BLOB_POISON, json.dumps({**gone, "FunctionId": "Host.Functions.other"}))
    stack.send_message(BLOB_POISON, json.dumps({**gone, "ContainerName": "other"}))
    for queue, plain in ((TRANSFER_POISON, {"transferId": "1" * 32}), (BLOB_POISON, gone)):
        stack.queues.get_queue_client(queue).send_message(json.dumps(plain))

    def told() -> bool:
        said = stack.logs[known:]
        return (
            said.count('"event": "message_unreadable"') == 2
            and said.count('"event": "event_ignored"') == 4
            and said.count('"ending": "put_back"') == 4
        )

    stack.wait_until(told, what="every message is told of")
    assert stack.queue_lengths()[TRANSFER_POISON] == stack.queue_lengths()[BLOB_POISON] == 0


def test_a_message_that_is_no_text_at_all_is_told_of(caller: Caller) -> None:
    stack = caller.harness.stack
    make_queues(stack)
    known = len(stack.logs)
    stack.queues.get_queue_client("transfers").send_message("\u00ff not base64 !")
    stack.wait_until(lambda: '"event": "message_unreadable"' in stack.logs[known:], what="the message is told of")


@pytest.mark.parametrize("encoded", [False, True], ids=["plain", "base64"])
def test_a_message_carries_a_transfer_on_whichever_way_it_is_written(caller: Caller, encoded: bool) -> None:
    stack = caller.harness.stack
    make_queues(stack)
    dropped = stack.drop(f"written by hand {encoded}.bin", content(100), events=0)
    source = Source("drop", dropped.name, dropped.etag, dropped.size, datetime.now(UTC).replace(microsecond=0))
    target = Target(MAILBOX, TargetKey.MESSAGE_ID, caller.harness.item())
    planned = planning.accept(source, target, Attachment("a.bin", "image/png"), Route.POST, datetime.now(UTC))
    CheckpointFixtures(stack.azurite, stack.checkpoint_container, stack.connection_string).put(planned)
    text = json.dumps({"transferId": planned.id})
    queue = stack.queues.get_queue_client("transfers")
    queue.send_message(base64.b64encode(text.encode()).decode() if encoded else text)
    assert caller.ended(planned.id)["state"] == "attached"


def test_the_poison_queues_are_empty_in_the_end(caller: Caller) -> None:
    oracle.settle(caller.harness)
    lengths = caller.harness.stack.queue_lengths()
    assert {name: count for name, count in lengths.items() if name.endswith("-poison") and count} == {}
