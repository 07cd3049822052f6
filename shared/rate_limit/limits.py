"""Outlook's limits per app and mailbox, and the few numbers by which they are shared out."""

from __future__ import annotations

from dataclasses import dataclass

from shared.core.allowance import MailboxBytes


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds and bytes; the reason for each value stands beside it.

    Attributes:
        places: requests at once (graph/throttling-limits, Outlook service: 4 concurrent requests). A run makes one
            request at a time, so it is also how many transfers work on one mailbox at once.
        window_bytes: bytes that PUT, POST and PATCH may carry in any window (same page: 150 MB in 5 minutes; read as
            150,000,000, the stricter of both readings).
        window_seconds: the window's length. Whether Graph's window slides or starts anew is not said; what fits a
            sliding one fits both.
        window_margin: how much longer than the window spent bytes are remembered: workers' clocks differ by less
            (Azure hosts are synchronised to well under a second).
        least_grant: bytes below which it is not worth starting, unless they are all that is left: 4 ranges. A run
            costs about a dozen storage calls; fewer ranges than that would cost more calls than they send.
        lease: how long a place is held after its holder was last heard of. A holder is heard of every third of it;
            one that was killed frees its place after at most this long.
        call: how long a place is kept for a transfer that was called from the line: queues are polled every 10 seconds
            at the latest (host.json, maxPollingInterval), and a busy worker needs a moment more.
        recheck: how long a transfer waits in the line before it looks by itself, should nobody call it: only where
            the messages of everybody who was to call it were lost. Chosen: 1,000 small files pass in less.
        line: how many of the line are kept in the mailbox's blob, so that a listing of the line's entries serves so
            many. 64 of them make less than 8 KiB.
        line_of_item: how many of them may wait for one item, whose commits go one by one: the others of the mailbox
            are not behind all of them.
        listed: entries of the line that are listed at once.
        relist: seconds between two listings while nobody in the line can be called although a place is free.
        patience: how long after its time a promise of bytes is kept for whoever was told to come: the queue's longest
            pause between two looks, and a moment more.
        doubt: bytes that a dead run may have sent beyond its last checkpoint: 4 ranges. A checkpoint follows each range
            and lags by one write.
        bytes: whether the window is kept.
        lesson: how long it is kept once a 429 has shown that Outlook counts bytes: a day, after which it is found out
            again, at the cost of a few refused requests.
        evidence: the share of the window that must have been sent for a 429 to show that. What others sent since they
            last told is not known, and Outlook refuses for other reasons too.
        longest_closed: how long a Retry-After closes a mailbox for everybody at most: the longest of Outlook's windows
            (same page: 10,000 requests in 10 minutes). The transfer that was told waits as long as it was told to.
    """

    slots: int = 4
    window_bytes: int = 150_000_000
    window_seconds: float = 300
    window_margin: float = 2
    least_grant: int = 4 * 1024 * 1024
    lease: float = 30
    call: float = 15
    recheck: float = 300
    line: int = 64
    line_of_item: int = 16
    listed: int = 256
    relist: float = 2
    patience: float = 15
    doubt: int = 16 * 1024 * 1024
    bytes: MailboxBytes = MailboxBytes.LIMIT
    lesson: float = 86_400
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
