"""A file that has just come: whether it is a file yet, and what to do until it is.

Some writers create an empty blob first and fill it later, each with an event; a copy between accounts shows the whole
length while its bytes are still on their way, and nothing tells of its end; a hierarchical account lists its folders
as blobs. None of these is a mistake of anybody's: the file is looked at again, by a message of its own, until it is one
or its time is up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from shared.core import planning
from shared.core.errors import Code
from shared.core.model import Failure, Transfer
from shared.core.policy import Policy
from shared.engine.continuation import Continuation
from shared.run.runner import TransferRunner
from shared.storage.ports import Clock, Dropped, StorageRefused

FOLDER_KEY = "hdi_isfolder"
"""The metadata by which a hierarchical account labels a folder in a flat listing (Azure Data Lake Storage, known
issues with the Blob API)."""


@dataclass(frozen=True, slots=True)
class Ready:
    """It is a file, or it is time to say what is wrong with it."""


@dataclass(frozen=True, slots=True)
class NoFile:
    """It is a folder: nothing to attach, and nothing to report."""


@dataclass(frozen=True, slots=True)
class NotYet:
    """It may become a file until then; `why` says what it is now."""

    why: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Never:
    """It will not become a file."""

    failure: Failure


Readiness = Ready | NoFile | NotYet | Never


def readiness(dropped: Dropped, since: datetime, now: datetime, policy: Policy) -> Readiness:
    """What the blob is now. `since` is when it was first seen so."""
    name = dropped.source.blob
    if is_folder(dropped):
        return NoFile()
    if dropped.copy in {"failed", "aborted"}:
        return Never(Failure(Code.SOURCE_INCOMPLETE, f"The copy that makes {name!r} is {dropped.copy}."))
    if dropped.copy == "pending":
        until = since + timedelta(seconds=policy.copy_wait)
        detail = f"The copy that makes {name!r} was still under way after {policy.copy_wait:g} seconds."
        return NotYet("its copy is under way", until) if now < until else Never(Failure(Code.SOURCE_INCOMPLETE, detail))
    until = since + timedelta(seconds=policy.empty_wait)
    return NotYet("it is empty", until) if dropped.source.size == 0 and now < until else Ready()


def is_folder(dropped: Dropped) -> bool:
    """True for what a hierarchical account lists for a folder."""
    given = {key.lower(): value for key, value in dropped.metadata.items()}
    return (given.get(FOLDER_KEY) or "").strip().lower() == "true"


class FileLooks(Protocol):
    """Messages that ask for another look at a file."""

    def send(self, blob: str, since: datetime, delay: float) -> None:
        """Ask for one in `delay` seconds; `since` is when the file was first seen unready."""
        ...


class ArrivalObserver(Protocol):
    """Observer of files that are none, or none yet."""

    def not_ready(self, why: str, until: datetime | None) -> None:
        """A file is waited for until then; None: it is none, and is passed over."""
        ...


def _refuse(dropped: Dropped, failure: Failure, now: datetime) -> Transfer:
    return planning.refuse(dropped.source, failure, now)


@dataclass(frozen=True, slots=True)
class Arrivals:
    """What becomes of a dropped file, whoever found it. `transfer_for` and `refuse` are intake."""

    runs: TransferRunner
    looks: FileLooks
    transfer_for: Callable[[Dropped], Transfer]
    clock: Clock
    policy: Policy
    observer: ArrivalObserver
    refuse: Callable[[Dropped, Failure, datetime], Transfer] = _refuse

    def came(self, dropped: Dropped, asked: Continuation) -> None:
        """See `arrived`; `asked` is the message by which it was found."""
        self.arrived(dropped, asked.awaited, asked)

    def arrived(self, dropped: Dropped, since: datetime | None = None, asked: Continuation | None = None) -> None:
        """An event tells of a file, or a look at it is due. Raises what `TransferRunner.start` raises."""
        now = self.clock.now()
        since = min(since, now) if since is not None else now
        match readiness(dropped, since, now, self.policy):
            case NoFile():
                self.observer.not_ready("it is a folder", None)
            case NotYet(why, until):
                self.observer.not_ready(why, until)
                self.looks.send(dropped.source.blob, since, self._pause(since, now, until))
            case Never(failure):
                self.runs.start(self.refuse(dropped, failure, now), asked)
            case Ready():
                self.runs.start(self.transfer_for(dropped), asked)

    def found(self, dropped: Dropped) -> Transfer | None:
        """What the sweep makes of a file that it found; None where there is nothing to make of it now.

        Raises:
            StorageRefused: a copy is under way; the sweep notes it, and comes back to it.
        """
        now = self.clock.now()
        match readiness(dropped, dropped.source.modified_at, now, self.policy):
            case NoFile():
                return None
            case NotYet(why, _):
                if dropped.source.size == 0:
                    return None
                raise StorageRefused(Code.SOURCE_INCOMPLETE, f"{dropped.source.blob!r} is no whole file yet: {why}.")
            case Never(failure):
                return self.refuse(dropped, failure, now)
            case Ready():
                return self.transfer_for(dropped)

    def _pause(self, since: datetime, now: datetime, until: datetime) -> float:
        """Seconds until the next look: as long as it has been looked for, from 5 seconds to the policy's most."""
        waited = (now - since).total_seconds()
        pause = min(max(waited, self.policy.file_poll_first), self.policy.file_poll_cap)
        return min(pause, max(0.0, (until - now).total_seconds()))
