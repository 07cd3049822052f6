"""Notifications: observers of every decision, and listeners for every outcome."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field

from shared.core.actions import Action
from shared.core.events import Event
from shared.core.model import Transfer
from shared.engine.ports import Observer
from shared.storage.ports import Checkpoint, Clock, Outcomes
from shared.views import ROUTE_PREFIX, view

MOST_REMEMBERED = 10_000
"""Outcomes that a process remembers as notified. Chosen: some 2 MB, and more than it carries out between two tries of
one."""


@dataclass(frozen=True, slots=True)
class CompositeObserver:
    """Implements `Observer` for several."""

    observers: Sequence[Observer[Transfer, Action, Event]]

    def decided(self, before: Transfer, action: Action | None, event: Event, after: Transfer, seconds: float) -> None:
        """See `Observer.decided`."""
        for observer in self.observers:
            observer.decided(before, action, event, after, seconds)

    def handed_over(self, transfer_id: str) -> None:
        """See `Observer.handed_over`."""
        for observer in self.observers:
            observer.handed_over(transfer_id)


class _Notified:
    """The last outcomes that were notified. Safe to share between threads."""

    def __init__(self) -> None:
        self._ends: dict[Hashable, None] = {}
        self._lock = threading.Lock()

    def knows(self, end: Hashable) -> bool:
        """Whether the outcome was notified."""
        with self._lock:
            return end in self._ends

    def note(self, end: Hashable) -> None:
        """Remember it as notified; the oldest of many are forgotten."""
        with self._lock:
            self._ends[end] = None
            if len(self._ends) > MOST_REMEMBERED:
                del self._ends[next(iter(self._ends))]


@dataclass(frozen=True, slots=True)
class CompositeListener:
    """Implements `Outcomes` for several, in their order; where one raises, those after it are not notified.

    Each is notified of an outcome once as long as the process lives, however often carrying it out is tried.
    """

    outcomes: Sequence[Outcomes]
    _notified: _Notified = field(default_factory=_Notified)

    def notify(self, checkpoint: Checkpoint) -> None:
        """See `Outcomes.notify`."""
        transfer = checkpoint.instance
        for number, outcome in enumerate(self.outcomes):
            end = (number, transfer.id, transfer.retries, transfer.finished_at)
            if not self._notified.knows(end):
                outcome.notify(checkpoint)
                self._notified.note(end)


@dataclass(frozen=True, slots=True)
class OutcomePublisher:
    """Implements `Outcomes`: one JSON message per transfer that ends, the transfer as the HTTP API shows it."""

    put: Callable[[str], object]
    clock: Clock
    prefix: str = ROUTE_PREFIX

    def notify(self, checkpoint: Checkpoint) -> None:
        """See `Outcomes.notify`. A message may come twice, never too early: the outcome is durable."""
        self.put(json.dumps(view(checkpoint.instance, self.clock.now(), self.prefix)))
