"""Pages of transfers, newest first, each at a bounded cost however many transfers there are.

| wanted | where it is looked for | requests a page |
|---|---|---|
| everything | `transfers/`, whose blobs' metadata sum them up | 1 |
| attached | the same, passing over the others | 1 to 3 |
| failed, acknowledged, cancelled, or in doubt | the entries of `outcome_index.py` | 1 |
| queued, sending, waiting | the unfinished entries, then one HEAD for each | 1 + up to 10 |
| one mailbox | its unfinished ones as above, then its entries | up to 4, + up to 10 |
| one code | its entries, then what waits for it among the unfinished ones | up to 4, + up to 10 |
| a name, or a folder | unfinished; then the names of failed and cancelled ones; then the files that are in the drop container, each of which leads to its transfer; then the attached ones whose files are not there any more, by passing over all others | up to 8, + up to 30 |
| since a time | as without it: ids begin with the time of the file, so a listing by age just ends there | |

Several of these together cost what the dearest of them does. A page may hold fewer transfers than it may, even none, and
yet have a continuation: then it has looked at as many as one page looks at. Ids begin with the time of the file, so that
the service's own order, by name, is newest first; within a name or a folder the order is by place, then by name.
"""  # noqa: E501 - a table

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from shared.core.identifiers import mailbox_key
from shared.core.model import Transfer
from shared.core.unfinished import parse_unfinished_entry, unfinished_entry_of
from shared.storage import summary
from shared.storage.access import StorageAccess, storage_errors
from shared.storage.checkpoints import CheckpointContainer
from shared.storage.places import MOST_HEADS, Place, Reading, Wanted, is_too_old, is_wanted, may_be_wanted, places
from shared.storage.ports import CheckpointUnreadable, ContinuationRefused, StorageRefused

HEADS_AT_ONCE = 8
"""Requests side by side for a page of unfinished transfers. Measured on Azurite: more do not make it faster."""

_SUFFIX = ".json"


class ContinuationInvalid(Exception):  # noqa: N818 - it names what is the case
    """The continuation was not handed out by a page of the same listing."""


class DroppedFiles(Protocol):
    """The drop container, as far as its files lead to their transfers."""

    def beginning_with(self, prefix: str, continuation: str | None, size: int) -> tuple[list[str], str | None]:
        """The ids of the transfers that these files ask for, in the order of their names, and where to go on.

        Raises:
            ContinuationRefused: storage does not take the continuation.
        """
        ...

    def transfer_of(self, blob: str) -> str | None:
        """The id of the transfer that the file asks for as it is now; None where there is no such file."""
        ...


@dataclass(frozen=True, slots=True)
class Page:
    """`transfers` without sessions and histories; `unreadable` are ids of checkpoints that this app cannot read."""

    transfers: tuple[Transfer, ...]
    unreadable: tuple[str, ...]
    continuation: str | None


@dataclass(frozen=True, slots=True)
class _At:
    """Where a page begins: the place, the service's own marker there, and the last entry behind it that was seen."""

    place: int = 0
    marker: str | None = None
    after: str | None = None


@dataclass(frozen=True, slots=True)
class _Entry:
    """One blob of a place. `key` is the last part of its name: the transfer's id, or an unfinished entry."""

    key: str
    metadata: dict[str, str]

    @property
    def transfer_id(self) -> str:
        """The transfer that it stands for."""
        return parse_unfinished_entry(self.key)[0]


@dataclass(slots=True)
class _Found:
    """What a page has so far."""

    limit: int
    transfers: list[Transfer] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    checks: int = MOST_HEADS

    @property
    def room(self) -> int:
        """How many more it takes."""
        return self.limit - len(self.transfers)


