"""What the product logged, as the objects that its lines are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest


class Lines:
    """What was logged, parsed."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self._caplog = caplog

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (json.loads(record.getMessage()) for record in self._caplog.records)

    @property
    def only(self) -> dict[str, Any]:
        [line] = self
        return line

    @property
    def levels(self) -> list[int]:
        return [record.levelno for record in self._caplog.records]
