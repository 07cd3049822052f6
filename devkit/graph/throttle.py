"""Outlook's limits per app and mailbox (section 6): open requests, and uploaded bytes per window."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta
from math import ceil
from typing import TYPE_CHECKING

from devkit.graph.errors import Refusal

if TYPE_CHECKING:
    from devkit.graph.switches import Switches

Key = tuple[str, str]
"""An app's client id and a mailbox's object id."""


class Throttle:
    """Counts per app and mailbox; asked only while one of its limits is on."""

    __slots__ = ("_bytes", "_open")

    def __init__(self) -> None:
        self._open: dict[Key, int] = {}
        self._bytes: dict[Key, deque[tuple[datetime, int]]] = {}

    def copy(self) -> Throttle:
        """An independent twin with nothing open."""
        twin = Throttle()
        twin._bytes = {key: deque(window) for key, window in self._bytes.items()}
        return twin

    def forget(self) -> None:
        """Empty every byte window."""
        self._bytes.clear()

    def enter(self, key: Key, switches: Switches) -> None:
        """A request begins; Refusal 429 where too many are open. Call `leave` in either case."""
        count = self._open[key] = self._open.get(key, 0) + 1
        if switches.concurrency_limit and count > switches.concurrency_limit:
            raise throttled("Application is over its MailboxConcurrency limit.", 10 / switches.time_scale)

    def leave(self, key: Key) -> None:
        """A request ended."""
        self._open[key] -= 1

    def spend(self, key: Key, length: int, now: datetime, switches: Switches) -> None:
        """Count uploaded bytes; Refusal 429 with the seconds until they fit where the window is full."""
        window = self._bytes.setdefault(key, deque())
        span = timedelta(seconds=switches.byte_window_seconds / switches.time_scale)
        while window and window[0][0] <= now - span:
            window.popleft()
        used = sum(size for _, size in window)
        if used + length > switches.byte_window:
            wait = (window[0][0] + span - now).total_seconds() if window else span.total_seconds()
            raise throttled("Application is over its UploadBytes limit.", wait)
        window.append((now, length))


def throttled(message: str, wait: float) -> Refusal:
    """429 in the shape seen from Outlook, with whole seconds to wait."""
    return Refusal(429, "ApplicationThrottled", message, {"Retry-After": str(max(1, ceil(wait)))})
