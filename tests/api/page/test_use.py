"""The operator's page in use, in a real browser on the running app: watched, retried, cancelled."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, Request, expect

from devkit.local.azurite import Azurite
from devkit.local.harness import MAILBOX, Harness, content
from tests.api.caller import Caller, accepted
from tests.api.page.browser import Visit, visit
from tests.e2e.stage import staged

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("api page")]

MIB = 1024 * 1024
NOWHERE = "AAMkADnowhere="


@pytest.fixture(scope="module")
def stage(azurite: Azurite) -> Iterator[Harness]:
    with staged(azurite, settings={"RANGE_BYTES": str(MIB), "TARGET_WAIT_SECONDS": "0"}, options=["--keys"]) as running:
        yield running


def start(caller: Caller, name: str, size: int, item: str | None = None) -> dict[str, Any]:
    """A transfer of a file that no event tells of."""
    caller.harness.stack.drop(name, content(size), events=0)
    target = {"mailbox": MAILBOX, "messageId": item or caller.harness.item()}
    return accepted(caller.start({"blob": name, "target": target}))


def start_held(caller: Caller, name: str, nth: int = 2) -> dict[str, Any]:
    """A transfer of 8 ranges, one of which Graph keeps waiting: it stands still in the middle."""
    caller.harness.graph.fault({"action": "hold", "kind": "put", "nth": nth})
    started = start(caller, name, 8 * MIB)
    caller.harness.stack.wait_until(caller.harness.graph.holding, what="a range is held")
    return started


def start_failing(caller: Caller, name: str, item: str) -> dict[str, Any]:
    """A transfer that failed, because its message does not exist."""
    failed = caller.ended(start(caller, name, 1000, item)["id"])
    assert (failed["state"], failed["error"]["code"]) == ("failed", "TARGET_NOT_FOUND")
    caller.harness.stack.wait_until_idle()
    return failed


def row(page: Page, part: str, name: str) -> Locator:
    """The row of a file in one of the overview's tables."""
    return page.locator("section").filter(has=page.locator(f"#{part}")).locator("tbody tr").filter(has_text=name)


def stay(page: Page) -> None:
    """Leave a mark that is gone after any reload."""
    page.evaluate("window.stayed = true")


def has_stayed(page: Page) -> bool:
    return page.evaluate("window.stayed === true") is True


def attached(caller: Caller, item: str) -> int:
    return len(caller.harness.graph.attachments(MAILBOX, item))


# --- watching -------------------------------------------------------------------------------------------------------


def test_the_bar_of_a_running_transfer_moves_by_itself_until_it_is_attached(visited: Visit) -> None:
    graph = visited.caller.harness.graph
    start_held(visited.caller, "moving.bin")
    visited.open()
    stay(visited.page)
    moving = row(visited.page, "under-way", "moving.bin")
    bar = moving.locator("progress")
    expect(moving.locator("[data-state]")).to_have_text("sending")
    before = float(bar.get_attribute("value") or "")
    graph.fault({"action": "hold", "kind": "put", "nth": 4})
    graph.release()
    visited.caller.harness.stack.wait_until(graph.holding, what="a later range is held")
    expect(moving.locator("[data-percent]")).not_to_have_text(f"{before:.1f} %")
    assert before < bar.evaluate("bar => bar.value") < 100
    assert bar.bounding_box() is not None
    graph.release()
    expect(row(visited.page, "listed", "moving.bin").locator("[data-state]")).to_have_text("attached")
    expect(visited.page.get_by_role("status")).to_have_text("moving.bin: attached")
    expect(moving).to_have_count(0)
    assert has_stayed(visited.page)


def test_a_page_that_is_left_open_shows_what_fails_meanwhile(visited: Visit) -> None:
    visited.page.clock.install()
    visited.open()
    stay(visited.page)
    counted = visited.page.locator("[data-count=failed] b")
    before = int(counted.inner_text())
    start_failing(visited.caller, "meanwhile.bin", "AAMkADmeanwhile=")
    visited.page.clock.fast_forward(32_000)
    expect(row(visited.page, "failed", "meanwhile.bin")).to_contain_text("TARGET_NOT_FOUND")
    expect(counted).to_have_text(str(before + 1))
    assert has_stayed(visited.page)


def test_nothing_moves_under_the_hands_of_somebody_who_is_typing(visited: Visit) -> None:
    visited.page.clock.install()
    visited.open()
    field = visited.page.get_by_label("Mailbox")
    field.fill("ada@")
    counted = visited.page.locator("[data-count=failed] b")
    before = int(counted.inner_text())
    start_failing(visited.caller, "typing.bin", "AAMkADtyping=")
    visited.page.clock.fast_forward(32_000)
    expect(counted).to_have_text(str(before + 1))
    expect(field).to_have_value("ada@")
    expect(field).to_be_focused()


