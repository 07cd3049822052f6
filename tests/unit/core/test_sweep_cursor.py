"""Where the sweep stands between two ticks."""

from __future__ import annotations

from shared.core.sweep_cursor import (
    FIRST_PAUSE,
    LONGEST_PAUSE,
    MOST_OLDEST,
    MOST_TROUBLES,
    Kind,
    SweepCursor,
    failed,
    healed,
    pass_ended,
    seen_unended,
)
from tests.unit.core.shapes import NOW, at


def test_a_first_pass_begins_at_the_first_file_and_the_first_mark_and_knows_nothing() -> None:
    assert SweepCursor(NOW) == SweepCursor(NOW, known_until=None, continuation=None, marks_after=None)


def test_what_fails_again_is_tried_again_more_and_more_rarely_and_keeps_its_beginning() -> None:
    cursor, pauses = SweepCursor(NOW), []
    for number in range(20):
        now = at(number * 100_000)
        cursor = failed(cursor, Kind.FILE, "a.pdf", "A_CODE", "why", now)
        [trouble] = cursor.troubles
        assert (trouble.tries, trouble.since) == (number + 1, NOW)
        pauses.append(trouble.due - now)
    assert pauses[:2] == [FIRST_PAUSE, 2 * FIRST_PAUSE]
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_PAUSE


def test_what_works_again_is_forgotten_and_nothing_else_is() -> None:
    cursor = failed(SweepCursor(NOW), Kind.FILE, "a.pdf", "A_CODE", "why", NOW)
    both = failed(cursor, Kind.TRANSFER, "a.pdf", "A_CODE", "why", NOW)
    assert healed(both, Kind.TRANSFER, "a.pdf") == cursor
    assert healed(cursor, Kind.FILE, "b.pdf") is cursor


def test_what_is_more_than_can_be_kept_by_name_makes_the_next_pass_look_at_the_same_files() -> None:
    cursor = SweepCursor(NOW, known_until=at(-60))
    for number in range(MOST_TROUBLES + 1):
        cursor = failed(cursor, Kind.FILE, f"{number}.pdf", "A_CODE", "why", NOW)
    assert (len(cursor.troubles), cursor.overflowed) == (MOST_TROUBLES, True)
    ended = pass_ended(cursor)
    assert (ended.known_until, ended.overflowed) == (at(-60), False)


def test_a_pass_that_ended_knows_every_file_that_was_there_when_it_began() -> None:
    ended = pass_ended(SweepCursor(NOW, continuation="next", file_done="a.pdf"))
    assert ended == SweepCursor(NOW, known_until=NOW)


def test_the_oldest_unfinished_transfers_are_kept_the_oldest_first_and_each_once() -> None:
    cursor = SweepCursor(NOW)
    for number in range(MOST_OLDEST + 3):
        cursor = seen_unended(cursor, f"{number:032x}", at(-number))
    again = seen_unended(cursor, cursor.oldest[0].transfer_id, cursor.oldest[0].since)
    assert again == cursor
    assert [one.since for one in cursor.oldest] == [at(-number) for number in range(MOST_OLDEST + 2, 2, -1)]
