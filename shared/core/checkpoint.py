"""What one checkpoint blob holds beside the transfer: who is working on it, and which write made it.

The lease is advice: it keeps two workers from doing the same work. The fence is the blob's ETag: a worker that lost the
transfer cannot overwrite newer state, whatever its clock says.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.core.model import Transfer

LEASE_SECONDS = 20.0
"""How long a run owns a transfer after each of its saves. Every range saves, so it spans many ranges on a good line; on
a bad one it lapses, which costs a handover and nothing else. A run that died is picked up after at most this long and
what its message needs to be seen: `shared/run/guard.py`."""


@dataclass(frozen=True, slots=True)
class Lease:
    """`owner` is one run's own id; nobody else touches the transfer before `until` (UTC)."""

    owner: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One transfer as it is stored.

    `write` names the write that made this version, so that a run whose answer was lost recognises its own write and
    does not take it for theft.
    """

    transfer: Transfer
    lease: Lease | None
    write: str

    def busy_until(self, now: datetime) -> datetime | None:
        """Until when somebody else's lease holds; None where the transfer is free."""
        return self.lease.until if self.lease is not None and now < self.lease.until else None

    def written(self, transfer: Transfer, write: str, lease: Lease | None) -> Checkpoint:
        """The next version."""
        return replace(self, transfer=transfer, lease=lease, write=write)


def lease(owner: str, now: datetime) -> Lease:
    """A lease from now on."""
    return Lease(owner, now + timedelta(seconds=LEASE_SECONDS))


def unfinished_entry_of(transfer: Transfer) -> str:
    """The name of the index entry of this unfinished transfer: one for each time that a person had it tried again.

    So whoever carries out an end, however slowly, removes the entry of that end and not the one that a retry made.
    """
    return transfer.id if transfer.retries == 0 else f"{transfer.id}-{transfer.retries}"


def parse_unfinished_entry(entry: str) -> tuple[str, int]:
    """The transfer's id that an entry stands for, and which retry."""
    transfer_id, _, retry = entry.partition("-")
    return transfer_id, int(retry) if retry.isdecimal() else 0


def writer_of(write: str) -> str:
    """The run, or the command, that made this write."""
    return write.rpartition(".")[0] or write
