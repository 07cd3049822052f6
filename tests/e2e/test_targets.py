"""The item is found: by its id or by what people know of it, at once or once it exists, in v1.0 and in beta."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from devkit.local.azurite import Azurite
from devkit.local.harness import MAILBOX, Delivery, Harness, Kind, content
from tests.e2e.stage import attached, failed, runs_of, staged

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("e2e targets")]

TARGET_WAIT = 12
MESSAGE_ID = "<CAF+x=O'Brien/42@mail.example.org>"
UID = "040000008200E00074C5B7101A82E008-ü"


@pytest.fixture(scope="module")
def stage(azurite: Azurite) -> Iterator[Harness]:
    with staged(azurite, settings={"TARGET_WAIT_SECONDS": str(TARGET_WAIT), "ACCESS_WAIT_SECONDS": "0"}) as running:
        yield running


def by_message_id(harness: Harness, wanted: str, *drafts: bool) -> list[str]:
    """One message for each of `drafts`, all with the same internetMessageId; their ids."""
    return [harness.item(internet_message_id=wanted, is_draft=is_draft) for is_draft in drafts]


@pytest.mark.parametrize("size", [1000, 5_000_000])
@pytest.mark.parametrize(
    ("kind", "key", "value"),
    [("message", "internetmessageid", MESSAGE_ID), ("event", "icaluid", UID)],
    ids=["internetmessageid", "icaluid"],
)
def test_an_item_is_found_by_what_people_know_of_it(
    harness: Harness, kind: Kind, key: str, value: str, size: int
) -> None:
    wanted = f"{value}{size}"
    named = {"internet_message_id": wanted} if kind == "message" else {"ical_uid": wanted}
    file = harness.drop(
        content(size), kind=kind, item=harness.item(kind, **named), target={key: quote(wanted, safe="")}
    )
    attached(harness, file)


@pytest.mark.parametrize("drafts", [(True, False), (False, True, False)])
def test_of_several_matches_the_one_draft_is_meant(harness: Harness, drafts: tuple[bool, ...]) -> None:
    wanted = f"<{len(drafts)}-copies@example.org>"
    items = by_message_id(harness, wanted, *drafts)
    file = harness.drop(
        content(1000), item=items[drafts.index(True)], target={"internetmessageid": quote(wanted, safe="")}
    )
    attached(harness, file)


@pytest.mark.parametrize(
    ("drafts", "told"),
    [((False, False), "2 items"), ((True, True, False), "3 items"), ((True,) * 3, "3 of them drafts")],
)
def test_several_matches_without_one_draft_fail_and_say_how_many(
    harness: Harness, drafts: tuple[bool, ...], told: str
) -> None:
    wanted = f"<{drafts}@example.org>"
    items = by_message_id(harness, wanted, *drafts)
    file = harness.drop(content(1000), item=items[0], target={"internetmessageid": quote(wanted, safe="")})
    failure = failed(harness, file)
    assert failure["code"] == "TARGET_AMBIGUOUS"
    assert told in failure["detail"]


def test_the_mailbox_may_be_named_by_its_object_id(harness: Harness) -> None:
    identifier = harness.graph.add_mailbox("grace@example.org")
    file = harness.drop(content(1000), mailbox=identifier)
    attached(harness, file)


def test_ids_and_addresses_are_taken_in_the_form_in_which_people_have_them(harness: Harness) -> None:
    harness.graph.add_mailbox("$ales@example.org")
    attached(harness, harness.drop(content(1000), mailbox="$ales@example.org"))
    for encoded in (False, True):
        item = harness.item()
        written = item.replace("-", "/").replace("_", "+")
        assert written != item
        target = {"messageid": quote(written, safe="") if encoded else written}
        attached(harness, harness.drop(content(1000), item=item, target=target))


@pytest.mark.parametrize(
    ("properties", "code"),
    [
        pytest.param({"licensed": False}, "MAILBOX_NOT_SUPPORTED", id="unlicensed"),
        pytest.param({"accessible": False}, "ACCESS_DENIED", id="out of the app's scope"),
    ],
)
def test_a_mailbox_that_cannot_be_used_fails_with_its_reason(
    harness: Harness, properties: dict[str, Any], code: str
) -> None:
    mailbox = f"{next(iter(properties))}@example.org"
    harness.graph.add_mailbox(mailbox, **properties)
    assert failed(harness, harness.drop(content(1000), mailbox=mailbox))["code"] == code


def test_a_mailbox_that_does_not_exist_fails_at_once(harness: Harness) -> None:
    file = harness.drop(content(1000), target={"mailbox": "nobody@example.org", "messageid": "AAMk"})
    assert failed(harness, file)["code"] == "MAILBOX_NOT_FOUND"


def test_an_id_of_another_mailbox_is_told_as_such(harness: Harness) -> None:
    harness.graph.add_mailbox("other@example.org")
    elsewhere = harness.item(mailbox="other@example.org")
    file = harness.drop(content(1000), target={"messageid": quote(elsewhere, safe="")})
    assert failed(harness, file)["code"] == "TARGET_IN_OTHER_MAILBOX"


def waiting(harness: Harness, file: Delivery) -> bool:
    """The transfer waits: it is nobody's, a continuation is due later, and nothing runs."""
    transfer = harness.transfer(file)
    lease = harness.stack.checkpoints().get(f"transfers/{transfer.get('id')}.json", {}).get("lease")
    idle = all(run["outcome"] != "running" for run in runs_of(harness))
    return transfer.get("notBefore") is not None and lease is None and idle


