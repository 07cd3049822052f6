"""The commands for an existing transfer: cancel, retry, and acknowledge.

The first two are written to its checkpoint and left to a run. A retry of a file that has other metadata, or other
content, by now leads to a transfer of its own: what was planned for one version of a file never changes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from shared.core import machine, planning
from shared.core.errors import Code
from shared.core.events import Acknowledged, CancelNoted, Event, RetryRequested, Superseded
from shared.core.history import remembered
from shared.core.model import State, Step, Transfer
from shared.core.policy import Policy
from shared.core.unfinished import unfinished_entry_of
from shared.engine.runner import HANDOVER_PAUSE
from shared.run.transfer_process import anywhere
from shared.storage.ports import (
    Checkpoint,
    Checkpoints,
    Clock,
    Conflict,
    StorageUnavailable,
    Stored,
    TransferQueue,
)

ATTEMPTS = 20
"""Times that a command is written while a run keeps writing too. Chosen: a run saves once a range, at most a few times
in the moment that one attempt takes."""

BUSY = "the checkpoint was written by others all the time"


@dataclass(frozen=True, slots=True)
class Accepted:
    """The command is durable; the transfer as it was written.

    `supersedes`: a retry read the file's metadata anew, and `transfer` is the one that took the place of this one.
    """

    transfer: Transfer
    supersedes: str | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """The command does not apply to this transfer, and nothing was changed."""

    transfer: Transfer
    code: Code


@dataclass(frozen=True, slots=True)
class NotFound:
    """There is no such transfer."""


Reply = Accepted | Rejected | NotFound


class OutcomeIndex(Protocol):
    """The index of transfers that are over."""

    def notify(self, checkpoint: Checkpoint) -> None:
        """Write its entries, as it is now."""
        ...

    def forget(self, transfer: Transfer) -> None:
        """Remove its entries: the transfer is not over any more."""
        ...


class Renewal(Protocol):
    """The file behind a transfer, as it is now."""

    def newer(self, transfer: Transfer) -> Transfer | None:
        """The transfer that the file's present version asks for; None where it is still the same, or none is there."""
        ...

    def accept(self, transfer: Transfer) -> bool:
        """See `TransferRunner.accept`."""
        ...


class NoRenewal:
    """Implements `Renewal` where no file is ever another."""

    def newer(self, _transfer: Transfer) -> Transfer | None:
        """See `Renewal.newer`."""
        return None

    def accept(self, _transfer: Transfer) -> bool:
        """See `Renewal.accept`."""
        return False


