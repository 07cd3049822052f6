"""Pages of transfers, newest first, each at a bounded cost however many transfers there are.

| wanted | where it is looked for | requests a page |
|---|---|---|
| everything | `transfers/`, whose blobs' metadata sum them up | 1 |
| attached | the same, passing over the others | 1 to 3 |
| failed, cancelled, or in doubt | the marks of `outcome_index.py` | 1 |
| queued, sending, waiting | the unfinished marks, then one HEAD for each | 1 + up to 10 |
| one mailbox | its unfinished ones as above, then its marks | 1 or 2, + up to 10 |

A page may hold fewer transfers than it may, even none, and yet have a continuation: then it has looked at as many as
one page looks at. Ids begin with the time of the file, so that the service's own order, by name, is newest first.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from shared.core.errors import Code
from shared.core.identifiers import mailbox_key
from shared.core.model import Transfer
from shared.core.public_state import NOT_OVER, PublicState, public_state
from shared.storage import outcome_index, summary
from shared.storage.access import StorageAccess, storage_errors
from shared.storage.checkpoints import TRANSFERS, UNFINISHED, CheckpointContainer
from shared.storage.ports import CheckpointUnreadable, StorageRefused

LARGEST_PAGE = 200
"""Transfers a page, inclusive. Chosen: about 400 KB of JSON."""

ROUNDS = 3
"""Listings that one page makes while it passes over what is not wanted."""

MOST_HEADS = 10
"""Unfinished transfers that one page looks at, one HEAD each. Chosen: with 20 a page takes over 300 ms on an Azurite
with 10,000 transfers, which searches all its blobs for each request (`dev.py verify --only listing`)."""

HEADS_AT_ONCE = 8
"""Requests side by side for a page of unfinished transfers. Measured on Azurite: more do not make it faster."""

UNDER_WAY = "under-way"
IN_DOUBT = "in-doubt"
"""Two more that a listing can be asked for: whatever is not over, and what failed with COMMIT_IN_DOUBT."""

_SUFFIX = ".json"


class ContinuationInvalid(Exception):  # noqa: N818 - it names what is the case
    """The continuation was not handed out by a page of the same listing."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which transfers: `state` is a PublicState, UNDER_WAY or IN_DOUBT; None = any. Mailboxes compare without case."""

    state: str | None = None
    mailbox: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """`transfers` without sessions and histories; `unreadable` are ids of checkpoints that this app cannot read."""

    transfers: tuple[Transfer, ...]
    unreadable: tuple[str, ...]
    continuation: str | None


@dataclass(frozen=True, slots=True)
class _Place:
    """A prefix of blob names, and how often, and how many at a time, a page looks there.

    `summed_up`: whether the blobs' own metadata tells what is needed.
    """

    prefix: str
    summed_up: bool
    rounds: int = ROUNDS
    most: int = LARGEST_PAGE


_ALL = _Place(TRANSFERS, summed_up=True)
_UNFINISHED = _Place(UNFINISHED, summed_up=False, rounds=1, most=MOST_HEADS)


