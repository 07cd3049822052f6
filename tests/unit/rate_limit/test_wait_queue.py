"""The line for places: who is next, when its entries are listed, and which of them leave storage."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.rate_limit import wait_queue
from shared.rate_limit.limits import Limits
from shared.rate_limit.mailbox import Mailbox, Slot, Waiting

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
LIMITS = Limits(kept_entries=4, kept_per_item=2, listed=6, relist=2)


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def slots(*names: str, item: str | None = None) -> tuple[Slot, ...]:
    return tuple(Slot(name, f"run of {name}", at(30), item=item) for name in names)


def waiting(*names: str, item: str | None = None) -> tuple[Waiting, ...]:
    return tuple(Waiting(name, item, NOW) for name in names)


@pytest.mark.parametrize(
    ("mailbox", "leaving", "wanted"),
    [
        pytest.param(Mailbox(), None, False, id="nobody waits"),
        pytest.param(Mailbox(queued=True), None, True, id="somebody waits and nobody works"),
        pytest.param(Mailbox(slots("a", "b", "c", "d"), queued=True), None, False, id="no place is free"),
        pytest.param(Mailbox(slots("a", "b", "c", "d"), queued=True), "d", True, id="one is about to be"),
        pytest.param(
            Mailbox(slots("a"), waiting("x"), queued=True, listed_at=at(-9)), None, False, id="the next one is known"
        ),
        pytest.param(
            Mailbox(slots("a", item="i"), waiting("x", item="i"), queued=True, listed_at=at(-2)),
            None,
            True,
            id="those that are known wait for an item that is taken",
        ),
        pytest.param(
            Mailbox(slots("a", item="i"), waiting("x", item="i"), queued=True, listed_at=at(-2)),
            "a",
            False,
            id="and whoever has that item leaves",
        ),
        pytest.param(
            Mailbox(slots("a", item="i"), waiting("x", item="i"), queued=True, listed_at=at(-1)),
            None,
            False,
            id="and it was listed just now",
        ),
        pytest.param(Mailbox(queued=True, closed_until=at(1)), None, False, id="the mailbox is closed"),
        pytest.param(Mailbox(queued=True, closed_until=at(0)), None, True, id="it is not any more"),
    ],
)
def test_entries_are_listed_where_a_slot_is_free_and_no_known_entry_can_have_it(
    mailbox: Mailbox, leaving: str | None, wanted: bool
) -> None:
    assert wait_queue.needs_refill(mailbox, NOW, LIMITS, leaving) is wanted


def test_the_mailbox_takes_as_many_entries_as_it_keeps_and_records_that_there_are_more() -> None:
    entries = waiting("a", "b", "c", "d", "e")
    mailbox, moved = wait_queue.refilled(Mailbox(queued=True), entries, NOW, LIMITS)
    assert mailbox == Mailbox(line=entries[:4], queued=True, listed_at=NOW)
    assert moved == entries[:4]


def test_a_listing_that_shows_all_entries_empties_the_wait_queue_in_storage() -> None:
    entries = waiting("a", "b")
    mailbox, moved = wait_queue.refilled(Mailbox(queued=True), entries, NOW, LIMITS)
    assert mailbox == Mailbox(line=entries, listed_at=NOW)
    assert moved == entries


def test_a_listing_as_long_as_it_may_be_leaves_the_question_open() -> None:
    limits = replace(LIMITS, kept_entries=9)
    mailbox, moved = wait_queue.refilled(Mailbox(queued=True), waiting(*"abcdef"), NOW, limits)
    assert len(moved) == 6
    assert mailbox.queued


def test_many_entries_for_one_item_do_not_keep_the_others_out() -> None:
    entries = (*waiting("a", "b", "c", item="i"), *waiting("x"))
    mailbox, moved = wait_queue.refilled(Mailbox(queued=True), entries, NOW, LIMITS)
    assert [one.transfer for one in mailbox.line] == ["a", "b", "x"]
    assert mailbox.queued
    assert moved == mailbox.line


def test_an_entry_of_a_known_transfer_is_only_deleted() -> None:
    known = Mailbox(slots("a"), waiting("b"), queued=True)
    mailbox, moved = wait_queue.refilled(known, waiting("a", "b"), NOW, LIMITS)
    assert mailbox == Mailbox(slots("a"), waiting("b"), listed_at=NOW)
    assert moved == waiting("a", "b")


def test_an_entry_of_an_admitted_transfer_stays_for_its_run_may_be_deferred_again() -> None:
    """Its place is kept still, in the version that was read; its new entry is all that is left of it."""
    given = Mailbox((Slot("a", None, at(15)),), queued=True)
    mailbox, moved = wait_queue.refilled(given, waiting("a", "b"), NOW, LIMITS)
    assert mailbox.line == moved == waiting("b")
    assert mailbox.queued


def test_an_entry_that_waits_for_more_keeps_its_position() -> None:
    mailbox = Mailbox(line=waiting("a", "b"))
    assert wait_queue.with_entry(mailbox, Waiting("a", "i", NOW)).line == (Waiting("a", "i", NOW), *waiting("b"))
    assert wait_queue.with_entry(mailbox, Waiting("c")) == replace(mailbox, queued=True)


def test_the_wait_queue_is_admitted_in_order_as_far_as_slots_go() -> None:
    mailbox, admitted = wait_queue.admit(Mailbox(slots("a", "b"), waiting("x", "y", "z")), NOW, LIMITS)
    assert admitted == ("x", "y")
    assert mailbox.line == waiting("z")
    assert [slot.transfer for slot in mailbox.live(NOW)] == ["a", "b", "x", "y"]


@pytest.mark.parametrize("slot", [Slot("a", "run", at(30), item="i"), Slot("a", "run", at(30), wants="i")])
def test_an_entry_for_an_item_that_is_locked_or_wanted_is_passed_over(slot: Slot) -> None:
    given = Mailbox((slot,), (*waiting("x", item="i"), *waiting("y")))
    mailbox, admitted = wait_queue.admit(given, NOW, LIMITS)
    assert admitted == ("y",)
    assert mailbox.line == waiting("x", item="i")