class Commands:
    """Writes commands into checkpoints, each under its ETag. Every method may be repeated.

    Each raises StorageUnavailable and CheckpointUnreadable; nothing is lost then, and the command may be repeated.
    """

    def __init__(
        self,
        checkpoints: Checkpoints,
        queue: TransferQueue,
        ends: OutcomeIndex,
        clock: Clock,
        new_write_id: Callable[[], str],
        may_write: Callable[[str], bool] = anywhere,
        *,
        renewal: Renewal | None = None,
    ) -> None:
        self._checkpoints = checkpoints
        self._queue = queue
        self._ends = ends
        self._clock = clock
        self._new_write_id = new_write_id
        self._may_write = may_write
        self._renewal = renewal or NoRenewal()

    def cancel(self, transfer_id: str) -> Reply:
        """Ask for the end of a transfer. A run that holds it keeps it, and finds the command at its next save.

        A run is asked for as well, due when the present lease ends: it finds the transfer over, or ends it.
        """
        for _ in range(ATTEMPTS):
            stored = self._checkpoints.load(transfer_id)
            if stored is None:
                return NotFound()
            checkpoint = stored.checkpoint
            transfer = checkpoint.instance
            if transfer.is_over:
                return Accepted(transfer) if transfer.state is State.CANCELLED else Rejected(transfer, _over(transfer))
            cancelled = self._told(transfer, CancelNoted())
            try:
                if not transfer.cancel_requested:
                    written = checkpoint.written(cancelled, self._new_write_id(), checkpoint.lease)
                    self._checkpoints.save(written, stored.etag)
            except Conflict:
                continue
            self._ask_for_a_run(checkpoint)
            return Accepted(cancelled)
        raise StorageUnavailable(BUSY)

    def retry(self, transfer_id: str) -> Reply:
        """Have a failed or cancelled transfer tried again: from what is durable, or from a newer version of its file.

        The unfinished entry is added first, and the entries of the old outcome are removed before the write: a process
        that dies in between leaves an entry that leads the sweep to the transfer, over or not.
        """
        for _ in range(ATTEMPTS):
            stored = self._checkpoints.load(transfer_id)
            if stored is None:
                return NotFound()
            transfer = stored.checkpoint.instance
            if not transfer.is_over or transfer.state is State.ATTACHED:
                return Rejected(transfer, _not_again(transfer))
            try:
                newer = self._renewal.newer(transfer)
                if newer is not None:
                    return self._supersede(stored, newer)
                if not planning.can_be_retried(transfer):
                    return Rejected(transfer, _not_again(transfer))
                if not self._may_write(transfer.target.mailbox):
                    return Rejected(transfer, Code.MAILBOX_NOT_ALLOWED)
                again = self._told(transfer, RetryRequested())
                self._checkpoints.add_unfinished_entry(unfinished_entry_of(again), again)
                self._ends.forget(transfer)
                self._checkpoints.save(stored.checkpoint.written(again, self._new_write_id(), None), stored.etag)
            except Conflict:
                continue
            self._queue.send(transfer_id, 0)
            return Accepted(again)
        raise StorageUnavailable(BUSY)

    def acknowledge(self, transfer_id: str, note: str, by: str | None = None) -> Reply:
        """A failure was dealt with otherwise: it leaves the lists of failures, and stays in the history."""
        for _ in range(ATTEMPTS):
            stored = self._checkpoints.load(transfer_id)
            if stored is None:
                return NotFound()
            transfer = stored.checkpoint.instance
            if transfer.state is not State.FAILED:
                return Rejected(transfer, Code.TRANSFER_NOT_FAILED)
            try:
                return Accepted(self._listed_anew(stored, self._told(transfer, Acknowledged(note, by))))
            except Conflict:
                continue
        raise StorageUnavailable(BUSY)

    def _supersede(self, stored: Stored, newer: Transfer) -> Accepted:
        """The newer one is durable before the older one names it; repeated, it is the same one.

        Raises:
            Conflict: somebody else wrote to the older one; nothing of it was changed.
        """
        older, now = stored.checkpoint.instance, self._clock.now()
        told = f"takes the place of {older.id}: the file's metadata, or the file, were read anew"
        self._renewal.accept(remembered(newer, Step(now, newer.state, "", told)))
        found = self._checkpoints.load(newer.id)
        accepted = found.checkpoint.instance if found is not None else newer
        if older.acknowledged is None or older.acknowledged.successor != newer.id:
            left = machine.apply(older, Superseded(newer.id), now, Policy())
            step = Step(
                now, older.state, "", f"continued as {newer.id}: the file's metadata, or the file, were read anew"
            )
            self._listed_anew(stored, remembered(left, step))
        return Accepted(accepted, older.id)

    def _listed_anew(self, stored: Stored, transfer: Transfer) -> Transfer:
        """Save a transfer that is over, and list it as it is now.

        The unfinished entry comes first: a process that dies in between leaves it to the sweep, which lists again. One
        that was there already belongs to whoever is carrying out the end, and stays.

        Raises:
            Conflict: somebody else wrote; nothing was changed.
        """
        entry = unfinished_entry_of(transfer)
        is_ours = self._checkpoints.add_unfinished_entry(entry, transfer)
        written = stored.checkpoint.written(transfer, self._new_write_id(), None)
        self._checkpoints.save(written, stored.etag)
        self._ends.notify(written)
        if is_ours:
            self._checkpoints.remove_unfinished_entry(entry)
        return transfer

    def _told(self, transfer: Transfer, event: Event) -> Transfer:
        """The transfer with the command carried out. No command asks how patient the deployment is."""
        return machine.step(transfer, None, event, self._clock.now(), Policy())

    def _ask_for_a_run(self, checkpoint: Checkpoint) -> None:
        now = self._clock.now()
        busy_until = checkpoint.busy_until(now)
        pause = busy_until - now + timedelta(seconds=HANDOVER_PAUSE) if busy_until is not None else timedelta()
        self._queue.send(checkpoint.instance.id, pause.total_seconds())


def _over(transfer: Transfer) -> Code:
    return Code.TRANSFER_ATTACHED if transfer.state is State.ATTACHED else Code.TRANSFER_FAILED


def _not_again(transfer: Transfer) -> Code:
    if transfer.state is State.ATTACHED:
        return Code.TRANSFER_ATTACHED
    return Code.RETRY_POINTLESS if transfer.is_over else Code.TRANSFER_NOT_OVER
