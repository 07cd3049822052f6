"""One run's hold on one checkpoint: every write goes through here, in order, each under the ETag of the one before."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from typing import Protocol

from shared.core.checkpoint import Checkpoint, lease
from shared.core.model import Transfer
from shared.storage.ports import Checkpoints, Clock, Conflict, StorageUnavailable, Stored

ATTEMPTS = 3
"""Times that a save is repeated which storage calls a conflict although nobody wrote. Chosen: such answers come now and
then, one after another hardly ever."""


class LostOwnership(Exception):  # noqa: N818 - it names what is the case
    """Somebody else has written the checkpoint: this run must stop, and must not write again.

    `found` is the transfer as they wrote it; None where it is no more.
    """

    def __init__(self, found: Transfer | None = None) -> None:
        super().__init__()
        self.found = found


class Background(Protocol):
    """Where a write goes that nobody waits for. The simulation runs it at once."""

    def submit(self, work: Callable[[], None], /) -> Future[None]:
        """Start the work, and hand over what waits for it."""
        ...


class CheckpointWriter:
    """The checkpoint as this run wrote it last. Not for use by two threads at once.

    `head_start`: seconds by which a range goes before the checkpoint that is written behind it. While the range's bytes
    leave, anything else in the process slows them down. `save_pause`: seconds at least between a write and the next one
    behind; ranges that follow each other faster share it.

    Attributes:
        run_id: the run's own.
        saved: the transfer as it is durable.
        cancel_requested: a person's cancel command was found in the checkpoint.
    """

    def __init__(
        self,
        store: Checkpoints,
        stored: Stored,
        run_id: str,
        clock: Clock,
        background: Background,
        head_start: float = 0,
        save_pause: float = 0,
    ) -> None:
        self.saved = stored.checkpoint.transfer
        self.cancel_requested = self.saved.cancel_requested
        self._store = store
        self._checkpoint = stored.checkpoint
        self._etag = stored.etag
        self.run_id = run_id
        self._clock = clock
        self._background = background
        self._head_start = head_start
        self._save_pause = save_pause
        self._written_at = clock.now()
        self._behind: Future[None] | None = None
        self._latest = self.saved
        self._is_overtaken = threading.Event()
        self._writes = 0

    def save(self, transfer: Transfer) -> None:
        """Make the transfer durable before anything else happens, and renew the lease.

        Raises:
            LostOwnership: another run, or a person's retry, wrote in between.
        """
        self.settle()
        self._write(transfer, keep_lease=True)

    def save_behind(self, transfer: Transfer) -> None:
        """Make the transfer durable while the next range is on its way.

        One that is due takes this along, and one under way is not waited for: the next save carries what it misses.
        """
        self._latest = transfer
        if self._behind is not None and not self._behind.done():
            return
        self.settle()
        self._behind = self._background.submit(self._write_behind)

    def release(self, transfer: Transfer) -> None:
        """Make the transfer durable and let go of it: the run is over."""
        self.settle()
        self._write(transfer, keep_lease=False)

    def settle(self) -> None:
        """Wait for the write under way; one that is only due is left out. Raises what it raised."""
        behind, self._behind = self._behind, None
        if behind is not None:
            self._is_overtaken.set()
            behind.result()
            self._is_overtaken.clear()

    def _write_behind(self) -> None:
        if not self._is_overtaken_before_due():
            self._write(self._latest, keep_lease=True)

    def _is_overtaken_before_due(self) -> bool:
        """Wait until the write behind is due; True where somebody settles first, whose own write has it all."""
        passed = (self._clock.now() - self._written_at).total_seconds()
        pause = max(self._head_start, self._save_pause - passed)
        return pause > 0 and self._is_overtaken.wait(pause)

    def _write(self, transfer: Transfer, *, keep_lease: bool) -> None:
        self._writes += 1
        self._written_at = self._clock.now()
        owned = lease(self.run_id, self._written_at) if keep_lease else None
        write = f"{self.run_id}.{self._writes}"
        checkpoint = self._checkpoint.written(self._with_wish(transfer), write, owned)
        try:
            etag = self._store.save(checkpoint, self._etag)
        except Conflict:
            etag, checkpoint = self._resolve(checkpoint)
        self._etag, self._checkpoint, self.saved = etag, checkpoint, checkpoint.transfer

    def _resolve(self, checkpoint: Checkpoint) -> tuple[str, Checkpoint]:
        """Whose write was in the way? Our own, whose answer was lost; a person's command to cancel; or another run's.

        Or nobody's: where our last write still stands, its answer was cut off, and the ETag in it was not whole.
        """
        stored = self._store.load(checkpoint.transfer.id)
        if stored is not None and stored.checkpoint.write == checkpoint.write:
            return stored.etag, checkpoint
        if stored is not None and stored.checkpoint.write == self._checkpoint.write:
            return self._saved_over(stored, checkpoint)
        theirs = stored.checkpoint if stored is not None else None
        if stored is None or theirs is None or not self._is_wish_to_end(theirs):
            raise LostOwnership(theirs.transfer if theirs is not None else None)
        self.cancel_requested = True
        return self._saved_over(stored, replace(checkpoint, transfer=self._with_wish(checkpoint.transfer)))

    def _saved_over(self, stored: Stored, checkpoint: Checkpoint) -> tuple[str, Checkpoint]:
        """Write again, over what was just read, as long as that is what stands there.

        Raises:
            StorageUnavailable: what stands there is ours, and storage goes on saying that it is not.
        """
        for _ in range(ATTEMPTS):
            try:
                return self._store.save(checkpoint, stored.etag), checkpoint
            except Conflict:
                found = self._store.load(checkpoint.transfer.id)
            if found is not None and found.checkpoint.write == checkpoint.write:
                return found.etag, checkpoint  # our own, whose answer was a conflict
            if found is None or found.checkpoint.write != stored.checkpoint.write:
                raise LostOwnership(found.checkpoint.transfer if found is not None else None)
            stored = found
        raise StorageUnavailable("storage takes no write over the version that it has")

    def _is_wish_to_end(self, theirs: Checkpoint) -> bool:
        """A cancel command leaves the lease with its owner and sets one flag."""
        still_ours = theirs.lease is not None and theirs.lease.owner == self.run_id
        return still_ours and theirs.transfer.cancel_requested and not self.cancel_requested

    def _with_wish(self, transfer: Transfer) -> Transfer:
        return replace(transfer, cancel_requested=True) if self.cancel_requested else transfer
