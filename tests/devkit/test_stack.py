"""The stack as tests and the demo use it, with the product in it."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from devkit.functions_host.client import measured
from devkit.local.azurite import Azurite
from devkit.local.processes import ChildError
from devkit.local.stack import ROOT, Stack
from devkit.local.storage import LocalStorage
from devkit.local.waiting import wait_until

pytestmark = pytest.mark.xdist_group("stack")
MAILBOX = "someone@example.com"
STACK_AND_WAIT = """
import signal, time
from devkit.local.stack import Stack
signal.signal(signal.SIGINT, signal.default_int_handler)  # a test run in the background inherits it as ignored
with Stack() as stack:
    print(stack.logs_folder, flush=True)
    time.sleep(60)
"""


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with Stack(options=["--no-timers"]) as running:
        running.graph.add_mailbox(MAILBOX)
        yield running


def family() -> set[int]:
    return {child.pid for child in psutil.Process().children(recursive=True)}


def test_a_dropped_file_is_attached_with_every_part_in_its_own_process(stack: Stack, tmp_path: Path) -> None:
    file = tmp_path / "ä file.bin"
    file.write_bytes(os.urandom(3_500_000))
    message = stack.graph.add_message(MAILBOX)
    metadata = {"mailbox": MAILBOX, "messageid": message}
    dropped = stack.drop("folder/ä file.bin", file, metadata=metadata, events=2)
    (attached,) = stack.wait_until(lambda: stack.graph.attachments(MAILBOX, message))
    assert attached.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert (attached.name, attached.length) == ("ä file.bin", dropped.size)
    stack.wait_until_idle()
    assert len(stack.graph.attachments(MAILBOX, message)) == 1
    assert [run["outcome"] for run in stack.host.invocations("blob_dropped")[-2:]] == ["succeeded", "succeeded"]
    assert [name for name, value in stack.checkpoints().items() if dropped.name in str(value)]


def test_queues_can_be_looked_into_and_written_to(stack: Stack) -> None:
    stack.queues.create_queue("aside")
    stack.send_message("aside", "ü")
    assert stack.peek("aside") == ["ü"]
    assert stack.queue_lengths()["aside"] == 1
    assert stack.peek("not-there") == []


def test_the_workers_memory_is_measured(stack: Stack) -> None:
    assert 10_000_000 < stack.worker_rss() <= stack.worker_peak_rss()
    with measured(os.getpid()) as found:
        block = bytearray(64 * 1024 * 1024)
        block[::4096] = b"x" * len(block[::4096])
        del block
    before, peak = found
    assert peak - before > 50 * 1024 * 1024


def test_the_callers_environment_does_not_configure_the_app(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAPH_BASE_URL", "https://graph.microsoft.com/v1.0")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("LC_TIME", "C")
    with Stack(host=False, settings={"RANGE_BYTES": "327680"}) as other:
        assert other.environment["GRAPH_BASE_URL"] == other.graph.graph_url
        assert "HTTP_PROXY" not in other.environment
        assert other.environment["LC_TIME"] == "C"
        assert other.environment["RANGE_BYTES"] == "327680"


def test_the_host_can_be_started_again_with_other_settings_on_the_same_storage() -> None:
    with Stack(options=["--no-timers"]) as running:
        first = running.url
        running.queues.create_queue("kept")
        running.restart_host(BLOB_TRIGGER_SOURCE="LogsAndContainerScan")
        assert running.url != first
        trigger = running.host.status()["functions"]["blob_dropped"]
        assert trigger["source"] == "LogsAndContainerScan"
        running.restart_host(kill=True)
        assert running.host.status()["functions"]["blob_dropped"] == trigger
        assert "kept" in running.queue_lengths()


def test_in_polling_mode_a_drop_sends_no_event_and_is_found_all_the_same() -> None:
    settings = {"BLOB_TRIGGER_SOURCE": "LogsAndContainerScan"}
    with Stack(options=["--no-timers", "--scan", "0.2"], settings=settings) as running:
        running.graph.add_mailbox(MAILBOX)
        message = running.graph.add_message(MAILBOX)
        running.drop("polled.txt", b"1", metadata={"mailbox": MAILBOX, "messageid": message})
        running.wait_until(lambda: running.graph.attachments(MAILBOX, message))


def test_two_stacks_side_by_side_do_not_meet(stack: Stack) -> None:
    with Stack(options=["--no-timers"]) as other:
        other.graph.add_mailbox(MAILBOX)
        metadata = {"mailbox": MAILBOX, "messageid": other.graph.add_message(MAILBOX)}
        other.drop("only here", b"1", metadata=metadata)
        other.wait_until(lambda: "only here" in str(other.checkpoints()))
        assert "only here" not in str(stack.checkpoints())
        assert other.url != stack.url
        assert other.graph.graph_origin != stack.graph.graph_origin


def test_a_stack_on_a_shared_azurite_leaves_its_account_empty_and_azurite_running(azurite: Azurite) -> None:
    with (
        Stack(host=False, graph=False, azurite=azurite) as sharing,
        Stack(host=False, graph=False, azurite=azurite) as neighbour,
    ):
        sharing.drop("only here", b"1", events=0)
        sharing.queues.create_queue("mine")
        assert neighbour.queue_lengths() == {}
        assert list(neighbour.storage.get_container_client("drop").list_blob_names()) == []
        text = sharing.connection_string
    with LocalStorage(text) as left:
        assert list(left.blobs.list_containers()) == []
        assert left.queue_lengths() == {}


def test_a_wait_that_fails_says_what_it_waited_for_and_shows_the_logs(stack: Stack) -> None:
    with pytest.raises(TimeoutError, match=r"pigs fly: not within 0.1 s\n(.|\n)*host1\| "):
        stack.wait_until(lambda: False, 0.1, what="pigs fly")


def test_nothing_is_left_when_a_stack_stops() -> None:
    before = family()
    with Stack() as running:
        started = family() - before
        folder = running.logs_folder
        assert len(started) >= 7, "a guard and a process for each of three parts, and the worker"
    wait_until(lambda: not started & set(psutil.pids()), 5)
    assert not folder.exists()


def test_a_stack_that_cannot_start_leaves_nothing_and_says_why() -> None:
    before = family()
    with pytest.raises(ChildError, match="RANGE_BYTES"), Stack(settings={"RANGE_BYTES": "many"}):
        pass
    assert family() <= before


def test_the_logs_stay_where_a_folder_is_given(tmp_path: Path) -> None:
    with Stack(graph=False, host=False, logs_folder=tmp_path):
        pass
    assert "azurite| Azurite Blob service" in (tmp_path / "azurite.log").read_text(encoding="utf-8")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_when_whoever_started_the_stack_is_gone(number: signal.Signals) -> None:
    caller = subprocess.Popen(
        [sys.executable, "-c", STACK_AND_WAIT], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert caller.stdout is not None
    assert caller.stdout.readline(), "the stack is up"
    started = {child.pid for child in psutil.Process(caller.pid).children(recursive=True)}
    assert len(started) >= 7
    caller.send_signal(number)
    caller.wait()
    caller.stdout.close()
    wait_until(lambda: not started & set(psutil.pids()), 15)
