"""The host that the product runs in, as unkind as the real one: what it delivers again, when, and when it stops.

Measured on the real Azure Functions host (4.1037, storage extensions 5.3.10): a queue function that fails is called
again after 30 seconds, a blob function five times within 0.4 s; then the message is poison. A poison function that
fails is called again after ten minutes, each time; before extension 5.3.8 never after the fifth. What was delivered to
an instance that is lost stays hidden for ten minutes. Storage that the host itself cannot use stops it as a whole.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from assurance.simulation.case import Case
from assurance.simulation.clock import VirtualClock
from assurance.simulation.fault_injector import Died
from assurance.simulation.outages import Down
from assurance.simulation.storage import MemoryQueue
from shared.engine.continuation import Continuation
from shared.run.triggers import Triggers
from shared.storage.ports import StorageUnavailable

DELIVERIES = 5
"""Of one message, before the host takes it for poison (host.json)."""

QUEUE_AGAIN, BLOB_AGAIN, POISON_AGAIN = 30.0, 0.1, 600.0
"""Seconds after which a message comes again whose function failed."""

HIDDEN = 600.0
"""Seconds that a message stays hidden whose host is gone, or cannot tell storage what became of it."""

TICK = timedelta(minutes=1)
TIMER_LOST = timedelta(seconds=75)
"""How long the timer is silent after its instance was lost: the singleton's lease is 60 s."""

MOST_SWEEPS = 500
"""Ticks in a row without a message after which what is left is taken to be left for ever: 8 hours."""

MOST_TURNS = 12_000
"""Messages and ticks after which a scenario is taken to have no end."""


class Kind(StrEnum):
    """Which function a message is for."""

    BLOB = "blob"
    QUEUE = "queue"
    POISON = "poison"


@dataclass
class Message:
    """Something to be delivered."""

    due: datetime
    kind: Kind
    continuation: Continuation
    deliveries: int = 0
    is_hidden: bool = False  # by a death, or by an outage: nobody was told of it


