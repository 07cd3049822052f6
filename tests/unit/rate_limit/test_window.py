"""The sliding window: how many bytes fit now, and when so many will."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.rate_limit import window
from shared.rate_limit.limits import OUTLOOK, Limits
from shared.rate_limit.mailbox import Mailbox, Promise, Slot, Spent

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
LIMITS = Limits(window_bytes=100, window_seconds=300, window_margin=0, least_grant=10)


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def slot(granted: int, *, until: float = 30, name: str = "a") -> Slot:
    return Slot(name, "run", at(until), granted)


def test_an_unknown_mailbox_has_room_for_a_whole_window() -> None:
    assert window.room(Mailbox(), LIMITS) == 100
    assert window.is_empty(Mailbox())


def test_what_was_sent_and_what_was_granted_take_room() -> None:
    mailbox = Mailbox(slots=(slot(30),), spent=(Spent(at(10), 25),))
    assert window.room(mailbox, LIMITS) == 45
    assert not window.is_empty(mailbox)


@pytest.mark.parametrize(
    ("wanted", "seconds"),
    [
        (0, 0),
        (20, 0),  # it fits as it is
        (21, 50),  # the 30 bytes that leave first make room
        (50, 50),
        (51, 80),
        (70, 80),
        (71, 300),  # what is granted now leaves a window from now
        (100, 300),
        (101, 350),  # beyond one window the pattern repeats
        (120, 300 + 0),
        (300, 900),
    ],
)
def test_so_many_bytes_fit_when_enough_has_left_the_window(wanted: int, seconds: float) -> None:
    mailbox = Mailbox(slots=(slot(30),), spent=(Spent(at(80), 20), Spent(at(50), 30)))
    found = (window.when(mailbox, wanted, NOW, LIMITS) - NOW).total_seconds()
    if wanted in {101, 120}:
        assert found == 300 + (window.when(mailbox, wanted - 100, NOW, LIMITS) - NOW).total_seconds()
    else:
        assert found == seconds


def test_a_window_that_was_overdrawn_first_has_to_pass() -> None:
    mailbox = Mailbox(spent=(Spent(at(50), 120),))
    assert window.room(mailbox, LIMITS) == -20
    assert window.when(mailbox, 1, NOW, LIMITS) == at(50)


def test_a_dead_holders_grant_leaves_a_window_after_its_last_moment() -> None:
    mailbox = Mailbox(slots=(slot(100, until=-40),))
    assert window.when(mailbox, 1, NOW, LIMITS) == at(-40 + 300)


def test_spent_bytes_are_rounded_up_in_time_and_added_up() -> None:
    mailbox = window.with_spent(Mailbox(), 10, at(1), LIMITS)
    mailbox = window.with_spent(mailbox, 5, at(2.5), LIMITS)
    [spent] = mailbox.spent
    assert spent.size == 15
    assert at(302.5) <= spent.until <= at(302.5 + LIMITS.grain)


def test_nothing_spent_leaves_the_mailbox_as_it_is() -> None:
    assert window.with_spent(Mailbox(), 0, NOW, LIMITS) == Mailbox()


def test_promises_are_taken_first_come_first_served() -> None:
    mailbox = window.with_promise(Mailbox(), 30, at(100), LIMITS)
    mailbox = window.with_promise(mailbox, 20, at(200), LIMITS)
    assert window.promised(mailbox) == 50
    mailbox = window.without_promise(mailbox, 35)
    assert [promise.size for promise in mailbox.promises] == [15]
    assert window.promised(window.without_promise(mailbox, 99)) == 0


def test_promises_beyond_the_last_one_kept_apart_are_added_to_it() -> None:
    mailbox = Mailbox()
    for number in range(window.MOST_PROMISES + 20):
        mailbox = window.with_promise(mailbox, 1, at(1000 * number), LIMITS)
    assert len(mailbox.promises) == window.MOST_PROMISES
    assert window.promised(mailbox) == window.MOST_PROMISES + 20


def test_what_no_longer_matters_is_forgotten() -> None:
    mailbox = Mailbox(
        slots=(
            slot(0, until=-1, name="dead"),
            slot(5, until=-1, name="owing"),
            slot(5, until=-301, name="long dead"),
        ),
        spent=(Spent(at(0), 1), Spent(at(1), 2)),
        promises=(Promise(at(-16), 1), Promise(at(-14), 2)),
        closed_until=at(0),
    )
    tidy = window.tidied(mailbox, NOW, LIMITS)
    assert [one.transfer for one in tidy.slots] == ["owing"]
    assert [one.size for one in tidy.spent] == [2]
    assert [one.size for one in tidy.promises] == [2]
    assert tidy.closed_until is None


def test_a_mailbox_that_is_still_closed_stays_so() -> None:
    assert window.tidied(Mailbox(closed_until=at(1)), NOW, LIMITS).closed_until == at(1)


def test_a_history_of_a_busy_window_stays_short() -> None:
    mailbox = Mailbox()
    for second in range(1000):
        now = at(second / 3)
        mailbox = window.with_spent(window.tidied(mailbox, now, OUTLOOK), 1, now, OUTLOOK)
    assert len(mailbox.spent) <= OUTLOOK.memory / OUTLOOK.grain + 1


def test_the_margin_is_part_of_the_memory() -> None:
    assert replace(LIMITS, window_margin=2).memory == 302
