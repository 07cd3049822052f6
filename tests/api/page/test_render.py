"""How values are written on the page."""

from __future__ import annotations

import pytest

from shared.api.page.render import clock, moment, size, visible


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("März.pdf", "März.pdf"),
        ("مرحبا 你好", "مرحبا 你好"),
        ("a\u202eb", "a\\u202eb"),
        ("a\u200bb", "a\\u200bb"),
        ("line\nbreak\u2028", "line\\nbreak\\u2028"),
        ("\ud800", "\\ud800"),
        (None, "None"),
    ],
)
def test_what_hides_in_a_name_is_made_visible(given: object, written: str) -> None:
    assert visible(given) == written


@pytest.mark.parametrize(
    ("instant", "now", "written"),
    [
        ("2026-03-02T08:00:05.123Z", "2026-03-02T23:59:59.000Z", "08:00:05"),
        ("2026-03-01T08:00:05.123Z", "2026-03-02T00:00:00.000Z", "2026-03-01 08:00"),
    ],
)
def test_a_time_of_today_is_the_time_of_day_alone(instant: str, now: str, written: str) -> None:
    assert clock(instant, now) == written
    assert moment(instant) == f"{instant[:10]} 08:00:05 UTC"


@pytest.mark.parametrize(
    ("count", "written"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (25_000_000, "25.0 MB"),
        (157_286_400, "157.3 MB"),
        (2 * 10**9, "2.0 GB"),
    ],
)
def test_sizes_are_in_powers_of_a_thousand(count: int, written: str) -> None:
    assert size(count) == written
