"""What the driver knows of politeness: before each request it asks its turn, and it tells it what came of it."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from shared.core.actions import Action
from shared.core.events import Happening
from shared.core.model import Transfer
from shared.pace.turns import Later
from shared.run.ledger import Background


class Turn(Protocol):
    """The right to work on a mailbox."""

    def held_until(self, action: Action, transfer: Transfer) -> datetime | None:
        """Until when (UTC) the action has to wait for the mailbox; None where it may be done now."""
        ...

    def told(self, action: Action, event: Happening) -> None:
        """The action was done, and this came of it."""
        ...

    def leave(self) -> None:
        """The run is over."""
        ...


class Pacing(Protocol):
    """Where a run asks for its turn."""

    def enter(self, transfer: Transfer, run_id: str, background: Background) -> Turn | Later:
        """A turn, or when to come back. The run holds the transfer's checkpoint."""
        ...


class FreeTurn:
    """Implements `Turn` where nothing is limited."""

    def held_until(self, action: Action, transfer: Transfer) -> datetime | None:  # noqa: ARG002 - the protocol's signature
        """See `Turn.held_until`."""
        return None

    def told(self, action: Action, event: Happening) -> None:
        """See `Turn.told`."""

    def leave(self) -> None:
        """See `Turn.leave`."""


class Unlimited:
    """Implements `Pacing` where nothing is limited."""

    def enter(self, transfer: Transfer, run_id: str, background: Background) -> Turn | Later:  # noqa: ARG002 - as above
        """See `Pacing.enter`."""
        return FreeTurn()
