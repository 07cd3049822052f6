"""How the page looks: what comes first, both colour schemes, narrow screens. In a real browser.

`PAGE_PICTURES=docs/img python3 dev.py test tests/api/page -k picture` also writes the pictures that the README shows.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from devkit.local.azurite import Azurite
from devkit.local.harness import Harness
from devkit.local.stack import ROOT, Stack
from tests.api.caller import Caller
from tests.api.page import office
from tests.api.page.browser import Visit, visit

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("api page")]

PICTURES = os.environ.get("PAGE_PICTURES")
READABLE = 4.5
"""The least contrast of text and ground: WCAG 2.2, level AA, text of ordinary size."""

CONTRASTS = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const channels = (color) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const ground = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const color = channels(getComputedStyle(one).backgroundColor);
      if (color[3] === 255) return color;
    }
    return channels("canvas");
  };
  const light = (color) => {
    const [r, g, b] = color.map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const found = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!own || !element.checkVisibility() || ["SCRIPT", "STYLE"].includes(element.tagName)) continue;
    const [a, b] = [light(channels(getComputedStyle(element).color)), light(ground(element))].sort((x, y) => y - x);
    found.push([(a + 0.05) / (b + 0.05), element.textContent.trim().slice(0, 40)]);
  }
  return { found, ground: light(ground(document.body)) };
}"""


@pytest.fixture(scope="module")
def stage(azurite: Azurite) -> Iterator[Harness]:
    """The app with sample transfers in its storage: nothing runs, and no sweep takes them up."""
    with Harness(Stack(options=["--keys", "--no-timers"], azurite=azurite)) as harness:
        yield harness


@pytest.fixture(scope="module")
def ids(stage: Harness) -> dict[str, str]:
    """The sample transfers, by file name."""
    return office.furnish(stage)


def test_what_needs_a_person_comes_first(visited: Visit, ids: dict[str, str]) -> None:
    visited.open()
    counts = visited.page.locator("[data-count]").all_inner_texts()
    assert [re.sub(r"\d+\+?\s+", "", count) for count in counts] == [
        *("in doubt", "failed in all", "queued", "sending", "waiting", "cancelled", "attached"),
    ]
    titles = visited.page.locator("h2").all_inner_texts()
    assert titles == ["In doubt: open the item and look", "Failed", "Under way", "All transfers, newest file first"]


@pytest.mark.parametrize("view", ["overview", "transfer"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_word_is_readable_in_both_colour_schemes(
    browser: Browser, caller: Caller, ids: dict[str, str], scheme: Any, view: str
) -> None:
    query = {} if view == "overview" else {"transfer": ids["contracts/lease-agreement.pdf"]}
    with visit(browser, caller, color_scheme=scheme) as reader:
        reader.open(**query)
        seen = reader.page.evaluate(CONTRASTS)
    assert len(seen["found"]) > 20
    assert [one for one in seen["found"] if one[0] < READABLE] == []
    assert seen["ground"] > 0.9 if scheme == "light" else seen["ground"] < 0.1


@pytest.mark.parametrize("view", ["overview", "transfer"])
@pytest.mark.parametrize("width", [360, 768, 1280])
def test_no_screen_is_too_narrow(browser: Browser, caller: Caller, ids: dict[str, str], width: int, view: str) -> None:
    query = {} if view == "overview" else {"transfer": ids["contracts/lease-agreement.pdf"]}
    with visit(browser, caller, viewport={"width": width, "height": 800}) as reader:
        reader.open(**query)
        assert reader.page.evaluate("document.documentElement.scrollWidth") <= width
        assert reader.page.evaluate("[...document.querySelectorAll('h1, h2, summary, button')].length") > 2


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_picture_is_taken_for_the_readme(
    browser: Browser, caller: Caller, ids: dict[str, str], scheme: Any, tmp_path: Path
) -> None:
    taken = {"page": {}, "transfer": {"transfer": ids["contracts/lease-agreement.pdf"]}}
    with visit(browser, caller, color_scheme=scheme, viewport={"width": 1200, "height": 860}) as reader:
        for name, query in taken.items():
            reader.open(**query)
            file = tmp_path / f"{name}{'-dark' if scheme == 'dark' else ''}.png"
            reader.page.screenshot(path=file)
            assert file.read_bytes().startswith(b"\x89PNG")
            assert caller.key not in reader.page.locator("body").inner_text()
            if PICTURES is not None:
                shutil.copy(file, ROOT / PICTURES)
