"""How a file joins the delivery of its item, before any of it is uploaded; the first one makes the delivery."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from shared.core.delivery import history
from shared.core.delivery.draft import DraftText
from shared.core.delivery.events import FilesJoined
from shared.core.delivery.model import Delivery, File
from shared.core.delivery.planning import refusal
from shared.core.delivery.policy import DeliveryPolicy
from shared.core.model import Failure
from shared.engine.continuation import Continuation
from shared.engine.ports import Checkpoints, Clock, Conflict, ContinuationQueue, StorageUnavailable
from shared.run.delivery_process import DELIVERY

ATTEMPTS = 8
"""Times that a file is written beside others that join at the same moment. Chosen: more than files come at once."""


@dataclass(frozen=True, slots=True)
class Joining:
    """One per process. `accept` makes a new delivery durable and asks for its first run; False where it is known."""

    checkpoints: Checkpoints[Delivery]
    accept: Callable[[Delivery], bool]
    queue: ContinuationQueue
    clock: Clock
    policy: DeliveryPolicy
    new_id: Callable[[], str]

    def join(self, planned: Delivery, file: File, text: DraftText | None = None) -> Failure | None:
        """The file belongs to the delivery from now on, durably; or why it may not. Safe to repeat.

        `planned` is the delivery as this file would begin it. A run that has the delivery finds the file with its next
        save, and with the one before an act at the latest.

        Raises:
            StorageUnavailable: nothing is known; whoever brought the file brings it again.
        """
        for _ in range(ATTEMPTS):
            stored = self.checkpoints.load(planned.id)
            if stored is None:
                if self.accept(planned):
                    return None
                continue
            known, now = stored.checkpoint.instance, self.clock.now()
            why = refusal(known, file, text)
            if why is not None:
                return why
            if any(one.transfer_id == file.transfer_id for one in known.files):
                self._ask(known)  # whoever wrote it may have died before it asked
                return None
            joined = history.step(known, None, FilesJoined((file,)), now, self.policy)
            written = replace(stored.checkpoint, instance=joined, write=f"{self.new_id()}.0")
            try:
                self.checkpoints.save(written, stored.etag)
            except Conflict:
                continue
            self._ask(planned)
            return None
        raise StorageUnavailable(f"the delivery {planned.id} kept changing while {file.blob!r} joined it")

    def _ask(self, delivery: Delivery) -> None:
        if not delivery.is_over:
            self.queue.ask(Continuation(delivery.id, kind=DELIVERY), 0)
