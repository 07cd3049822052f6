"""What a message on the work queue asks for: a run of a process, or a look at a dropped file.

A message carries its own history, so that patience needs no write of its own: a run that ends in an orderly way sends a
fresh one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from shared.core.retry import backoff

TRANSFER = "transfer"
"""The kind of a message that names none: of every version whose only process was the transfer."""


@dataclass(frozen=True, slots=True)
class Continuation:
    """Names an instance of a process, or a blob of the drop container; exactly one of them.

    Attributes:
        instance_id: the instance to carry on.
        blob: the file to look at again, where no transfer could be made of it yet.
        kind: which process the instance is of: `Process.kind`.
        run: the run that sent it; stale once another one has had the instance since, which has messages of its own.
            None: an event, a person or the sweep asked.
        guards: it was sent at the beginning of that run, against its death (`shared/engine/guard.py`).
        tries: how often in a row storage did not let it be carried out.
        poisoned: how often the host has given up on it.
        since: when the host first did (UTC); None where it never has.
        awaited: since when the blob is waited for to become a whole file; None where it was one, or has just come.
    """

    instance_id: str | None = None
    blob: str | None = None
    kind: str = TRANSFER
    run: str | None = None
    guards: bool = False
    tries: int = 0
    poisoned: int = 0
    since: datetime | None = None
    awaited: datetime | None = None

    @property
    def key(self) -> str:
        """What it is about, in one word."""
        return self.instance_id or self.blob or ""


class MessagePolicy(Protocol):
    """How patient messages are. `shared/core/policy.py` has the values, and what each one means."""

    @property
    def inline_wait(self) -> float:
        """A wait up to so many seconds is slept; a longer one goes back to the queue."""
        ...

    @property
    def storage_first(self) -> float:
        """Seconds until a message comes again that storage did not let be carried out; doubles with each time."""
        ...

    @property
    def storage_cap(self) -> float:
        """The most of these seconds."""
        ...

    @property
    def storage_tries_told(self) -> int:
        """Where that count stops."""
        ...

    @property
    def poison_first(self) -> float:
        """Seconds until a message comes again that the host gave up on; doubles with each time."""
        ...

    @property
    def poison_cap(self) -> float:
        """The most of these seconds."""
        ...

    @property
    def poison_patience(self) -> float:
        """For so many seconds the host must have been giving up on them, before the instance fails."""
        ...

    @property
    def poison_tries(self) -> int:
        """And so often."""
        ...


def after_trouble(continuation: Continuation, policy: MessagePolicy) -> tuple[Continuation, float]:
    """The message to send where storage was unavailable, and its delay in seconds. It never runs out."""
    tries = min(continuation.tries + 1, policy.storage_tries_told)
    again = replace(continuation, run=None, guards=False, tries=tries)
    return again, backoff(tries, policy.storage_first, policy.storage_cap, continuation.key)


def after_poison(continuation: Continuation, now: datetime, policy: MessagePolicy) -> tuple[Continuation, float]:
    """The message to send where the host gave up on this one, and its delay in seconds."""
    poisoned = continuation.poisoned + 1
    again = replace(continuation, run=None, guards=False, tries=0, poisoned=poisoned, since=continuation.since or now)
    return again, backoff(poisoned, policy.poison_first, policy.poison_cap, continuation.key)


def is_spent(continuation: Continuation, now: datetime, policy: MessagePolicy) -> bool:
    """True where runs have failed for so long, and so often, that another one would not help.

    Both are asked for: in an outage of a day the host gives up on few messages, and none of them is spent.
    """
    if continuation.since is None or continuation.poisoned < policy.poison_tries:
        return False
    return now - continuation.since >= timedelta(seconds=policy.poison_patience)
