"""Patience of messages: none of it is spent by storage, and a day of it by runs that fail."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.core.policy import Policy
from shared.core.unfinished import parse_unfinished_entry, unfinished_entry_of
from shared.engine.checkpoint import LEASE_SECONDS, writer_of
from shared.engine.continuation import Continuation, after_poison, after_trouble, is_spent
from tests.unit.core.shapes import transfer

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
POLICY = Policy()
PATIENCE = timedelta(seconds=POLICY.poison_patience)


def test_storage_that_is_down_for_ever_is_asked_again_at_a_bounded_pace() -> None:
    message, delays = Continuation("a", run="run-1", guards=True, poisoned=3, since=NOW), []
    for _ in range(500):
        message, delay = after_trouble(message, POLICY)
        delays.append(delay)
    assert min(delays) > LEASE_SECONDS, "the lease that the failed run leaves behind is over"
    assert POLICY.storage_cap / 2 <= delays[-1] <= POLICY.storage_cap == max(POLICY.storage_cap, *delays)
    assert message == Continuation("a", tries=POLICY.storage_tries_told, poisoned=3, since=NOW)


def test_a_message_that_the_host_gave_up_on_remembers_since_when() -> None:
    first, soon = after_poison(Continuation(blob="a", run="run-1", guards=True, tries=7), NOW, POLICY)
    assert first == Continuation(blob="a", poisoned=1, since=NOW)
    assert soon <= POLICY.poison_first
    second, _ = after_poison(first, NOW + timedelta(hours=1), POLICY)
    assert second == Continuation(blob="a", poisoned=2, since=NOW)
    assert after_poison(replace(first, poisoned=50), NOW, POLICY)[1] <= POLICY.poison_cap


@pytest.mark.parametrize(
    ("poisoned", "since", "later", "spent"),
    [
        (POLICY.poison_tries, NOW, PATIENCE, True),
        (POLICY.poison_tries, NOW, PATIENCE - timedelta(seconds=1), False),
        (POLICY.poison_tries - 1, NOW, PATIENCE * 30, False),
        (POLICY.poison_tries, None, PATIENCE * 30, False),
    ],
)
def test_patience_is_spent_by_time_and_by_number(
    poisoned: int, since: datetime | None, later: timedelta, *, spent: bool
) -> None:
    assert is_spent(Continuation("a", poisoned=poisoned, since=since), NOW + later, POLICY) is spent


@pytest.mark.parametrize(("retries", "ending"), [(0, ""), (1, "-1"), (12, "-12")])
def test_each_retry_has_a_mark_of_its_own(retries: int, ending: str) -> None:
    one = replace(transfer(), retries=retries)
    assert unfinished_entry_of(one) == one.id + ending
    assert parse_unfinished_entry(unfinished_entry_of(one)) == (one.id, retries)


@pytest.mark.parametrize(("write", "writer"), [("run-7.12", "run-7"), ("a.b.0", "a.b"), ("wish", "wish")])
def test_a_write_names_its_run(write: str, writer: str) -> None:
    assert writer_of(write) == writer
