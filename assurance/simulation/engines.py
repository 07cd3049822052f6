"""Engines that are wrong on purpose. Each is the product with one rule changed, and each must attach twice somewhere.

A test that none of them fails is a test that proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from shared.core import events as ev
from shared.core import machine, settling
from shared.core.model import State, Transfer
from shared.core.policy import Policy
from shared.core.table import TABLE, Row, Rule, Table


def _gone_means_new_session(transfer: Transfer, _event: ev.Event, _now: datetime, _policy: Policy) -> Transfer:
    """What most clients do: 404 on the session, so start again."""
    return replace(transfer, state=State.OPENING, session=None, announced_at=None, tries=0, bytes_confirmed=0)


def _look_without_a_fence(transfer: Transfer, _event: ev.Event, _now: datetime, _policy: Policy) -> Transfer:
    """Look at the item straight away; the session is forgotten, not deleted."""
    return replace(transfer, state=State.LOOKING, session=None, looks=0, tries=0)


def _look_first(transfer: Transfer, _event: ev.Event, _now: datetime, _policy: Policy) -> Transfer:
    """Look at the item while the session still stands; delete it afterwards."""
    return replace(transfer, state=State.LOOKING, looks=0, tries=0)


def _looked_first(transfer: Transfer, event: ev.AttachmentsListed, now: datetime, policy: Policy) -> Transfer:
    after = settling.looked(transfer, event, now, policy)
    if transfer.session is None or after.state in {State.COMPARING, State.ATTACHED}:
        return after
    return replace(transfer, state=State.FENCING, tries=0)  # the fence comes second, and nobody looks behind it


def _fenced_second(transfer: Transfer, _event: ev.Event, _now: datetime, _policy: Policy) -> Transfer:
    return replace(transfer, state=State.OPENING, session=None, announced_at=None, looks=0, tries=0, bytes_confirmed=0)


def _resend_without_asking(transfer: Transfer, _event: ev.Event, _now: datetime, _policy: Policy) -> Transfer:
    """A lost POST is simply sent again."""
    return replace(transfer, state=State.PLANNED, announced_at=None, tries=0)


def _refusal_had_no_effect(transfer: Transfer, _event: ev.Event, now: datetime, policy: Policy) -> Transfer:
    """A POST that was answered with a refusal was not carried out, so it may be sent again."""
    pause = timedelta(seconds=policy.backoff_first)
    if transfer.session is not None:
        return replace(transfer, tries=transfer.tries + 1, not_before=now + pause)
    return replace(transfer, state=State.PLANNED, announced_at=None, not_before=now + pause)


def _gone_is_a_fence(transfer: Transfer, event: ev.Event, now: datetime, policy: Policy) -> Transfer:
    """A DELETE that finds no session is as good as one that deletes it."""
    return settling.fenced(transfer, ev.SessionFenced(graph=event.graph), now, policy)


def _changed(changes: Mapping[tuple[State, type[ev.EventBase]], Rule[Any]]) -> Table:
    rows = {state: dict(known) for state, known in TABLE.items()}
    for (state, event), rule in changes.items():
        rows[state][event] = Row(event, rule, *State)
    return rows


_UNDER_WAY = (State.SENDING, State.COMMITTING, State.RESENDING)

REFUSAL_HAD_NO_EFFECT = "a refusal had no effect"

WRONG: dict[str, Table] = {
    "404 means new session": _changed({(state, ev.SessionGone): _gone_means_new_session for state in _UNDER_WAY}),
    "look, then reopen": _changed(
        {
            (State.COMMITTING, ev.Unsure): _look_without_a_fence,
            (State.COMMITTING, ev.RunStarted): _look_without_a_fence,
            **{(state, ev.SessionGone): _look_without_a_fence for state in _UNDER_WAY},
        }
    ),
    "look before the fence": _changed(
        {
            (State.COMMITTING, ev.Unsure): _look_first,
            (State.COMMITTING, ev.RunStarted): _look_first,
            **{(state, ev.SessionGone): _look_first for state in _UNDER_WAY},
            (State.LOOKING, ev.AttachmentsListed): _looked_first,
            (State.FENCING, ev.SessionFenced): _fenced_second,
            (State.FENCING, ev.SessionGone): _fenced_second,
        }
    ),
    "send the small file again": _changed(
        {
            (State.COMMITTING, ev.Unsure): _resend_without_asking,
            (State.COMMITTING, ev.RunStarted): _resend_without_asking,
        }
    ),
    REFUSAL_HAD_NO_EFFECT: _changed(
        {
            **{(State.COMMITTING, event): _refusal_had_no_effect for event in (ev.NotDone, ev.ItemMissing)},
            (State.FENCING, ev.SessionGone): _gone_is_a_fence,
        }
    ),
}
"""By name; "saves without ETag" is the product over a store that ignores them (`WatchedCheckpoints`)."""

NO_ETAG = "saves without ETag"


_NAME = "TABLE"  # of the one table that the machine reads


@contextmanager
def engine(name: str) -> Iterator[None]:
    """Put a wrong table in force; "product" leaves the right one."""
    before = getattr(machine, _NAME)
    setattr(machine, _NAME, WRONG.get(name, TABLE))
    try:
        yield
    finally:
        setattr(machine, _NAME, before)
