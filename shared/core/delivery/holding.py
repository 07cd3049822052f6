"""What waits, what is tried again, and when enough is enough. Where an act is under way, enough means in doubt."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from shared.core.codes import Code
from shared.core.delivery import ending
from shared.core.delivery.events import Held, NotDone, Unsure
from shared.core.delivery.model import UNDER_WAY, Delivery, Refusals, State
from shared.core.delivery.policy import DeliveryPolicy
from shared.core.errors import CATALOGUE
from shared.core.model import Failure, WaitingFor
from shared.core.retry import backoff, wait_for
from shared.core.retry_budget import WAITED_OUT

BEST_EFFORT = 3
"""Failures in a row at deleting a draft that nobody needs, before the delivery ends without it. Chosen."""


def waiting(delivery: Delivery, code: Code, now: datetime, seconds: float) -> Delivery:
    """Nothing more is done for so long; it has waited for as long as for the same thing before."""
    earlier = delivery.waiting_for
    since = earlier.since if earlier is not None and earlier.code is code else now
    until = now + timedelta(seconds=seconds)
    return replace(delivery, not_before=until, waiting_for=WaitingFor(code, since, until))


def held(delivery: Delivery, event: Held, now: datetime, _policy: DeliveryPolicy) -> Delivery:
    """The rate limiter has it wait: until a time that is known, or until it is called."""
    seconds = (event.until - now).total_seconds()
    after = waiting(delivery, event.code, now, seconds)
    return after if event.known else replace(after, not_before=delivery.not_before)


def progressed(delivery: Delivery) -> Delivery:
    """Something new is known: the row of failures is over."""
    return replace(delivery, tries=0, throttles=0, refusals=None, waiting_for=None)


def look_again(delivery: Delivery, now: datetime, delays: tuple[float, ...]) -> Delivery | None:
    """One more look showed nothing: the delivery, waiting for the next; None once there were enough of them."""
    if delivery.looks >= len(delays):
        return None
    pause = delays[delivery.looks]
    return waiting(replace(delivery, looks=delivery.looks + 1), Code.EVIDENCE_PENDING, now, pause)


def search_again(delivery: Delivery, now: datetime, delays: tuple[float, ...]) -> Delivery | None:
    """One more search for an item that went somewhere: the same, counted apart, because looks at it go on beside."""
    if delivery.searches >= len(delays):
        return None
    pause = delays[delivery.searches]
    return waiting(replace(delivery, searches=delivery.searches + 1), Code.EVIDENCE_PENDING, now, pause)


def hold(delivery: Delivery, event: NotDone | Unsure, now: datetime, policy: DeliveryPolicy) -> Delivery:
    """Stay at this step and try it again later, or give up."""
    if event.code in WAITED_OUT:
        return _wait_out(delivery, event, now, policy)
    first, cap = policy.backoff_first, policy.backoff_cap
    if event.code is Code.GRAPH_THROTTLED:
        cap = policy.throttle_cap
        delivery = replace(delivery, throttles=delivery.throttles + 1)
        row, is_spent = delivery.throttles, delivery.throttles > policy.throttles
    else:
        delivery = replace(delivery, tries=delivery.tries + 1)
        row, is_spent = delivery.tries, delivery.tries > policy.step_tries
    if is_spent or (delivery.state is State.DISCARDING and row >= BEST_EFFORT):
        return _give_up(delivery, event, now, policy)
    return waiting(delivery, event.code, now, wait_for(event.retry_after, backoff(row, first, cap, delivery.id)))


def _wait_out(delivery: Delivery, event: NotDone | Unsure, now: datetime, policy: DeliveryPolicy) -> Delivery:
    """Rights, tokens and what nobody explains: they were seen to pass within hours."""
    earlier = delivery.refusals or Refusals(now, 0)
    refusals = Refusals(earlier.since, earlier.times + 1)
    delivery = replace(delivery, refusals=refusals)
    is_over = now >= refusals.since + timedelta(seconds=policy.access_wait) and refusals.times >= BEST_EFFORT
    if is_over or (delivery.state is State.DISCARDING and refusals.times >= BEST_EFFORT):
        return _give_up(delivery, event, now, policy)
    pause = backoff(refusals.times, policy.refused_first, policy.refused_cap, delivery.id)
    return waiting(delivery, event.code, now, wait_for(event.retry_after, pause))


def _give_up(delivery: Delivery, event: NotDone | Unsure, now: datetime, policy: DeliveryPolicy) -> Delivery:
    failure = Failure(
        event.code, f"{CATALOGUE[event.code].title} The delivery was {delivery.state.value}.", event.graph
    )
    if delivery.state is State.DISCARDING:
        return ending.ended(delivery, now)
    if delivery.state in UNDER_WAY:
        return ending.in_doubt(delivery, f"Looking further failed: {failure.detail}", now)
    return ending.fail(delivery, failure, now, policy)
