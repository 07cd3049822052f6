"""Marks of transfers that are over, so that a listing of the failed ones costs what it shows, among a million others.

`failed/<id>`, `cancelled/<id>`, `in-doubt/<id>` and, for each that has a target, `mailboxes/<digest>/<id>`: empty blobs
whose metadata sums the transfer up. They are written once the outcome is durable and before the unfinished mark goes;
so a process that dies in between is made up for by the sweep. Attached transfers have no mark of their own: they are
what the listing of all transfers mostly consists of.
"""

from __future__ import annotations

import hashlib

from azure.core.exceptions import ResourceNotFoundError

from shared.core.checkpoint import Checkpoint
from shared.core.errors import Code
from shared.core.model import State, Transfer
from shared.storage import summary
from shared.storage.access import StorageAccess, storage_errors
from shared.storage.ports import Checkpoints

FAILED = "failed/"
IN_DOUBT = "in-doubt/"
CANCELLED = "cancelled/"


class BlobOutcomeIndex:
    """Implements `Outcomes`: what is told becomes a mark. `forget` takes the marks away when a person tries again."""

    def __init__(self, access: StorageAccess, container: str, checkpoints: Checkpoints) -> None:
        self._access = access
        self._container = container
        self._checkpoints = checkpoints

    def tell(self, checkpoint: Checkpoint) -> None:
        """See `Outcomes.tell`. Telling twice is harmless."""
        transfer = checkpoint.transfer
        places = _places(transfer)
        if transfer.retries:  # it may have ended otherwise before
            self._clear(_every_place(transfer) - places, transfer.id)
        self._write(places, transfer)
        if transfer.state is not State.ATTACHED:
            self._take_back_what_is_over(transfer)

    def _take_back_what_is_over(self, told: Transfer) -> None:
        """A person may have had the transfer tried again while its end was told: only an end that stands is listed.

        Asked after the marks are there: whoever retries takes away what it finds, and what comes later is seen here. An
        attached transfer is never tried again.
        """
        stored = self._checkpoints.load(told.id)
        now = stored.checkpoint.transfer if stored is not None else None
        if now is None or (now.state, now.retries, now.finished_at) == (told.state, told.retries, told.finished_at):
            return
        self._clear(_every_place(told) - (_places(now) if now.is_over else set()), told.id)
        if now.is_over:
            self._write(_places(now), now)  # the marks that both have show the one that stands

    def _write(self, places: set[str], transfer: Transfer) -> None:
        with storage_errors(f"list the end of {transfer.id}"):
            for place in sorted(places):
                blob = self._access.blobs.get_blob_client(self._container, place + transfer.id)
                blob.upload_blob(b"", overwrite=True, metadata=summary.pack(transfer))

    def forget(self, transfer: Transfer) -> None:
        """The transfer is not over any more."""
        self._clear(_every_place(transfer), transfer.id)

    def _clear(self, places: set[str], transfer_id: str) -> None:
        with storage_errors(f"clear the listed end of {transfer_id}"):
            for place in sorted(places):
                try:
                    self._access.blobs.get_blob_client(self._container, place + transfer_id).delete_blob()
                except ResourceNotFoundError:
                    continue


def of_mailbox(mailbox: str) -> str:
    """Where the transfers of a mailbox are marked that are over. Compared without case, as mailboxes are."""
    return f"mailboxes/{hashlib.sha256(mailbox.casefold().encode(errors='surrogatepass')).hexdigest()[:16]}/"


def _places(transfer: Transfer) -> set[str]:
    """Where a transfer that ended so is marked."""
    places = {of_mailbox(transfer.plan.target.mailbox)} if transfer.plan.target is not None else set()
    if transfer.state is State.CANCELLED:
        places.add(CANCELLED)
    if transfer.state is State.FAILED:
        places.add(FAILED)
        if transfer.failure is not None and transfer.failure.code is Code.COMMIT_IN_DOUBT:
            places.add(IN_DOUBT)
    return places


def _every_place(transfer: Transfer) -> set[str]:
    """Wherever it can be marked."""
    return _places(transfer) | {FAILED, IN_DOUBT, CANCELLED}
