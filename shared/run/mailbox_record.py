"""One run's view of its mailbox: every change is one conditional write, made anew where another one came first."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from shared.engine.process import Deferred
from shared.rate_limit import permits, wait_queue
from shared.rate_limit.limits import Limits
from shared.rate_limit.mailbox import Mailbox, Waiting
from shared.rate_limit.permits import Change
from shared.storage.ports import Clock, Conflict, Mailboxes, StorageUnavailable

CONFLICT_PAUSE = 0.05
"""Seconds, doubling: the other writer needs one request's time."""

ENTRY_TRIES = 3
"""How often an entry of the wait queue is written where storage answers with a conflict that there cannot be."""

Step = Callable[[Mailbox, datetime], Change]


class Record:
    """The mailbox as one run reads and writes it. Not for use by two threads at once.

    `admit` asks for a run of a transfer at once; `known` is the mailbox and its version as they were last read.

    Attributes:
        is_queued: the transfer's entry in the wait queue has been written.
    """

    def __init__(
        self,
        mailboxes: Mailboxes,
        clock: Clock,
        admit: Callable[[str], None],
        limits: Limits,
        mailbox: str,
        run_id: str,
        known: tuple[Mailbox, str | None] | None,
    ) -> None:
        self.is_queued = False
        self._mailboxes = mailboxes
        self._clock = clock
        self._admit = admit
        self._limits = limits
        self._mailbox = mailbox
        self._run_id = run_id
        self._known = known

    def change(
        self, step: Step, tries: int, *, waiting: Waiting | None = None, leaving: str | None = None
    ) -> Change | None:
        """Write the change and have the admitted transfers run; None where other writers were always first.

        `waiting` is given at the beginning of a run. Where there is no slot, that entry is written before the mailbox
        is read once more; and a time to come back is not written a second time: losing it costs the order, and nothing
        else.
        """
        for attempt in range(tries):
            known, self._known = self._known, None
            change: Change | None = None
            try:
                state, etag = known or self._mailboxes.load(self._mailbox)
                filled, moved = self._refilled(state, leaving)
                change = step(filled, self._clock.now())
                if waiting is not None and not self.is_queued and _is_full(change):
                    self.is_queued = self._enqueue(waiting)
                    if self.is_queued:
                        continue
                if change.mailbox == state:
                    if known is not None:
                        continue  # what was known may be old: only what was read just now is believed
                    self._known = (state, etag)
                    return change
                self._known = (change.mailbox, self._mailboxes.save(self._mailbox, change.mailbox, etag))
            except Conflict:
                if waiting is not None and change is not None and _has_a_time(change):
                    return replace(change, admitted=())
                if known is None:
                    self._clock.sleep(self._pause(attempt))
                continue
            self.dequeue(moved)
            self._admit_all(change.admitted, filled)
            if state.queued and not change.mailbox.queued:
                self._list_again()
            return change
        return None

    def dequeue(self, entries: tuple[Waiting, ...]) -> None:
        """Delete entries of the wait queue. One that stays is admitted once more, for nothing."""
        if entries:
            with suppress(Conflict, StorageUnavailable):
                self._mailboxes.dequeue(self._mailbox, entries)

    def _refilled(self, state: Mailbox, leaving: str | None) -> tuple[Mailbox, tuple[Waiting, ...]]:
        """The mailbox with its `line` refilled, where an entry could be admitted; and the entries that moved there."""
        now = self._clock.now()
        if not wait_queue.needs_refill(state, now, self._limits, leaving):
            return state, ()
        return wait_queue.refilled(
            state, self._mailboxes.entries(self._mailbox, self._limits.listed), now, self._limits
        )

    def _list_again(self) -> None:
        """The wait queue was taken for empty: an entry written after the listing is admitted after all."""
        with suppress(Conflict, StorageUnavailable):
            if not self._mailboxes.entries(self._mailbox, 1):
                return
            self.change(lambda mailbox, _now: Change(replace(mailbox, queued=True), None), ENTRY_TRIES)
            self.change(lambda mailbox, now: permits.dispatch(mailbox, now, self._limits), ENTRY_TRIES)

    def _enqueue(self, waiting: Waiting) -> bool:
        for attempt in range(ENTRY_TRIES):
            try:
                self._mailboxes.enqueue(self._mailbox, waiting)
            except Conflict:
                self._clock.sleep(self._pause(attempt))
            else:
                return True
        return False

    def _admit_all(self, admitted: tuple[str, ...], mailbox: Mailbox) -> None:
        """Ask for a run of each; one whose message is not taken goes back to the wait queue."""
        for transfer in admitted:
            try:
                self._admit(transfer)
            except StorageUnavailable:
                entry = next(one for one in mailbox.line if one.transfer == transfer)
                self._enqueue(entry)
                self.change(lambda state, _now: Change(wait_queue.with_entry(state, entry), None), ENTRY_TRIES)  # noqa: B023 - done at once

    def _pause(self, attempt: int) -> float:
        spread = int.from_bytes(hashlib.sha256(f"{self._run_id}/{attempt}".encode()).digest()[:4]) / 2**32
        return CONFLICT_PAUSE * float(2 ** min(attempt, 4)) * spread


def _has_a_time(change: Change) -> bool:
    return isinstance(change.outcome, Deferred) and change.outcome.known


def _is_full(change: Change) -> bool:
    return isinstance(change.outcome, Deferred) and not change.outcome.known
