"""Everything that the runs of one process touch."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from shared.engine.checkpoint import Checkpoint
from shared.engine.continuation import MessagePolicy
from shared.engine.permit import RateLimiter, Unlimited
from shared.engine.ports import Background, Checkpoints, Clock, ContinuationQueue, Executor, Observer
from shared.engine.process import Process

S = TypeVar("S")
A = TypeVar("A")
E = TypeVar("E")


@dataclass(frozen=True, slots=True)
class Leftover:
    """What a durable outcome asked for and storage refuses. `comes_back`: the sweep is to try it again."""

    error: Exception
    comes_back: bool


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Runtime(Generic[S, A, E]):
    """What a `Runner` works with.

    Attributes:
        process: the rules.
        executor: what carries out the actions of one instance; open as long as its run.
        conclude: carries out what a durable outcome asks for, but for the index entry. It is safe to repeat; what is
            left over is raised at the end.
        new_run_id: makes an id that no other run has.
        background: makes the thread that writes behind; it ends with the run.
        budget: seconds after which a run stops by itself.
        head_start, save_pause: see `CheckpointWriter`.
        guard_after: seconds that a brief run lasts before it sends the message against its death; 0: it sends it at
            once, as any other.
        is_draining: whether this process has been told to end.
    """

    process: Process[S, A, E]
    checkpoints: Checkpoints[S]
    queue: ContinuationQueue
    executor: Callable[[S], AbstractContextManager[Executor[A, E]]]
    conclude: Callable[[Checkpoint[S]], Leftover | None]
    observer: Observer[S, A, E]
    policy: MessagePolicy
    clock: Clock
    new_run_id: Callable[[], str]
    background: Callable[[], AbstractContextManager[Background]]
    budget: float
    head_start: float = 0
    save_pause: float = 0
    guard_after: float = 0
    rate_limiter: RateLimiter[S, A, E] = field(default_factory=Unlimited)
    is_draining: Callable[[], bool] = _never
