"""What the workers know of each mailbox together: the blobs on Azurite, and the simulation's model of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from azure.storage.blob import BlobServiceClient

from assurance.load.storage import Latency, ModelMailboxes
from assurance.simulation.clock import VirtualClock
from devkit.local.azurite import Azurite
from shared.rate_limit.mailbox import Mailbox, Promise, Slot, Spent, Waiting
from shared.storage.access import StorageAccess
from shared.storage.mailbox_records import COUNTED, PREFIX, MailboxRecordBlobs
from shared.storage.ports import Conflict, Mailboxes

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
ADA = "Ada@Example.org"
STATE = Mailbox(
    slots=(Slot("t", "r", NOW, 5, 7, "i"), Slot("u", None, NOW)),
    line=(Waiting("v", "i"), Waiting("w", None, NOW)),
    spent=(Spent(NOW, 11),),
    promises=(Promise(NOW, 13),),
    closed_until=NOW,
    counted_until=NOW,
    queued=True,
    listed_at=NOW,
)


@pytest.fixture(scope="module")
def storage(azurite: Azurite) -> Iterator[BlobServiceClient]:
    text = azurite.new_account()
    with BlobServiceClient.from_connection_string(text) as client:
        client.create_container("checkpoints")
        client.connection_string = text  # type: ignore[attr-defined]
        yield client


@pytest.fixture
def mailbox_records(storage: BlobServiceClient) -> MailboxRecordBlobs:
    for blob in storage.get_container_client("checkpoints").list_blobs():
        storage.get_blob_client("checkpoints", str(blob.name)).delete_blob()
    text: str = storage.connection_string  # type: ignore[attr-defined]
    access = StorageAccess(connection_string=text, blob_uri=None, queue_uri=None, client_id=None, managed=False)
    return MailboxRecordBlobs(access, "checkpoints")


@pytest.fixture(params=["azurite", "model"])
def either(request: pytest.FixtureRequest) -> Mailboxes:
    if request.param == "model":
        return ModelMailboxes(Latency(VirtualClock(), 0))
    found: MailboxRecordBlobs = request.getfixturevalue("mailbox_records")
    return found


def test_an_unknown_mailbox_is_empty_and_has_no_version(either: Mailboxes) -> None:
    assert either.load(ADA) == (Mailbox(), None)


def test_what_is_saved_is_loaded_whatever_the_case_of_the_address(either: Mailboxes) -> None:
    etag = either.save(ADA, STATE, None)
    assert either.load(ADA.lower()) == (STATE, etag)


def test_each_mailbox_has_its_own_record_and_its_own_wait_queue(either: Mailboxes) -> None:
    either.save(ADA, STATE, None)
    either.enqueue(ADA, Waiting("t", None, NOW))
    assert either.load("bob@example.org") == (Mailbox(), None)
    assert either.entries("bob@example.org", 9) == ()


def test_only_the_current_version_can_be_replaced(either: Mailboxes) -> None:
    first = either.save(ADA, Mailbox(), None)
    second = either.save(ADA, STATE, first)
    with pytest.raises(Conflict):
        either.save(ADA, Mailbox(), first)
    with pytest.raises(Conflict):
        either.save(ADA, Mailbox(), None)
    with pytest.raises(Conflict):
        either.save("bob@example.org", Mailbox(), second)
    assert either.load(ADA) == (STATE, second)


def test_the_wait_queue_is_listed_by_time_of_arrival_and_by_transfer(either: Mailboxes) -> None:
    entries = [
        Waiting("b", "item", NOW),
        Waiting("a", None, NOW),
        Waiting("c", None, NOW - timedelta(milliseconds=1)),
        Waiting("d", None, NOW + timedelta(days=400)),
    ]
    for entry in entries:
        either.enqueue(ADA, entry)
    b, a, c, d = entries
    assert either.entries(ADA.lower(), 9) == (c, a, b, d)
    assert either.entries(ADA, 2) == (c, a)
    assert either.entries(ADA, 4) == (c, a, b, d)


def test_a_transfer_that_is_queued_twice_has_one_entry_with_what_was_written_last(either: Mailboxes) -> None:
    either.enqueue(ADA, Waiting("a", None, NOW))
    either.enqueue(ADA, Waiting("a", "item", NOW))
    assert either.entries(ADA, 9) == (Waiting("a", "item", NOW),)


def test_entries_are_deleted_one_or_many_there_or_not(either: Mailboxes) -> None:
    entries = tuple(Waiting(name, None, NOW) for name in "abcde")
    for entry in entries[:4]:
        either.enqueue(ADA, entry)
    either.dequeue(ADA, ())
    either.dequeue(ADA, entries[:1])
    either.dequeue(ADA, entries[:1])
    assert either.entries(ADA, 9) == entries[1:4]
    either.dequeue(ADA, (entries[0], entries[2], entries[3], entries[4]))
    assert either.entries(ADA, 9) == entries[1:2]


def test_an_entry_is_found_again_by_a_time_finer_than_a_name_holds(either: Mailboxes) -> None:
    entry = Waiting("a", None, NOW + timedelta(microseconds=1999))
    either.enqueue(ADA, entry)
    either.dequeue(ADA, (entry,))
    assert either.entries(ADA, 9) == ()
    either.enqueue(ADA, entry)
    either.dequeue(ADA, (replace(entry, since=NOW + timedelta(milliseconds=1)),))
    assert either.entries(ADA, 9) == ()


def test_byte_counting_is_stored_for_every_mailbox(either: Mailboxes) -> None:
    assert either.counted_until() is None
    either.count_until(NOW)
    either.count_until(NOW + timedelta(days=1))
    assert either.counted_until() == NOW + timedelta(days=1)
    assert either.load(ADA) == (Mailbox(), None)


def test_an_unreadable_counting_blob_is_none(mailbox_records: MailboxRecordBlobs, storage: BlobServiceClient) -> None:
    for text in (b"{torn", b'"soon"', b'"2026-03-02T08:00:00"'):
        storage.get_blob_client("checkpoints", COUNTED).upload_blob(text, overwrite=True)
        assert mailbox_records.counted_until() is None
    mailbox_records.count_until(NOW)
    assert mailbox_records.counted_until() == NOW


def test_what_cannot_be_read_counts_as_empty_and_can_be_replaced(
    mailbox_records: MailboxRecordBlobs, storage: BlobServiceClient
) -> None:
    mailbox_records.save(ADA, STATE, None)
    [blob] = storage.get_container_client("checkpoints").list_blobs()
    storage.get_blob_client("checkpoints", str(blob.name)).upload_blob(b"{torn", overwrite=True)
    state, etag = mailbox_records.load(ADA)
    assert state == Mailbox()
    assert etag is not None
    mailbox_records.save(ADA, STATE, etag)
    assert mailbox_records.load(ADA)[0] == STATE


def test_what_an_older_version_wrote_is_read(mailbox_records: MailboxRecordBlobs, storage: BlobServiceClient) -> None:
    mailbox_records.save(ADA, STATE, None)
    [blob] = storage.get_container_client("checkpoints").list_blobs()
    old = b'{"line":[{"transfer":"v","item":"i"},{"transfer":"w"}],"closed_until":"2026-03-02T08:00:00Z"}'
    storage.get_blob_client("checkpoints", str(blob.name)).upload_blob(old, overwrite=True)
    assert mailbox_records.load(ADA)[0] == Mailbox(line=(Waiting("v", "i"), Waiting("w")), closed_until=NOW)


def test_slots_are_stored_under_the_key_that_older_workers_read(
    mailbox_records: MailboxRecordBlobs, storage: BlobServiceClient
) -> None:
    mailbox = Mailbox(slots=(Slot("t", "r", NOW, 7),))
    mailbox_records.save(ADA, mailbox, None)
    [blob] = storage.get_container_client("checkpoints").list_blobs()
    stored = storage.get_blob_client("checkpoints", str(blob.name)).download_blob().readall()
    assert json.loads(stored) == {
        "places": [{"transfer": "t", "run": "r", "until": "2026-03-02T08:00:00Z", "granted": 7}]
    }
    assert mailbox_records.load(ADA)[0] == mailbox


def test_foreign_blobs_are_not_in_the_wait_queue(
    mailbox_records: MailboxRecordBlobs, storage: BlobServiceClient
) -> None:
    mailbox_records.enqueue(ADA, Waiting("a", None, NOW))
    [blob] = storage.get_container_client("checkpoints").list_blobs()
    folder = str(blob.name).rpartition("/")[0]
    for name in ("note.txt", "12-a", "1234567890123-"):
        storage.get_blob_client("checkpoints", f"{folder}/{name}").upload_blob(b"")
    assert mailbox_records.entries(ADA, 9) == (Waiting("a", None, NOW),)


def test_a_blobs_name_holds_no_address(mailbox_records: MailboxRecordBlobs, storage: BlobServiceClient) -> None:
    mailbox_records.save(ADA, STATE, None)
    mailbox_records.enqueue(ADA, Waiting("a", "item", NOW))
    blobs = list(storage.get_container_client("checkpoints").list_blobs())
    assert len(blobs) == 2
    for blob in blobs:
        assert str(blob.name).startswith(PREFIX)
        assert "ada" not in str(blob.name).lower()
