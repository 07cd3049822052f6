"""The hosts: instances that take events and continuations as the Functions host does, and run them in their workers.

The rules are QueueListener's (see `devkit/functions_host/queues.py`): a batch is taken whenever no more than so many
messages are running; after an empty look the pause doubles, up to the polling interval.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from assurance.load.storage import ModelQueue
from assurance.load.timeline import Timeline
from devkit.functions_host.settings import MAX_BATCH
from shared.engine.continuation import Continuation

FIRST_PAUSE = 0.1
"""Seconds after the first empty look (QueueListener: 100 ms)."""


@dataclass(frozen=True)
class Concurrency:
    """host.json's numbers for one trigger: how many messages are taken at once, and when the next ones are."""

    batch: int = 1
    threshold: int = 3
    longest_pause: float = 10

    @classmethod
    def of_blobs(cls, parallel: int = 4) -> Self:
        """What the blob extension makes of its `maxDegreeOfParallelism` (SharedBlobQueueListenerFactory)."""
        batch = min(parallel // 2 + 1, MAX_BATCH)
        return cls(batch, parallel - batch)

    @property
    def most(self) -> int:
        """Messages running at once on one instance."""
        return self.batch + self.threshold


class Listener:
    """One instance's listener on one queue, and its workers."""

    def __init__(
        self, timeline: Timeline, queue: ModelQueue, rules: Concurrency, run: Callable[[Continuation], None]
    ) -> None:
        self.running = 0
        self._ended: list[threading.Lock] = []
        self._timeline = timeline
        self._queue = queue
        self._rules = rules
        self._run = run

    def listen(self, until: Callable[[], bool]) -> None:
        """Take and start messages until all is done."""
        pause = FIRST_PAUSE
        while not until():
            while self.running > self._rules.threshold:
                self._timeline.wait(self._ended)
            batch = self._queue.take(self._rules.batch)
            for message in batch:
                self.running += 1
                self._timeline.spawn(lambda message=message: self._one(message))  # type: ignore[misc]  # a default binds it
            pause = FIRST_PAUSE if batch else min(pause * 2, self._rules.longest_pause)
            if not batch:
                self._timeline.sleep(pause)

    def _one(self, message: Continuation) -> None:
        try:
            self._run(message)
        finally:
            self.running -= 1
            self._timeline.wake(self._ended)
