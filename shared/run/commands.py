"""The commands for an existing transfer: cancel and retry. Both are written to its checkpoint and left to a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Protocol

from shared.core import planning
from shared.core.checkpoint import Checkpoint, unfinished_entry_of
from shared.core.errors import Code
from shared.core.model import State, Transfer
from shared.run.runner import HANDOVER_PAUSE, anywhere
from shared.storage.ports import Checkpoints, Clock, Conflict, StorageUnavailable, TransferQueue

ATTEMPTS = 20
"""Times that a command is written while a run keeps writing too. Chosen: a run saves once a range, at most a few times
in the moment that one attempt takes."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The command is durable; the transfer as it was written."""

    transfer: Transfer


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

    def forget(self, transfer: Transfer) -> None:
        """Remove its entries: the transfer is not over any more."""
        ...


class Commands:
    """Writes commands into checkpoints, each under its ETag. Every method may be repeated.

    Both raise StorageUnavailable and CheckpointUnreadable; nothing is lost then, and the command may be repeated.
    """

    def __init__(
        self,
        checkpoints: Checkpoints,
        queue: TransferQueue,
        ends: OutcomeIndex,
        clock: Clock,
        new_write_id: Callable[[], str],
        may_write: Callable[[str], bool] = anywhere,
    ) -> None:
        self._checkpoints = checkpoints
        self._queue = queue
        self._ends = ends
        self._clock = clock
        self._new_write_id = new_write_id
        self._may_write = may_write

    def cancel(self, transfer_id: str) -> Reply:
        """Ask for the end of a transfer. A run that holds it keeps it, and finds the command at its next save.

        A run is asked for as well, due when the present lease ends: it finds the transfer over, or ends it.
        """
        for _ in range(ATTEMPTS):
            stored = self._checkpoints.load(transfer_id)
            if stored is None:
                return NotFound()
            checkpoint = stored.checkpoint
            transfer = checkpoint.transfer
            if transfer.is_over:
                return Accepted(transfer) if transfer.state is State.CANCELLED else Rejected(transfer, _over(transfer))
            cancelled = replace(transfer, cancel_requested=True)
            try:
                if not transfer.cancel_requested:
                    written = checkpoint.written(cancelled, self._new_write_id(), checkpoint.lease)
                    self._checkpoints.save(written, stored.etag)
            except Conflict:
                continue
            self._ask_for_a_run(checkpoint)
            return Accepted(cancelled)
        raise StorageUnavailable("the checkpoint was written by others all the time")

    def retry(self, transfer_id: str) -> Reply:
        """Have a failed or cancelled transfer tried again, from what is durable.

        The unfinished entry is added first, and the entries of the old outcome are removed before the write: a process
        that dies in between leaves an entry that leads the sweep to the transfer, over or not.
        """
        for _ in range(ATTEMPTS):
            stored = self._checkpoints.load(transfer_id)
            if stored is None:
                return NotFound()
            transfer = stored.checkpoint.transfer
            if not planning.can_be_retried(transfer):
                return Rejected(transfer, _not_again(transfer))
            if not self._may_write(transfer.target.mailbox):
                return Rejected(transfer, Code.MAILBOX_NOT_ALLOWED)
            again = planning.retried(transfer, self._clock.now())
            self._checkpoints.add_unfinished_entry(unfinished_entry_of(again))
            self._ends.forget(transfer)
            try:
                self._checkpoints.save(stored.checkpoint.written(again, self._new_write_id(), None), stored.etag)
            except Conflict:
                continue
            self._queue.send(transfer_id, 0)
            return Accepted(again)
        raise StorageUnavailable("the checkpoint was written by others all the time")

    def _ask_for_a_run(self, checkpoint: Checkpoint) -> None:
        now = self._clock.now()
        busy_until = checkpoint.busy_until(now)
        pause = busy_until - now + timedelta(seconds=HANDOVER_PAUSE) if busy_until is not None else timedelta()
        self._queue.send(checkpoint.transfer.id, pause.total_seconds())


def _over(transfer: Transfer) -> Code:
    return Code.TRANSFER_ATTACHED if transfer.state is State.ATTACHED else Code.TRANSFER_FAILED


def _not_again(transfer: Transfer) -> Code:
    if transfer.state is State.ATTACHED:
        return Code.TRANSFER_ATTACHED
    return Code.RETRY_POINTLESS if transfer.is_over else Code.TRANSFER_NOT_OVER
