"""What the driver knows of politeness: before each request it asks its turn, and it tells it what came of it."""

from __future__ import annotations

from typing import Protocol

from shared.core.actions import Action
from shared.core.events import Happening
from shared.core.model import Transfer
from shared.rate_limit.mailbox import Mailbox
from shared.rate_limit.permits import Later
from shared.run.checkpoint_writer import Background


class Turn(Protocol):
    """The right to work on a mailbox."""

    def held(self, action: Action, transfer: Transfer) -> Later | None:
        """How long the action has to wait for the mailbox, and why; None where it may be done now."""
        ...

    def told(self, action: Action, event: Happening) -> None:
        """The action was done, and this came of it."""
        ...

    def leave(self) -> None:
        """The run is over."""
        ...


class Look(Protocol):
    """What a run sees of its mailbox while it still claims the checkpoint."""

    def seen(self) -> tuple[Mailbox, str | None] | None:
        """The mailbox and its version, as `Mailboxes.load` has them; None without. Waits until they are there."""
        ...


class Pacing(Protocol):
    """Where a run asks for its turn."""

    def look(self, transfer: Transfer, background: Background) -> Look | None:
        """Begin to look at the mailbox: the claim of the checkpoint takes as long. None where there is no need."""
        ...

    def enter(self, transfer: Transfer, run_id: str, background: Background, look: Look | None) -> Turn | Later:
        """A turn, or when to come back. The run holds the transfer's checkpoint; `look` was made just before."""
        ...


class FreeTurn:
    """Implements `Turn` where nothing is limited."""

    def held(self, action: Action, transfer: Transfer) -> Later | None:  # noqa: ARG002 - the protocol's signature
        """See `Turn.held`."""
        return None

    def told(self, action: Action, event: Happening) -> None:
        """See `Turn.told`."""

    def leave(self) -> None:
        """See `Turn.leave`."""


class Unlimited:
    """Implements `Pacing` where nothing is limited."""

    def look(self, transfer: Transfer, background: Background) -> Look | None:  # noqa: ARG002 - as above
        """See `Pacing.look`."""
        return None

    def enter(self, transfer: Transfer, run_id: str, background: Background, look: Look | None) -> Turn | Later:  # noqa: ARG002 - as above
        """See `Pacing.enter`."""
        return FreeTurn()
