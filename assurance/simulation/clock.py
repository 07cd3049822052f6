"""Time that moves only when somebody sleeps, or says so."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

START = datetime(2026, 3, 2, 8, tzinfo=UTC)


class VirtualClock:
    """Implements `Clock`. `before` is told of each move, before it is made, with the moment it leads to.

    `slept` is told when each sleep ended.
    """

    def __init__(self, start: datetime = START) -> None:
        self._now = start
        self.before: Callable[[datetime], None] = lambda _: None
        self.slept: Callable[[datetime], None] = lambda _: None

    def now(self) -> datetime:
        """See `Clock.now`."""
        return self._now

    def sleep(self, seconds: float) -> None:
        """See `Clock.sleep`. Takes no time of ours."""
        self.advance(seconds)
        self.slept(self._now)

    def advance(self, seconds: float) -> None:
        """Move time forward; never back."""
        self.advance_to(self._now + timedelta(seconds=max(0.0, seconds)))

    def advance_to(self, at: datetime) -> None:
        """Move time forward to `at`; stay where it has passed already."""
        if at > self._now:
            self.before(at)
            self.set(at)

    def set(self, at: datetime) -> None:
        """Move time forward to `at` without telling anybody."""
        self._now = max(self._now, at)


class SkewedClock(VirtualClock):
    """Somebody else's clock, which is ahead of ours by so many seconds."""

    def __init__(self, ours: VirtualClock, seconds: float) -> None:
        super().__init__()
        self._ours = ours
        self._ahead = timedelta(seconds=seconds)

    def now(self) -> datetime:
        """See `Clock.now`."""
        return self._ours.now() + self._ahead
