"""The sweep: what a killed process left behind, and what no event announced; at a bounded cost.

Unfinished transfers are found by their marks. Dropped files without a transfer are found by walking the container page
by page, tick after tick, from where the last tick stopped; a file is looked at only where it is newer than the pass
before, so that a full container costs its listing and nothing else.

Nothing that is wrong with one of them stops the others. What fails is noted beside the position, said once, and tried
again more and more rarely; the walk goes on behind it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from shared.core import sweep_cursor as places
from shared.core.history import began_at
from shared.core.model import Transfer
from shared.core.sweep_cursor import Kind, SweepCursor, Trouble
from shared.core.unfinished import parse_unfinished_entry, unfinished_entry_of
from shared.run.runner import TransferRunner
from shared.run.trouble import said
from shared.storage.ports import (
    Checkpoints,
    CheckpointUnreadable,
    Clock,
    Conflict,
    ContinuationRefused,
    Dropped,
    Sources,
    StorageRefused,
    StorageUnavailable,
    TransferQueue,
    UnfinishedTransfers,
)

T = TypeVar("T")

STALE = timedelta(minutes=15)
"""How long a transfer must have been silent before the sweep asks for a run: longer than the 10 minutes for which a
message of a dead instance stays invisible (QueueListener.cs), so that the sweep does not double what comes back by
itself."""

LAPSED = timedelta(minutes=1)
"""How long after the lease of a run that never let go of it, or after an end that was not carried out, the sweep asks
for a run, or carries it out: longer than the run's own message takes (`guard.py`), which comes first."""

GRACE = timedelta(minutes=3)
"""How old a file must be before the sweep takes its event for lost: most events take seconds (blob trigger page). With
a tick a minute a file whose event the host hid or dropped is found within five minutes."""

OVERLAP = timedelta(hours=1)
"""How far a pass looks behind the start of the one before: clocks, and files that were young then."""

MARKS = 500
PAGES = 4
PAGE = 1000
"""Per tick: marks read, pages listed, files a page. With a tick a minute a million files take 4 hours a pass, and a
tick makes at most 5 listings."""


SECONDS = 60.0
"""How long a tick begins new work, at most; a quarter of the run budget where that is less. What is under way then ends
by its own timeouts (`access.py`: some two minutes for one call to storage that is silent), so that a tick is over well
before the host's function timeout kills the worker, and other people's transfers with it."""

SPOKEN_AFTER = 3
"""Tries after which something is said of storage that may heal by itself; anything else is said at once."""

ENOUGH = 3
"""Failures in a row, all of storage that does not answer, after which a tick leaves the rest for the next one."""

MOST_FAILURES = 100
"""Things that fail in one tick, after which it leaves the rest for the next one: then it is no single thing's fault."""


class SweepCursors(Protocol):
    """Where the position is kept between ticks."""

    def load(self) -> SweepCursor | None:
        """The position, or None where there is none, or none that can be read."""
        ...

    def save(self, position: SweepCursor) -> None:
        """Keep it. The last writer wins: a walk that is repeated does no harm."""
        ...


@dataclass(frozen=True, slots=True)
class Swept:
    """What one tick did.

    Attributes:
        revived: runs asked for. concluded: ends carried out. accepted: files that became transfers.
        troubles: how many things cannot be handled, and are tried again later.
        oldest: seconds for which the oldest unfinished transfer has been that; 0 where there is none.
        oldest_id: which one that is.
        complete: the tick did all it had to; False where its time was up, or storage did not answer.
    """

    revived: int = 0
    concluded: int = 0
    accepted: int = 0
    troubles: int = 0
    oldest: float = 0.0
    oldest_id: str | None = None
    complete: bool = True


class SweepObserver(Protocol):
    """Observer of what the sweep found."""

    def swept(self, swept: Swept) -> None:
        """What one tick did."""
        ...

    def trouble(self, trouble: Trouble, error: Exception) -> None:
        """Something cannot be handled. Said once for each code that it fails with."""
        ...


