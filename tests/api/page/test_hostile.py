"""Hostile names and strangers' forms do no harm to whoever looks at the page. In a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from devkit.local.azurite import Azurite
from devkit.local.harness import MAILBOX, Harness, content
from devkit.local.stack import Stack
from tests.api.caller import Caller
from tests.api.page.browser import Visit

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("api page")]

SCRIPT = "<script>window.hurt = 1</script>"
IMAGE = '"><img src=x onerror="window.hurt = 1">'
TURNED = "invoice\u202efdp.exe"
AT = "const at = (tag, facts) => document.body.appendChild(Object.assign(document.createElement(tag), facts))"
TRIED = {
    "at('script', {textContent: 'window.hurt = 1'})": "script-src-elem",
    "at('p', {innerHTML: '<b onclick=\"window.hurt = 1\">x</b>'}).firstChild.click()": "script-src-attr",
    "at('a', {href: 'javascript:window.hurt = 1'}).click()": "script-src-elem",
    "at('img', {src: '/x.png'})": "img-src",
    "void fetch('http://127.0.0.1:9/').catch(() => null)": "connect-src",
}
"""What would get into the page by some defect, and the directive of the policy that stops it (CSP Level 3, effective
directives). A handler is clicked: some versions of Chromium compile it, and so refuse it, only then."""


def attempt(tried: str, directive: str) -> str:
    """A script that tries it; true once the browser says that this directive refused it, false after five seconds."""
    return f"""() => new Promise((end) => {{
      document.addEventListener("securitypolicyviolation", (event) => {{
        if (event.effectiveDirective === {directive!r}) end(true);
      }});
      setTimeout(() => end(false), 5000);
      {AT};
      {tried};
    }})"""


@pytest.fixture(scope="module")
def stage(azurite: Azurite) -> Iterator[Harness]:
    with Harness(Stack(options=["--keys", "--no-timers"], azurite=azurite)) as harness:
        yield harness


@pytest.fixture(scope="module")
def hostile(stage: Harness) -> dict[str, str]:
    """Files whose names are attacks, one with usable metadata and two that are refused; ids by file name."""
    item = f"AAMk{IMAGE.replace(' ', '')}"
    metadata = {"mailbox": MAILBOX, "messageid": quote(item, safe=""), "contentid": quote(IMAGE), "isinline": "true"}
    names = {f"{SCRIPT}.png": metadata, f"{IMAGE}.pdf": {}, f"{TURNED}": {"mailbox": quote(SCRIPT)}}
    for name, given in names.items():
        stage.stack.drop(name, content(100), metadata=given)
    stage.stack.wait_until(lambda: len(stage.transfers()) >= len(names), what="every file has a transfer")
    stage.stack.wait_until_idle()
    by_name = {one["plan"]["source"]["blob"]: one["id"] for one in stage.transfers()}
    return {name: by_name[name] for name in names}


# --- hostile names --------------------------------------------------------------------------------------------------


def test_hostile_names_stay_text_on_every_view(visited: Visit, hostile: dict[str, str]) -> None:
    page = visited.page
    visited.open()
    expect(page.locator("main")).to_contain_text(f"{IMAGE}.pdf")
    expect(page.locator("main")).to_contain_text("invoice\\u202efdp.exe")
    unharmed(visited)
    for name, transfer_id in hostile.items():
        visited.open(transfer=transfer_id)
        expect(page.locator("main")).to_contain_text(name.replace("\u202e", "\\u202e"))
        unharmed(visited)
    visited.open(mailbox=IMAGE, state="failed")
    expect(page.get_by_label("Mailbox")).to_have_value(IMAGE)
    unharmed(visited)


def test_hostile_queries_stay_text(visited: Visit) -> None:
    long = IMAGE.ljust(400)
    for query in (
        {"transfer": SCRIPT},
        {"state": IMAGE},
        {"continuation": SCRIPT},
        {"transfer": TURNED},
        {"mailbox": long},
    ):
        answer = visited.open(**query)
        assert answer.status in {400, 404}
        expect(visited.page.get_by_role("alert")).to_be_visible()
        unharmed(visited, answer.status)


def unharmed(visited: Visit, status: int = 200) -> None:
    """No script ran but the page's own, and nothing on the page came from a name."""
    assert visited.page.evaluate("window.hurt") is None
    assert visited.page.locator("img").count() == 0
    assert visited.page.locator("script").count() == 1
    assert visited.page.locator("bdi *").count() == 0
    expected = [] if status == 200 else [f"{status}"]
    assert len(visited.complaints) == len(expected)
    assert all(status in complaint for status, complaint in zip(expected, visited.complaints, strict=True))
    visited.complaints.clear()


def test_even_what_gets_into_the_page_cannot_run_or_fetch(visited: Visit) -> None:
    answer = visited.open()
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for tried, directive in TRIED.items():
        assert visited.page.evaluate(attempt(tried, directive)), (tried, visited.complaints)
    assert visited.page.evaluate("window.hurt") is None
    assert visited.complaints
    assert all("Content Security Policy" in complaint for complaint in visited.complaints)
    visited.complaints.clear()


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_form_of_another_site_is_refused(caller: Caller, hostile: dict[str, str], site: str) -> None:
    form = {"transfer": hostile[f"{SCRIPT}.png"], "action": "retry"}
    answer = caller.call("POST", "/ui", data=form, headers={"Sec-Fetch-Site": site})
    assert (answer.status_code, "came from another site" in answer.text) == (403, True)
    assert caller.transfer(form["transfer"])["state"] == "failed"


def test_the_page_may_not_be_framed_kept_or_sniffed(caller: Caller) -> None:
    headers = caller.get("/ui").headers
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert (headers["Cache-Control"], headers["X-Content-Type-Options"]) == ("no-store", "nosniff")
    assert headers["Referrer-Policy"] == "no-referrer"
