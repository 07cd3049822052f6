"""How the page looks: what comes first, both colour schemes, narrow screens. In a real browser.

`PAGE_PICTURES=docs/img python3 dev.py test tests/api/page -k picture` also writes the pictures that the README shows.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from devkit.local.azurite import Azurite
from devkit.local.harness import Harness
from devkit.local.stack import ROOT, Stack
from shared.api.page.overview import CHOICES
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
        *("Needs a look", "Failed", "In progress", "Attached", "Cancelled", "Acknowledged"),
    ]
    titles = visited.page.locator("h2").all_inner_texts()
    assert titles == ["Failed", "In progress", "Lately ended"]
    assert visited.page.locator("tbody tr").first.locator("[data-state]").inner_text() == "Needs a look"


def test_no_transfer_has_two_rows_and_every_file_is_told_by_its_whole_name(visited: Visit, ids: dict[str, str]) -> None:
    visited.open()
    shown = visited.page.locator("tbody tr td.file").all_inner_texts()
    assert len(shown) == len(set(shown))
    assert len(shown) > 20
    assert set(shown) <= set(ids)
    assert len(ids) == 60


@pytest.mark.parametrize("state", [state for state, _ in CHOICES])
def test_a_count_and_its_filter_agree(visited: Visit, ids: dict[str, str], state: str) -> None:
    visited.open()
    counted = visited.page.locator(f"[data-count={state}] b")
    told = counted.inner_text() if counted.count() else None
    visited.open(state=state)
    labels = dict(CHOICES)
    rows = visited.page.locator("#listed").locator("xpath=..").locator("tbody tr")
    assert (
        visited.page.get_by_role("combobox", name="State").evaluate("one => one.selectedOptions[0].text")
        == labels[state]
    )
    if told is not None:
        assert visited.page.locator(f"[data-count={state}]").get_attribute("aria-current") == "true"
        assert rows.count() == min(int(told), 25 if state != "under-way" else 10)
    assert rows.count() > 0


def test_what_is_listed_is_sorted_by_the_time_that_is_shown(visited: Visit, ids: dict[str, str]) -> None:
    for query in ({"state": "failed"}, {"list": "all"}, {"state": "attached"}):
        visited.open(**query)
        times = visited.page.locator("tbody td.when time").evaluate_all("all => all.map((one) => one.dateTime)")
        assert len(times) > 5
        assert times == sorted(times, reverse=True)


def test_times_are_local_with_utc_in_the_title_and_relative_in_the_last_hour(
    browser: Browser, caller: Caller, ids: dict[str, str]
) -> None:
    with visit(browser, caller, timezone_id="Asia/Kolkata", locale="en-GB") as reader:
        reader.open(blob="board/minutes-february.pdf")
        shown = reader.page.locator("tbody td.when time")
        assert re.fullmatch(r"3[23] min ago", shown.inner_text())
        reader.open(blob="drafts/")
        shown = reader.page.locator("tbody td.when time")
        utc = datetime.fromisoformat(str(shown.get_attribute("datetime")))
        local = utc.astimezone(ZoneInfo("Asia/Kolkata"))
        assert f"{local:%H:%M}" in shown.inner_text()
        assert f"{utc:%Y-%m-%d %H:%M:%S} UTC" == shown.get_attribute("title")
        assert reader.complaints == []


def test_an_address_is_broken_before_its_domain_and_nowhere_else(
    browser: Browser, caller: Caller, ids: dict[str, str]
) -> None:
    parts = "[...cell.querySelectorAll('bdi')].map((part) => part.getClientRects().length)"
    lines = f"cells => cells.map((cell) => {parts})"
    for width in (390, 800, 1280):
        with visit(browser, caller, viewport={"width": width, "height": 900}) as reader:
            reader.open(list="all")
            broken = reader.page.locator("tbody td.mailbox").evaluate_all(lines)
            assert len(broken) == 25
            assert {count for cell in broken for count in cell} <= {0, 1}


def test_on_a_phone_every_cell_says_what_it_is(browser: Browser, caller: Caller, ids: dict[str, str]) -> None:
    with visit(browser, caller, viewport={"width": 390, "height": 844}) as reader:
        reader.open(state="failed")
        told = "cells => cells.map((cell) => getComputedStyle(cell, '::before').content)"
        labels = reader.page.locator("tbody tr:first-child td:not(.pick)").evaluate_all(told)
        assert labels == ['"File"', '"Mailbox"', '"State"', '"Details"', '"Dropped"']


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_to_say_on_any_view(
    browser: Browser, caller: Caller, ids: dict[str, str], scheme: Any, width: int
) -> None:
    size = {"width": width, "height": 900}
    views: list[dict[str, str]] = [{}, {"state": "failed"}, {"blob": "nowhere"}, {"transfer": "0" * 32}]
    views += [{"transfer": ids[name]} for name in ("contracts/lease-agreement.pdf", "scans/2026-03-02/IMG_0077.pdf")]
    views += [{"transfer": ids["training/onboarding-video.zip"]}, {"transfer": ids["hr/contract-amendment.pdf"]}]
    with visit(browser, caller, color_scheme=scheme, viewport=size) as reader:
        for query in views:
            reader.open(**query)
            for summary in reader.page.locator("details > summary").all():
                summary.click()
            found = Axe().run(reader.page)
            assert found.violations_count == 0, (query, found.generate_report())
        reader.open(state="failed")
        reader.page.get_by_label("Everything that matches").check()
        reader.page.get_by_role("button", name="Try again…").click()
        found = Axe().run(reader.page)
        assert found.violations_count == 0, found.generate_report()


def test_the_metadata_are_shown_where_they_are_what_is_wrong(visited: Visit, ids: dict[str, str]) -> None:
    visited.open(transfer=ids["scans/2026-03-02/IMG_0078.pdf"])
    expect(visited.page.locator("table.metadata")).to_contain_text("desk")
    visited.open(transfer=ids["hr/offer-letter.pdf"])
    expect(visited.page.locator("table.metadata")).to_have_count(0)
    texts = visited.page.locator("main").inner_text()
    assert texts.count("offer-letter.pdf") == 1
    assert texts.count("TARGET_NOT_FOUND") == 1


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


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_picture_is_taken_for_the_readme(
    browser: Browser, caller: Caller, ids: dict[str, str], scheme: Any, width: int, tmp_path: Path
) -> None:
    taken = {"page": {}, "transfer": {"transfer": ids["contracts/lease-agreement.pdf"]}}
    size = {"width": width, "height": 900 if width > 1000 else 844}
    with visit(
        browser, caller, color_scheme=scheme, viewport=size, timezone_id="Europe/Berlin", locale="en-GB"
    ) as reader:
        for name, query in taken.items():
            reader.open(**query)
            file = tmp_path / f"{name}{'-phone' if width < 1000 else ''}{'-dark' if scheme == 'dark' else ''}.png"
            reader.page.screenshot(path=file)
            assert file.read_bytes().startswith(b"\x89PNG")
            assert caller.key not in reader.page.locator("body").inner_text()
            if PICTURES is not None:
                shutil.copy(file, ROOT / PICTURES)
