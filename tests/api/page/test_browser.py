"""Where there is no browser, its tests say so: skipped for a reader who has none, failed where nobody reads."""

from __future__ import annotations

import pytest

from tests.api.page.browser import MISSING, chromium


@pytest.mark.parametrize(("ci", "end"), [("true", pytest.fail.Exception), ("", pytest.skip.Exception)])
def test_a_missing_browser_is_told_of(monkeypatch: pytest.MonkeyPatch, ci: str, end: type[BaseException]) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv("CI", ci)
    with pytest.raises(end, match="apt-get install chromium"), chromium():
        raise AssertionError(MISSING)
