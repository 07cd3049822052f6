"""Waiting for what another process or thread does: one deadline loop for all of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

LOOK_SECONDS = 0.1
"""Between two looks, unless the caller has a reason for another pause."""


def wait_until(
    predicate: Callable[[], T],
    timeout: float,
    *,
    what: str = "the condition",
    explain: Callable[[], str] = str,
    pause: float = LOOK_SECONDS,
) -> T:
    """The predicate's first true answer, asked every `pause` seconds.

    TimeoutError, with what `explain` adds, when `timeout` seconds have passed.
    """
    deadline = time.monotonic() + timeout
    while True:
        answer = predicate()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {timeout:g} s\n{explain()}")
        time.sleep(pause)


def came_true(predicate: Callable[[], object], timeout: float, *, pause: float = LOOK_SECONDS) -> bool:
    """Whether the predicate came true within `timeout` seconds."""
    try:
        wait_until(predicate, timeout, pause=pause)
    except TimeoutError:
        return False
    return True
