"""Where a page of a listing looks for what is wanted: a few prefixes of blob names, whatever the number of transfers.

Every transfer that is wanted is shown by exactly one of the places, so that none has two rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto

from shared.core.codes import Code
from shared.core.identifiers import mailbox_key
from shared.core.model import State, Transfer
from shared.core.planning import age_mark
from shared.core.public_state import NOT_OVER, PublicState, public_state
from shared.core.waits import current
from shared.storage import outcome_index
from shared.storage.checkpoints import TRANSFERS, UNFINISHED

LARGEST_PAGE = 200
"""Transfers a page, inclusive. Chosen: about 400 KB of JSON."""

ROUNDS = 3
"""Listings that one page makes of a place while it passes over what is not wanted."""

SIEVED = 150
"""Entries that each of these listings but the first holds where most are passed over. Chosen: with 500 a page takes 600
ms of processor time, half of it to read 1,500 summaries; a page may take 300 ms (`dev.py verify --only listing`)."""

HINTED = 500
"""Unfinished entries of one listing whose own metadata tell what to pass over: they are small. Chosen: more than are
under way at most times."""

MOST_HEADS = 10
"""Transfers that one page looks at with a HEAD each. Chosen: with 20 a page takes over 300 ms on an Azurite with 10,000
transfers, which searches all its blobs for each request (`dev.py verify --only listing`)."""

UNDER_WAY = "under-way"
IN_DOUBT = "in-doubt"
ACKNOWLEDGED = "acknowledged"
"""Three more states that a listing can be asked for: whatever is not over; what failed with COMMIT_IN_DOUBT; and the
failures that were dealt with, which `failed` and `in-doubt` leave out."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which transfers. None = any.

    Attributes:
        state: a PublicState, UNDER_WAY, IN_DOUBT or ACKNOWLEDGED.
        mailbox: of the target, or what a refused file's metadata gave for it. Compared without case.
        blob: what the file's name inside the container begins with: the whole name, or a folder. Compared with case.
        code: why a transfer failed, or what it waits for.
        since: only files that were written then or later (UTC).
    """

    state: str | None = None
    mailbox: str | None = None
    blob: str | None = None
    code: Code | None = None
    since: datetime | None = None


class Reading(Enum):
    """What an entry of a place is, and so what has to be read for its transfer."""

    SUMMARY = auto()  # the blob's metadata sums the transfer up
    ENTRY = auto()  # an unfinished entry: one HEAD for each
    FILE = auto()  # a file of the drop container: one HEAD for the transfer that it asks for


def _any(_transfer: Transfer) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Place:
    """A prefix of blob names, and how often, and how many at a time, a page looks there.

    Attributes:
        by_age: whether its entries come newest file first.
        sieves: whether much of what is there is passed over: then every listing but the first is as large as it may be.
        shows: which transfers are shown here, and nowhere else.
        is_walk: whether it is what the files of the drop container may have led to already.
    """

    prefix: str
    reading: Reading = Reading.SUMMARY
    rounds: int = ROUNDS
    most: int = LARGEST_PAGE
    by_age: bool = True
    sieves: bool = False
    shows: Callable[[Transfer], bool] = _any
    is_walk: bool = False


_ALL = Place(TRANSFERS)
_UNFINISHED = Place(UNFINISHED, Reading.ENTRY, rounds=1, most=MOST_HEADS)
_INDEXED = {
    PublicState.FAILED.value: outcome_index.FAILED,
    PublicState.CANCELLED.value: outcome_index.CANCELLED,
    IN_DOUBT: outcome_index.IN_DOUBT,
    ACKNOWLEDGED: outcome_index.ACKNOWLEDGED,
}
"""What has index entries of its own."""

_ATTACHED = PublicState.ATTACHED.value


def places(wanted: Wanted, *, has_files: bool) -> tuple[Place, ...]:
    """Where to look, in this order. `has_files`: whether the drop container can be looked at."""
    is_hinted = wanted.blob is not None or wanted.mailbox is not None
    unfinished = Place(UNFINISHED, Reading.ENTRY, rounds=1, most=HINTED, sieves=True) if is_hinted else _UNFINISHED
    if wanted.state in {*NOT_OVER, UNDER_WAY}:
        return (unfinished,)
    over = tuple(_over(wanted, has_files=has_files))
    if wanted.state is not None or (wanted.code is None and not is_hinted):
        return over
    return (unfinished, *over) if is_hinted else (*over, unfinished)


def _over(wanted: Wanted, *, has_files: bool) -> Iterator[Place]:
    """Where transfers that are over are looked for."""
    mailbox = outcome_index.of_mailbox(wanted.mailbox) if wanted.mailbox is not None else None
    if wanted.blob is not None:
        if wanted.state != _ATTACHED:
            prefix = outcome_index.of_name(wanted.blob)
            yield Place(
                prefix, most=SIEVED, by_age=False, sieves=True, shows=lambda one: one.state is not State.ATTACHED
            )
        if wanted.state in {None, _ATTACHED} and wanted.code is None:
            if has_files:
                yield Place(wanted.blob, Reading.FILE, rounds=1, most=MOST_HEADS, by_age=False, shows=_is_attached)
            yield Place(mailbox or TRANSFERS, most=SIEVED, sieves=True, shows=_is_attached, is_walk=has_files)
    elif wanted.code is not None:
        if wanted.state not in {_ATTACHED, PublicState.CANCELLED.value}:
            is_sieve = mailbox is not None or wanted.state is not None
            yield Place(outcome_index.of_code(wanted.code), most=SIEVED if is_sieve else LARGEST_PAGE, sieves=is_sieve)
    elif mailbox is not None:
        yield Place(mailbox, shows=lambda one: one.is_over)
    else:
        indexed = _INDEXED.get(wanted.state or "")
        yield Place(indexed) if indexed is not None else _ALL


def _is_attached(transfer: Transfer) -> bool:
    return transfer.state is State.ATTACHED


def is_too_old(transfer_id: str, wanted: Wanted) -> bool:
    """Whether the id is of a file from before the time that is wanted: ids begin with the file's time."""
    return wanted.since is not None and transfer_id[:8] > age_mark(wanted.since)