class Listing:
    """Reads the checkpoint container. Safe to share between threads."""

    def __init__(self, access: StorageAccess, container: str, checkpoints: CheckpointContainer) -> None:
        self._access = access
        self._container = container
        self._checkpoints = checkpoints

    def page(self, wanted: Wanted, limit: int, continuation: str | None, now: datetime) -> Page:
        """Up to `limit` transfers (1 to 200), and where the next page begins.

        Raises:
            ContinuationInvalid, StorageUnavailable.
        """
        places = _places(wanted)
        at, marker = _opened(continuation, wanted, len(places))
        found: list[Transfer] = []
        unreadable: list[str] = []
        while at < len(places):
            place = places[at]
            for _ in range(place.rounds):
                entries, marker = self._entries(place, min(limit - len(found), place.most), marker)
                for transfer_id, transfer in entries:
                    if transfer is None:
                        unreadable.append(transfer_id)
                    elif _is_wanted(transfer, wanted, now, over=place is not _UNFINISHED):
                        found.append(transfer)
                if marker is None or len(found) >= limit:
                    break
            at = at if marker is not None else at + 1
            if marker is not None or len(found) >= limit:
                break
        onward = _sealed(wanted, at, marker) if at < len(places) else None
        return Page(tuple(found), tuple(unreadable), onward)

    def count(self, prefix: str, most: int) -> int:
        """How many blobs have this prefix, counted up to `most` (at most 5,000): one request."""
        container = self._access.blobs.get_container_client(self._container)
        with storage_errors("count transfers"):
            pages: Any = container.list_blob_names(name_starts_with=prefix, results_per_page=most).by_page()
            try:
                return sum(1 for _ in next(pages))
            except (StopIteration, ResourceNotFoundError):
                return 0

    def _entries(
        self, place: _Place, size: int, marker: str | None
    ) -> tuple[list[tuple[str, Transfer | None]], str | None]:
        """Ids with their transfers, None for one that cannot be read; those that are no more are left out."""
        container = self._access.blobs.get_container_client(self._container)
        include = ["metadata"] if place.summed_up else None
        with storage_errors("list transfers"):
            listed = container.list_blobs(name_starts_with=place.prefix, include=include, results_per_page=size)
            pages: Any = listed.by_page(marker)
            try:
                blobs = [(_id(str(blob.name), place.prefix), dict(blob.metadata or {})) for blob in next(pages)]
            except (StopIteration, ResourceNotFoundError):
                return [], None
            except HttpResponseError as error:
                if marker is not None and error.status_code == 400:  # noqa: PLR2004 - HTTP's Bad Request
                    raise ContinuationInvalid from None
                raise
        read: Iterable[tuple[str, Transfer | None] | None]
        if place.summed_up:
            read = map(self._reader(place), blobs)
        else:
            with ThreadPoolExecutor(HEADS_AT_ONCE, thread_name_prefix="summaries") as pool:
                read = [*pool.map(self._reader(place), blobs)]
        return [entry for entry in read if entry is not None], pages.continuation_token or None

    def _reader(self, place: _Place) -> Callable[[tuple[str, dict[str, str]]], tuple[str, Transfer | None] | None]:
        def read(blob: tuple[str, dict[str, str]]) -> tuple[str, Transfer | None] | None:
            transfer_id, metadata = blob
            transfer = summary.unpack(metadata, transfer_id) if place.summed_up else None
            try:
                transfer = transfer or self._checkpoints.load_summary(transfer_id)
            except (CheckpointUnreadable, StorageRefused):
                return transfer_id, None
            return (transfer_id, transfer) if transfer is not None else None

        return read


def _id(name: str, prefix: str) -> str:
    return name.removeprefix(prefix).removesuffix(_SUFFIX)


_INDEXED = {
    PublicState.FAILED.value: outcome_index.FAILED,
    PublicState.CANCELLED.value: outcome_index.CANCELLED,
    IN_DOUBT: outcome_index.IN_DOUBT,
}
"""What has index entries of its own."""


def _places(wanted: Wanted) -> tuple[_Place, ...]:
    """Where to look, in this order."""
    unfinished = wanted.state in {*NOT_OVER, UNDER_WAY}
    if wanted.mailbox is not None:
        marked = _Place(outcome_index.of_mailbox(wanted.mailbox), summed_up=True)
        return (_UNFINISHED, marked) if wanted.state is None else (_UNFINISHED,) if unfinished else (marked,)
    if unfinished:
        return (_UNFINISHED,)
    prefix = _INDEXED.get(wanted.state or "")
    return (_Place(prefix, summed_up=True) if prefix is not None else _ALL,)


def _is_wanted(transfer: Transfer, wanted: Wanted, now: datetime, *, over: bool) -> bool:
    if wanted.mailbox is not None:
        target = transfer.plan.target
        if target is None or mailbox_key(target.mailbox) != mailbox_key(wanted.mailbox) or transfer.is_over != over:
            return False  # where both places are walked, each transfer is shown by one of them
    if wanted.state is None:
        return True
    if wanted.state == UNDER_WAY:
        return not transfer.is_over
    if wanted.state == IN_DOUBT:
        return transfer.failure is not None and transfer.failure.code is Code.COMMIT_IN_DOUBT
    return public_state(transfer, now) == wanted.state


def _sealed(wanted: Wanted, at: int, marker: str | None) -> str:
    """Where to go on, as one opaque word."""
    text = json.dumps([_name(wanted), at, marker], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode("ascii").rstrip("=")


def _opened(continuation: str | None, wanted: Wanted, places: int) -> tuple[int, str | None]:
    if continuation is None:
        return 0, None
    try:
        text = base64.b64decode(continuation + "=" * (-len(continuation) % 4), b"-_", validate=True)
        name, at, marker = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        raise ContinuationInvalid from None
    is_place = isinstance(at, int) and not isinstance(at, bool) and 0 <= at < places
    is_marker = marker is None or (isinstance(marker, str) and marker.isprintable() and marker.isascii())
    if name != _name(wanted) or not is_place or not is_marker:
        raise ContinuationInvalid
    return at, marker


def _name(wanted: Wanted) -> str:
    """What a continuation belongs to; a mailbox's name does not stand in it."""
    text = f"{wanted.state}\n{mailbox_key(wanted.mailbox or '')}"
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:8]
