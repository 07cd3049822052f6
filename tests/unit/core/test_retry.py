"""Backoff and Retry-After as arithmetic."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.retry import backoff, wait_for


@pytest.mark.parametrize("tries", range(1, 12))
def test_the_whole_doubles_from_the_first_to_the_cap_and_half_of_it_is_fixed(tries: int) -> None:
    whole = min(300.0, 1.0 * 2 ** (tries - 1))
    assert whole / 2 <= backoff(tries, 1, 300, "a") < whole


def test_the_count_may_grow_without_end() -> None:
    assert 150 <= backoff(10**9, 1, 300, "a") < 300


def test_a_whole_is_still_doubled_when_the_cap_is_far_away() -> None:
    assert backoff(33, 1, 2.0**40, "a") >= 2.0**31
    assert backoff(34, 1, 2.0**40, "a") < 2.0**32


@given(st.text(), st.integers(1, 100))
def test_the_same_transfer_waits_the_same_in_every_replay(key: str, tries: int) -> None:
    assert backoff(tries, 1, 300, key) == backoff(tries, 1, 300, key)


def test_transfers_that_failed_together_do_not_return_together() -> None:
    waits = sorted(backoff(10, 1, 300, str(key)) for key in range(2000))
    assert len(set(waits)) == 2000
    assert waits[0] < 151
    assert waits[-1] > 299
    thirds = [sum(150 + 50 * part <= wait < 200 + 50 * part for wait in waits) for part in range(3)]
    assert min(thirds) > 550


def test_one_transfer_is_spread_afresh_at_every_failure() -> None:
    assert len({backoff(tries, 300, 300, "a") for tries in range(1, 50)}) == 49


def test_the_spread_is_the_same_in_every_version() -> None:
    assert backoff(3, 1, 300, "key") == pytest.approx(3.269009752664715)


@pytest.mark.parametrize(
    ("retry_after", "own", "wait"), [(None, 2.0, 2.0), (0.0, 2.0, 2.0), (1.0, 2.0, 2.0), (9.0, 2.0, 9.0)]
)
def test_graph_is_never_asked_earlier_than_it_said(retry_after: float | None, own: float, wait: float) -> None:
    assert wait_for(retry_after, own) == wait