def may_be_wanted(hints: dict[str, str], wanted: Wanted) -> bool:
    """What an unfinished entry's own metadata rule out without another request; entries of before have none."""
    name, mailbox = hints.get(outcome_index.NAME_HINT), hints.get(outcome_index.MAILBOX_HINT)
    if name is not None and wanted.blob is not None:
        spelled = outcome_index.spelled(wanted.blob)
        if not name.startswith(spelled):
            return False
    return mailbox is None or wanted.mailbox is None or outcome_index.of_mailbox(wanted.mailbox) == mailbox


def is_wanted(transfer: Transfer, wanted: Wanted, now: datetime) -> bool:
    """Whether it is one of these."""
    plan = transfer.plan
    if wanted.mailbox is not None and mailbox_key(plan.mailbox or "") != mailbox_key(wanted.mailbox):
        return False
    if wanted.blob is not None and not plan.source.blob.startswith(wanted.blob):
        return False
    if wanted.since is not None and is_too_old(transfer.id, wanted):
        return False
    if wanted.code is not None and wanted.code is not _code(transfer, now):
        return False
    return wanted.state is None or _is_in(transfer, wanted.state, now)


def _is_in(transfer: Transfer, state: str, now: datetime) -> bool:
    if state == UNDER_WAY:
        return not transfer.is_over
    if state in {IN_DOUBT, ACKNOWLEDGED, PublicState.FAILED.value}:
        if transfer.state is not State.FAILED or (transfer.acknowledged is not None) != (state == ACKNOWLEDGED):
            return False
        return state != IN_DOUBT or (transfer.failure is not None and transfer.failure.code is Code.COMMIT_IN_DOUBT)
    return public_state(transfer, now) == state


def _code(transfer: Transfer, now: datetime) -> Code | None:
    """Why it failed, or what it waits for."""
    waiting = current(transfer, now)
    return transfer.failure.code if transfer.failure is not None else waiting.code if waiting is not None else None
