"""Which bytes go next. Ranges cover the file once, in order, the last one short (I10)."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.core.actions import PutRange
from shared.core.policy import LARGEST_ATTACHMENT, LARGEST_RANGE
from shared.core.ranges import completes, halved, next_range
from shared.graph.prepare import session_request
from tests.unit.core.shapes import FACTOR


def cover(offset: int, size: int, range_bytes: int) -> list[tuple[int, int]]:
    """The ranges from `offset` to the end."""
    ranges = []
    while offset < size:
        offset, length = next_range(offset, size, range_bytes)
        final = completes(offset, size, range_bytes)
        assert final == (offset + length == size)
        assert 0 < length <= range_bytes
        assert length == range_bytes or final
        ranges.append((offset, length))
        offset += length
    return ranges


def test_every_resume_offset_of_every_small_file_is_covered_once_and_in_order() -> None:
    for size in range(1, 65):
        for range_bytes in range(1, 10):
            for offset in range(size):
                covered = [
                    byte for start, length in cover(offset, size, range_bytes) for byte in range(start, start + length)
                ]
                assert covered == list(range(offset, size))


@pytest.mark.parametrize("base", [1, 3_000_000, 157_286_400, 2**31, LARGEST_RANGE, 7 * LARGEST_RANGE])
@pytest.mark.parametrize("off", [-1, 0, 1])
def test_sizes_around_every_boundary_are_covered(base: int, off: int) -> None:
    size = base + off
    ranges = cover(0, size, LARGEST_RANGE)
    assert sum(length for _, length in ranges) == size
    assert len(ranges) == -(-size // LARGEST_RANGE)


@settings(max_examples=3000 * FACTOR, deadline=None)
@given(st.data())
def test_a_range_and_its_headers_agree(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, LARGEST_ATTACHMENT))
    range_bytes = data.draw(st.integers(1, LARGEST_RANGE))
    offset = data.draw(st.integers(0, size - 1))
    start, length = next_range(offset, size, range_bytes)
    assert start == offset
    assert length == min(range_bytes, size - offset)
    assert completes(offset, size, range_bytes) == (start + length == size)


@given(st.integers(0, 40), st.integers(1, 9))
@example(0, 1)
def test_the_headers_of_a_range_name_its_bytes(offset: int, range_bytes: int) -> None:
    start, length = next_range(offset, 41, range_bytes)
    request = session_request(PutRange("https://outlook.office.com/s", start, length, 41), bytes(length))
    assert request.headers["Content-Range"] == f"bytes {start}-{start + length - 1}/41"
    assert request.headers["Content-Length"] == str(length)
    assert request.body is not None
    assert len(request.body) == length


@pytest.mark.parametrize(("offset", "size"), [(20, 20), (21, 20), (-1, 20), (0, 0)])
def test_an_offset_outside_the_file_has_no_next_range(offset: int, size: int) -> None:
    with pytest.raises(ValueError, match=f"^offset {offset} is outside a file of {size} bytes$"):
        next_range(offset, size, 8)


@pytest.mark.parametrize(
    ("range_bytes", "smallest", "half"), [(8, 2, 4), (4, 2, 2), (3, 2, None), (2, 2, None), (9, 4, 4), (1, 0, 0)]
)
def test_a_refused_range_is_halved_down_to_the_smallest(range_bytes: int, smallest: int, half: int | None) -> None:
    assert halved(range_bytes, smallest) == half
