"""Whatever form Graph's answers take, and whichever of two undocumented answers it gives, the file is attached once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from devkit.local.azurite import Azurite
from devkit.local.harness import Harness, content
from tests.e2e.stage import attached, staged

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("e2e answers")]

MIB = 1024 * 1024
SIZE = 5 * MIB + 1


@pytest.fixture(scope="module")
def stage(azurite: Azurite) -> Iterator[Harness]:
    with staged(azurite, settings={"RANGE_BYTES": str(MIB)}) as running:
        yield running


FORMS = [(casing, form, 1, "ascending") for casing in ("mixed", "pascal", "camel") for form in ("N", "N-", "N-M")]
GAPS = [("mixed", form, 3, "descending") for form in ("N", "N-", "N-M")]


@pytest.mark.parametrize(("key_casing", "range_form", "range_gaps", "range_order"), [*FORMS, *GAPS])
def test_every_casing_and_every_form_of_ranges_is_read(
    harness: Harness, key_casing: str, range_form: str, range_gaps: int, range_order: str
) -> None:
    harness.graph.switch(key_casing=key_casing, range_form=range_form, range_gaps=range_gaps, range_order=range_order)
    file = harness.drop(content(SIZE, key_casing))
    attached(harness, file)
    assert [entry["status"] for entry in harness.requests(file, "put", "final-put")] == [200] * 5 + [201]


@pytest.mark.parametrize("final_location", ["full", "none", "lower", "encoded"])
def test_the_attachment_is_known_however_the_last_answer_names_it(harness: Harness, final_location: str) -> None:
    harness.graph.switch(final_location=final_location)
    file = harness.drop(content(SIZE))
    attached(harness, file)
    assert len(harness.sessions(file)) == 1


@pytest.mark.parametrize(
    ("gone_status", "get_session", "size_reported"),
    [(404, 200, "larger"), (404, 404, "exact"), (404, 405, "larger"), (410, 200, "exact"), (410, 405, "larger")],
)
def test_a_last_answer_that_is_lost_leaves_one_attachment(
    harness: Harness, gone_status: int, get_session: int, size_reported: str
) -> None:
    harness.graph.switch(
        drop_final_answer=True, get_session=get_session, gone_status=gone_status, size_reported=size_reported
    )
    file = harness.drop(content(SIZE))
    attached(harness, file)
    assert [session["state"] for session in harness.sessions(file)] == ["committed"]


@pytest.mark.parametrize("get_session", [200, 404, 405])
@pytest.mark.parametrize("wrong_offset", ["416", "400", "409", "restate"])
def test_a_range_whose_answer_is_lost_is_settled_and_the_session_goes_on(
    harness: Harness, wrong_offset: str, get_session: int
) -> None:
    harness.graph.switch(wrong_offset=wrong_offset, get_session=get_session)
    file_item = harness.item()
    harness.graph.fault({"action": "reset-after", "kind": "put", "nth": 3, "path": "AttachmentSessions"})
    file = harness.drop(content(SIZE), item=file_item)
    attached(harness, file)


@pytest.mark.parametrize("status", [404, 409, 401])
def test_a_post_that_is_answered_with_a_refusal_and_carried_out_leaves_one_attachment(
    harness: Harness, status: int
) -> None:
    rule = {"action": "status", "kind": "post", "status": status, "after_effect": True, "times": 3}
    harness.graph.fault(rule)
    file = harness.drop(content(1000, f"refused {status}"))
    attached(harness, file)
    assert [entry["status"] for entry in harness.requests(file, "post")] == [status]


FAULTS: list[dict[str, Any]] = [
    {"action": "cut", "kind": "put", "nth": 2, "bytes": 300_000},
    {"action": "reset-before", "kind": "put", "nth": 2, "bytes": 300_000},
    {"action": "reset-before", "kind": "create"},
    {"action": "reset-after", "kind": "create"},
    {"action": "reset-after", "kind": "list"},
    {"action": "status", "kind": "put", "nth": 2, "status": 503, "body": "text", "retry_after": 1},
    {"action": "status", "kind": "put", "nth": 2, "status": 429, "body": "empty", "retry_after": "date:2"},
    {"action": "status", "kind": "final-put", "status": 504, "body": "html"},
    {"action": "status", "kind": "final-put", "status": 504, "after_effect": True},
    {"action": "status", "kind": "final-put", "status": 412},
    {"action": "status", "kind": "create", "status": 429, "retry_after": 1},
    {"action": "status", "kind": "list", "status": 500},
    {"action": "slow-body", "kind": "list", "seconds": 1},
]


@pytest.mark.parametrize("rule", FAULTS, ids=lambda rule: "-".join(map(str, rule.values())))
def test_a_passing_fault_of_graph_costs_time_and_nothing_else(harness: Harness, rule: dict[str, Any]) -> None:
    harness.graph.fault(rule)
    file = harness.drop(content(SIZE, rule["action"]))
    attached(harness, file)


@pytest.mark.parametrize(
    "switches",
    [
        pytest.param({"partial_bytes": 700_000}, id="part of a range is kept"),
        pytest.param({"list_page_size": 1}, id="the list comes in pages"),
        pytest.param({"content_type_kept": True}, id="the content type is kept"),
        pytest.param({"upload_path": "outlook"}, id="upload URLs of the older form"),
    ],
)
def test_what_graph_may_do_otherwise_is_taken_as_it_comes(harness: Harness, switches: dict[str, Any]) -> None:
    harness.graph.switch(**switches)
    file = harness.drop(content(SIZE, "switches"))
    attached(harness, file)


@pytest.mark.parametrize("status", [404, 410])
def test_a_session_that_expires_midway_is_followed_by_a_new_one_from_the_first_byte(
    harness: Harness, status: int
) -> None:
    harness.graph.switch(session_lifetime_seconds=1.5, latency_ms_put=600, expired_status=status)
    file = harness.drop(content(SIZE, status))
    harness.stack.wait_until(lambda: len(harness.sessions(file)) > 1, what="a second session")
    harness.graph.switch(session_lifetime_seconds=3600, latency_ms_put=0)
    attached(harness, file)
    assert harness.sessions(file)[-1]["received"] == SIZE


@pytest.mark.parametrize("action", ["reset-after", "late"])
def test_a_small_files_answer_that_is_lost_leaves_one_attachment(harness: Harness, action: str) -> None:
    harness.graph.fault({"action": action, "kind": "post", "calls": 2})
    file = harness.drop(content(1000, action))
    attached(harness, file)
    assert [entry["status"] for entry in harness.requests(file, "post") if entry["status"]] == [201]
