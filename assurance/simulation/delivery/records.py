"""The durable record of one delivery in memory: saves are conditional, and what joined meanwhile is found by them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from shared.core.delivery import events as ev
from shared.core.delivery.model import Delivery, File
from shared.storage.ports import Conflict

Gate = Callable[[str, Callable[[], Any]], Any]


@dataclass(frozen=True)
class Record:
    """What is stored: the delivery, who works on it, and what came beside the run: files, and a person's wish."""

    version: int
    owner: str
    delivery: Delivery
    joined: tuple[File, ...] = ()
    cancel: bool = False


class LostOwnership(Exception):  # noqa: N818 - the field's word
    """Another run has taken the delivery over."""


class Records:
    """One record. `ignores_etags` is a store that lets every save through, for an engine that is wrong on purpose."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self.record: Record | None = None
        self.ignores_etags = False

    def load(self) -> Record | None:
        """What is stored now."""
        found: Record | None = self._gate("checkpoint.load", lambda: self.record)
        return found

    def put(self, record: Record) -> Record:
        """Store it where the stored one is the one it came from. Raises Conflict otherwise."""

        def effect() -> Record:
            stored = self.record.version if self.record else 0
            if stored != record.version and not self.ignores_etags:
                raise Conflict("the record has changed")
            self.record = replace(record, version=stored + 1)
            return self.record

        kept: Record = self._gate("checkpoint.save", effect)
        return kept


class Writer:
    """What one run writes: the record it took over, and what others put beside it meanwhile."""

    def __init__(self, records: Records, owner: str) -> None:
        self._records = records
        self._owner = owner
        self._record: Record | None = None

    def claim(self) -> Record:
        """Take the delivery over, with what has joined. Raises Conflict where another one is quicker."""
        found = self._records.load()
        if found is None:
            raise LostOwnership
        self._record = self._records.put(replace(found, owner=self._owner))
        return self._record

    @property
    def saved(self) -> Delivery:
        """What is durable of it."""
        assert self._record is not None
        return self._record.delivery

    def save(self, delivery: Delivery) -> list[ev.Event]:
        """Make it durable; returns what others put beside it since: it is for the next save to take that in.

        Raises LostOwnership where another run has it. A save whose answer was lost is told by what is stored.
        """
        assert self._record is not None
        while True:
            try:
                self._record = self._records.put(replace(self._record, delivery=delivery))
            except Conflict:
                found = self._records.load()
                if found is None or found.owner != self._owner:
                    raise LostOwnership from None
                beside = replace(found, delivery=self._record.delivery)
                is_news = (found.joined, found.cancel) != (self._record.joined, self._record.cancel)
                self._record = beside
                if is_news:
                    return self.news()
            else:
                return []

    def news(self) -> list[ev.Event]:
        """What stands beside the delivery and is not in it yet, as events; it is taken out of the record."""
        assert self._record is not None
        found: list[ev.Event] = [ev.FilesJoined((file,)) for file in self._record.joined]
        found += [ev.CancelRequested()] if self._record.cancel else []
        self._record = replace(self._record, joined=(), cancel=False)
        return found
