"""Events come twice, at once, late and for blobs that are not ours: one version of a file is one attachment."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from assurance import oracle
from devkit.local.azurite import Azurite
from devkit.local.harness import MAILBOX, Harness, content
from tests.e2e.stage import attached, runs_of, staged

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("e2e events")]

POISON = "webjobs-blobtrigger-poison"


@pytest.fixture(scope="module")
def stage(azurite: Azurite) -> Iterator[Harness]:
    with staged(azurite, options=["--workers", "2"]) as running:
        yield running


@pytest.mark.parametrize("size", [1000, 9_000_000])
def test_an_event_that_comes_again_finds_the_transfer_it_made(harness: Harness, size: int) -> None:
    file = harness.drop(content(size))
    attached(harness, file)
    asked = len(harness.requests(file))
    harness.stack.send_event(file.blob, 3)
    harness.stack.wait_until_idle()
    assert len(harness.requests(file)) == asked
    assert len([one for one in harness.transfers() if one["plan"]["source"]["blob"] == file.blob]) == 1


def test_five_events_at_once_in_two_processes_make_one_attachment(harness: Harness) -> None:
    before = len(runs_of(harness))
    files = [harness.drop(content(size, "at once"), events=0) for size in (1000, 20_000_000)]
    senders = [threading.Thread(target=harness.stack.send_event, args=(file.blob,)) for file in files * 5]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    for file in files:
        attached(harness, file)
    oracle.settle(harness)
    for file in files:
        attached(harness, file)
    assert [len(harness.sessions(file)) for file in files] == [0, 1]
    blob_runs = [run for run in runs_of(harness, before) if run["function"] == "blob_dropped"]
    assert len(blob_runs) == len(senders)
    assert len({run["worker"] for run in blob_runs}) == 2


def test_an_event_for_another_container_is_passed_over(harness: Harness) -> None:
    harness.stack.storage.create_container("elsewhere")
    item = harness.item()
    blob = harness.stack.storage.get_blob_client("elsewhere", "not-ours.bin")
    blob.upload_blob(b"x", metadata={"mailbox": MAILBOX, "messageid": item})
    before = len(runs_of(harness))
    harness.stack.send_event("not-ours.bin", container="elsewhere")
    harness.stack.wait_until(lambda: len(runs_of(harness)) > before, what="the event arrives")
    harness.stack.wait_until_idle()
    assert harness.graph.attachments(MAILBOX, item) == []
    assert "not-ours.bin" not in str(harness.transfers())
    assert "it is about another container" in harness.stack.logs


def test_an_event_whose_blob_is_gone_is_passed_over(harness: Harness) -> None:
    harness.stack.host.run("blob_dropped", f"{harness.stack.drop_container}/never-was.bin")
    harness.stack.wait_until(lambda: "the blob is gone" in harness.stack.logs)
    assert "never-was.bin" not in str(harness.transfers())


def test_a_new_version_of_a_file_is_a_transfer_of_its_own(harness: Harness) -> None:
    first = harness.drop(content(1000, "v1"), blob="report.pdf")
    attached(harness, first)
    second = harness.drop(content(1000, "v2"), blob="report.pdf", item=first.item)
    harness.ended(second)
    assert [one["sha256"] for one in harness.attachments(first)] == [first.sha256, second.sha256]


def test_many_files_for_one_item_are_all_attached(harness: Harness) -> None:
    item = harness.item()
    files = [harness.drop(content(4_000_000 + number, number), item=item) for number in range(6)]
    harness.all_ended(files)
    there = harness.attachments(files[0])
    assert sorted(one["sha256"] for one in there) == sorted(file.sha256 for file in files)


def test_a_file_is_found_by_polling_where_there_is_no_event_grid(azurite: Azurite) -> None:
    with staged(azurite, settings={"BLOB_TRIGGER_SOURCE": "LogsAndContainerScan"}) as polled:
        files = [polled.drop(content(size, size)) for size in (1000, 9_000_000)]
        for file in files:
            attached(polled, file)


def test_a_writer_that_creates_an_empty_file_first_has_it_attached_once(harness: Harness) -> None:
    item = harness.item()
    harness.drop(b"", blob="growing.bin", item=item)
    harness.stack.wait_until(
        lambda: '"event": "file_not_ready"' in harness.stack.logs, what="the empty file is waited for"
    )
    attached(harness, harness.drop(content(1000), blob="growing.bin", item=item))
    folder = harness.drop(b"", blob="a folder", hdi_isfolder="true")
    harness.stack.wait_until(
        lambda: '"reason": "it is a folder"' in harness.stack.logs, what="the folder is passed over"
    )
    oracle.settle(harness)
    seen = [one["plan"]["source"]["blob"] for one in harness.transfers()]
    assert (seen.count("growing.bin"), seen.count(folder.blob)) == (1, 0)


def test_a_message_that_is_not_ours_is_told_and_taken_away(harness: Harness) -> None:
    attached(harness, harness.drop(content(10)))
    if "transfers" not in harness.stack.queue_lengths():
        harness.stack.queues.create_queue("transfers")
    for text in ("hello", '{"transferId": "../../x"}', '{"transferId": 7}', "[" * 2000):
        harness.stack.send_message("transfers", text)
    oracle.settle(harness)
    assert "transfers-poison" not in harness.stack.queue_lengths()
    assert harness.stack.logs.count("MESSAGE_UNREADABLE") == 4