class Listing:
    """Reads the checkpoint container. Safe to share between threads."""

    def __init__(
        self,
        access: StorageAccess,
        container: str,
        checkpoints: CheckpointContainer,
        files: DroppedFiles | None = None,
    ) -> None:
        self._access = access
        self._container = container
        self._checkpoints = checkpoints
        self._files = files

    def page(self, wanted: Wanted, limit: int, continuation: str | None, now: datetime) -> Page:
        """Up to `limit` transfers (1 to 200), and where the next page begins.

        Raises:
            ContinuationInvalid, StorageUnavailable.
        """
        looked = places(wanted, has_files=self._files is not None)
        at = _opened(continuation, wanted, len(looked))
        found = _Found(limit)
        rounds = 0
        while at.place < len(looked):
            place = looked[at.place]
            onward, is_full = self._round(place, rounds, at, wanted, found, now)
            rounds = rounds + 1 if onward.place == at.place else 0
            at = onward
            if is_full or rounds == place.rounds:
                break
        onward_to = _sealed(wanted, at) if at.place < len(looked) else None
        return Page(tuple(found.transfers), tuple(found.unreadable), onward_to)

    def count(self, prefix: str, most: int) -> int:
        """How many blobs have this prefix, counted up to `most` (at most 5,000): one request."""
        container = self._access.blobs.get_container_client(self._container)
        with storage_errors("count transfers"):
            pages: Any = container.list_blob_names(name_starts_with=prefix, results_per_page=most).by_page()
            try:
                return sum(1 for _ in next(pages))
            except (StopIteration, ResourceNotFoundError):
                return 0

    def _round(
        self, place: Place, number: int, at: _At, wanted: Wanted, found: _Found, now: datetime
    ) -> tuple[_At, bool]:
        """One listing of the place: where to go on, and whether the page ends there."""
        is_large = place.sieves and (number > 0 or place.reading is Reading.ENTRY)
        size = place.most if is_large else min(found.room, place.most)
        entries, marker = self._entries(place, size, at.marker)
        chosen, onward = _chosen(place, at, _At(at.place, marker), entries, wanted)
        is_cut = onward.after is not None
        seen = at.after
        for entry, transfer in zip(chosen, self._read(place, chosen), strict=True):
            if isinstance(transfer, CheckpointUnreadable | StorageRefused):
                found.unreadable.append(entry.transfer_id)
            elif transfer is not None and _is_shown(place, entry, transfer, wanted, now):
                if found.room == 0 or (place.is_walk and found.checks == 0):
                    return _At(at.place, at.marker, seen), True
                if not (place.is_walk and self._was_shown(transfer, found)):
                    found.transfers.append(transfer)
            seen = entry.key
        return onward, is_cut or found.room == 0

    def _was_shown(self, transfer: Transfer, found: _Found) -> bool:
        """Whether a file of the drop container leads to it: then its place has shown it."""
        found.checks -= 1
        return self._files is not None and self._files.transfer_of(transfer.plan.source.blob) == transfer.id

    def _entries(self, place: Place, size: int, marker: str | None) -> tuple[list[_Entry], str | None]:
        if place.reading is Reading.FILE:
            return self._files_as_entries(place, size, marker)
        container = self._access.blobs.get_container_client(self._container)
        with storage_errors("list transfers"):
            listed = container.list_blobs(name_starts_with=place.prefix, include=["metadata"], results_per_page=size)
            pages: Any = listed.by_page(marker)
            try:
                entries = [_Entry(_key(str(blob.name)), dict(blob.metadata or {})) for blob in next(pages)]
            except (StopIteration, ResourceNotFoundError):
                return [], None
            except HttpResponseError as error:
                if marker is not None and error.status_code == 400:  # noqa: PLR2004 - HTTP's Bad Request
                    raise ContinuationInvalid from None
                raise
        return entries, pages.continuation_token or None

    def _files_as_entries(self, place: Place, size: int, marker: str | None) -> tuple[list[_Entry], str | None]:
        if self._files is None:
            return [], None
        try:
            ids, onward = self._files.beginning_with(place.prefix, marker, size)
        except ContinuationRefused:
            raise ContinuationInvalid from None
        return [_Entry(transfer_id, {}) for transfer_id in ids], onward

    def _read(
        self, place: Place, entries: list[_Entry]
    ) -> Iterable[Transfer | CheckpointUnreadable | StorageRefused | None]:
        """The transfer of each entry; None where it is no more, and what was raised where it cannot be read."""
        if place.reading is Reading.SUMMARY:
            return map(self._summed_up, entries)
        with ThreadPoolExecutor(HEADS_AT_ONCE, thread_name_prefix="summaries") as pool:
            return [*pool.map(self._looked_at, entries)]

    def _summed_up(self, entry: _Entry) -> Transfer | CheckpointUnreadable | StorageRefused | None:
        return summary.unpack(entry.metadata, entry.transfer_id) or self._looked_at(entry)

    def _looked_at(self, entry: _Entry) -> Transfer | CheckpointUnreadable | StorageRefused | None:
        try:
            return self._checkpoints.load_summary(entry.transfer_id)
        except (CheckpointUnreadable, StorageRefused) as unreadable:
            return unreadable


