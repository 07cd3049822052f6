"""A real browser for the page: the system's own Chromium, without a window. Playwright drives it and downloads none."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.api.caller import Caller

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
MISSING = "no Chromium on PATH; `apt-get install chromium` (or your system's package) lets these tests run"
PATIENCE = 20_000
"""Milliseconds that a browser step may take: the page looks every two seconds, and the machine does other things."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """A running browser. Without one the tests are skipped, but not where nobody would read why: in CI they fail."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        if os.environ.get("CI") == "true":
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path)
        yield browser
        browser.close()


@dataclass
class Visit:
    """One person in front of the page. `complaints` is whatever the browser had to say: script errors, refusals."""

    page: Page
    caller: Caller
    complaints: list[str] = field(default_factory=list)

    def open(self, **query: str) -> Any:
        """Go to the page with the caller's key in the address, as a person does; the answer."""
        parameters = urlencode({**query, "code": self.caller.key})
        return self.page.goto(f"{self.caller.harness.stack.url}/api/ui?{parameters}")


@contextmanager
def visit(browser: Browser, caller: Caller, **context: Any) -> Iterator[Visit]:
    """A fresh browser profile; `context` are Playwright's own settings, such as `java_script_enabled`."""
    with browser.new_context(**context) as profile:
        profile.set_default_timeout(PATIENCE)
        page = profile.new_page()
        visited = Visit(page, caller)
        page.on("pageerror", lambda error: visited.complaints.append(str(error)))
        page.on("console", lambda said: visited.complaints.append(said.text) if said.type == "error" else None)
        page.on("dialog", lambda dialog: visited.complaints.append(f"dialog: {dialog.message}"))
        yield visited
