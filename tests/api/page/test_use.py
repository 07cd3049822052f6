"""The operator's page in use, in a real browser on the running app: watched, retried, cancelled."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
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


def start_many_failing(caller: Caller, names: list[str], items: list[str]) -> None:
    """Such transfers, side by side."""
    started = [start(caller, name, 1000, item)["id"] for name, item in zip(names, items, strict=True)]
    assert {caller.ended(one)["state"] for one in started} == {"failed"}
    caller.harness.stack.wait_until_idle()


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
    expect(moving.locator("[data-state]")).to_have_text("Sending")
    before = float(bar.get_attribute("value") or "")
    graph.fault({"action": "hold", "kind": "put", "nth": 4})
    graph.release()
    visited.caller.harness.stack.wait_until(graph.holding, what="a later range is held")
    expect(moving.locator("[data-percent]")).not_to_have_text(f"{before:.1f} %")
    assert before < bar.evaluate("bar => bar.value") < 100
    assert bar.bounding_box() is not None
    graph.release()
    expect(row(visited.page, "listed", "moving.bin").locator("[data-state]")).to_have_text("Attached")
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


@pytest.mark.parametrize("where", ["empty spot", "link", "checkbox"])
def test_rows_are_renewed_wherever_the_focus_is_and_focus_choice_and_scrolling_stay(visited: Visit, where: str) -> None:
    caller, page = visited.caller, visited.page
    names = [f"focus {where} {number:02}.bin" for number in range(12)]
    start_many_failing(caller, names, [f"AAMkADfocus{where.replace(' ', '')}{number}=" for number in range(12)])
    page.set_viewport_size({"width": 1000, "height": 500})
    page.clock.install()
    visited.open(blob=f"focus {where}")
    kept = row(page, "listed", f"focus {where} 07.bin")
    kept.get_by_role("checkbox").check()
    kept.scroll_into_view_if_needed()
    if where == "empty spot":
        kept.locator("td.mailbox").click(position={"x": 2, "y": 2})
    else:
        kept.get_by_role(where).focus()  # type: ignore[arg-type]
    focused = page.evaluate_handle("document.activeElement")
    before = page.evaluate("[document.activeElement.className, scrollY]")
    assert page.evaluate("document.querySelector('main').contains(document.activeElement)")
    top = kept.bounding_box()
    start_failing(caller, f"focus {where} 00 new.bin", f"AAMkADfocusnew{where.replace(' ', '')}=")
    page.clock.fast_forward(32_000)
    expect(row(page, "listed", f"focus {where} 00 new.bin")).to_contain_text("TARGET_NOT_FOUND")
    assert page.evaluate("one => one === document.activeElement", focused)
    assert page.evaluate("document.activeElement.className") == before[0]
    expect(kept.get_by_role("checkbox")).to_be_checked()
    now = kept.bounding_box()
    assert top is not None
    assert now is not None
    if where != "empty spot":
        assert abs(top["y"] - now["y"]) < 2, "what has the focus stays where it is on the screen"


def test_where_the_focused_row_is_gone_its_table_has_the_focus(visited: Visit) -> None:
    caller, page = visited.caller, visited.page
    failed = start_failing(caller, "leaving/gone.bin", "AAMkADleaving=")
    start_failing(caller, "leaving/stays.bin", "AAMkADstays=")
    page.clock.install()
    visited.open(state="failed", blob="leaving/")
    row(page, "listed", "gone.bin").get_by_role("link").focus()
    assert caller.call("POST", f"/transfers/{failed['id']}/acknowledge", json={"note": "By hand."}).status_code == 200
    page.clock.fast_forward(32_000)
    expect(row(page, "listed", "gone.bin")).to_have_count(0)
    expect(page.get_by_role("region", name="Transfers found: table")).to_be_focused()


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
    visited.page.get_by_role("button", name="Find").click()
    states = visited.page.locator("tbody [data-state]")
    expect(visited.page.locator("tbody")).to_contain_text("filtered.bin")
    assert set(states.all_inner_texts()) == {"Failed"}
    visited.page.get_by_label("Mailbox").fill("nobody@example.org")
    visited.page.get_by_role("button", name="Find").click()
    expect(visited.page.locator("main")).to_contain_text("None.")
    visited.page.get_by_role("link", name="Back to the overview").click()
    visited.page.locator("[data-count=failed]").click()
    expect(visited.page.locator("[data-count=failed]")).to_have_attribute("aria-current", "true")


def test_a_file_is_found_by_folder_code_and_day_together(visited: Visit) -> None:
    start_failing(visited.caller, "found/here.bin", "AAMkADfoundhere=")
    start_failing(visited.caller, "elsewhere/here.bin", "AAMkADelsewhere=")
    page = visited.page
    visited.open()
    page.get_by_label("File or folder").fill("found/")
    page.get_by_label("Code").fill("TARGET_NOT_FOUND")
    page.get_by_label("Since, UTC").fill(datetime.now(UTC).strftime("%Y-%m-%d"))
    page.get_by_role("button", name="Find").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody td.file")).to_have_text("found/here.bin")
    expect(page.get_by_label("File or folder")).to_have_value("found/")
    expect(page.get_by_label("Code")).to_have_value("TARGET_NOT_FOUND")
    page.get_by_label("Code").fill("ACCESS_DENIED")
    page.get_by_role("button", name="Find").click()
    expect(page.locator("main")).to_contain_text("None.")


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
    expect(visited.page.locator("[data-state]")).to_have_text("Attached")
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
    expect(visited.page.locator("[data-state]")).to_have_text("Cancelled")
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
    tab_to(page, page.locator("summary").first)
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Yes, try again")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("[data-state]")).to_have_text("Attached")
    assert attached(caller, item) == 1


def test_chosen_transfers_are_retried_together_after_a_question_and_each_has_its_result(visited: Visit) -> None:
    caller, page = visited.caller, visited.page
    items = [f"AAMkADchosen{number}=" for number in range(3)]
    start_many_failing(caller, [f"chosen/{number}.bin" for number in range(3)], items)
    for item in items:
        caller.harness.graph.add_message(MAILBOX, id=item)
    visited.open(blob="chosen/")
    row(page, "listed", "chosen/0.bin").get_by_role("checkbox").check()
    row(page, "listed", "chosen/2.bin").get_by_role("checkbox").check()
    expect(page.locator("[data-chosen]")).to_have_text("2 chosen")
    page.get_by_role("button", name="Try again…").click()
    expect(page.get_by_role("heading", name="Try these 2 transfers again?")).to_be_visible()
    expect(page.locator(".names li")).to_have_text(["chosen/0.bin ada@example.org", "chosen/2.bin ada@example.org"])
    assert [attached(caller, item) for item in items] == [0, 0, 0], "nothing is done before the question is answered"
    page.get_by_label("By").fill("ann@example.org")
    page.get_by_role("button", name="Yes, try again").click()
    expect(page.get_by_text("Finished: 2 accepted")).to_be_visible()
    expect(page.get_by_text("Asked for by ann@example.org")).to_be_visible()
    expect(page.locator("tbody .state")).to_have_text(["Accepted", "Accepted"])
    caller.harness.stack.wait_until_idle()
    assert [attached(caller, item) for item in items] == [1, 0, 1]


def test_everything_that_matches_is_taken_without_ticking_it(visited: Visit) -> None:
    caller, page = visited.caller, visited.page
    items = [f"AAMkADmatching{number}=" for number in range(12)]
    start_many_failing(caller, [f"matching/{number}.bin" for number in range(12)], items)
    for item in items:
        caller.harness.graph.add_message(MAILBOX, id=item)
    visited.open(blob="matching/", state="failed")
    page.get_by_label("Everything that matches, up to 1,000").check()
    page.get_by_role("button", name="Try again…").click()
    expect(page.locator("main")).to_contain_text("everything that matches and is called 'Failed'")
    expect(page.locator("main")).to_contain_text("and others, up to 1,000 in all")
    page.get_by_role("button", name="Yes, try again").click()
    expect(page.get_by_text("Finished: 12 accepted")).to_be_visible()
    caller.harness.stack.wait_until_idle()
    assert [attached(caller, item) for item in items] == [1] * 12


def test_what_is_asked_of_nothing_or_of_what_cannot_be_is_told(visited: Visit) -> None:
    visited.open()
    visited.page.get_by_role("button", name="Cancel…").click()
    expect(visited.page.get_by_role("alert")).to_contain_text("Nothing was chosen.")
    visited.open(state="attached")
    visited.page.get_by_label("Everything that matches").check()
    visited.page.get_by_role("button", name="Cancel…").click()
    expect(visited.page.get_by_role("alert")).to_contain_text("cannot be cancelled")
    assert all("400" in complaint for complaint in visited.complaints)
    visited.complaints.clear()


def test_all_rows_of_a_table_are_chosen_and_cancelled_by_keyboard(visited: Visit) -> None:
    caller, page = visited.caller, visited.page
    started = start_held(caller, "by keyboard/held.bin")
    visited.open(blob="by keyboard/")
    tab_to(page, page.get_by_label("Choose all: Transfers found"))
    page.keyboard.press("Space")
    tab_to(page, page.get_by_role("button", name="Cancel…"))
    page.keyboard.press("Enter")
    tab_to(page, page.get_by_role("button", name="Yes, cancel"))
    page.keyboard.press("Enter")
    expect(page.get_by_text("Finished: 1 accepted")).to_be_visible()
    caller.harness.graph.release()
    assert caller.ended(started["id"])["state"] == "cancelled"


def test_a_failure_is_acknowledged_with_a_note_and_leaves_the_failed_list(visited: Visit) -> None:
    caller, page = visited.caller, visited.page
    failed = start_failing(caller, "dealt with.bin", "AAMkADdealtwith=")
    visited.open(transfer=failed["id"])
    page.get_by_text("Acknowledge…").click()
    page.get_by_label("What was done").fill("Sent by hand.")
    page.get_by_label("By").fill("ann@example.org")
    page.get_by_role("button", name="Yes, acknowledge").click()
    expect(page.locator("[data-state]")).to_have_text("Acknowledged")
    expect(page.locator("main")).to_contain_text("Sent by hand.")
    expect(page.locator("main")).to_contain_text("by ann@example.org")
    visited.open(state="failed", blob="dealt with.bin")
    expect(page.locator("main")).to_contain_text("None.")
    visited.open(state="acknowledged", blob="dealt with.bin")
    expect(page.locator("tbody")).to_contain_text("Sent by hand.")


def test_a_corrected_file_is_tried_as_a_new_transfer_that_the_old_one_leads_to(visited: Visit) -> None:
    caller, page = visited.caller, visited.page
    stack = caller.harness.stack
    stack.drop("corrected.bin", content(100), metadata={"mailbox": MAILBOX})
    stack.wait_until(lambda: caller.listed(blob="corrected.bin"), what="the file has a transfer")
    [failed] = caller.listed(blob="corrected.bin")
    item = caller.harness.item()
    blob = stack.storage.get_blob_client(stack.drop_container, "corrected.bin")
    visited.open(transfer=failed["id"])
    expect(page.locator("table.metadata")).to_contain_text(MAILBOX)
    blob.set_blob_metadata({"mailbox": MAILBOX, "messageid": item.replace("%", "%25")})
    page.get_by_text("Try again…").click()
    page.get_by_role("button", name="Yes, try again").click()
    expect(page.locator("[data-state]")).to_have_text("Attached")
    assert failed["id"] not in page.url
    visited.open(transfer=failed["id"])
    page.get_by_role("link", name="The transfer that took its place").click()
    expect(page.locator("[data-state]")).to_have_text("Attached")
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
        expect(page.locator("[data-state]")).to_have_text("Cancelled")
        page.get_by_text("Try again…").click()
        page.get_by_role("button", name="Yes, try again").click()
        assert caller.ended(started["id"])["state"] == "attached"
        page.reload()
        expect(page.locator("[data-state]")).to_have_text("Attached")
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
