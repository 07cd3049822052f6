"""Who gets an instance: the first write of a checkpoint, the one that takes it over, and messages that mean nothing."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeVar

from shared.engine.checkpoint import Checkpoint, writer_of
from shared.engine.continuation import Continuation
from shared.engine.ports import Checkpoints, Conflict
from shared.engine.process import Facts

S = TypeVar("S")


def create(store: Checkpoints[S], instance_id: str, checkpoint: Checkpoint[S]) -> str | None:
    """Write the first version and return its ETag; None where somebody else did."""
    try:
        return store.create(checkpoint)
    except Conflict:
        return _own(store, instance_id, checkpoint)


def claim(store: Checkpoints[S], instance_id: str, claimed: Checkpoint[S], etag: str) -> str | None:
    """Take the instance over and return the checkpoint's new ETag; None where somebody else was first."""
    try:
        return store.save(claimed, etag)
    except Conflict:
        return _own(store, instance_id, claimed)


def _own(store: Checkpoints[S], instance_id: str, checkpoint: Checkpoint[S]) -> str | None:
    """The ETag of this very write, where only its answer was lost; None where another write stands."""
    stored = store.load(instance_id)
    return stored.etag if stored is not None and stored.checkpoint.write == checkpoint.write else None


def is_stale(asked: Continuation, checkpoint: Checkpoint[Any]) -> bool:
    """True for a message of a run that is not the last one which had the instance: that one has its own messages."""
    holder = checkpoint.lease.owner if checkpoint.lease is not None else None
    return asked.run is not None and asked.run not in {holder, writer_of(checkpoint.write)}


def is_relied_upon(facts: Facts, now: datetime) -> bool:
    """True where the message that comes now may be the one which the last run took for its own (`recheck_at`)."""
    return facts.recheck_at is not None and facts.recheck_at <= now and facts.recheck_at != facts.not_before
