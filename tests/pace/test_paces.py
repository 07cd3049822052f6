"""The mailboxes' blobs, on Azurite: conditional, unreadable ones included."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from azure.storage.blob import BlobServiceClient

from devkit.azurite import Azurite
from shared.pace.mailbox import Mailbox, Place, Promise, Spent, Waiting
from shared.storage.access import StorageAccess
from shared.storage.paces import PREFIX, PaceBlobs
from shared.storage.ports import Conflict

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
ADA = "Ada@Example.org"
STATE = Mailbox(
    places=(Place("t", "r", NOW, 5, 7, "i"), Place("u", None, NOW)),
    line=(Waiting("v", "i"), Waiting("w")),
    spent=(Spent(NOW, 11),),
    promises=(Promise(NOW, 13),),
    closed_until=NOW,
)


@pytest.fixture(scope="module")
def storage(azurite: Azurite) -> Iterator[BlobServiceClient]:
    text = azurite.new_account()
    with BlobServiceClient.from_connection_string(text) as client:
        client.create_container("checkpoints")
        client.connection_string = text  # type: ignore[attr-defined]
        yield client


@pytest.fixture
def paces(storage: BlobServiceClient) -> PaceBlobs:
    for blob in storage.get_container_client("checkpoints").list_blobs():
        storage.get_blob_client("checkpoints", str(blob.name)).delete_blob()
    text: str = storage.connection_string  # type: ignore[attr-defined]
    access = StorageAccess(connection_string=text, blob_uri=None, queue_uri=None, client_id=None, managed=False)
    return PaceBlobs(access, "checkpoints")


def test_an_unknown_mailbox_is_empty_and_has_no_version(paces: PaceBlobs) -> None:
    assert paces.load(ADA) == (Mailbox(), None)


def test_what_is_saved_is_loaded_whatever_the_case_of_the_address(paces: PaceBlobs) -> None:
    etag = paces.save(ADA, STATE, None)
    assert paces.load(ADA.lower()) == (STATE, etag)


def test_only_the_current_version_can_be_replaced(paces: PaceBlobs) -> None:
    first = paces.save(ADA, Mailbox(), None)
    second = paces.save(ADA, STATE, first)
    with pytest.raises(Conflict):
        paces.save(ADA, Mailbox(), first)
    with pytest.raises(Conflict):
        paces.save(ADA, Mailbox(), None)
    assert paces.load(ADA) == (STATE, second)


def test_what_cannot_be_read_counts_as_empty_and_can_be_replaced(paces: PaceBlobs, storage: BlobServiceClient) -> None:
    paces.save(ADA, STATE, None)
    [blob] = storage.get_container_client("checkpoints").list_blobs()
    storage.get_blob_client("checkpoints", str(blob.name)).upload_blob(b"{torn", overwrite=True)
    state, etag = paces.load(ADA)
    assert state == Mailbox()
    assert etag is not None
    paces.save(ADA, STATE, etag)
    assert paces.load(ADA)[0] == STATE


def test_a_blobs_name_tells_nobodys_address(paces: PaceBlobs, storage: BlobServiceClient) -> None:
    paces.save(ADA, STATE, None)
    [blob] = storage.get_container_client("checkpoints").list_blobs()
    assert str(blob.name).startswith(PREFIX)
    assert "ada" not in str(blob.name).lower()
