"""Validation of a checkpoint beyond its schema, so that no rule of the core meets a transfer that cannot be.

A transfer that came through `shared/core` is always valid. One that is not was changed by another program: going on
with it could attach a file twice, or fail in the middle of a run.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import cache
from typing import Any

from shared.core.identifiers import is_item_id
from shared.core.model import LOOKUPS, Route, State, Transfer
from shared.core.policy import LARGEST_ATTACHMENT, LARGEST_RANGE
from shared.storage.ports import Checkpoint

YEARS = range(2000, 2200)
"""Every time in a checkpoint lies in these; outside of them, arithmetic with times may fail."""

MOST_COUNTED = 10**9
"""Exclusive. Chosen: no count of ours comes near."""

LARGEST_BLOB = 2**48
"""Bytes, inclusive: above the 190.7 TiB of the largest block blob (Scalability targets for Blob storage). A file that
was refused for its size has a checkpoint too."""

_WITHOUT_TIMES = (str, int)

_IN_SESSION = frozenset({State.SENDING, State.ASKING, State.RESENDING, State.FENCING})
_COUNTS = (
    "routes_refused",
    "fences",
    "looks",
    "early_looks",
    "strangers",
    "tries",
    "session_tries",
    "transfer_tries",
    "throttles",
    "sessions",
    "runs",
    "retries",
)


def first_fault(checkpoint: Checkpoint) -> str | None:
    """What is wrong, in a few words without any of its values; None where the checkpoint is valid."""
    transfer = checkpoint.instance
    if not all(_is_time(value) for value in _times(checkpoint)):
        return "a time is no instant between 2000 and 2200"
    counts = [getattr(transfer, name) for name in _COUNTS]
    if transfer.answered is not None:
        counts.append(transfer.answered.tries)
    if not all(0 <= count < MOST_COUNTED for count in counts):
        return "a count is out of bounds"
    for row in (transfer.refusals, transfer.outage):
        if row is not None and not (0 <= row.times < MOST_COUNTED and 0 <= row.wait < MOST_COUNTED):
            return "the refusals are out of bounds"
    if not 0 <= transfer.size <= LARGEST_BLOB or not 0 <= transfer.bytes_confirmed <= transfer.size:
        return "a number of bytes is out of bounds"
    if transfer.range_bytes is not None and not 0 < transfer.range_bytes <= LARGEST_RANGE:
        return "the range is out of bounds"
    if transfer.session is not None and not 0 <= transfer.session.offset < transfer.size:
        return "the session's offset is outside the file"
    if transfer.is_over:
        return _fault_of_an_end(transfer)
    return next((said for said, holds in _UNDER_WAY.items() if not holds(transfer)), None)


def _fault_of_an_end(transfer: Transfer) -> str | None:
    if transfer.announced_at is not None and transfer.item_id is None:
        return "the item is not known"  # a retry of what is in doubt looks for it there
    return "a transfer that is over has a session" if transfer.session is not None else None


def outside(checkpoint: Checkpoint, container: str) -> str | None:
    """What is wrong where the file is in another container than the drop container; None where it is not.

    Its bytes would be attached, or the blob deleted, whatever it is: another transfer's checkpoint, for one.
    """
    return None if checkpoint.instance.plan.source.container == container else "its file is in another container"


def _has_its_session(transfer: Transfer) -> bool:
    if transfer.state in {State.LOOKING, State.COMPARING}:
        return True  # with one while only its expiry can fence it, else without
    if transfer.state is State.COMMITTING:
        return (transfer.session is not None) == (transfer.route is Route.SESSION)
    return (transfer.session is not None) == (transfer.state in _IN_SESSION)


def _knows_its_item(transfer: Transfer) -> bool:
    if transfer.item_id is not None:
        return is_item_id(transfer.item_id)
    target = transfer.plan.target
    return transfer.state is State.PLANNED and target is not None and target.key in LOOKUPS


def _may_seek(transfer: Transfer) -> bool:
    """Only where a commit is in doubt is a looked-up item looked at under an id that may have changed."""
    in_doubt = transfer.state is State.LOOKING and transfer.announced_at is not None
    return in_doubt and transfer.target.key in LOOKUPS


_UNDER_WAY: dict[str, Callable[[Transfer], bool]] = {
    "there is no target": lambda transfer: transfer.plan.target is not None and transfer.plan.attachment is not None,
    "the file has an impossible size": lambda transfer: 0 < transfer.size <= LARGEST_ATTACHMENT,
    "it is under way and has an end": lambda transfer: transfer.failure is None and transfer.finished_at is None,
    "the item is not known": _knows_its_item,
    "it landed without being announced": lambda transfer: transfer.announced_at is not None or not transfer.landed,
    "what was attached before is not known": (
        lambda transfer: transfer.state is State.PLANNED or transfer.before is not None
    ),
    "the session does not fit the state": _has_its_session,
    "the announcement of a commit does not fit the state": (
        lambda transfer: (
            transfer.announced_at is None
            if transfer.state is State.PLANNED
            else transfer.announced_at is not None or transfer.state is not State.COMMITTING
        )
    ),
    "the item is sought where nobody looks for it": lambda transfer: not transfer.sought or _may_seek(transfer),
    "the suspects do not fit the state": (
        lambda transfer: (
            bool(transfer.suspects) == (transfer.state is State.COMPARING)
            and transfer.strangers <= len(transfer.suspects)
        )
    ),
}


def _is_time(value: datetime) -> bool:
    return value.tzinfo is not None and value.year in YEARS


def _times(value: Any) -> Iterator[datetime]:
    """Every time in the value, and in whatever it is made of."""
    if isinstance(value, datetime):
        yield value
        return
    kind: Any = type(value)
    parts = value if kind is tuple else (getattr(value, name) for name in _fields(kind))
    for part in parts:
        if part is not None and not isinstance(part, _WITHOUT_TIMES):
            yield from _times(part)


@cache
def _fields(kind: Any) -> tuple[str, ...]:
    """The names of a dataclass's fields; of anything else, none."""
    return tuple(field.name for field in dataclasses.fields(kind)) if dataclasses.is_dataclass(kind) else ()
