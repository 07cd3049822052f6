"""A browser for each module of these tests, and a person in front of the page."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.api.caller import Caller
from tests.api.page.browser import Visit, chromium, visit


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def visited(browser: Browser, caller: Caller) -> Iterator[Visit]:
    """Somebody with scripts on. In the end the browser has complained of nothing."""
    with visit(browser, caller) as somebody:
        yield somebody
        assert somebody.complaints == []
