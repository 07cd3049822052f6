"""What the driver knows of the rate limiter: it checks its permit before each request, and records each result."""

from __future__ import annotations

from typing import Protocol

from shared.core.actions import Action
from shared.core.events import Event
from shared.core.model import Transfer
from shared.rate_limit.mailbox import Mailbox
from shared.rate_limit.permits import Deferred
from shared.run.checkpoint_writer import Background


class Permit(Protocol):
    """A run's right to use a mailbox."""

    def check(self, action: Action, transfer: Transfer) -> Deferred | None:
        """Until when the action is deferred, and why; None where it may be done now."""
        ...

    def record(self, action: Action, event: Event) -> None:
        """Record an action that was done, and its result."""
        ...

    def release(self) -> None:
        """Give the permit back at the end of the run."""
        ...


class Prefetch(Protocol):
    """The read of a mailbox, made while the run still claims the checkpoint."""

    def result(self) -> tuple[Mailbox, str | None] | None:
        """The mailbox and its version, as `Mailboxes.load` has them; None without. Waits until they are there."""
        ...


class RateLimiter(Protocol):
    """Where a run asks for its permit."""

    def prefetch(self, transfer: Transfer, background: Background) -> Prefetch | None:
        """Begin to read the mailbox: the claim of the checkpoint takes as long. None where there is no need."""
        ...

    def acquire(
        self, transfer: Transfer, run_id: str, background: Background, prefetched: Prefetch | None
    ) -> Permit | Deferred:
        """A permit, or when to come back. The run holds the transfer's checkpoint; `prefetched` began just before."""
        ...


class FreePermit:
    """Implements `Permit` where nothing is limited."""

    def check(self, action: Action, transfer: Transfer) -> Deferred | None:  # noqa: ARG002 - the protocol's signature
        """See `Permit.check`."""
        return None

    def record(self, action: Action, event: Event) -> None:
        """See `Permit.record`."""

    def release(self) -> None:
        """See `Permit.release`."""


class Unlimited:
    """Implements `RateLimiter` where nothing is limited."""

    def prefetch(self, transfer: Transfer, background: Background) -> Prefetch | None:  # noqa: ARG002 - as above
        """See `RateLimiter.prefetch`."""
        return None

    def acquire(
        self,
        transfer: Transfer,  # noqa: ARG002 - as above
        run_id: str,  # noqa: ARG002 - as above
        background: Background,  # noqa: ARG002 - as above
        prefetched: Prefetch | None,  # noqa: ARG002 - as above
    ) -> Permit | Deferred:
        """See `RateLimiter.acquire`."""
        return FreePermit()
