"""A run's turn on its mailbox: asked for before the first request, kept while it works, given back at its end.

A lone transfer pays three storage calls for it: its mailbox is read beside the claim of its checkpoint, written when it
begins, with all the bytes it needs granted at once, and written when it ends. Beside the ranges nothing is asked; only
a run that lasts tells every few seconds, in the background, that it is alive.
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
from shared.rate_limit import allowance, permits
from shared.rate_limit.limits import OUTLOOK, Limits
from shared.rate_limit.mailbox import Mailbox, Slot
from shared.rate_limit.permits import Change, Deferred, PermitRequest
from shared.run import permit_request
from shared.run.checkpoint_writer import Background
from shared.run.mailbox_record import Record
from shared.run.permit import FreePermit, Permit, Prefetch
from shared.storage.ports import Clock, Conflict, Mailboxes, StorageUnavailable

ENTER_TRIES = 10
LEAVE_TRIES = 12
"""How often a write that met another one is tried again. Leaving is tried longer: what is not given back is only free
once it lapses."""

BUSY_PAUSE = 3.0
"""Seconds before a run that could not even ask comes back."""

COMMIT_PAUSE = 0.25
"""Seconds, doubling up to 8 of them, between two looks whether the item's commits are free. They are kept for whoever
looks, so that only those who had them or asked before are waited for, each for about a second."""

UNSTATED_PAUSE = 10.0
"""Seconds that a 429 without Retry-After closes the mailbox: what the answers about concurrency ask for
(graph/throttling)."""

LESSON_PAUSE = 10.0
"""Seconds between two looks whether Outlook is known to count bytes, in a process that has not heard of it."""

CONCURRENCY = "concurrency"
"""In the name of the limit that a 429 speaks of where too many requests were open ("MailboxConcurrency", seen live)."""

_NOT_SENT = frozenset({Code.GRAPH_UNREACHABLE, Code.IDENTITY_UNAVAILABLE, Code.SOURCE_UNREADABLE})


class MailboxRateLimiter:
    """Implements `RateLimiter` over what all workers know together. One per process, safe to share between its threads.

    `call` asks for a run of a transfer at once: it has come to the head of the line.
    """

    def __init__(
        self,
        mailboxes: Mailboxes,
        clock: Clock,
        call: Callable[[str], None],
        range_bytes: int,
        limits: Limits = OUTLOOK,
    ) -> None:
        self.mailboxes = mailboxes
        self.clock = clock
        self.call = call
        self.range_bytes = range_bytes
        self.limits = limits
        self._lesson: tuple[datetime | None, datetime] | None = None  # what is known of bytes, and since when

    def look(self, transfer: Transfer, background: Background) -> Prefetch | None:
        """See `RateLimiter.look`."""
        return (
            None if transfer.cancel_requested else MailboxPrefetch(self.mailboxes, transfer.target.mailbox, background)
        )

    def enter(
        self, transfer: Transfer, run_id: str, background: Background, look: Prefetch | None = None
    ) -> Permit | Deferred:
        """See `RateLimiter.enter`. Whoever only wants to end a transfer is never kept waiting."""
        if transfer.cancel_requested:
            return FreePermit()
        asked = permit_request.of_transfer(transfer, run_id, self.range_bytes)
        record = self._record(transfer, run_id, look.seen() if look is not None else None)
        waiting = permits.waiting(asked)
        change = record.change(
            lambda mailbox, now: permits.enter(self.taught(mailbox, asked, now), asked, now, self.limits),
            ENTER_TRIES,
            waiting=waiting,
        )
        if change is not None and isinstance(change.outcome, Slot):
            if record.stands or (transfer.recheck_at is not None and not change.was_called):
                background.submit(lambda: record.unqueue((waiting,)))
            return HeldPermit(self, record, change.outcome, background)
        if change is not None and isinstance(change.outcome, Deferred):
            return change.outcome
        return Deferred(self.clock.now() + timedelta(seconds=BUSY_PAUSE), known=False)

    def taught(self, mailbox: Mailbox, asked: PermitRequest, now: datetime) -> Mailbox:
        """The mailbox, with what others have learned of bytes where that matters: whoever sends little asks nothing."""
        if not allowance.is_in_question(mailbox, asked.need, now, self.limits):
            return mailbox
        until, since = self._lesson or (None, None)
        if until is not None and until > now:
            return allowance.taught(mailbox, until)
        if since is None or now - since >= timedelta(seconds=LESSON_PAUSE):
            with suppress(Conflict, StorageUnavailable):
                until = self.mailboxes.counted_until()
                self._lesson = until, now
        return allowance.taught(mailbox, until) if until is not None and until > now else mailbox

    def more(
        self, mailbox: Mailbox, slot: Slot, asked: PermitRequest, sent: int, now: datetime, limits: Limits
    ) -> Change:
        """See `permits.more`, with what others have learned of bytes."""
        return permits.more(self.taught(mailbox, asked, now), slot, asked, sent, now, limits)

    def teach(self, mailbox: Mailbox, now: datetime) -> None:
        """Note for every mailbox what this one has learned of bytes, unless it was known. The mailbox itself knows."""
        until, known = mailbox.counted_until, self._lesson[0] if self._lesson is not None else None
        if until is None or (known is not None and known > now):
            return
        self._lesson = until, now
        with suppress(Conflict, StorageUnavailable):
            self.mailboxes.count_until(until)

    def _record(self, transfer: Transfer, run_id: str, known: tuple[Mailbox, str | None] | None) -> Record:
        return Record(self.mailboxes, self.clock, self.call, self.limits, transfer.target.mailbox, run_id, known)


class MailboxPrefetch:
    """Implements `Prefetch`."""

    def __init__(self, mailboxes: Mailboxes, mailbox: str, background: Background) -> None:
        self._mailboxes = mailboxes
        self._mailbox = mailbox
        self._found: list[tuple[Mailbox, str | None]] = []
        self._done = background.submit(self._see)

    def seen(self) -> tuple[Mailbox, str | None] | None:
        """See `Prefetch.seen`. None where it was not to be seen: it is read again then."""
        with suppress(Conflict):
            self._done.result()
        return self._found[0] if self._found else None

    def _see(self) -> None:
        self._found.append(self._mailboxes.load(self._mailbox))


class HeldPermit:
    """Implements `Permit`. Not for use by two threads at once."""

    def __init__(self, rate_limiter: MailboxRateLimiter, record: Record, slot: Slot, background: Background) -> None:
        self._rate_limiter = rate_limiter
        self._record = record
        self._place = slot
        self._background = background
        self._sent = 0
        self._closed_until: datetime | None = None
        self._heard_at = rate_limiter.clock.now()
        self._renewal: tuple[Future[None], list[Change | None], int] | None = None
        self._looks = 0

    def held(self, action: Action, transfer: Transfer) -> Deferred | None:
        """See `Permit.held`. What follows an announcement is asked for before it: an announced POST never waits."""
        size, commits = permit_request.of_action(action, transfer, self._rate_limiter.range_bytes)
        if commits and self._place.item is None:
            held = self._claim(transfer)
            if held is not None:
                return held
        if self._sent + size > self._place.granted and not isinstance(action, OpenSession):
            return self._more(transfer, size)
        if self._rate_limiter.clock.now() - self._heard_at > timedelta(seconds=self._rate_limiter.limits.lease / 3):
            self._renew()
        return None

    def told(self, action: Action, event: Event) -> None:
        """See `Permit.told`. Bytes count unless they surely never arrived; a Retry-After is for the whole mailbox."""
        is_throttled = isinstance(event, NotDone | Unsure) and event.code is Code.GRAPH_THROTTLED
        if not is_throttled and not (isinstance(event, NotDone) and event.code in _NOT_SENT):
            self._sent += permit_request.carried(action)
        if isinstance(event, NotDone | Unsure) and is_throttled:
            is_explained = event.graph is not None and CONCURRENCY in (event.graph.limit or "").lower()
            self._throttled(0 if is_explained else permit_request.carried(action), event.retry_after or UNSTATED_PAUSE)

    def leave(self) -> None:
        """See `Permit.leave`. What storage does not take lapses with the lease."""
        closed, limits = self._closed_until, self._rate_limiter.limits
        try:
            self._settle()
            slot, sent = self._place, self._sent
            self._record.change(
                lambda mailbox, now: permits.leave(mailbox, slot, sent, closed, now, limits),
                LEAVE_TRIES,
                leaving=slot.transfer,
            )
        except StorageUnavailable:
            return

    def _throttled(self, refused: int, seconds: float) -> None:
        """Keep everybody away for so long, at once: the run itself may sleep through it."""
        rate_limiter = self._rate_limiter
        closed = self._closed_until = rate_limiter.clock.now() + timedelta(seconds=seconds)
        with suppress(StorageUnavailable):
            self._settle()
            slot, sent, limits = self._place, self._sent, rate_limiter.limits
            change = self._record.change(
                lambda mailbox, now: permits.throttled(mailbox, slot, sent, refused, closed, now, limits), ENTER_TRIES
            )
            self._note(change, sent)
            if change is not None:
                rate_limiter.teach(change.mailbox, rate_limiter.clock.now())

    def _claim(self, transfer: Transfer) -> Deferred | None:
        """Take the item's commits; None once they are ours."""
        change = self._ask(permits.claim, self._wanted(transfer))
        if change is not None and isinstance(change.outcome, Slot):
            return None
        self._looks += 1
        return self._soon(2 ** min(self._looks - 1, 3))

    def _more(self, transfer: Transfer, size: int) -> Deferred | None:
        """Ask for what is still needed; None once there is enough for the next request."""
        asked = self._wanted(transfer)
        missing = max(asked.need, size) - max(0, self._place.granted - self._sent)
        change = self._ask(self._rate_limiter.more, replace(asked, need=missing, waited=True))
        if change is None:
            return self._soon(1)
        return change.outcome if isinstance(change.outcome, Deferred) else None

    def _ask(
        self, step: Callable[[Mailbox, Slot, PermitRequest, int, datetime, Limits], Change], asked: PermitRequest
    ) -> Change | None:
        """A change that the run waits for."""
        self._settle()
        slot, sent, limits = self._place, self._sent, self._rate_limiter.limits
        change = self._record.change(lambda mailbox, now: step(mailbox, slot, asked, sent, now, limits), ENTER_TRIES)
        self._note(change, sent)
        return change

    def _renew(self) -> None:
        """Tell that the run is alive, while it goes on."""
        self._settle()
        slot, sent, limits = self._place, self._sent, self._rate_limiter.limits
        self._heard_at = self._rate_limiter.clock.now()
        found: list[Change | None] = []

        def work() -> None:
            found.append(
                self._record.change(lambda mailbox, now: permits.renew(mailbox, slot, sent, now, limits), ENTER_TRIES)
            )

        self._renewal = (self._background.submit(work), found, sent)

    def _settle(self) -> None:
        """Wait for a renewal under way, and take note of it."""
        renewal, self._renewal = self._renewal, None
        if renewal is not None:
            done, found, sent = renewal
            done.result()
            self._note(found[0], sent)

    def _note(self, change: Change | None, sent: int) -> None:
        """What was written: `sent` bytes are told."""
        written = change.mailbox.slot_of(self._place.transfer) if change is not None else None
        if written is not None:
            self._place, self._sent, self._heard_at = written, self._sent - sent, self._rate_limiter.clock.now()

    def _wanted(self, transfer: Transfer) -> PermitRequest:
        return permit_request.of_transfer(transfer, str(self._place.run), self._rate_limiter.range_bytes)

    def _soon(self, pauses: int) -> Deferred:
        return Deferred(self._rate_limiter.clock.now() + timedelta(seconds=COMMIT_PAUSE * pauses), known=False)