def _never(_transfer: Transfer, _dropped: Dropped) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Sweep:
    """One tick at a time.

    Attributes:
        transfer_for: what a file asks for, if anything.
        seconds: see SECONDS.
        is_known: whether the file was attached under another version already.
    """

    runs: TransferRunner
    checkpoints: Checkpoints
    marks: UnfinishedTransfers
    sources: Sources
    queue: TransferQueue
    positions: SweepCursors
    clock: Clock
    observer: SweepObserver
    transfer_for: Callable[[Dropped], Transfer | None]
    seconds: float = SECONDS
    is_known: Callable[[Transfer, Dropped], bool] = _never

    def tick(self) -> Swept:
        """One bounded look at what failed before, one at the marks, and one at the container.

        Raises:
            StorageUnavailable: storage did not answer; the position is saved as far as that was possible.
        """
        return _Tick(self).run()


@dataclass
class _Tick:
    """One tick under way. The position moves with it, and is saved as it moves."""

    sweep: Sweep
    position: SweepCursor = field(init=False)
    found: dict[str, int] = field(default_factory=lambda: {"revived": 0, "concluded": 0, "accepted": 0})
    silent: int = 0  # things in a row for which storage did not answer
    failures: int = 0
    down: StorageUnavailable | None = None  # what ended the tick

    def __post_init__(self) -> None:
        self.now = self.sweep.clock.now()
        self.position = SweepCursor(pass_started_at=self.now)

    def run(self) -> Swept:
        """See `Sweep.tick`. Each part has its share of the time, so that none of them starves those after it."""
        self._load()
        self._part("troubles", lambda: self._troubles(self._until(0.25)))
        self._part("marks", lambda: self._marks(self._until(0.6)))
        self._part("files", lambda: self._files(self._until(1.0)))
        oldest = self._oldest()
        self.sweep.positions.save(self.position)
        swept = Swept(
            **self.found,
            troubles=len(self.position.troubles),
            oldest=(self.now - oldest.since).total_seconds() if oldest is not None else 0.0,
            oldest_id=oldest.transfer_id if oldest is not None else None,
            complete=self.down is None and self.position.mark_done is None and self.position.file_done is None,
        )
        self.sweep.observer.swept(swept)
        if self.down is not None:
            raise self.down
        return swept

    def _load(self) -> None:
        """Where storage does not answer the tick ends here: a position that is there must not be lost."""
        try:
            self.position = self.sweep.positions.load() or self.position
        except StorageUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - one that cannot be had costs a pass from the beginning
            self._failed(Kind.PART, "position", error)

    # --- the parts ---

    def _troubles(self, until: datetime) -> None:
        """What failed before and is due again."""
        for trouble in self.position.troubles:
            if trouble.due > self.now or trouble.kind is Kind.PART:
                continue
            if self._is_up(until):
                return
            if trouble.kind is Kind.FILE:
                self._item(Kind.FILE, trouble.key, lambda key=trouble.key: self._file_again(key))  # type: ignore[misc]
            else:
                self._item(Kind.TRANSFER, trouble.key, lambda key=trouble.key: self._revive(key))  # type: ignore[misc]

    def _marks(self, until: datetime) -> None:
        try:
            marks, onward = self.sweep.marks.unfinished(MARKS, self.position.marks_after)
        except ContinuationRefused:
            self.position = replace(self.position, marks_after=None, mark_done=None)
            marks, onward = self.sweep.marks.unfinished(MARKS, None)
        moved = False
        for mark, marked_at in _behind(marks, self.position.mark_done, lambda entry: entry[0]):
            if self._is_up(until, moved):
                return
            moved = True
            if self.now - marked_at >= LAPSED and self.position.trouble(Kind.TRANSFER, mark) is None:
                self._item(Kind.TRANSFER, mark, lambda mark=mark, at=marked_at: self._revive(mark, at))  # type: ignore[misc]
            if self.down is None:
                self.position = replace(self.position, mark_done=mark)
        if self.down is None:
            self.position = replace(self.position, marks_after=onward, mark_done=None)

    def _revive(self, mark: str, marked_at: datetime | None = None) -> None:
        """What a mark leads to. `marked_at`: when it was set; None: it failed before, and is tried anyhow."""
        sweep = self.sweep
        transfer_id, retry = parse_unfinished_entry(mark)
        stored = sweep.checkpoints.load(transfer_id)
        transfer = stored.checkpoint.instance if stored is not None else None
        failed = marked_at is None
        marked_at = marked_at or self.now - STALE
        if stored is None or transfer is None or retry > transfer.retries:
            if self.now - marked_at >= STALE:  # whoever made the mark died before the checkpoint was written
                sweep.checkpoints.remove_unfinished_entry(mark)
            return
        if transfer.is_over:
            if self.now - (transfer.finished_at or marked_at) >= LAPSED:
                sweep.runs.conclude(stored.checkpoint)
                if mark != unfinished_entry_of(transfer):
                    sweep.checkpoints.remove_unfinished_entry(mark)
                self.found["concluded"] += 1
            return
        self.position = places.seen_unended(self.position, transfer.id, began_at(transfer))
        owned = stored.checkpoint.lease
        has_died = owned is not None and self.now - owned.until >= LAPSED and marked_at <= owned.until
        messages = (transfer.not_before, transfer.recheck_at)  # when the ones that are under way come
        due = max(filter(None, (transfer.updated_at, *messages, owned.until if owned is not None else None)))
        if failed or has_died or (self.now - due >= STALE and self.now - marked_at >= STALE):
            sweep.queue.send(transfer_id, 0)
            sweep.checkpoints.renew_unfinished_entry(mark)  # young again: asked for once per STALE, not once per tick
            self.found["revived"] += 1

    def _files(self, until: datetime) -> None:
        if self.position.continuation is None and self.position.file_done is None:
            self.position = replace(self.position, pass_started_at=self.now, overflowed=False)
        for number in range(PAGES):
            if number:
                self.sweep.positions.save(self.position)
            if self._is_up(until, number) or not self._page(until, number):
                return
            if self.position.continuation is None:
                self.position = places.pass_ended(self.position)
                return

    def _page(self, until: datetime, moved: int) -> bool:
        """One page of files; False where the tick ended on it. `moved`: the pages of this tick before it."""
        try:
            dropped, onward = self.sweep.sources.page(self.position.continuation, PAGE)
        except ContinuationRefused:  # the pass goes on from the first file, with what it knew
            self.position = replace(self.position, continuation=None, file_done=None)
            dropped, onward = self.sweep.sources.page(None, PAGE)
        for blob in _behind(dropped, self.position.file_done, lambda blob: blob.source.blob):
            name = blob.source.blob
            if self._is_up(until, moved):
                return False
            moved += 1
            if self._is_news(blob) and self.position.trouble(Kind.FILE, name) is None:
                self._item(Kind.FILE, name, lambda blob=blob: self._accept(blob))  # type: ignore[misc]
            if self.down is not None:
                return False
            self.position = replace(self.position, file_done=name)
        self.position = replace(self.position, continuation=onward, file_done=None)
        return True

    def _is_news(self, blob: Dropped) -> bool:
        known_until, modified = self.position.known_until, blob.source.modified_at
        old_news = known_until is not None and modified < known_until - OVERLAP
        return not old_news and self.now - modified >= GRACE

    def _file_again(self, name: str) -> None:
        blob = self.sweep.sources.describe(name)
        if blob is not None:
            self._accept(blob)

    def _accept(self, blob: Dropped) -> None:
        transfer = self.sweep.transfer_for(blob)
        if transfer is None:
            return
        if self.position.trouble(Kind.TRANSFER, transfer.id) is not None:
            return
        try:
            known = self.sweep.is_known
            self.found["accepted"] += self.sweep.runs.accept(transfer, lambda: known(transfer, blob))
        except (CheckpointUnreadable, StorageRefused) as error:
            if not self._is_transfer(transfer.id):
                raise
            self.failures += 1
            self._failed(Kind.TRANSFER, transfer.id, error)  # a trouble of the transfer, and said as one

    def _is_transfer(self, transfer_id: str) -> bool:
        """Whether there is a checkpoint, as far as storage says."""
        try:
            return self.sweep.checkpoints.load(transfer_id) is not None
        except CheckpointUnreadable:
            return True
        except (StorageRefused, StorageUnavailable):
            return False

    def _oldest(self) -> places.Unended | None:
        """The oldest unfinished transfer: the first candidate that is still unfinished; the others are forgotten."""
        for candidate in self.position.oldest:
            if self.down is not None:
                return candidate
            try:
                stored = self.sweep.checkpoints.load(candidate.transfer_id)
            except Exception:  # noqa: BLE001 - it cannot be looked at: it is not over, as far as anybody knows
                return candidate
            transfer = stored.checkpoint.instance if stored is not None else None
            if transfer is not None and not transfer.is_over and began_at(transfer) <= candidate.since:
                return candidate
            rest = tuple(one for one in self.position.oldest if one.transfer_id != candidate.transfer_id)
            self.position = replace(self.position, oldest=rest)
        return None

    # --- what keeps one trouble from becoming all of them ---

    def _until(self, share: float) -> datetime:
        return self.now + timedelta(seconds=self.sweep.seconds * share)

    def _is_up(self, until: datetime, moved: int = 1) -> bool:
        """Whether the tick, or this part of it, has to end. Slow storage or not, each part gets one thing further."""
        if self.down is not None or self.failures >= MOST_FAILURES:
            return True
        return self.sweep.clock.now() >= until and (moved > 0 or self.silent > 0)

    def _part(self, name: str, work: Callable[[], None]) -> None:
        """One part of a tick. The others go on without it."""
        if self.down is not None:
            return
        try:
            work()
        except Exception as error:  # noqa: BLE001 - whatever it is, it costs this part of this tick
            self._failed(Kind.PART, name, error)
            if isinstance(error, StorageUnavailable):
                self.down = error
        else:
            self.position = places.healed(self.position, Kind.PART, name)

    def _item(self, kind: Kind, key: str, work: Callable[[], None]) -> None:
        """One thing. Whatever is wrong with it costs that thing."""
        try:
            work()
        except Exception as error:  # noqa: BLE001 - whatever it is, it costs this one thing
            self._failed(kind, key, error)
            self.failures += 1
            self.silent = self.silent + 1 if isinstance(error, StorageUnavailable) else 0
            if self.silent >= ENOUGH and isinstance(error, StorageUnavailable):
                self.down = error
        else:
            self.silent = 0
            self.position = places.healed(self.position, kind, key)

    def _failed(self, kind: Kind, key: str, error: Exception) -> None:
        before = self.position.trouble(kind, key)
        code, detail = said(error)
        self.position = places.failed(self.position, kind, key, code.value, detail, self.sweep.clock.now())
        trouble = self.position.trouble(kind, key) or Trouble(kind, key, code.value, detail, 1, self.now, self.now)
        news = before is None or before.code != trouble.code
        if isinstance(error, StorageUnavailable | Conflict):
            news = trouble.tries == SPOKEN_AFTER
        if news:
            self.sweep.observer.trouble(trouble, error)


def _behind(entries: list[T], done: str | None, name: Callable[[T], str]) -> list[T]:
    """What is left of a page of which everything up to `done` was looked at; all of it where that is no more."""
    at = next((number for number, entry in enumerate(entries) if name(entry) == done), -1)
    return entries[at + 1 :]
