"""Range arithmetic: which bytes go next, and whether they complete the file."""

from __future__ import annotations

from typing import NamedTuple


class Range(NamedTuple):
    """Bytes `offset` (inclusive) to `offset + length` (exclusive) of a file."""

    offset: int
    length: int


def next_range(offset: int, size: int, range_bytes: int) -> Range:
    """The range that starts at `offset`: `range_bytes` long, or what is left.

    Raises:
        ValueError: `offset` is outside [0, size): there is no next byte.
    """
    if not 0 <= offset < size:
        raise ValueError(f"offset {offset} is outside a file of {size} bytes")
    return Range(offset, min(range_bytes, size - offset))


def completes(offset: int, size: int, range_bytes: int) -> bool:
    """True where the range that starts at `offset` is the final one."""
    return offset + range_bytes >= size


def halved(range_bytes: int, smallest: int) -> int | None:
    """Half of `range_bytes`, for a service that refused the whole; None where that would be under `smallest`."""
    half = range_bytes // 2
    return half if half >= smallest else None
