"""Actions as values."""

from __future__ import annotations

import pytest

from shared.core.actions import PutRange


@pytest.mark.parametrize(
    ("offset", "length", "final"), [(0, 8, False), (8, 8, False), (8, 11, False), (8, 12, True), (0, 20, True)]
)
def test_a_range_is_final_when_it_reaches_the_end(offset: int, length: int, *, final: bool) -> None:
    assert PutRange("url", offset, length, 20).is_final is final
