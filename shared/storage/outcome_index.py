"""The index of transfers that are over: a listing of the failed ones costs what it shows, among a million others.

`failed/<id>`, `cancelled/<id>`, `in-doubt/<id>` and, for each that has a target, `mailboxes/<digest>/<id>`: empty blobs
whose metadata sums the transfer up. They are written once the outcome is durable and before the unfinished entry is
removed; where a process dies in between, the sweep repeats it. Attached transfers have no entry of their own: they are
what the listing of all transfers mostly consists of.
"""

from __future__ import annotations

from datetime import datetime

from azure.core.exceptions import ResourceNotFoundError

from shared.core.checkpoint import Checkpoint
from shared.core.errors import Code
from shared.core.identifiers import mailbox_digest
from shared.core.model import State, Transfer
from shared.storage import summary
from shared.storage.access import StorageAccess, storage_errors
from shared.storage.ports import Checkpoints

FAILED = "failed/"
IN_DOUBT = "in-doubt/"
CANCELLED = "cancelled/"


class BlobOutcomeIndex:
    """Implements `Outcomes`: each outcome becomes index entries. `forget` removes them when a person tries again."""

    def __init__(self, access: StorageAccess, container: str, checkpoints: Checkpoints) -> None:
        self._access = access
        self._container = container
        self._checkpoints = checkpoints

    def notify(self, checkpoint: Checkpoint) -> None:
        """See `Outcomes.notify`. Notifying twice is harmless."""
        transfer = checkpoint.transfer
        prefixes = _prefixes(transfer)
        if transfer.retries:  # it may have ended otherwise before
            self._clear(_all_prefixes(transfer) - prefixes, transfer.id)
        self._write(prefixes, transfer)
        if transfer.state is not State.ATTACHED:
            self._remove_superseded(transfer)

    def _remove_superseded(self, notified: Transfer) -> None:
        """A person may have had the transfer tried again meanwhile: only its current outcome stays listed.

        Read after the entries are there: a retry removes those it finds, and what is written later is seen here. An
        attached transfer is never tried again.
        """
        stored = self._checkpoints.load(notified.id)
        now = stored.checkpoint.transfer if stored is not None else None
        if now is None or _end_of(now) == _end_of(notified):
            return
        self._clear(_all_prefixes(notified) - (_prefixes(now) if now.is_over else set()), notified.id)
        if now.is_over:
            self._write(_prefixes(now), now)  # the entries that both have show the current outcome

    def _write(self, prefixes: set[str], transfer: Transfer) -> None:
        with storage_errors(f"list the end of {transfer.id}"):
            for prefix in sorted(prefixes):
                blob = self._access.blobs.get_blob_client(self._container, prefix + transfer.id)
                blob.upload_blob(b"", overwrite=True, metadata=summary.pack(transfer))

    def forget(self, transfer: Transfer) -> None:
        """Remove its entries: the transfer is not over any more."""
        self._clear(_all_prefixes(transfer), transfer.id)

    def _clear(self, prefixes: set[str], transfer_id: str) -> None:
        with storage_errors(f"clear the listed end of {transfer_id}"):
            for prefix in sorted(prefixes):
                try:
                    self._access.blobs.get_blob_client(self._container, prefix + transfer_id).delete_blob()
                except ResourceNotFoundError:
                    continue


def of_mailbox(mailbox: str) -> str:
    """The prefix of the entries for a mailbox's transfers that are over. Compared without case, as mailboxes are."""
    return f"mailboxes/{mailbox_digest(mailbox, 16)}/"


def _end_of(transfer: Transfer) -> tuple[State, int, datetime | None]:
    return transfer.state, transfer.retries, transfer.finished_at


def _prefixes(transfer: Transfer) -> set[str]:
    """The prefixes under which a transfer with this outcome has entries."""
    prefixes = {of_mailbox(transfer.plan.target.mailbox)} if transfer.plan.target is not None else set()
    if transfer.state is State.CANCELLED:
        prefixes.add(CANCELLED)
    if transfer.state is State.FAILED:
        prefixes.add(FAILED)
        if transfer.failure is not None and transfer.failure.code is Code.COMMIT_IN_DOUBT:
            prefixes.add(IN_DOUBT)
    return prefixes


def _all_prefixes(transfer: Transfer) -> set[str]:
    """Every prefix under which it can have an entry."""
    return _prefixes(transfer) | {FAILED, IN_DOUBT, CANCELLED}
