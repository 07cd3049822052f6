"""The sliding window: how many bytes fit now, and when so many will.

The only thing that is not exact here is on the safe side: bytes count from the moment they are recorded, which is at
most a third of a lease after they were sent, and their times are rounded up.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from math import ceil

from shared.rate_limit.limits import Limits
from shared.rate_limit.mailbox import Mailbox, Promise, Spent

PROMISE_GRAIN = 5
"""Grains to which the times of promises are rounded up. They only say when a promise lapses."""

MOST_PROMISES = 128
"""Promises kept apart. Further ones go to the last: they are all far away."""


def room(mailbox: Mailbox, limits: Limits) -> int:
    """Bytes that may be granted now; negative where more was spent than the window holds."""
    return limits.window_bytes - _used(mailbox)


def is_empty(mailbox: Mailbox) -> bool:
    """True where nothing was sent, or granted, within the window."""
    return _used(mailbox) == 0


def promised(mailbox: Mailbox) -> int:
    """Bytes promised to transfers that were deferred."""
    return sum(promise.size for promise in mailbox.promises)


def when(mailbox: Mailbox, wanted: int, now: datetime, limits: Limits) -> datetime:
    """The earliest time at which `wanted` bytes fit, counted in the order they were asked for.

    Beyond one window the pattern repeats: what is sent as soon as it fits leaves the window a window later.
    """
    windows = max(0, ceil(wanted / limits.window_bytes) - 1)
    rest = wanted - windows * limits.window_bytes
    return _within_window(mailbox, rest, now, limits) + windows * timedelta(seconds=limits.memory)


def _within_window(mailbox: Mailbox, wanted: int, now: datetime, limits: Limits) -> datetime:
    free = room(mailbox, limits)
    if wanted <= free:
        return now
    memory = timedelta(seconds=limits.memory)
    leaving = [(spent.until, spent.size) for spent in mailbox.spent]
    leaving += [(min(slot.until, now) + memory, slot.granted) for slot in mailbox.slots if slot.granted]
    at = now + memory
    for at, size in sorted(leaving):  # noqa: B007 - the last one counts where even it does not suffice
        free += size
        if free >= wanted:
            break
    return at


def with_spent(mailbox: Mailbox, size: int, at: datetime, limits: Limits) -> Mailbox:
    """With bytes that were sent until `at`."""
    if size <= 0:
        return mailbox
    until = _rounded_up(at + timedelta(seconds=limits.memory), limits.grain)
    same = next((spent for spent in mailbox.spent if spent.until == until), Spent(until, 0))
    others = tuple(spent for spent in mailbox.spent if spent.until != until)
    return replace(mailbox, spent=(*others, Spent(until, same.size + size)))


def with_promise(mailbox: Mailbox, size: int, at: datetime, limits: Limits) -> Mailbox:
    """With bytes for a transfer that was deferred to `at`."""
    about = _rounded_up(at, PROMISE_GRAIN * limits.grain)
    promises = {promise.at: promise.size for promise in mailbox.promises}
    if about not in promises and len(promises) >= MOST_PROMISES:
        about = max(promises)
    promises[about] = promises.get(about, 0) + size
    return replace(mailbox, promises=tuple(Promise(at, size) for at, size in sorted(promises.items())))


def without_promise(mailbox: Mailbox, size: int) -> Mailbox:
    """Without the first `size` bytes that were promised: a transfer came back for them."""
    left: list[Promise] = []
    for promise in mailbox.promises:
        taken = min(size, promise.size)
        size -= taken
        if taken < promise.size:
            left.append(Promise(promise.at, promise.size - taken))
    return replace(mailbox, promises=tuple(left))


def tidied(mailbox: Mailbox, now: datetime, limits: Limits) -> Mailbox:
    """Without what no longer matters: bytes out of the window, lapsed promises, slots long expired."""
    memory, patience = timedelta(seconds=limits.memory), timedelta(seconds=limits.promise_grace)
    closed, counted = mailbox.closed_until, mailbox.counted_until
    return replace(
        mailbox,
        slots=tuple(slot for slot in mailbox.slots if _matters(slot.until, slot.granted, now, memory)),
        spent=tuple(spent for spent in mailbox.spent if spent.until > now),
        promises=tuple(promise for promise in mailbox.promises if promise.at + patience > now),
        closed_until=closed if closed is not None and closed > now else None,
        counted_until=counted if counted is not None and counted > now else None,
    )


def _matters(until: datetime, granted: int, now: datetime, memory: timedelta) -> bool:
    """A dead holder may have sent all it was granted, up to its last moment."""
    return until > now or (granted > 0 and until + memory > now)


def spent(mailbox: Mailbox) -> int:
    """Bytes recorded as sent, within the window."""
    return sum(spent.size for spent in mailbox.spent)


def _used(mailbox: Mailbox) -> int:
    return spent(mailbox) + sum(slot.granted for slot in mailbox.slots)


def _rounded_up(at: datetime, grain: float) -> datetime:
    seconds = ceil(at.timestamp() / grain) * grain
    return datetime.fromtimestamp(seconds, at.tzinfo)