def test_an_app_that_does_not_answer_is_told_of_until_it_does(visited: Visit) -> None:
    start_held(visited.caller, "silence.bin")
    visited.open()
    status = visited.page.get_by_role("status")
    visited.page.route("**/api/transfers/*", lambda route: route.abort())
    expect(status).to_have_text("The app does not answer just now; the page tries again.")
    visited.page.unroute("**/api/transfers/*")
    visited.caller.harness.graph.release()
    expect(status).to_have_text("silence.bin: attached")
    assert all("ERR_FAILED" in complaint for complaint in visited.complaints)
    visited.complaints.clear()


def test_the_filters_show_exactly_what_they_say(visited: Visit) -> None:
    start_failing(visited.caller, "filtered.bin", "AAMkADfiltered=")
    visited.open()
    visited.page.get_by_role("combobox", name="State").select_option("failed")
    visited.page.get_by_label("Mailbox").fill(MAILBOX.upper())
    visited.page.get_by_role("button", name="Filter").click()
    states = visited.page.locator("tbody [data-state]")
    expect(visited.page.locator("tbody")).to_contain_text("filtered.bin")
    assert set(states.all_inner_texts()) == {"failed"}
    visited.page.get_by_label("Mailbox").fill("nobody@example.org")
    visited.page.get_by_role("button", name="Filter").click()
    expect(visited.page.locator("main")).to_contain_text("None.")
    visited.page.get_by_role("link", name="Show everything").click()
    visited.page.locator("[data-count=failed]").click()
    expect(visited.page.locator("[data-count=failed]")).to_have_attribute("aria-current", "true")


def test_the_detail_view_tells_the_transfers_story(visited: Visit) -> None:
    caller = visited.caller
    failed = start_failing(caller, "scenario.bin", "AAMkADstory=")
    visited.open(transfer=failed["id"])
    main = visited.page.locator("main")
    for told in (
        failed["id"],
        "scenario.bin",
        MAILBOX,
        "AAMkADstory=",
        failed["error"]["title"],
        failed["error"]["remedy"],
    ):
        expect(main).to_contain_text(told)
    steps = visited.page.locator(".history tbody tr")
    [checkpoint] = [one for one in caller.harness.transfers() if one["id"] == failed["id"]]
    assert steps.count() == len(checkpoint["history"])
    last = checkpoint["history"][-1]
    expect(steps.last).to_contain_text(last["outcome"])
    assert failed["error"]["graph"]["requestId"]
    expect(main).to_contain_text(failed["error"]["graph"]["requestId"])
    assert any(step.get("requestId") and step["requestId"] in main.inner_text() for step in checkpoint["history"])


# --- acting ---------------------------------------------------------------------------------------------------------


def test_a_failed_transfer_is_retried_from_the_page_after_a_confirmation(visited: Visit) -> None:
    caller = visited.caller
    start_failing(caller, "retried.bin", NOWHERE)
    caller.harness.graph.add_message(MAILBOX, id=NOWHERE)
    visited.open()
    row(visited.page, "failed", "retried.bin").get_by_role("link").click()
    confirm = visited.page.get_by_role("button", name="Yes, try again")
    expect(confirm).not_to_be_visible()
    visited.page.get_by_text("Try again…").click()
    confirm.click()
    expect(visited.page.locator("[data-state]")).to_have_text("attached")
    expect(confirm).to_have_count(0)
    assert attached(caller, NOWHERE) == 1


def test_a_running_transfer_is_cancelled_from_the_page_after_a_confirmation(visited: Visit) -> None:
    caller = visited.caller
    started = start_held(caller, "cancelled.bin")
    visited.open(transfer=started["id"])
    visited.page.get_by_text("Cancel the transfer…").click()
    expect(visited.page.locator("details[open]")).to_contain_text("If its last bytes are committed first")
    with visited.page.expect_navigation():
        visited.page.get_by_role("button", name="Yes, cancel the transfer").click()
    caller.harness.graph.release()
    expect(visited.page.locator("[data-state]")).to_have_text("cancelled")
    assert caller.transfer(started["id"])["state"] == "cancelled"
    assert attached(caller, started["target"]["messageId"]) == 0


