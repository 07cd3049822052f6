"""The sweep: what a killed process left behind, and what no event ever told of; at a bounded cost.

Unfinished transfers are found by their marks. Dropped files without a transfer are found by walking the container page
by page, tick after tick, from where the last tick stopped; a file is looked at only where it is newer than the pass
before, so that a full container costs its listing and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from shared.core.model import Transfer
from shared.core.position import Position
from shared.run.runs import Runs
from shared.storage.ports import (
    Checkpoints,
    CheckpointUnreadable,
    Clock,
    Dropped,
    Sources,
    TransferQueue,
    UnfinishedTransfers,
)

STALE = timedelta(minutes=15)
"""How long a transfer must have been silent before the sweep asks for a run: longer than the 10 minutes for which a
message of a dead instance stays invisible (QueueListener.cs), so that the sweep does not double what comes back by
itself."""

GRACE = timedelta(minutes=10)
"""How old a file must be before the sweep takes its event for lost: most events take seconds (blob trigger page)."""

OVERLAP = timedelta(hours=1)
"""How far a pass looks behind the start of the one before: clocks, and files that were young then."""

MARKS = 500
PAGES = 4
PAGE = 1000
"""Per tick: marks read, pages listed, files a page. With a tick every 5 minutes a million files take 21 hours a pass,
and a tick makes at most 5 listings."""


class Positions(Protocol):
    """Where the position is kept between ticks."""

    def load(self) -> Position | None:
        """The position, or None where there is none, or none that can be read."""
        ...

    def save(self, position: Position) -> None:
        """Keep it. The last writer wins: a walk that is repeated does no harm."""
        ...


class SweepObserver(Protocol):
    """Who is told what the sweep found."""

    def swept(self, found: dict[str, int]) -> None:
        """Counts of one tick, by kind."""
        ...

    def unreadable(self, error: CheckpointUnreadable) -> None:
        """A checkpoint was left untouched."""
        ...


@dataclass(frozen=True, slots=True)
class Sweep:
    """One tick at a time. `transfer_for` is intake: what a dropped file asks for."""

    runs: Runs
    checkpoints: Checkpoints
    marks: UnfinishedTransfers
    sources: Sources
    queue: TransferQueue
    positions: Positions
    clock: Clock
    observer: SweepObserver
    transfer_for: Callable[[Dropped], Transfer]

    def tick(self) -> None:
        """One bounded look at the marks, and one at the container."""
        now = self.clock.now()
        position = self.positions.load() or Position(pass_started_at=now)
        found = {"revived": 0, "concluded": 0, "accepted": 0}
        position = self._marks(position, now, found)
        position = self._walk(position, now, found)
        self.positions.save(position)
        self.observer.swept(found)

    def _marks(self, position: Position, now: datetime, found: dict[str, int]) -> Position:
        marks, onward = self.marks.unfinished(MARKS, position.marks_after)
        for transfer_id, marked_at in marks:
            if now - marked_at < STALE:
                continue
            try:
                self._revive(transfer_id, now, found)
            except CheckpointUnreadable as error:
                self.observer.unreadable(error)
        return replace(position, marks_after=onward)

    def _revive(self, transfer_id: str, now: datetime, found: dict[str, int]) -> None:
        stored = self.checkpoints.load(transfer_id)
        if stored is None:
            self.checkpoints.unmark(transfer_id)
            return
        transfer = stored.checkpoint.transfer
        if transfer.is_over:
            self.runs.conclude(stored.checkpoint)
            found["concluded"] += 1
            return
        messages = (transfer.not_before, transfer.recheck_at)  # when the ones that are under way come
        due = max(filter(None, (transfer.updated_at, *messages, stored.checkpoint.busy_until(now))))
        if now - due >= STALE:
            self.queue.send(transfer_id, 0)
            self.checkpoints.renew_mark(transfer_id)  # young again: asked for once per STALE, not once per tick
            found["revived"] += 1

    def _walk(self, position: Position, now: datetime, found: dict[str, int]) -> Position:
        if position.continuation is None:
            position = replace(position, pass_started_at=now)
        for _ in range(PAGES):
            dropped, onward = self.sources.page(position.continuation, PAGE)
            for blob in dropped:
                modified = blob.source.modified_at
                old_news = position.known_until is not None and modified < position.known_until - OVERLAP
                if old_news or now - modified < GRACE:
                    continue
                try:
                    found["accepted"] += self.runs.accept(self.transfer_for(blob))
                except CheckpointUnreadable as error:
                    self.observer.unreadable(error)
            if onward is None:
                return replace(position, known_until=position.pass_started_at, continuation=None)
            position = replace(position, continuation=onward)
        return position
