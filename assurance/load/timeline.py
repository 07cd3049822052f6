"""Virtual time for blocking code: threads of which exactly one runs, the one whose time comes first.

The product's runs block: they sleep, and wait for answers. Here each of them is a thread of its own, and waiting hands
over to whoever is due next, so that hours pass in seconds and every order of events is the same in every replay.
"""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count

START = datetime(2026, 3, 2, 8, tzinfo=UTC)


class Timeline:
    """Implements `Clock`. Everything that happens, happens in a thread that `spawn` started."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.failure: BaseException | None = None
        self._due: list[tuple[float, int, threading.Lock]] = []
        self._numbers = count()
        self._idle = threading.Lock()

    def now(self) -> datetime:
        """See `Clock.now`."""
        return START + timedelta(seconds=self.seconds)

    def sleep(self, seconds: float) -> None:
        """See `Clock.sleep`: everybody who is due before goes first."""
        at = self.seconds + max(0.0, seconds)
        if not self._due or at < self._due[0][0]:
            self.seconds = at
            return
        mine = threading.Lock()
        mine.acquire()
        heapq.heappush(self._due, (at, next(self._numbers), mine))
        self._next()
        mine.acquire()

    def wait(self, waiting: list[threading.Lock]) -> None:
        """Wait until somebody calls `wake` with the same list."""
        mine = threading.Lock()
        mine.acquire()
        waiting.append(mine)
        self._next()
        mine.acquire()

    def wake(self, waiting: list[threading.Lock]) -> None:
        """Everybody who waits there goes on now, after whoever is due now already."""
        while waiting:
            heapq.heappush(self._due, (self.seconds, next(self._numbers), waiting.pop()))

    def spawn(self, work: Callable[[], None], *, at: float = 0.0) -> None:
        """Start `work` in a thread of its own, `at` seconds after the start of everything."""
        mine = threading.Lock()
        mine.acquire()

        def body() -> None:
            mine.acquire()
            try:
                work()
            except BaseException as failure:  # noqa: BLE001 - told by `run`, in the thread that waits
                self.failure = self.failure or failure
            self._next()

        threading.Thread(target=body, daemon=True).start()
        heapq.heappush(self._due, (max(at, self.seconds), next(self._numbers), mine))

    def run(self) -> None:
        """Let everything happen that was spawned; raises what one of the threads raised."""
        self._idle.acquire()
        self._next()
        self._idle.acquire()
        self._idle.release()
        if self.failure is not None:
            raise self.failure

    def _next(self) -> None:
        """Hand over to whoever is due first; at the end, to whoever waits for all of it."""
        if self._due and self.failure is None:
            self.seconds, _, lock = heapq.heappop(self._due)
            lock.release()
        else:
            self._idle.release()