def test_a_retry_that_came_too_late_is_told_and_repeats_nothing(visited: Visit) -> None:
    caller = visited.caller
    refused = {"action": "status", "kind": "post", "status": 400, "code": "ErrorInvalidIdMalformed"}  # final at once
    caller.harness.graph.fault(refused)
    item = caller.harness.item()
    failed = caller.ended(start(caller, "late.bin", 1000, item)["id"])
    assert failed["state"] == "failed"
    visited.open(transfer=failed["id"])
    accepted(caller.call("POST", f"/transfers/{failed['id']}/retry"))
    assert caller.ended(failed["id"])["state"] == "attached"
    visited.page.get_by_text("Try again…").click()
    visited.page.get_by_role("button", name="Yes, try again").click()
    expect(visited.page.get_by_role("alert")).to_contain_text("attached")
    assert attached(caller, item) == 1
    assert all("409" in complaint for complaint in visited.complaints)
    visited.complaints.clear()


def test_everything_can_be_done_by_keyboard(visited: Visit) -> None:
    caller, page = visited.caller, visited.page
    item = "AAMkADkeyboard="
    start_failing(caller, "keyboard.bin", item)
    caller.harness.graph.add_message(MAILBOX, id=item)
    visited.open()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the transfers")).to_be_focused()
    tab_to(page, row(page, "failed", "keyboard.bin").get_by_role("link"))
    outline = "link => parseFloat(getComputedStyle(link).outlineWidth)"
    assert page.locator(":focus").evaluate(outline) >= 2
    page.keyboard.press("Enter")
    tab_to(page, page.locator("summary"))
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Yes, try again")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("[data-state]")).to_have_text("attached")
    assert attached(caller, item) == 1


def tab_to(page: Page, wanted: Locator) -> None:
    """Press Tab until it is focused."""
    expect(wanted).to_be_visible()
    for _ in range(100):
        page.keyboard.press("Tab")
        if wanted.evaluate("one => one === document.activeElement"):
            return
    raise AssertionError("no number of Tabs leads there")


# --- without scripts ------------------------------------------------------------------------------------------------


def test_without_scripts_a_reload_shows_the_progress_and_the_forms_work(browser: Browser, caller: Caller) -> None:
    graph = caller.harness.graph
    started = start_held(caller, "scriptless.bin")
    with visit(browser, caller, java_script_enabled=False) as reader:
        page = reader.page
        reader.open()
        bar = row(page, "under-way", "scriptless.bin").locator("progress")
        before = float(bar.get_attribute("value") or "")
        graph.fault({"action": "hold", "kind": "put", "nth": 4})
        graph.release()
        caller.harness.stack.wait_until(graph.holding, what="a later range is held")
        caller.harness.stack.wait_until(
            lambda: caller.transfer(started["id"])["progress"]["percent"] > before, what="the progress is saved"
        )
        page.reload()
        assert before < float(bar.get_attribute("value") or "") < 100
        row(page, "under-way", "scriptless.bin").get_by_role("link").click()
        page.get_by_text("Cancel the transfer…").click()
        page.get_by_role("button", name="Yes, cancel the transfer").click()
        graph.release()
        assert caller.ended(started["id"])["state"] == "cancelled"
        page.reload()
        expect(page.locator("[data-state]")).to_have_text("cancelled")
        page.get_by_text("Try again…").click()
        page.get_by_role("button", name="Yes, try again").click()
        assert caller.ended(started["id"])["state"] == "attached"
        page.reload()
        expect(page.locator("[data-state]")).to_have_text("attached")
    assert attached(caller, started["target"]["messageId"]) == 1


# --- the key --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["address", "header"])
def test_the_callers_own_key_opens_everything_and_is_shown_nowhere(browser: Browser, caller: Caller, way: str) -> None:
    """In the address it goes into the page's links, whose reader has it already; in a header it is not in the page."""
    started = start_held(caller, f"key in {way}.bin")
    headers = {"extra_http_headers": {"x-functions-key": caller.key}} if way == "header" else {}
    sent: list[Request] = []
    with visit(browser, caller, **headers) as reader:
        reader.page.on("request", lambda request: sent.append(request))  # noqa: PLW0108 - Playwright marks its handlers
        if way == "address":
            reader.open()
        else:
            reader.page.goto(f"{caller.harness.stack.url}/api/ui")
            assert caller.key not in reader.page.content()
        with reader.page.expect_response(lambda answer: f"/transfers/{started['id']}" in answer.url) as looked:
            pass
        row(reader.page, "under-way", "key in").get_by_role("link").click()
        expect(reader.page.locator("main")).to_contain_text(started["id"])
        assert caller.key not in reader.page.locator("body").inner_text()
        assert looked.value.status == 200
        assert {request.url.split("/api/")[0] for request in sent} == {caller.harness.stack.url}
        assert [request.url for request in sent if "/transfers/" in request.url and caller.key in request.url] == []
        assert reader.complaints == []
    caller.harness.graph.release()
    caller.ended(started["id"])