def test_items_that_do_not_exist_yet_are_waited_for_without_a_worker(harness: Harness) -> None:
    ids = {name: f"AAMkAG{name}" for name in ("later", "never")}
    later = harness.drop(content(1000), blob="later.bin", item=ids["later"])
    looked_up = harness.drop(
        content(5_000_000, 1), blob="looked up.bin", item="-", target={"internetmessageid": "%3Cl%40example.org%3E"}
    )
    never = harness.drop(content(1000), blob="never.bin", item=ids["never"])
    files = (later, looked_up, never)
    harness.stack.wait_until(lambda: all(waiting(harness, file) for file in files), what="all three wait")
    assert harness.stack.queue_lengths()["transfers"] == len(files)
    seen = len(runs_of(harness))
    harness.item(id=ids["later"])
    found = harness.item(internet_message_id="<l@example.org>")
    attached(harness, later)
    harness.ended(looked_up)
    (there,) = harness.graph.attachments(MAILBOX, found)
    assert there.sha256 == looked_up.sha256
    transfer = harness.ended(never)
    assert transfer["failure"]["code"] == "TARGET_NOT_FOUND"
    assert f"within {TARGET_WAIT} seconds" in transfer["failure"]["detail"]
    harness.stack.wait_until_idle()  # an end is told before the run that brought it is over
    assert len(runs_of(harness)) - seen <= 5  # a few looks with pauses between them, not a busy wait
    assert {run["outcome"] for run in runs_of(harness)} == {"succeeded"}


@pytest.mark.parametrize("size", [1000, 9_000_000])
def test_beta_works_as_v1_0_does(harness: Harness, size: int) -> None:
    if harness.stack.settings["GRAPH_BASE_URL"].endswith("v1.0"):
        harness.stack.restart_host(GRAPH_BASE_URL=f"{harness.graph.graph_origin}/beta")
    for kind in ("message", "event"):
        file = harness.drop(content(size, kind), kind=kind)
        harness.ended(file)
        asked = [entry["path"] for entry in harness.requests(file) if entry["surface"] == "graph"]
        assert len(asked) >= 2
        assert all(path.startswith("/beta/users/") for path in asked)
        attached(harness, file)
