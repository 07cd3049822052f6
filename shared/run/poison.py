"""What the host has given up on for longer than the policy's patience. Its transfer ends as failed, and says so.

Nothing is guessed: a session is deleted first, as far as Graph lets us, and a transfer whose commit may have landed
ends in COMMIT_IN_DOUBT. The run that failed last may still hold the lease: its end is waited for, and whoever has
written the checkpoint meanwhile has the transfer in hand, with a message of its own to answer for it.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from enum import Enum, auto

from shared.core import settling
from shared.core.actions import CancelSession
from shared.core.errors import Code
from shared.core.events import Stopped
from shared.core.history import recorded
from shared.core.model import Failure, GraphAnswer, Transfer
from shared.core.retry_budget import dead_at
from shared.engine.checkpoint import LEASE_SECONDS, lease
from shared.engine.runner import HANDOVER_PAUSE
from shared.run.executor import GraphExecutor
from shared.run.runner import RunDependencies, TransferRunner
from shared.storage.ports import Conflict, Stored


class Ending(Enum):
    """What became of a poison message."""

    PUT_BACK = auto()  # it is tried again later
    STOPPED = auto()  # its transfer ended just now
    OVER = auto()  # its transfer had ended before
    LEFT = auto()  # another run has the transfer; a message for it is on its way
    UNKNOWN = auto()  # it names no transfer that there is


@dataclass(frozen=True, slots=True)
class Poison:
    """Ends what runs could not. Raises StorageUnavailable and CheckpointUnreadable; the message then comes again."""

    edges: RunDependencies
    runs: TransferRunner

    def transfer_failed(self, transfer_id: str) -> Ending:
        """A continuation failed as often as it may."""
        stored = self.edges.checkpoints.load(transfer_id)
        if stored is None:
            return Ending.UNKNOWN
        return self._stop(stored, "Every run that its message started failed, until the host gave up on the message.")

    def drop_failed(self, transfer: Transfer) -> Ending:
        """The event of a file failed as often as it may. `transfer` is what the file, as it is now, asks for."""
        stored = self.edges.checkpoints.load(transfer.id)
        name = transfer.plan.source.blob
        detail = f"Every run that the event of {name!r} started failed, until the host gave up on the event."
        if stored is not None:
            return self._stop(stored, detail)
        ended = transfer if transfer.is_over else self._fenced_and_stopped(transfer, detail)
        self.runs.accept(ended)
        return Ending.STOPPED

    def _stop(self, found: Stored, detail: str) -> Ending:
        edges = self.edges
        if found.checkpoint.instance.is_over:
            return Ending.OVER
        stored = self._free(found)
        transfer = found.checkpoint.instance
        if stored is None:
            return self._leave(transfer.id)
        run_id = edges.new_run_id()
        try:
            claimed = stored.checkpoint.written(transfer, f"{run_id}.0", lease(run_id, edges.clock.now()))
            etag = edges.checkpoints.save(claimed, stored.etag)
            over = claimed.written(self._fenced_and_stopped(transfer, detail), f"{run_id}.1", None)
            edges.checkpoints.save(over, etag)
        except Conflict:
            return self._leave(transfer.id)
        self.runs.conclude(over)
        return Ending.STOPPED

    def _free(self, found: Stored) -> Stored | None:
        """The checkpoint once its lease is over; None where somebody has written it meanwhile."""
        clock = self.edges.clock
        busy_until = found.checkpoint.busy_until(clock.now())
        if busy_until is None:
            return found
        clock.sleep((busy_until - clock.now()).total_seconds() + HANDOVER_PAUSE)
        again = self.edges.checkpoints.load(found.checkpoint.instance.id)
        unchanged = again is not None and again.checkpoint.write == found.checkpoint.write
        return again if unchanged else None

    def _leave(self, transfer_id: str) -> Ending:
        """Leave it to whoever has it in hand; one more message costs nothing and makes sure."""
        self.edges.queue.send(transfer_id, LEASE_SECONDS + HANDOVER_PAUSE)
        return Ending.LEFT

    def _fenced_and_stopped(self, transfer: Transfer, detail: str) -> Transfer:
        """The transfer's end, after one try to delete its session; its history tells what came of that."""
        edges, session, alive_until = self.edges, transfer.session, None
        if session is not None:
            action = CancelSession(session.url)
            with closing(edges.sources.open(transfer.plan.source)) as reader:
                event = GraphExecutor(edges.transport, edges.hosts, edges.base_url, reader, edges.clock).perform(action)
            transfer = recorded(transfer, edges.clock.now(), transfer.state, action, event)
            is_dead = settling.is_fenced(transfer, event, edges.clock.now(), edges.policy)
            alive_until = None if is_dead else dead_at(session, edges.policy)
        stopped = Stopped(Failure(Code.RUNS_FAILED, detail, GraphAnswer(None)), alive_until)
        return edges.process.apply(transfer, None, stopped, edges.clock.now())
