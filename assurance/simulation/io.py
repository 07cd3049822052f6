"""Every call that the product makes to the world passes one gate, which numbers it and may break it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

T = TypeVar("T")


class Gate(Protocol):
    """What stands between the product and the world."""

    def __call__(self, name: str, effect: Callable[[], T], /) -> T:
        """Let the call named `name` happen, or not, and hand over its result, or raise what its caller would see."""
        ...


def open_gate(_name: str, effect: Callable[[], T], /) -> T:
    """A world where nothing fails."""
    return effect()
