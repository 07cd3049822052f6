"""The engine's rate limiter, as transfers have it: its permit is for a mailbox."""

from __future__ import annotations

from typing import Protocol, TypeAlias

from shared.core.actions import Action
from shared.core.events import Event
from shared.core.model import Transfer
from shared.engine import permit as engine
from shared.rate_limit.mailbox import Mailbox

Permit: TypeAlias = engine.Permit[Transfer, Action, Event]
RateLimiter: TypeAlias = engine.RateLimiter[Transfer, Action, Event]


class Prefetch(Protocol):
    """The read of a mailbox, made while the run still claims the checkpoint."""

    def result(self) -> tuple[Mailbox, str | None] | None:
        """The mailbox and its version, as `Mailboxes.load` has them; None without. Waits until they are there."""
        ...
