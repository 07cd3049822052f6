"""Engines that are wrong on purpose. Each is the product with one rule changed, and each must be found out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from shared.core.delivery import acting, durability, ending, machine
from shared.core.delivery import actions as ac
from shared.core.delivery import events as ev
from shared.core.delivery.model import Delivery, State
from shared.core.delivery.policy import DeliveryPolicy
from shared.core.delivery.table import TABLE, Row, Rule

NO_ETAG = "saves without ETag"
NO_INTENT = "no durable intent"
Table = Mapping[State, Mapping[type[ev.EventBase], Row]]


def _unsent(present: Delivery, _event: ev.EventBase, now: datetime, policy: DeliveryPolicy) -> Delivery:
    """5xx means unsent: announce it again."""
    after = acting.aborted(present, ev.ActAborted(), now, policy)
    return replace(after, not_before=now + timedelta(seconds=policy.backoff_first))


def _gone_is_sent(present: Delivery, _event: ev.EventBase, now: datetime, _policy: DeliveryPolicy) -> Delivery:
    """404 means sent."""
    return ending.sent(present, now)


def _counted_is_enough(present: Delivery, event: ev.FilesCounted, now: datetime, policy: DeliveryPolicy) -> Delivery:
    """Send when the count is reached, without a look at the item."""
    after = TABLE[present.state][ev.FilesCounted].rule(present, event, now, policy)
    if after.state is not State.CHECKING:
        return after
    return replace(after, read_at=now, checked_at=now, marked=True, deleted_folder=after.deleted_folder or "")


def _restarted_is_unsent(present: Delivery, _event: ev.RunStarted, now: datetime, policy: DeliveryPolicy) -> Delivery:
    """A run that finds an announced act begins it again."""
    return acting.aborted(present, ev.ActAborted(), now, policy)


def _changed(changes: Mapping[tuple[State, type[ev.EventBase]], Rule[Any]]) -> Table:
    rows = {state: dict(known) for state, known in TABLE.items()}
    for (state, event), rule in changes.items():
        rows[state][event] = Row(event, rule, *State)
    return rows


WRONG: dict[str, Table] = {
    "5xx means unsent": _changed(
        {(state, kind): _unsent for state in (State.SUBMITTING, State.UPDATING) for kind in (ev.Unsure, ev.NotDone)}
    ),
    "404 means sent": _changed(
        {
            (State.SUBMITTING, ev.ItemMissing): _gone_is_sent,
            (State.SETTLING, ev.ItemMissing): _gone_is_sent,
            (State.LOCATING, ev.ItemMissing): _gone_is_sent,
        }
    ),
    "send when the count is reached": _changed(
        {(state, ev.FilesCounted): _counted_is_enough for state in (State.COLLECTING, State.BLOCKED)}
    ),
    "a restart sends again": _changed({(State.SUBMITTING, ev.RunStarted): _restarted_is_unsent}),
}
"""By name; the two others are the product over a store, or a driver, that breaks the rule."""

ALL = (*WRONG, NO_ETAG, NO_INTENT)


_TABLE, _RULE = "TABLE", "must_save_before"  # the names under which they are read


def _saves_only_at_the_end(action: ac.Action, present: Delivery, saved: Delivery) -> bool:
    return isinstance(action, ac.Finish | ac.Wait) and present != saved


@contextmanager
def engine(name: str) -> Iterator[None]:
    """Put a wrong engine in force; "product" leaves the right one."""
    table, rule = getattr(machine, _TABLE), getattr(durability, _RULE)
    _put(WRONG.get(name, table), _saves_only_at_the_end if name == NO_INTENT else rule)
    try:
        yield
    finally:
        _put(table, rule)


def _put(table: Table, rule: Any) -> None:
    for module, name, value in ((machine, _TABLE, table), (durability, _RULE, rule)):
        setattr(module, name, value)
