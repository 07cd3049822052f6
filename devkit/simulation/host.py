"""The host that the product runs in: it delivers messages, again where a run failed, and lets the sweep tick."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from devkit.simulation.clock import VirtualClock
from devkit.simulation.gate import Died
from devkit.simulation.storage import MemoryQueue
from shared.run.poison import Poison
from shared.run.runs import Runs
from shared.storage.ports import StorageUnavailable

DELIVERIES = 5
"""Of one message, before the host takes it for poison (host.json)."""

TICK = timedelta(minutes=5)
MOST_SWEEPS = 100
"""Ticks after which what is left is taken to be left for ever: 8 hours, where the sweep revives after 15 minutes."""

MOST_TURNS = 3000
"""Messages and ticks after which a story is taken to have no end."""


@dataclass
class Message:
    """Something to be delivered; `give_up` is what is done once it failed as often as it may."""

    due: datetime
    work: Callable[[], None]
    give_up: Callable[[], object]
    deliveries: int = 0


class Host:
    """Delivers what there is, in the order of time.

    Attributes:
        redelivery: seconds after which a message comes again that a run failed to finish, or died of.
        budget: seconds of a run; `deadline` is where the present one must have ended.
        invocations: deliveries so far; `sweeps`: ticks so far.
    """

    def __init__(self, clock: VirtualClock, queue: MemoryQueue, redelivery: float, budget: float) -> None:
        self.redelivery = redelivery
        self.budget = budget
        self.deadline = clock.now()
        self.invocations = 0
        self.sweeps = 0
        self._clock = clock
        self._queue = queue
        self._messages: list[Message] = []
        self._next_tick = clock.now() + TICK

    def post(self, work: Callable[[], None], give_up: Callable[[], object]) -> None:
        """A new message, due at once."""
        self._messages.append(Message(self._clock.now(), work, give_up))

    def deliver_all(self, runs: Runs, poison: Poison, tick: Callable[[], object], is_quiet: Callable[[], bool]) -> None:
        """Deliver until no message is left and it is quiet; what is left without a message waits for the sweep."""
        for _ in range(MOST_TURNS):
            self._take_continuations(runs, poison)
            if self._messages:
                self._deliver(min(self._messages, key=lambda message: message.due))
            elif is_quiet() or self.sweeps > MOST_SWEEPS:
                return
            else:
                self._tick(tick)
        raise AssertionError(f"no end after {MOST_TURNS} turns")

    def _take_continuations(self, runs: Runs, poison: Poison) -> None:
        while (taken := self._queue.take()) is not None:
            due, transfer_id = taken
            resume, give_up = partial(runs.resume, transfer_id), partial(poison.transfer_failed, transfer_id)
            self._messages.append(Message(due, resume, give_up))

    def _deliver(self, message: Message) -> None:
        self._messages.remove(message)
        self._clock.advance_to(message.due)
        self.invocations += 1
        message.deliveries += 1
        self.deadline = self._clock.now() + timedelta(seconds=self.budget)
        if _survives(message.work):
            return
        if message.deliveries < DELIVERIES:
            message.due = self._clock.now() + timedelta(seconds=self.redelivery)
            self._messages.append(message)
        else:
            _survives(message.give_up)

    def _tick(self, tick: Callable[[], object]) -> None:
        self._clock.advance_to(max(self._next_tick, self._clock.now()))
        self._next_tick = self._clock.now() + TICK
        self.sweeps += 1
        _survives(tick)


def _survives(work: Callable[[], object]) -> bool:
    """Whether the work came to its end: the process did not die, and storage did not fail it."""
    try:
        work()
    except (Died, StorageUnavailable):
        return False
    return True
