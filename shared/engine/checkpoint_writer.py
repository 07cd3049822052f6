"""One run's hold on one checkpoint: every write goes through here, in order, each under the ETag of the one before."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from dataclasses import replace
from typing import Any, Generic, TypeVar

from shared.engine.checkpoint import Checkpoint, lease
from shared.engine.ports import Background, Checkpoints, Clock, Conflict, StorageUnavailable, Stored
from shared.engine.process import Command, Process

S = TypeVar("S")
E = TypeVar("E")

ATTEMPTS = 3
"""Times that a save is repeated which storage calls a conflict although nobody wrote. Chosen: such answers come now and
then, one after another hardly ever."""


class LostOwnership(Exception):  # noqa: N818 - it names what is the case
    """Somebody else has written the checkpoint: this run must stop, and must not write again.

    `found` is the instance as they wrote it; None where it is no more.
    """

    def __init__(self, found: Any = None) -> None:
        super().__init__()
        self.found = found


class CheckpointWriter(Generic[S, E]):
    """The checkpoint as this run wrote it last. Not for use by two threads at once.

    `head_start`: seconds by which a range goes before the checkpoint that is written behind it. While the range's bytes
    leave, anything else in the process slows them down. `save_pause`: seconds at least between a write and the next one
    behind; ranges that follow each other faster share it.

    Attributes:
        run_id: the run's own.
        saved: the instance as it is durable.
        command: what a person wrote into the checkpoint since the run began; None: nothing.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what a hold on a checkpoint is made of
        self,
        process: Process[S, Any, E],
        store: Checkpoints[S],
        stored: Stored[S],
        run_id: str,
        clock: Clock,
        background: Background,
        head_start: float = 0,
        save_pause: float = 0,
    ) -> None:
        self.saved = stored.checkpoint.instance
        self.command: Command[E] | None = None
        self._process = process
        self._store = store
        self._checkpoint = stored.checkpoint
        self._etag = stored.etag
        self._instance_id = process.facts(self.saved).id
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

    def save(self, instance: S) -> None:
        """Make the instance durable before anything else happens, and renew the lease.

        Raises:
            LostOwnership: another run, or a person's retry, wrote in between.
        """
        self.settle()
        self._write(instance, keep_lease=True)

    def save_behind(self, instance: S) -> None:
        """Make the instance durable while the next range is on its way.

        One that is due takes this along, and one under way is not waited for: the next save carries what it misses.
        """
        self._latest = instance
        if self._behind is not None and not self._behind.done():
            return
        self.settle()
        self._behind = self._background.submit(self._write_behind)

    def release(self, instance: S) -> None:
        """Make the instance durable and let go of it: the run is over."""
        self.settle()
        self._write(instance, keep_lease=False)

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

    def _write(self, instance: S, *, keep_lease: bool) -> None:
        self._writes += 1
        self._written_at = self._clock.now()
        owned = lease(self.run_id, self._written_at) if keep_lease else None
        write = f"{self.run_id}.{self._writes}"
        checkpoint = self._checkpoint.written(self._with_command(instance), write, owned)
        try:
            etag = self._store.save(checkpoint, self._etag)
        except Conflict:
            etag, checkpoint = self._resolve(checkpoint)
        self._etag, self._checkpoint, self.saved = etag, checkpoint, checkpoint.instance

    def _resolve(self, checkpoint: Checkpoint[S]) -> tuple[str, Checkpoint[S]]:
        """Whose write was in the way? Our own, whose answer was lost; a person's command; or another run's.

        Or nobody's: where our last write still stands, its answer was cut off, and the ETag in it was not whole.
        """
        stored = self._store.load(self._instance_id)
        if stored is None:
            raise LostOwnership
        if stored.checkpoint.write == checkpoint.write:
            return stored.etag, checkpoint
        if stored.checkpoint.write == self._checkpoint.write:
            return self._saved_over(stored, checkpoint)
        self.command = self._command_in(stored.checkpoint)
        return self._saved_over(stored, replace(checkpoint, instance=self._with_command(checkpoint.instance)))

    def _saved_over(self, stored: Stored[S], checkpoint: Checkpoint[S]) -> tuple[str, Checkpoint[S]]:
        """Write again, over what was just read, as long as that is what stands there.

        Raises:
            StorageUnavailable: what stands there is ours, and storage goes on saying that it is not.
        """
        for _ in range(ATTEMPTS):
            try:
                return self._store.save(checkpoint, stored.etag), checkpoint
            except Conflict:
                found = self._store.load(self._instance_id)
            if found is not None and found.checkpoint.write == checkpoint.write:
                return found.etag, checkpoint  # our own, whose answer was a conflict
            if found is None or found.checkpoint.write != stored.checkpoint.write:
                raise LostOwnership(found.checkpoint.instance if found is not None else None)
            stored = found
        raise StorageUnavailable("storage takes no write over the version that it has")

    def _command_in(self, theirs: Checkpoint[S]) -> Command[E]:
        """The command that somebody else's write is: one leaves the lease with its owner.

        Raises:
            LostOwnership: it is none, or a second one.
        """
        still_ours = theirs.lease is not None and theirs.lease.owner == self.run_id
        command = self._process.command(self.saved, theirs.instance) if still_ours and self.command is None else None
        if command is None:
            raise LostOwnership(theirs.instance)
        return command

    def _with_command(self, instance: S) -> S:
        if self.command is None:
            return instance
        return self._process.apply(instance, None, self.command.noted, self._clock.now())
