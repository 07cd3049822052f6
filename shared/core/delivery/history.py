"""What a delivery remembers for the people who ask: every decision, what came of it, and Graph's request id."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime

from shared.core.delivery import machine
from shared.core.delivery.actions import Action
from shared.core.delivery.events import CancelNoted, Event, FilesNoted, Forbidden, Held, NotDone, Refused, Unsure
from shared.core.delivery.model import Delivery, State, Step
from shared.core.delivery.policy import DeliveryPolicy

LONGEST = 120
"""Steps kept: a lost answer that is settled for 15 minutes takes about 40. Longer ones lose their middle."""

_KEPT_HEAD = 20
_SAYS_NOTHING = (FilesNoted, CancelNoted, Held)


def step(delivery: Delivery, action: Action | None, event: Event, now: datetime, policy: DeliveryPolicy) -> Delivery:
    """`machine.apply`, remembered. What only notes something leaves no step."""
    after = machine.apply(delivery, event, now, policy)
    return after if isinstance(event, _SAYS_NOTHING) else recorded(after, now, delivery.state, action, event)


def recorded(delivery: Delivery, at: datetime, state: State, action: Action | None, event: Event) -> Delivery:
    """The delivery with one more step. `state` is the one the decision was made in."""
    code = None
    if isinstance(event, NotDone | Unsure):
        code = event.code.value
    elif isinstance(event, Refused | Forbidden):
        code = event.failure.code.value
    graph = event.failure.graph if isinstance(event, Refused) else event.graph
    made = Step(
        at,
        state,
        _named(action) if action is not None else "",
        _named(event),
        code,
        graph.request_id if graph else None,
    )
    history = (*delivery.history, made)
    if len(history) > LONGEST:
        history = (*history[:_KEPT_HEAD], *history[_KEPT_HEAD + 1 :])
    return replace(delivery, history=history)


def _named(value: Action | Event) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", " ", type(value).__name__).lower()
