"""What one checkpoint blob holds beside the instance of a process: who is working on it, and which write made it.

Who may write it, and when:

    create            whoever made the instance; with a lease where it runs at once, else without
    claim             any run, where there is no lease, or one that has lapsed: under the ETag that it read
    save              the run that claimed it: under the ETag of its last write, with a new lease
    command           a person, at any time: under the ETag that was read; the lease stays with its owner
    release           the run that claimed it: the same, without a lease

The lease is advice: it keeps two workers from doing the same work. The fence is the blob's ETag: a worker that lost the
instance cannot overwrite newer state, whatever its clock says.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Generic, TypeVar

S = TypeVar("S")

LEASE_SECONDS = 20.0
"""How long a run owns an instance after each of its saves. Every range saves, so it spans many ranges on a good line;
on a bad one it lapses, which costs a handover and nothing else. A run that died is picked up after at most this long
and what its message needs to be seen: `shared/engine/guard.py`."""


@dataclass(frozen=True, slots=True)
class Lease:
    """`owner` is one run's own id; nobody else touches the instance before `until` (UTC)."""

    owner: str
    until: datetime


@dataclass(frozen=True)  # with slots it could not be made by the name of an alias, as `Checkpoint[Transfer]`
class Checkpoint(Generic[S]):
    """One instance of a process as it is stored.

    `write` names the write that made this version, so that a run whose answer was lost recognises its own write and
    does not take it for theft.
    """

    instance: S
    lease: Lease | None
    write: str

    def busy_until(self, now: datetime) -> datetime | None:
        """Until when somebody else's lease holds; None where the instance is free."""
        return self.lease.until if self.lease is not None and now < self.lease.until else None

    def written(self, instance: S, write: str, lease: Lease | None) -> Checkpoint[S]:
        """The next version."""
        return replace(self, instance=instance, lease=lease, write=write)


def lease(owner: str, now: datetime) -> Lease:
    """A lease from now on."""
    return Lease(owner, now + timedelta(seconds=LEASE_SECONDS))


def writer_of(write: str) -> str:
    """The run, or the command, that made this write."""
    return write.rpartition(".")[0] or write
