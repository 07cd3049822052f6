"""A run's permit for its mailbox: acquired before the first request, renewed while it works, released at its end.

A lone transfer pays three storage calls for it: its mailbox is read beside the claim of its checkpoint, written when it
begins, with all the bytes it needs granted at once, and written when it ends. Between the ranges there is no call; only
a long run renews its slot every few seconds, in the background.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from shared.core.actions import Action, OpenSession
from shared.core.errors import Code
from shared.core.events import Event, NotDone, Unsure
from shared.core.model import Transfer
from shared.engine.permit import FreePermit
from shared.engine.ports import Background
from shared.engine.process import Deferred
from shared.rate_limit import allowance, permits
from shared.rate_limit.limits import OUTLOOK, Limits
from shared.rate_limit.mailbox import Mailbox, Slot
from shared.rate_limit.permits import Change, PermitRequest
from shared.run import permit_request
from shared.run.mailbox_record import Record
from shared.run.permit import Permit, Prefetch
from shared.storage.ports import Clock, Conflict, Mailboxes, StorageUnavailable

ACQUIRE_TRIES = 10
RELEASE_TRIES = 12
"""How often a write that met another one is tried again. A release is tried longer: a slot that is not released is only
free once its lease expires."""

BUSY_PAUSE = 3.0
"""Seconds until a run comes back whose request could not be written."""

COMMIT_PAUSE = 0.25
"""Seconds, doubling up to 8 of them, between two attempts to lock the item's commits. The lock is kept for the run that
waits, so that it waits only for those that had the lock or asked before, each for about a second."""

UNSTATED_PAUSE = 10.0
"""Seconds that a 429 without Retry-After closes the mailbox: what the answers about concurrency ask for
(graph/throttling)."""

COUNTING_PAUSE = 10.0
"""Seconds between two reads of whether Outlook counts bytes, in a process that does not know of it."""

CONCURRENCY = "concurrency"
"""In the name of the limit that a 429 speaks of where too many requests were open ("MailboxConcurrency", seen live)."""

_NOT_SENT = frozenset({Code.GRAPH_UNREACHABLE, Code.IDENTITY_UNAVAILABLE, Code.SOURCE_UNREADABLE})


class MailboxRateLimiter:
    """Implements `RateLimiter` over what all workers know together. One per process, safe to share between its threads.

    `admit` asks for a run of a transfer at once: a slot is reserved for it.
    """

    def __init__(
        self,
        mailboxes: Mailboxes,
        clock: Clock,
        admit: Callable[[str], None],
        range_bytes: int,
        limits: Limits = OUTLOOK,
    ) -> None:
        self.mailboxes = mailboxes
        self.clock = clock
        self.admit = admit
        self.range_bytes = range_bytes
        self.limits = limits
        self._counting: tuple[datetime | None, datetime] | None = (
            None  # until when Outlook counts bytes, and when that was read
        )

    def prefetch(self, transfer: Transfer, background: Background) -> Prefetch | None:
        """See `RateLimiter.prefetch`."""
        return (
            None if transfer.cancel_requested else MailboxPrefetch(self.mailboxes, transfer.target.mailbox, background)
        )

    def acquire(
        self, transfer: Transfer, run_id: str, background: Background, prefetched: Prefetch | None = None
    ) -> Permit | Deferred:
        """See `RateLimiter.acquire`. A run that only ends its transfer never waits."""
        if transfer.cancel_requested:
            return FreePermit()
        request = permit_request.of_transfer(transfer, run_id, self.range_bytes)
        record = self._record(transfer, run_id, prefetched.result() if prefetched is not None else None)
        waiting = permits.wait_entry(request)
        change = record.change(
            lambda mailbox, now: permits.acquire(self.with_counting(mailbox, request, now), request, now, self.limits),
            ACQUIRE_TRIES,
            waiting=waiting,
        )
        if change is not None and isinstance(change.outcome, Slot):
            if record.is_queued or (transfer.recheck_at is not None and not change.was_admitted):
                background.submit(lambda: record.dequeue((waiting,)))
            return HeldPermit(self, record, change.outcome, background)
        if change is not None and isinstance(change.outcome, Deferred):
            return change.outcome
        return Deferred(self.clock.now() + timedelta(seconds=BUSY_PAUSE), known=False)

    def with_counting(self, mailbox: Mailbox, request: PermitRequest, now: datetime) -> Mailbox:
        """The mailbox, with what is known of byte counting if it matters: a run that sends little reads nothing."""
        if not allowance.is_unknown(mailbox, request.need, now, self.limits):
            return mailbox
        until, since = self._counting or (None, None)
        if until is not None and until > now:
            return allowance.with_counting(mailbox, until)
        if since is None or now - since >= timedelta(seconds=COUNTING_PAUSE):
            with suppress(Conflict, StorageUnavailable):
                until = self.mailboxes.counted_until()
                self._counting = until, now
        return allowance.with_counting(mailbox, until) if until is not None and until > now else mailbox

    def extend(
        self, mailbox: Mailbox, slot: Slot, request: PermitRequest, sent: int, now: datetime, limits: Limits
    ) -> Change:
        """See `permits.extend`, with what is known of byte counting."""
        return permits.extend(self.with_counting(mailbox, request, now), slot, request, sent, now, limits)

    def publish_counting(self, mailbox: Mailbox, now: datetime) -> None:
        """Store for every mailbox that Outlook counts bytes, unless that was known. This mailbox holds it already."""
        until, known = mailbox.counted_until, self._counting[0] if self._counting is not None else None
        if until is None or (known is not None and known > now):
            return
        self._counting = until, now
        with suppress(Conflict, StorageUnavailable):
            self.mailboxes.count_until(until)

    def _record(self, transfer: Transfer, run_id: str, known: tuple[Mailbox, str | None] | None) -> Record:
        return Record(self.mailboxes, self.clock, self.admit, self.limits, transfer.target.mailbox, run_id, known)


class MailboxPrefetch:
    """Implements `Prefetch`."""

    def __init__(self, mailboxes: Mailboxes, mailbox: str, background: Background) -> None:
        self._mailboxes = mailboxes
        self._mailbox = mailbox
        self._found: list[tuple[Mailbox, str | None]] = []
        self._done = background.submit(self._load)

    def result(self) -> tuple[Mailbox, str | None] | None:
        """See `Prefetch.result`. None where it could not be read: it is read again then."""
        with suppress(Conflict):
            self._done.result()
        return self._found[0] if self._found else None

    def _load(self) -> None:
        self._found.append(self._mailboxes.load(self._mailbox))


class HeldPermit:
    """Implements `Permit`. Not for use by two threads at once."""

    def __init__(self, rate_limiter: MailboxRateLimiter, record: Record, slot: Slot, background: Background) -> None:
        self._rate_limiter = rate_limiter
        self._record = record
        self._slot = slot
        self._background = background
        self._sent = 0
        self._closed_until: datetime | None = None
        self._renewed_at = rate_limiter.clock.now()
        self._renewal: tuple[Future[None], list[Change | None], int] | None = None
        self._lock_attempts = 0

    def check(self, action: Action, transfer: Transfer) -> Deferred | None:
        """See `Permit.check`. What follows a PrepareCommit is checked with it: a prepared POST never waits."""
        size, commits = permit_request.of_action(action, transfer, self._rate_limiter.range_bytes)
        if commits and self._slot.item is None:
            deferred = self._lock_item(transfer)
            if deferred is not None:
                return deferred
        if self._sent + size > self._slot.granted and not isinstance(action, OpenSession):
            return self._extend(transfer, size)
        if self._rate_limiter.clock.now() - self._renewed_at > timedelta(seconds=self._rate_limiter.limits.lease / 3):
            self._renew()
        return None

    def record(self, action: Action, event: Event) -> None:
        """See `Permit.record`. Bytes count unless they surely never arrived; a Retry-After is for the whole mailbox."""
        is_throttled = isinstance(event, NotDone | Unsure) and event.code is Code.GRAPH_THROTTLED
        if not is_throttled and not (isinstance(event, NotDone) and event.code in _NOT_SENT):
            self._sent += permit_request.carried(action)
        if isinstance(event, NotDone | Unsure) and is_throttled:
            is_explained = event.graph is not None and CONCURRENCY in (event.graph.limit or "").lower()
            self._throttled(0 if is_explained else permit_request.carried(action), event.retry_after or UNSTATED_PAUSE)

    def release(self) -> None:
        """See `Permit.release`. What storage does not take expires with the lease."""
        closed, limits = self._closed_until, self._rate_limiter.limits
        try:
            self._await_renewal()
            slot, sent = self._slot, self._sent
            self._record.change(
                lambda mailbox, now: permits.release(mailbox, slot, sent, closed, now, limits),
                RELEASE_TRIES,
                leaving=slot.transfer,
            )
        except StorageUnavailable:
            return

    def _throttled(self, refused: int, seconds: float) -> None:
        """Close the mailbox for every run for so long, at once: the run itself may sleep through it."""
        rate_limiter = self._rate_limiter
        closed = self._closed_until = rate_limiter.clock.now() + timedelta(seconds=seconds)
        with suppress(StorageUnavailable):
            self._await_renewal()
            slot, sent, limits = self._slot, self._sent, rate_limiter.limits
            change = self._record.change(
                lambda mailbox, now: permits.throttled(mailbox, slot, sent, refused, closed, now, limits), ACQUIRE_TRIES
            )
            self._adopt(change, sent)
            if change is not None:
                rate_limiter.publish_counting(change.mailbox, rate_limiter.clock.now())

    def _lock_item(self, transfer: Transfer) -> Deferred | None:
        """Lock the item's commits; None once they are locked for this run."""
        change = self._apply(permits.lock_item, self._request(transfer))
        if change is not None and isinstance(change.outcome, Slot):
            return None
        self._lock_attempts += 1
        return self._retry_in(2 ** min(self._lock_attempts - 1, 3))

    def _extend(self, transfer: Transfer, size: int) -> Deferred | None:
        """Ask for the bytes still needed; None once there are enough for the next request."""
        request = self._request(transfer)
        missing = max(request.need, size) - max(0, self._slot.granted - self._sent)
        change = self._apply(self._rate_limiter.extend, replace(request, need=missing, waited=True))
        if change is None:
            return self._retry_in(1)
        return change.outcome if isinstance(change.outcome, Deferred) else None

    def _apply(
        self, step: Callable[[Mailbox, Slot, PermitRequest, int, datetime, Limits], Change], request: PermitRequest
    ) -> Change | None:
        """Write a change, which the run waits for."""
        self._await_renewal()
        slot, sent, limits = self._slot, self._sent, self._rate_limiter.limits
        change = self._record.change(
            lambda mailbox, now: step(mailbox, slot, request, sent, now, limits), ACQUIRE_TRIES
        )
        self._adopt(change, sent)
        return change

    def _renew(self) -> None:
        """Renew the slot's lease in the background, while the run goes on."""
        self._await_renewal()
        slot, sent, limits = self._slot, self._sent, self._rate_limiter.limits
        self._renewed_at = self._rate_limiter.clock.now()
        found: list[Change | None] = []

        def work() -> None:
            found.append(
                self._record.change(lambda mailbox, now: permits.renew(mailbox, slot, sent, now, limits), ACQUIRE_TRIES)
            )

        self._renewal = (self._background.submit(work), found, sent)

    def _await_renewal(self) -> None:
        """Wait for a renewal under way, and adopt its result."""
        renewal, self._renewal = self._renewal, None
        if renewal is not None:
            done, found, sent = renewal
            done.result()
            self._adopt(found[0], sent)

    def _adopt(self, change: Change | None, sent: int) -> None:
        """Adopt what was written: `sent` bytes are recorded."""
        written = change.mailbox.slot_of(self._slot.transfer) if change is not None else None
        if written is not None:
            self._slot, self._sent, self._renewed_at = written, self._sent - sent, self._rate_limiter.clock.now()

    def _request(self, transfer: Transfer) -> PermitRequest:
        return permit_request.of_transfer(transfer, str(self._slot.run), self._rate_limiter.range_bytes)

    def _retry_in(self, pauses: int) -> Deferred:
        return Deferred(self._rate_limiter.clock.now() + timedelta(seconds=COMMIT_PAUSE * pauses), known=False)
