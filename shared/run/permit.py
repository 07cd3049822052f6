"""What the driver knows of politeness: before each request it asks its turn, and it tells it what came of it."""

from __future__ import annotations

from typing import Protocol

from shared.core.actions import Action
from shared.core.events import Event
from shared.core.model import Transfer
from shared.rate_limit.mailbox import Mailbox
from shared.rate_limit.permits import Deferred
from shared.run.checkpoint_writer import Background


class Permit(Protocol):
    """The right to work on a mailbox."""

    def held(self, action: Action, transfer: Transfer) -> Deferred | None:
        """How long the action has to wait for the mailbox, and why; None where it may be done now."""
        ...

    def told(self, action: Action, event: Event) -> None:
        """The action was done, and this came of it."""
        ...

    def leave(self) -> None:
        """The run is over."""
        ...


class Prefetch(Protocol):
    """What a run sees of its mailbox while it still claims the checkpoint."""

    def seen(self) -> tuple[Mailbox, str | None] | None:
        """The mailbox and its version, as `Mailboxes.load` has them; None without. Waits until they are there."""
        ...


class RateLimiter(Protocol):
    """Where a run asks for its turn."""

    def look(self, transfer: Transfer, background: Background) -> Prefetch | None:
        """Begin to look at the mailbox: the claim of the checkpoint takes as long. None where there is no need."""
        ...

    def enter(
        self, transfer: Transfer, run_id: str, background: Background, look: Prefetch | None
    ) -> Permit | Deferred:
        """A turn, or when to come back. The run holds the transfer's checkpoint; `look` was made just before."""
        ...


class FreePermit:
    """Implements `Permit` where nothing is limited."""

    def held(self, action: Action, transfer: Transfer) -> Deferred | None:  # noqa: ARG002 - the protocol's signature
        """See `Permit.held`."""
        return None

    def told(self, action: Action, event: Event) -> None:
        """See `Permit.told`."""

    def leave(self) -> None:
        """See `Permit.leave`."""


class Unlimited:
    """Implements `RateLimiter` where nothing is limited."""

    def look(self, transfer: Transfer, background: Background) -> Prefetch | None:  # noqa: ARG002 - as above
        """See `RateLimiter.look`."""
        return None

    def enter(
        self,
        transfer: Transfer,  # noqa: ARG002 - as above
        run_id: str,  # noqa: ARG002 - as above
        background: Background,  # noqa: ARG002 - as above
        look: Prefetch | None,  # noqa: ARG002 - as above
    ) -> Permit | Deferred:
        """See `RateLimiter.enter`."""
        return FreePermit()