def _chosen(place: Place, at: _At, onward: _At, entries: list[_Entry], wanted: Wanted) -> tuple[list[_Entry], _At]:
    """The entries that have to be read, and where to go on behind them; `onward` leads behind all that were listed."""
    over = _At(at.place + 1)
    chosen: list[_Entry] = []
    seen = at.after
    for entry in _behind(entries, at.after, by_key=place.by_age):
        if place.by_age and is_too_old(entry.key, wanted):
            return chosen, over
        if place.reading is Reading.SUMMARY or may_be_wanted(entry.metadata, wanted):
            if place.reading is not Reading.SUMMARY and len(chosen) == MOST_HEADS:
                return chosen, _At(at.place, at.marker, seen)
            chosen.append(entry)
        seen = entry.key
    return chosen, onward if onward.marker is not None else over


def _is_shown(place: Place, entry: _Entry, transfer: Transfer, wanted: Wanted, now: datetime) -> bool:
    """Whether it is wanted, and this entry of this place is the one by which it is shown."""
    if place.reading is Reading.ENTRY and (transfer.is_over or entry.key != unfinished_entry_of(transfer)):
        return False
    return place.shows(transfer) and is_wanted(transfer, wanted, now)


def _key(name: str) -> str:
    return name.rpartition("/")[2].removesuffix(_SUFFIX)


def _behind(entries: list[_Entry], after: str | None, *, by_key: bool) -> list[_Entry]:
    """The entries behind the last one that was seen; where that is gone meanwhile, its place in the order counts."""
    if after is None:
        return entries
    at = next((number for number, entry in enumerate(entries) if entry.key == after), None)
    if at is not None:
        return entries[at + 1 :]
    return [entry for entry in entries if entry.key > after] if by_key else entries


def _sealed(wanted: Wanted, at: _At) -> str:
    """Where to go on, as one opaque word."""
    text = json.dumps([_name(wanted), at.place, at.marker, at.after], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode("ascii").rstrip("=")


def _opened(continuation: str | None, wanted: Wanted, count: int) -> _At:
    if continuation is None:
        return _At()
    try:
        text = base64.b64decode(continuation + "=" * (-len(continuation) % 4), b"-_", validate=True)
        name, place, marker, after = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        raise ContinuationInvalid from None
    is_place = isinstance(place, int) and not isinstance(place, bool) and 0 <= place < count
    is_text = all(one is None or _is_plain(one) for one in (marker, after))
    if name != _name(wanted) or not is_place or not is_text:
        raise ContinuationInvalid
    return _At(place, marker, after)


def _is_plain(text: object) -> bool:
    return isinstance(text, str) and text.isprintable() and text.isascii()


def _name(wanted: Wanted) -> str:
    """What a continuation belongs to; no mailbox's or file's name stands in it."""
    since = wanted.since.isoformat() if wanted.since is not None else None
    facts = [wanted.state, mailbox_key(wanted.mailbox or ""), wanted.blob, wanted.code, since]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:8]
