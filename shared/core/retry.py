"""Retry arithmetic: plain functions of plain numbers. Retry-After always wins over our own backoff."""

from __future__ import annotations

import hashlib


def backoff(tries: int, first: float, cap: float, key: str) -> float:
    """Seconds to wait after the `tries`-th failure in a row (counted from 1), `first` doubling up to `cap`.

    Half of it is fixed, half is spread by a hash of `key` and the count, so that transfers that failed together do not
    return together. No randomness: the same transfer waits the same time in every replay.
    """
    whole = min(cap, first * 2.0 ** min(tries - 1, 32))
    spread = int.from_bytes(hashlib.sha256(f"{key}/{tries}".encode()).digest()[:4]) / 2**32
    return whole / 2 + whole / 2 * spread


def wait_for(retry_after: float | None, own: float) -> float:
    """Seconds to wait: never less than Graph asked for (graph/throttling), nor than our own backoff."""
    return own if retry_after is None else max(retry_after, own)
