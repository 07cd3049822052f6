"""The checkpoint container on a real Azurite, filled as the product would fill it."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from devkit.local.azurite import Azurite
from shared.core import planning
from shared.core.errors import Code
from shared.core.model import Attachment, Failure, Route, Session, Source, State, Target, TargetKey, Transfer
from shared.core.unfinished import unfinished_entry_of
from shared.intake.accept import transfer_for
from shared.intake.mailboxes import AllowedMailboxes
from shared.storage.access import StorageAccess
from shared.storage.checkpoints import CheckpointContainer
from shared.storage.dropped_files import TransfersOfFiles
from shared.storage.listing import Listing
from shared.storage.outcome_index import BlobOutcomeIndex
from shared.storage.ports import Checkpoint
from shared.storage.source import DropContainer

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
ADA, GRACE = "ada@example.org", "grace@example.org"


class CheckpointFixtures:
    """Checkpoints, marks and the listing of one container: of Azurite's built-in account, unless another is given."""

    def __init__(self, azurite: Azurite, container: str, connection_string: str | None = None) -> None:
        self.azurite = azurite
        text = connection_string or azurite.connection_string
        self.access = StorageAccess(
            connection_string=text, blob_uri=None, queue_uri=None, client_id=None, managed=False
        )
        self.container = container
        self.checkpoints = CheckpointContainer(self.access, container)
        self.ends = BlobOutcomeIndex(self.access, container, self.checkpoints)
        self.sources = DropContainer(self.access, f"{container}-drop")
        files = TransfersOfFiles(self.sources, lambda dropped: transfer_for(dropped, AllowedMailboxes(), NOW))
        self.listing = Listing(self.access, container, self.checkpoints)
        self.listing_by_files = Listing(self.access, container, self.checkpoints, files)

    def put(self, transfer: Transfer) -> Transfer:
        """One transfer, with the marks that it would have."""
        if not transfer.is_over:
            self.checkpoints.add_unfinished_entry(unfinished_entry_of(transfer), transfer)
        self.checkpoints.create(Checkpoint(transfer, None, "put.0"))
        if transfer.is_over:
            self.ends.notify(Checkpoint(transfer, None, "put.0"))
        return transfer

    def keep(self, name: str) -> Transfer:
        """A file in a drop container of its own, and the transfer that has attached it."""
        drop = self.access.blobs.get_container_client(f"{self.container}-drop")
        if not drop.exists():
            drop.create_container()
        drop.upload_blob(name, b"content", metadata={"mailbox": ADA, "messageid": "AAMkAGkept="})
        dropped = self.sources.describe(name)
        assert dropped is not None
        made = transfer_for(dropped, AllowedMailboxes(), NOW)
        return self.put(replace(made, state=State.ATTACHED, finished_at=NOW, runs=1))

    def put_all(self, transfers: Iterable[Transfer]) -> list[Transfer]:
        """Many, side by side; they come back in the order of a listing."""
        with ThreadPoolExecutor(8) as pool:
            return sorted(pool.map(self.put, transfers), key=lambda transfer: transfer.id)

    def change(self, transfer: Transfer, **changes: Any) -> Transfer:
        """Another version of a transfer that is there. No mark is touched."""
        stored = self.checkpoints.load(transfer.id)
        assert stored is not None
        changed: Transfer = replace(stored.checkpoint.instance, **changes)
        self.checkpoints.save(Checkpoint(changed, None, "changed"), stored.etag)
        return changed

    def names(self, prefix: str = "") -> list[str]:
        """The names of the blobs with this prefix."""
        container = self.access.blobs.get_container_client(self.container)
        return [str(name) for name in container.list_blob_names(name_starts_with=prefix)]

    def blob(self, name: str) -> Any:
        """A client for one blob."""
        return self.access.blobs.get_blob_client(self.container, name)


def transfer(number: int, state: State = State.ATTACHED, *, mailbox: str = ADA, **changes: Any) -> Transfer:
    """The `number`th transfer: the larger the number, the newer its file; `changes` are its other fields."""
    modified = NOW - timedelta(days=300) + timedelta(seconds=number)
    source = Source("drop", f"in/file {number}.pdf", f'"0x{number}"', 1000, modified)
    target = Target(mailbox, TargetKey.MESSAGE_ID, f"AAMkAG{number}=")
    planned = planning.accept(source, target, Attachment(f"file {number}.pdf", "application/pdf"), Route.POST, NOW)
    if state is State.FAILED and "failure" not in changes:
        changes["failure"] = Failure(Code.TARGET_NOT_FOUND, f"No message with messageId 'AAMkAG{number}='.")
    if state is State.SENDING:
        session = Session("https://outlook.office.com/x?authtoken=canary", NOW + timedelta(hours=1), 0)
        changes = {"route": Route.SESSION, "before": (), "session": session, **changes}
    if state in {State.ATTACHED, State.FAILED, State.CANCELLED}:
        changes = {"finished_at": NOW, "runs": 1, **changes}
    return replace(planned, state=state, **changes)


IN_DOUBT = Failure(Code.COMMIT_IN_DOUBT, "It may be there.")
