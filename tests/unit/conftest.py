"""Fixtures of the unit tests."""

from __future__ import annotations

import logging

import pytest

from tests.unit.logged import Lines


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Lines:
    """What the test has logged from `INFO` on."""
    caplog.set_level(logging.INFO, logger="drop")
    return Lines(caplog)
