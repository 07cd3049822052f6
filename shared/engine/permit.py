"""What the engine knows of the rate limiter: a run checks its permit before each action, and records each result."""

from __future__ import annotations

from typing import Any, Protocol, TypeVar

from shared.engine.ports import Background
from shared.engine.process import Deferred

S_contra = TypeVar("S_contra", contravariant=True)
A_contra = TypeVar("A_contra", contravariant=True)
E_contra = TypeVar("E_contra", contravariant=True)


class Permit(Protocol[S_contra, A_contra, E_contra]):
    """A run's right to go on."""

    def check(self, action: A_contra, instance: S_contra, /) -> Deferred | None:
        """Until when the action is deferred, and why; None where it may be done now."""
        ...

    def record(self, action: A_contra, event: E_contra) -> None:
        """Record an action that was done, and its result."""
        ...

    def release(self) -> None:
        """Give the permit back at the end of the run."""
        ...


class RateLimiter(Protocol[S_contra, A_contra, E_contra]):
    """Where a run asks for its permit."""

    def prefetch(self, instance: S_contra, background: Background, /) -> Any:
        """Begin to read what `acquire` needs: the claim of the checkpoint takes as long. None where there is no need.

        What it hands over is given to `acquire`, and to nobody else.
        """
        ...

    def acquire(
        self, instance: S_contra, run_id: str, background: Background, prefetched: Any, /
    ) -> Permit[S_contra, A_contra, E_contra] | Deferred:
        """A permit, or when to come back. The run holds the checkpoint; `prefetched` began just before."""
        ...


class FreePermit:
    """Implements `Permit` where nothing is limited."""

    def check(self, action: object, instance: object) -> Deferred | None:  # noqa: ARG002 - the protocol's signature
        """See `Permit.check`."""
        return None

    def record(self, action: object, event: object) -> None:
        """See `Permit.record`."""

    def release(self) -> None:
        """See `Permit.release`."""


class Unlimited:
    """Implements `RateLimiter` where nothing is limited."""

    def prefetch(self, instance: object, background: Background) -> None:
        """See `RateLimiter.prefetch`."""

    def acquire(
        self,
        instance: object,  # noqa: ARG002 - the protocol's signature
        run_id: str,  # noqa: ARG002 - as above
        background: Background,  # noqa: ARG002 - as above
        prefetched: object,  # noqa: ARG002 - as above
    ) -> FreePermit:
        """See `RateLimiter.acquire`."""
        return FreePermit()
