"""One request or an upload session: each falls over to the other; what neither can carry ends in a clear failure."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from devkit.local.azurite import Azurite
from devkit.local.harness import Delivery, Harness, content
from shared.core.errors import CATALOGUE, Code
from tests.e2e.stage import attached, failed, runs_of, staged

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("e2e routes")]

MIB = 1024 * 1024
TIGHT = "tight@example.org"
TIGHT_LIMIT = 9_000_000


@pytest.fixture(scope="module")
def stage(azurite: Azurite) -> Iterator[Harness]:
    with staged(azurite) as running:
        running.graph.add_mailbox(TIGHT, message_limit=TIGHT_LIMIT)
        yield running


def sent(harness: Harness, file: Delivery) -> list[tuple[str, int]]:
    log = harness.requests(file, "post", "create", "put", "final-put")
    return [(entry["kind"], entry["status"]) for entry in log]


@pytest.mark.parametrize("status", [413, 400])
def test_a_file_that_one_request_cannot_carry_goes_by_session(harness: Harness, status: int) -> None:
    harness.graph.switch(post_body_limit=4000, post_limit_status=status, min_session_size=0)
    file = harness.drop(content(100_000))
    attached(harness, file)
    assert sent(harness, file) == [("post", status), ("create", 201), ("final-put", 201)]


def test_a_file_that_is_too_small_for_a_session_goes_in_one_request(harness: Harness) -> None:
    harness.graph.switch(min_session_size=4 * MIB, post_body_limit=8 * MIB)
    file = harness.drop(content(3 * MIB + 1))
    attached(harness, file)
    assert sent(harness, file) == [("create", 400), ("post", 201)]


def test_a_file_that_neither_way_takes_fails_with_a_code_of_its_own(harness: Harness) -> None:
    harness.graph.switch(min_session_size=4 * MIB, post_body_limit=4000)
    file = harness.drop(content(100_000))
    assert failed(harness, file)["code"] == "SIZE_ROUTES_REFUSED"
    assert sent(harness, file) == [("post", 413), ("create", 400)]


@pytest.mark.parametrize(
    ("size", "code"),
    [pytest.param(0, "SOURCE_EMPTY", id="empty"), pytest.param(150 * MIB + 1, "SOURCE_TOO_LARGE", id="over 150 MiB")],
)
def test_an_impossible_size_fails_before_anything_is_asked_of_graph(harness: Harness, size: int, code: str) -> None:
    before = len(runs_of(harness))
    file = harness.drop(bytes(size), events=1 if size else 0)
    if not size:  # an event would leave it ten minutes to become a file
        asked = {"blob": file.blob, "target": {"mailbox": file.mailbox, "messageId": file.item}}
        assert requests.post(f"{harness.stack.url}/api/transfers", json=asked, timeout=30).status_code == 202
    failure = failed(harness, file)
    assert failure["code"] == code
    assert f"{size} bytes" in failure["detail"]
    assert harness.requests(file) == []
    assert not size or [run["dequeueCount"] for run in runs_of(harness, before)] == [1]


@pytest.mark.parametrize("status", [413, 400, 507])
def test_the_mailboxes_own_limit_is_told_with_what_to_ask_the_administrator(harness: Harness, status: int) -> None:
    harness.graph.switch(message_limit_status=status)
    file = harness.drop(content(10_000_000), mailbox=TIGHT)
    failure = failed(harness, file)
    assert failure["code"] == "MESSAGE_LIMIT_EXCEEDED"
    assert failure["graph"]["status"] == status
    assert "Set-Mailbox -MaxSendSize" in CATALOGUE[Code(failure["code"])].remedy
    assert sent(harness, file) == [("create", status)]


@pytest.mark.parametrize("status", [413, 400, 507])
def test_the_mailboxes_own_limit_may_come_late_and_takes_the_session_with_it(harness: Harness, status: int) -> None:
    harness.graph.switch(message_limit_at="put", message_limit_status=status)
    file = harness.drop(content(14_000_000), mailbox=TIGHT)
    failure = failed(harness, file)
    assert failure["code"] == "MESSAGE_LIMIT_EXCEEDED"
    assert sent(harness, file) == [("create", 201), ("put", 200), ("put", 200), ("put", status)]
    assert [session["state"] for session in harness.sessions(file)] == ["cancelled"]


def test_files_that_fit_one_by_one_fail_once_the_item_is_full(harness: Harness) -> None:
    first = harness.drop(content(5_000_000), mailbox=TIGHT)
    attached(harness, first)
    second = harness.drop(content(5_000_001), mailbox=TIGHT, item=first.item)
    assert harness.ended(second)["failure"]["code"] == "MESSAGE_LIMIT_EXCEEDED"
    assert [one["sha256"] for one in harness.attachments(first)] == [first.sha256]


@pytest.mark.parametrize("status", [413, 400])
def test_a_size_between_150_mb_and_150_mib_is_for_graph_to_refuse(harness: Harness, status: int) -> None:
    harness.graph.switch(max_file_size=10_000_000, over_size_status=status)  # stands for 150,000,000
    file = harness.drop(content(10_000_001))
    assert failed(harness, file)["code"] == "ATTACHMENT_TOO_LARGE"
    assert sent(harness, file) == [("create", status)]


def test_a_range_that_is_too_large_for_graph_is_halved_until_it_fits(harness: Harness) -> None:
    harness.graph.switch(max_range=1_500_000)
    file = harness.drop(content(5_000_000))
    attached(harness, file)
    accepted = [entry["length"] for entry in harness.requests(file, "put", "final-put") if entry["status"] < 300]
    assert accepted == [MIB] * 4 + [5_000_000 - 4 * MIB]


def test_ranges_that_are_refused_at_every_size_end_in_a_named_failure(harness: Harness) -> None:
    harness.graph.switch(max_range=1000)
    file = harness.drop(content(5_000_000))
    assert failed(harness, file)["code"] == "RANGE_REFUSED"
    assert [session["state"] for session in harness.sessions(file)] == ["cancelled"]
