"""Who is told: of every decision, and of every end."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from shared.core.actions import Action
from shared.core.checkpoint import Checkpoint
from shared.core.events import Happening
from shared.core.model import Transfer
from shared.run.driver import Observer
from shared.storage.ports import Clock, Outcomes
from shared.views import ROUTE_PREFIX, view


@dataclass(frozen=True, slots=True)
class Observers:
    """Implements `Observer` for several."""

    observers: Sequence[Observer]

    def decided(
        self, before: Transfer, action: Action | None, event: Happening, after: Transfer, seconds: float
    ) -> None:
        """See `Observer.decided`."""
        for observer in self.observers:
            observer.decided(before, action, event, after, seconds)

    def handed_over(self, transfer_id: str) -> None:
        """See `Observer.handed_over`."""
        for observer in self.observers:
            observer.handed_over(transfer_id)


@dataclass(frozen=True, slots=True)
class Listeners:
    """Implements `Outcomes` for several, in their order; what one raises is not told to those after it."""

    outcomes: Sequence[Outcomes]

    def tell(self, checkpoint: Checkpoint) -> None:
        """See `Outcomes.tell`."""
        for outcome in self.outcomes:
            outcome.tell(checkpoint)


@dataclass(frozen=True, slots=True)
class Notices:
    """Implements `Outcomes`: one JSON message per transfer that ends, the transfer as the HTTP API shows it."""

    put: Callable[[str], None]
    clock: Clock
    prefix: str = ROUTE_PREFIX

    def tell(self, checkpoint: Checkpoint) -> None:
        """See `Outcomes.tell`. A message may come twice, never too early: the outcome is durable."""
        self.put(json.dumps(view(checkpoint.transfer, self.clock.now(), self.prefix)))
