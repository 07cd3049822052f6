"""Metadata written on a file that is attached make no second attachment: the sweep knows the file again. On Azurite."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from assurance.checkpoint_fixtures import CheckpointFixtures
from assurance.simulation.clock import VirtualClock
from assurance.simulation.storage import MemorySources
from devkit.local.azurite import Azurite
from devkit.local.harness import MAILBOX, content
from shared.core.errors import Code
from shared.core.model import Failure, State, Transfer
from shared.intake.accept import transfer_for
from shared.intake.mailboxes import AllowedMailboxes
from shared.storage.attached import AttachedFiles
from shared.storage.ports import Dropped
from shared.storage.source import DropContainer
from tests.storage.rooms import _numbers

pytestmark = pytest.mark.xdist_group("storage contract")

KEYS = {"mailbox": MAILBOX, "messageid": "AAMk="}


class Shop:
    """A drop container and the checkpoints of the transfers that it led to."""

    def __init__(self, azurite: Azurite) -> None:
        name = f"attached-{next(_numbers)}-{time.time_ns()}"
        self.fixtures = CheckpointFixtures(azurite, f"{name}-checkpoints")
        self.fixtures.access.blobs.create_container(f"{name}-checkpoints")
        self.drop = self.fixtures.access.blobs.create_container(f"{name}-drop")
        self.sources = DropContainer(self.fixtures.access, f"{name}-drop")
        self.files = AttachedFiles(self.fixtures.access, f"{name}-checkpoints")

    def put(self, data: bytes, metadata: dict[str, str] = KEYS, blob: str = "a.pdf") -> Dropped:
        self.drop.upload_blob(blob, data, metadata=metadata, overwrite=True)
        return self.describe(blob)

    def describe(self, blob: str = "a.pdf") -> Dropped:
        found = self.sources.describe(blob)
        assert found is not None
        return found

    def wanted(self, dropped: Dropped) -> Transfer:
        return transfer_for(dropped, AllowedMailboxes(), datetime.now(UTC))

    def attach(self, dropped: Dropped) -> Transfer:
        """The transfer of this version, attached a while ago as far as anybody sees."""
        return self.end(self.wanted(dropped), State.ATTACHED)

    def end(self, transfer: Transfer, state: State) -> Transfer:
        failure = Failure(Code.ACCESS_DENIED, "No.") if state is State.FAILED else None
        return self.fixtures.put(replace(transfer, state=state, failure=failure, finished_at=datetime.now(UTC)))


@pytest.fixture
def shop(azurite: Azurite) -> Shop:
    return Shop(azurite)


def test_a_file_whose_metadata_alone_were_written_is_the_one_that_is_attached(shop: Shop) -> None:
    first = shop.put(content(1000))
    attached = shop.attach(first)
    shop.drop.get_blob_client("a.pdf").set_blob_metadata({**KEYS, "attachmentname": "b.pdf"})
    second = shop.describe()
    wanted = shop.wanted(second)
    assert (second.source.etag != first.source.etag, wanted.id != attached.id) == (True, True)
    assert shop.files.same(wanted, second.created_at) == attached.id
    [listed], _ = shop.sources.page(None, 10)
    assert (listed.created_at, listed.source.md5) == (second.created_at, first.source.md5)
    assert second.source.md5 is not None


def test_a_file_that_was_overwritten_or_is_for_another_item_is_new(shop: Shop) -> None:
    shop.attach(shop.put(content(1000)))
    for dropped in (
        shop.put(content(1000, 1)),
        shop.put(content(1000), {**KEYS, "messageid": "AAMk2="}),
        shop.put(content(1000), blob="b.pdf"),
    ):
        assert shop.files.same(shop.wanted(dropped), dropped.created_at) is None


def test_a_failed_file_whose_metadata_were_corrected_is_tried(shop: Shop) -> None:
    shop.end(shop.wanted(shop.put(content(1000))), State.FAILED)
    shop.drop.get_blob_client("a.pdf").set_blob_metadata({**KEYS, "attachmentname": "b.pdf"})
    dropped = shop.describe()
    assert shop.files.same(shop.wanted(dropped), dropped.created_at) is None


def test_the_model_in_memory_writes_metadata_as_azurite_does(shop: Shop) -> None:
    memory = MemorySources(VirtualClock())
    first = memory.put("a.pdf", content(1000), KEYS)
    second = memory.set_metadata("a.pdf", {"x": "y"})
    real = shop.put(content(1000))
    shop.drop.get_blob_client("a.pdf").set_blob_metadata({"x": "y"})
    touched = shop.describe()
    for before, after in ((first, second), (real, touched)):
        assert before.source.etag != after.source.etag
        assert (after.source.md5, after.source.size) == (before.source.md5, 1000)
        assert after.created_at == before.created_at
        assert after.metadata == {"x": "y"}
    assert first.source.md5 == real.source.md5
    assert touched.created_at is not None
    assert timedelta() <= touched.source.modified_at - touched.created_at < timedelta(minutes=1)
