"""One run's view of its mailbox: every change is one conditional write, made anew where another one came first."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from shared.rate_limit import permits, wait_queue
from shared.rate_limit.limits import Limits
from shared.rate_limit.mailbox import Mailbox, Waiting
from shared.rate_limit.permits import Change, Deferred
from shared.storage.ports import Clock, Conflict, Mailboxes, StorageUnavailable

CONFLICT_PAUSE = 0.05
"""Seconds, doubling: the other writer needs one request's time."""

ENTRY_TRIES = 3
"""How often an entry of the line is written where storage speaks of a conflict that there cannot be."""

Step = Callable[[Mailbox, datetime], Change]


class Record:
    """The mailbox as one run reads and writes it. Not for use by two threads at once.

    `call` asks for a run of a transfer at once; `known` is the mailbox and its version as they were last read.

    Attributes:
        stands: the run's transfer has left its entry in the line.
    """

    def __init__(
        self,
        mailboxes: Mailboxes,
        clock: Clock,
        call: Callable[[str], None],
        limits: Limits,
        mailbox: str,
        run_id: str,
        known: tuple[Mailbox, str | None] | None,
    ) -> None:
        self.stands = False
        self._mailboxes = mailboxes
        self._clock = clock
        self._call = call
        self._limits = limits
        self._mailbox = mailbox
        self._run_id = run_id
        self._known = known

    def change(
        self, step: Step, tries: int, *, waiting: Waiting | None = None, leaving: str | None = None
    ) -> Change | None:
        """Make the change durable and call whom it calls; None where others were always first.

        With `waiting` a run wants to begin. Where there is no place, that is left in the line before the mailbox is
        looked at once more; and a time to come back is not written a second time: losing the note of it costs the
        order, and nothing else.
        """
        for attempt in range(tries):
            known, self._known = self._known, None
            change: Change | None = None
            try:
                state, etag = known or self._mailboxes.load(self._mailbox)
                filled, moved = self._filled(state, leaving)
                change = step(filled, self._clock.now())
                if waiting is not None and not self.stands and _is_full(change):
                    self.stands = self._queue_up(waiting)
                    if self.stands:
                        continue
                if change.mailbox == state:
                    if known is not None:
                        continue  # what was known may be old: only what was read just now is believed
                    self._known = (state, etag)
                    return change
                self._known = (change.mailbox, self._mailboxes.save(self._mailbox, change.mailbox, etag))
            except Conflict:
                if waiting is not None and change is not None and _is_told_when(change):
                    return replace(change, calls=())
                if known is None:
                    self._clock.sleep(self._pause(attempt))
                continue
            self.unqueue(moved)
            self._call_all(change.calls, filled)
            if state.queued and not change.mailbox.queued:
                self._look_again()
            return change
        return None

    def unqueue(self, entries: tuple[Waiting, ...]) -> None:
        """Take entries out of the line. One that stays is called once more, for nothing."""
        if entries:
            with suppress(Conflict, StorageUnavailable):
                self._mailboxes.unqueue(self._mailbox, entries)

    def _filled(self, state: Mailbox, leaving: str | None) -> tuple[Mailbox, tuple[Waiting, ...]]:
        """The mailbox with the next of the line, where somebody of it can come."""
        now = self._clock.now()
        if not wait_queue.wants_entries(state, now, self._limits, leaving):
            return state, ()
        return wait_queue.filled(state, self._mailboxes.queued(self._mailbox, self._limits.listed), now, self._limits)

    def _look_again(self) -> None:
        """The line was taken for empty. Whoever left an entry after the listing is called after all."""
        with suppress(Conflict, StorageUnavailable):
            if not self._mailboxes.queued(self._mailbox, 1):
                return
            self.change(lambda mailbox, _now: Change(replace(mailbox, queued=True), None), ENTRY_TRIES)
            self.change(lambda mailbox, now: permits.dispatch(mailbox, now, self._limits), ENTRY_TRIES)

    def _queue_up(self, waiting: Waiting) -> bool:
        for attempt in range(ENTRY_TRIES):
            try:
                self._mailboxes.queue_up(self._mailbox, waiting)
            except Conflict:
                self._clock.sleep(self._pause(attempt))
            else:
                return True
        return False

    def _call_all(self, calls: tuple[str, ...], mailbox: Mailbox) -> None:
        """Call them; whom the queue does not take stands in the line again."""
        for transfer in calls:
            try:
                self._call(transfer)
            except StorageUnavailable:
                entry = next(one for one in mailbox.line if one.transfer == transfer)
                self._queue_up(entry)
                self.change(lambda state, _now: Change(wait_queue.noted(state, entry), None), ENTRY_TRIES)  # noqa: B023 - done at once

    def _pause(self, attempt: int) -> float:
        spread = int.from_bytes(hashlib.sha256(f"{self._run_id}/{attempt}".encode()).digest()[:4]) / 2**32
        return CONFLICT_PAUSE * float(2 ** min(attempt, 4)) * spread


def _is_told_when(change: Change) -> bool:
    return isinstance(change.outcome, Deferred) and change.outcome.known


def _is_full(change: Change) -> bool:
    return isinstance(change.outcome, Deferred) and not change.outcome.known
