"""Runs of transfers: the engine's runner, with what transfers bring along."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, field

from shared.core.actions import Action
from shared.core.errors import Code
from shared.core.events import Event
from shared.core.model import State, Transfer
from shared.core.policy import Policy
from shared.engine.permit import RateLimiter, Unlimited
from shared.engine.ports import Background, Clock, Executor, Observer
from shared.engine.runner import HANDOVER_PAUSE, Runner, RunsSpent
from shared.engine.runtime import Leftover, Runtime
from shared.graph.hosts import UploadHosts
from shared.graph.http import Transport
from shared.run.executor import GraphExecutor, Owned
from shared.run.transfer_process import TransferProcess, anywhere
from shared.storage.ports import (
    Checkpoint,
    Checkpoints,
    Claims,
    Outcomes,
    Sources,
    StorageRefused,
    StorageUnavailable,
    TransferQueue,
)

__all__ = ["HANDOVER_PAUSE", "RunDependencies", "RunsSpent", "TransferRunner", "anywhere"]


@dataclass(frozen=True, slots=True)
class RunDependencies:
    """Everything a run touches.

    Attributes:
        new_run_id: makes an id that no other run has.
        background: makes the thread that writes behind; it ends with the run.
        budget: seconds after which a run stops by itself.
        head_start: seconds by which a range goes before the checkpoint behind it.
        save_pause: seconds at least between two checkpoints that are only worth saving.
        delete_source: whether an attached file's source is deleted once the outcome is durable.
        rate_limiter: where a run asks for its permit on a mailbox.
        claims: whose an attachment is, where two transfers could take one for theirs; None: there are no others.
        may_write: whether this deployment may write to a mailbox, asked at the start of every run.
        guard_after: seconds that the run of a small file lasts before it sends the message against its death.
        is_draining: whether this process has been told to end.
        take_up: makes a transfer of a blob as it is now: its older version has ended because of the newer one.
    """

    checkpoints: Checkpoints
    sources: Sources
    queue: TransferQueue
    outcomes: Outcomes
    transport: Transport
    hosts: UploadHosts
    base_url: str
    policy: Policy
    clock: Clock
    observer: Observer[Transfer, Action, Event]
    new_run_id: Callable[[], str]
    background: Callable[[], AbstractContextManager[Background]]
    budget: float
    head_start: float = 0
    save_pause: float = 0
    delete_source: bool = False
    rate_limiter: RateLimiter[Transfer, Action, Event] = field(default_factory=Unlimited)
    may_write: Callable[[str], bool] = anywhere
    guard_after: float = 0
    is_draining: Callable[[], bool] = lambda: False
    take_up: Callable[[str], object] = lambda _blob: None
    claims: Claims | None = None

    @property
    def process(self) -> TransferProcess:
        """The rules of a transfer under this policy."""
        return TransferProcess(self.policy, self.may_write)


class TransferRunner(Runner[Transfer, Action, Event]):
    """One per OS process. See `Runner`."""

    def __init__(self, edges: RunDependencies) -> None:
        super().__init__(
            Runtime(
                process=edges.process,
                checkpoints=edges.checkpoints,
                queue=edges.queue,
                executor=lambda transfer: _executor(edges, transfer),
                conclude=lambda checkpoint: _conclude(edges, checkpoint),
                observer=edges.observer,
                policy=edges.policy,
                clock=edges.clock,
                new_run_id=edges.new_run_id,
                background=edges.background,
                budget=edges.budget,
                head_start=edges.head_start,
                save_pause=edges.save_pause,
                guard_after=edges.guard_after,
                rate_limiter=edges.rate_limiter,
                is_draining=edges.is_draining,
            )
        )


@contextmanager
def _executor(edges: RunDependencies, transfer: Transfer) -> Iterator[Executor[Action, Event]]:
    """What carries out the actions of this transfer, over its version of the blob."""
    owned = Owned(edges.claims, transfer) if edges.claims is not None else None
    with closing(edges.sources.open(transfer.plan.source)) as reader:
        yield GraphExecutor(
            edges.transport, edges.hosts, edges.base_url, reader, edges.clock, edges.policy.range_bytes, owned
        )


def _conclude(edges: RunDependencies, checkpoint: Checkpoint) -> Leftover | None:
    """Notify the listeners, delete the source if so set, and make a transfer of the file's newer version."""
    transfer = checkpoint.instance
    edges.outcomes.notify(checkpoint)
    refused = _source_kept(edges, transfer) if edges.delete_source and transfer.state is State.ATTACHED else None
    if transfer.failure is not None and transfer.failure.code is Code.SOURCE_CHANGED:
        edges.take_up(transfer.plan.source.blob)
    if refused is None:
        return None
    # An immutability policy may last for years: nobody waits for its end.
    return Leftover(refused, comes_back=refused.code is not Code.STORAGE_IMMUTABLE)


def _source_kept(edges: RunDependencies, transfer: Transfer) -> StorageRefused | None:
    """Delete the source; why it stays where storage refuses. A role that is missing is no reason to hurry either.

    Whoever called says so. While the entry is there, the sweep comes back more and more rarely: leases end.
    """
    try:
        edges.sources.delete(transfer.plan.source)
    except StorageRefused as refused:
        return refused
    except StorageUnavailable as denied:
        if denied.code is Code.STORAGE_UNAVAILABLE:
            raise
        return StorageRefused(denied.code, str(denied))
    return None
