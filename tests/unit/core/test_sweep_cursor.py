"""Where the sweep stands between two ticks."""

from __future__ import annotations

from shared.core.sweep_cursor import SweepCursor
from tests.unit.core.shapes import NOW


def test_a_first_pass_begins_at_the_first_file_and_the_first_mark_and_knows_nothing() -> None:
    assert SweepCursor(NOW) == SweepCursor(NOW, known_until=None, continuation=None, marks_after=None)
