from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devkit.graph.wire import Reply, http_date, timestamp

MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - st's form


@given(moment=MOMENTS)
def test_http_dates_are_written_as_the_standard_says(moment: datetime) -> None:
    assert http_date(moment) == format_datetime(moment, usegmt=True)


@given(moment=MOMENTS)
def test_timestamps_have_seven_digits_and_read_back(moment: datetime) -> None:
    text = timestamp(moment)
    assert len(text) == len("2019-09-25T01:09:30.7671707Z")
    assert datetime.fromisoformat(text) == moment


@pytest.mark.parametrize("name", ["Location", "location", "LOCATION"])
def test_a_header_is_found_ignoring_case(name: str) -> None:
    assert Reply(201, {"Location": "there"}).header(name) == "there"
    assert Reply(201, {}).header(name) is None


def test_a_body_that_is_no_json_says_so() -> None:
    assert Reply(200, {}, b'{"a": 1}').json() == {"a": 1}
    with pytest.raises(ValueError, match="Expecting value"):
        Reply(200, {}, b"").json()
