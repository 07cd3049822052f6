"""The query of a listing: what is a filter, and what is the host's."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from shared.api.query import ListQuery, read_list
from shared.core.errors import Code
from shared.storage.places import Wanted

KEY = "AzFuq3o-7cG_8sJhT0x1yVbNmKpLwQeRtYuIoPaSdFgHjKlZxCvBnM=="


def wanted(*, has_key: bool = False, **query: str) -> Any:
    asked = read_list(query, has_key=has_key)
    return asked.wanted if isinstance(asked, ListQuery) else [fault.field for fault in asked]


@pytest.mark.parametrize(
    ("code", "has_key", "expected"),
    [
        ("TARGET_NOT_FOUND", True, Wanted(code=Code.TARGET_NOT_FOUND)),
        ("TARGET_NOT_FOUND", False, Wanted(code=Code.TARGET_NOT_FOUND)),
        (KEY, False, Wanted()),
        (f"{KEY},TARGET_NOT_FOUND", False, Wanted(code=Code.TARGET_NOT_FOUND)),
        (KEY, True, ["code"]),  # the key came in the header: this was meant as a filter
        ("TARGET_NOT_FOND", False, ["code"]),
        (f"{KEY},TARGET_NOT_FOND", False, ["code"]),
        ("target_not_found", True, ["code"]),
        ("TARGET_NOT_FOUND,ACCESS_DENIED", False, ["code"]),
        ("", True, Wanted()),
    ],
)
def test_a_code_is_a_filter_where_it_looks_like_one_and_else_the_function_key(
    code: str, has_key: bool, expected: object
) -> None:
    assert wanted(has_key=has_key, code=code) == expected


@pytest.mark.parametrize(
    ("since", "expected"),
    [
        ("2026-03-02", datetime(2026, 3, 2, tzinfo=UTC)),
        ("2026-03-02T08:00:05Z", datetime(2026, 3, 2, 8, 0, 5, tzinfo=UTC)),
        ("2026-03-02t08:00:05.250z", datetime(2026, 3, 2, 8, 0, 5, 250_000, tzinfo=UTC)),
        ("2026-03-02 08:00", datetime(2026, 3, 2, 8, 0, tzinfo=UTC)),
        ("2026-03-02T08:00:00+02:00", datetime(2026, 3, 2, 6, 0, tzinfo=UTC)),
        ("2026-03-02T08:00:00 02:00", datetime(2026, 3, 2, 6, 0, tzinfo=UTC)),  # a + that became a blank on the way
        ("2026-03-02T08:00:00-0230", datetime(2026, 3, 2, 10, 30, tzinfo=UTC)),
    ],
)
def test_a_time_is_a_day_or_an_instant_in_utc_unless_it_says_otherwise(since: str, expected: datetime) -> None:
    assert wanted(since=since) == Wanted(since=expected)


@pytest.mark.parametrize(
    "since", ["now", "2026", "2026-02-30", "2026-03-02T24:01", "2026-03-02T08:00:00+25:00", "0001-01-01", "٢٠٢٦-٠٣-٠٢"]
)
def test_what_is_no_time_is_refused(since: str) -> None:
    assert wanted(since=since) == ["since"]


def test_filters_go_together_and_a_name_stays_as_it_is() -> None:
    given: dict[str, Any] = {
        "state": "failed",
        "mailbox": "Ada@example.org",
        "blob": " in/März ",
        "code": "ACCESS_DENIED",
    }
    assert wanted(**given) == Wanted("failed", "Ada@example.org", " in/März ", Code.ACCESS_DENIED)
