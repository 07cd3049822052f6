"""The numbers that other numbers must fit."""

from __future__ import annotations

from shared.core.policy import LARGEST_ATTACHMENT, LARGEST_RANGE, MIB, Policy

POLICY = Policy()


def test_the_limits_are_what_the_promise_names() -> None:
    assert MIB == 1_048_576
    assert LARGEST_ATTACHMENT == 157_286_400
    assert LARGEST_RANGE == POLICY.range_bytes == 4_194_304


def test_a_post_has_time_to_land_after_the_latest_moment_it_starts() -> None:
    assert POLICY.post_landing > POLICY.post_start


def test_a_wait_that_is_slept_ends_before_a_lease_does() -> None:
    assert POLICY.inline_wait < 20


def test_patience_for_a_step_ends_before_patience_for_a_session_and_that_before_the_transfers() -> None:
    assert POLICY.best_effort_tries < POLICY.step_tries < POLICY.session_tries < POLICY.transfer_tries
    assert POLICY.ask_tries < POLICY.step_tries


def test_delays_grow() -> None:
    assert POLICY.backoff_first < POLICY.backoff_cap
    assert POLICY.target_poll_first < POLICY.target_poll_cap < POLICY.target_wait
    assert list(POLICY.look_delays) == sorted(POLICY.look_delays)


def test_an_outage_is_waited_for_a_day_with_pauses_of_half_an_hour_at_most() -> None:
    assert POLICY.outage_wait == 24 * 3600
    assert POLICY.backoff_cap < POLICY.outage_cap == 1800
    assert POLICY.ask_tries <= POLICY.best_effort_tries < POLICY.step_tries