class Host:
    """Delivers what there is, in the order of time.

    Attributes:
        deadline: where the present run must have ended.
        began: when it was delivered; None between two.
        invocations: deliveries so far; `sweeps`: ticks so far.
        deaths: when runs died.
        lost: messages that no host will deliver again.
    """

    def __init__(self, clock: VirtualClock, queue: MemoryQueue, case: Case, downs: list[Down]) -> None:
        self.deadline = clock.now()
        self.began: datetime | None = None
        self.invocations = 0
        self.sweeps = 0
        self.deaths: list[datetime] = []
        self.lost: list[Message] = []
        self._clock = clock
        self._queue = queue
        self._case = case
        self._downs = downs
        self._messages: list[Message] = []
        self._next_tick = clock.now() + TICK
        self._idle_ticks = 0

    def post(self, blob: str) -> None:
        """A file's event, due at once."""
        self._messages.append(Message(self._clock.now(), Kind.BLOB, Continuation(blob=blob)))

    def is_stopped(self) -> bool:
        """Whether the present run's host has stopped under it."""
        now = self._clock.now()
        stops = [down.host_stops_at for down in self._downs if down.host_stops_at is not None]
        return self.began is not None and any(self.began < stop <= now for stop in stops)

    def deliver_all(self, triggers: Triggers, tick: Callable[[], object], is_quiet: Callable[[], bool]) -> None:
        """Deliver until no message is left and it is quiet; what is left without a message waits for the sweep.

        Ticks are told where they matter: without a message, and while one is hidden.
        """
        for _ in range(MOST_TURNS):
            self._take_continuations()
            message = min(self._messages, key=lambda one: one.due, default=None)
            hidden = any(one.is_hidden for one in self._messages)
            if message is not None and not (hidden and not is_quiet() and self._next_tick < message.due):
                self._idle_ticks = 0
                self._deliver(message, triggers)
            elif message is None and (is_quiet() or self._idle_ticks > MOST_SWEEPS):
                return
            else:
                self._tick(tick)
        raise AssertionError(f"no end after {MOST_TURNS} turns")

    def _take_continuations(self) -> None:
        while (taken := self._queue.take()) is not None:
            due, continuation = taken
            self._messages.append(Message(due, Kind.QUEUE, continuation))

    def _deliver(self, message: Message, triggers: Triggers) -> None:
        self._messages.remove(message)
        self._clock.advance_to(message.due)
        self._make_ticks_follow()
        now = self._clock.now()
        down = next((one for one in self._downs if one.hits_queues(now)), None)
        if down is not None and down.host_is_well_at is not None:
            self._put_back(message, (down.host_is_well_at - now).total_seconds())
            return
        message.deliveries += 1
        message.is_hidden = False
        if message.kind is Kind.BLOB and not self._can_look_at_file(message, now):
            return
        self._invoke(message, triggers)

    def _can_look_at_file(self, message: Message, now: datetime) -> bool:
        """The host looks at the blob first; where it may not, it stops, and the message it had stays hidden."""
        down = next((one for one in self._downs if one.hits_files(now)), None)
        if down is None:
            return True
        if down.host_stops_at is not None:
            self._hide(message)
        else:
            self._failed(message)
        return False

    def _invoke(self, message: Message, triggers: Triggers) -> None:
        self.invocations += 1
        self.began = self._clock.now()
        self.deadline = self.began + timedelta(seconds=self._case.budget)
        try:
            self._call(message, triggers)
        except Died:
            self.deaths.append(self._clock.now())
            self._next_tick = max(self._next_tick, self._clock.now() + TIMER_LOST)
            self._hide(message)
        except StorageUnavailable:
            self._failed(message)
        else:
            if any(down.hits_queues(self._clock.now()) for down in self._downs):
                self._hide(message)  # it cannot be deleted
        finally:
            self.began = None

    def _call(self, message: Message, triggers: Triggers) -> None:
        match message.kind:
            case Kind.BLOB:
                triggers.dropped(message.continuation.key)
            case Kind.QUEUE:
                triggers.due(message.continuation)
            case Kind.POISON:
                triggers.poisoned(message.continuation)

    def _hide(self, message: Message) -> None:
        message.is_hidden = True
        hidden = self._case.redelivery if self.deaths else HIDDEN
        self._put_back(message, hidden)

    def _failed(self, message: Message) -> None:
        """The function failed, or the host before it."""
        if any(down.hits_queues(self._clock.now()) for down in self._downs):
            self._hide(message)
        elif message.kind is Kind.POISON:
            if self._case.poison == "never" and message.deliveries >= DELIVERIES:
                self.lost.append(message)
            else:
                self._put_back(message, POISON_AGAIN)
        elif message.deliveries >= DELIVERIES:
            self._messages.append(replace(message, due=self._clock.now(), kind=Kind.POISON, deliveries=0))
        else:
            self._put_back(message, BLOB_AGAIN if message.kind is Kind.BLOB else QUEUE_AGAIN)

    def _put_back(self, message: Message, seconds: float) -> None:
        message.due = self._clock.now() + timedelta(seconds=seconds)
        self._messages.append(message)

    def _make_ticks_follow(self) -> None:
        """Ticks that nobody needed are not made up for."""
        while self._next_tick <= self._clock.now():
            self._next_tick += TICK

    def _tick(self, tick: Callable[[], object]) -> None:
        self._clock.advance_to(self._next_tick)
        self._next_tick = self._clock.now() + TICK
        stopped = [down for down in self._downs if down.host_stops_at is not None and down.lasts(self._clock.now())]
        if stopped and stopped[0].host_is_well_at is not None:
            self._next_tick = stopped[0].host_is_well_at + TIMER_LOST
            return
        self.sweeps += 1
        self._idle_ticks += 1
        self.began = self._clock.now()
        try:
            tick()
        except Died:
            self.deaths.append(self._clock.now())
            self._next_tick = self._clock.now() + TIMER_LOST
        except StorageUnavailable:
            return
        finally:
            self.began = None
