"""Outlook's limits per app and mailbox, and the rate limiter's own parameters."""

from __future__ import annotations

from dataclasses import dataclass

from shared.core.allowance import MailboxBytes


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds and bytes; the reason for each value stands beside it.

    Attributes:
        slots: requests at once (graph/throttling-limits, Outlook service: 4 concurrent requests). A run makes one
            request at a time, so it is also how many transfers work on one mailbox at once.
        window_bytes: bytes that PUT, POST and PATCH may carry in any window (same page: 150 MB in 5 minutes; read as
            150,000,000, the stricter of both readings).
        window_seconds: the window's length. Whether Graph's window slides or starts anew is not said; what fits a
            sliding one fits both.
        window_margin: how much longer than the window spent bytes are remembered: workers' clocks differ by less
            (Azure hosts are synchronised to well under a second).
        least_grant: bytes below which it is not worth starting, unless they are all that is left: 4 ranges. A run
            costs about a dozen storage calls; fewer ranges than that would cost more calls than they send.
        lease: how long a slot is held after its last renewal. A run renews it every third of that; the slot of one that
            was killed is free after at most this long.
        admission: how long a slot is reserved for a transfer that was admitted from the wait queue: queues are polled
            every 10 seconds at the latest (host.json, maxPollingInterval), and a busy worker needs a moment more.
        recheck: how long a transfer stays in the wait queue before it tries again by itself: only needed where the
            messages of every run that was to admit it were lost. Chosen: 1,000 small files pass in less.
        kept_entries: how many entries of the wait queue are kept in the mailbox's blob, so that one listing of the
            entries serves so many. 64 of them make less than 8 KiB.
        kept_per_item: how many of them may wait for one item, whose commits go one by one: the mailbox's other
            transfers are not behind all of them.
        listed: entries of the wait queue that are listed at once.
        relist: seconds between two listings while a slot is free that no known entry can have.
        promise_grace: how long after its time a promise of bytes is kept for the transfer it was made to: the queue's
            longest polling interval, and a moment more.
        unconfirmed: bytes that a dead run may have sent beyond its last checkpoint: 4 ranges. A checkpoint follows each
            range and lags by one write.
        bytes: whether the window is enforced.
        counting_lifetime: how long it is enforced once a 429 has shown that Outlook counts bytes: a day, after which it
            is found out again, at the cost of a few refused requests.
        evidence: the share of the window that must have been sent for a 429 to show that. What other runs sent since
            their last record is not known, and Outlook refuses for other reasons too.
        longest_closed: how long a Retry-After closes a mailbox for everybody at most: the longest of Outlook's windows
            (same page: 10,000 requests in 10 minutes). The transfer that was answered waits as long as the answer says.
    """

    slots: int = 4
    window_bytes: int = 150_000_000
    window_seconds: float = 300
    window_margin: float = 2
    least_grant: int = 4 * 1024 * 1024
    lease: float = 30
    admission: float = 15
    recheck: float = 300
    kept_entries: int = 64
    kept_per_item: int = 16
    listed: int = 256
    relist: float = 2
    promise_grace: float = 15
    unconfirmed: int = 16 * 1024 * 1024
    bytes: MailboxBytes = MailboxBytes.LIMIT
    counting_lifetime: float = 86_400
    evidence: float = 0.5
    longest_closed: float = 600

    @property
    def memory(self) -> float:
        """Seconds after which spent bytes are forgotten."""
        return self.window_seconds + self.window_margin

    @property
    def grain(self) -> float:
        """Seconds to which the times of spent bytes are rounded up, so that a mailbox's history stays short."""
        return self.window_seconds / 100


OUTLOOK = Limits()
