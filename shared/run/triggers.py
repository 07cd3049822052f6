"""What each trigger does: a run, and what is done where there could be none.

One rule for storage that is unavailable, however long: the work is put back on the queue for later, and the invocation
ends well. So it never counts towards poison, whose count the host keeps, and whose end is a failed transfer. Only where
the queue is unavailable too does the invocation fail, and the host delivers again what it can.

What the host gave up on all the same is put back as well, with patience (`Policy.poison_patience`). A poison function
must not rest on being called again: the host hides its message for ten minutes each time it fails, and before storage
extension 5.3.8 never delivers it a sixth time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from shared.core.model import Transfer
from shared.engine.continuation import Continuation, after_poison, after_trouble, is_spent
from shared.engine.runner import RunsSpent
from shared.run.poison import Ending, Poison
from shared.run.runner import RunDependencies, TransferRunner
from shared.storage.ports import Conflict, Dropped, StorageUnavailable


class TroubleObserver(Protocol):
    """Observer of work that storage did not let be carried out."""

    def put_off(self, continuation: Continuation, trouble: Exception, delay: float) -> None:
        """It is tried again in `delay` seconds."""
        ...

    def gone(self) -> None:
        """A file is no more: there is nothing to do."""
        ...


@dataclass(frozen=True, slots=True)
class Triggers:
    """One per process. `came` is called with a dropped file; `transfer_for` is intake: what the file asks for.

    Every method raises CheckpointUnreadable, and StorageUnavailable where not even the queue takes the work back.
    """

    edges: RunDependencies
    runs: TransferRunner
    came: Callable[[Dropped, Continuation], object]
    transfer_for: Callable[[Dropped], Transfer]
    observer: TroubleObserver

    def dropped(self, blob: str) -> None:
        """A file's event: a run of what the file asks for now."""
        self.due(Continuation(blob=blob))

    def due(self, continuation: Continuation) -> None:
        """A message of the transfer queue."""
        self._guarded(continuation, lambda: self._carry_on(continuation))

    def poisoned(self, continuation: Continuation) -> Ending:
        """A message that the host gave up on."""
        edges = self.edges
        again, delay = after_poison(continuation, edges.clock.now(), edges.policy)
        if not is_spent(again, edges.clock.now(), edges.policy):
            edges.queue.ask(again, delay)
            return Ending.PUT_BACK
        ending = [Ending.PUT_BACK]
        self._guarded(again, lambda: ending.append(self._given_up(again)))
        return ending[-1]

    def _guarded(self, continuation: Continuation, work: Callable[[], object]) -> None:
        try:
            work()
        except (StorageUnavailable, Conflict) as trouble:
            again, delay = after_trouble(continuation, self.edges.policy)
            self.edges.queue.ask(again, delay)
            self.observer.put_off(again, trouble, delay)

    def _carry_on(self, continuation: Continuation) -> None:
        if continuation.blob is None:
            try:
                self.runs.carry_on(continuation)
            except RunsSpent:
                self._given_up(continuation)
            return
        dropped = self.edges.sources.describe(continuation.blob)
        if dropped is None:
            self.observer.gone()
        else:
            self.came(dropped, continuation)

    def _given_up(self, continuation: Continuation) -> Ending:
        poison = Poison(self.edges, self.runs)
        if continuation.instance_id is not None:
            return poison.transfer_failed(continuation.instance_id)
        dropped = self.edges.sources.describe(continuation.key)
        return Ending.UNKNOWN if dropped is None else poison.drop_failed(self.transfer_for(dropped))
