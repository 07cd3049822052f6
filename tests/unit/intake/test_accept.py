"""A dropped file becomes a transfer, whatever its metadata says."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.core.errors import Code
from shared.core.model import Route, Source, State
from shared.intake.accept import transfer_for
from shared.intake.mailboxes import AllowedMailboxes
from shared.intake.metadata import LONGEST_KEPT
from shared.storage.ports import Dropped

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
SOURCE = Source("drop", "reports/a.pdf", '"0x1"', 1000, NOW)
GOOD = {"mailbox": "ada@contoso.example", "messageid": "AAMkAGI2="}
ANYBODY = AllowedMailboxes()


def accepted(metadata: dict[str, str] | None = None, allowed: AllowedMailboxes = ANYBODY, **source: Any) -> Any:
    dropped = Dropped(replace(SOURCE, **source), GOOD if metadata is None else metadata, "application/pdf")
    return transfer_for(dropped, allowed, NOW)


def test_good_metadata_makes_a_planned_transfer() -> None:
    made = accepted()
    assert (made.state, made.item_id, made.attachment.name) == (State.PLANNED, "AAMkAGI2=", "a.pdf")
    assert made.attachment.content_type == "application/pdf"
    assert made.plan.created_at == NOW


@pytest.mark.parametrize(
    ("size", "route"), [(1, Route.POST), (3 * 1024 * 1024 - 1, Route.SESSION), (3_100_000, Route.POST)]
)
def test_the_route_follows_the_whole_body_not_the_file_alone(size: int, route: Route) -> None:
    assert accepted(size=size).route is route


def test_a_slip_in_a_key_stands_in_the_history_of_a_transfer_that_works_without_it() -> None:
    made = accepted({**GOOD, "atachmentname": "x"})
    [step] = made.history
    assert (made.state, step.code) == (State.PLANNED, "METADATA_KEY_UNKNOWN")
    assert "'atachmentname'" in step.outcome
    assert "`attachmentname`" in step.outcome
    assert accepted().history == ()
    assert accepted().id == made.id


def test_a_lookup_has_no_item_yet() -> None:
    assert accepted({"mailbox": "ada@contoso.example", "icaluid": "04000000"}).item_id is None


@pytest.mark.parametrize(
    ("metadata", "code"),
    [
        ({}, Code.MAILBOX_MISSING),
        ({"mailbox": "ada@contoso.example"}, Code.TARGET_MISSING),
        ({**GOOD, "eventid": "x"}, Code.TARGET_CONTRADICTORY),
        ({**GOOD, "isinline": "true"}, Code.CONTENT_ID_MISSING),
    ],
)
def test_unusable_metadata_makes_a_failed_transfer_that_says_why(metadata: dict[str, str], code: Code) -> None:
    made = accepted(metadata)
    assert (made.state, made.failure.code, made.finished_at) == (State.FAILED, code, NOW)


@pytest.mark.parametrize(
    ("size", "code"),
    [(0, Code.SOURCE_EMPTY), (157_286_401, Code.SOURCE_TOO_LARGE)],
)
def test_an_impossible_size_fails_before_any_request(size: int, code: Code) -> None:
    assert accepted(size=size).failure.code is code


def test_the_largest_size_is_left_to_graph() -> None:
    assert accepted(size=157_286_400).state is State.PLANNED


def test_a_mailbox_outside_the_list_is_refused() -> None:
    assert accepted(allowed=AllowedMailboxes(["@fabrikam.example"])).failure.code is Code.MAILBOX_NOT_ALLOWED


def test_the_same_version_makes_the_same_id_and_another_version_another() -> None:
    assert accepted().id == accepted().id
    others = {
        accepted(etag='"0x2"').id,
        accepted(blob="reports/b.pdf").id,
        accepted({**GOOD, "messageid": "AAMkOther="}).id,
        accepted({**GOOD, "attachmentname": "b.pdf"}).id,
        accepted().id,
    }
    assert len(others) == 5


LONG = "x" * 1000


@pytest.mark.parametrize(
    ("metadata", "given"),
    [
        ({}, ()),
        ({"project": "atlas"}, ()),
        ({"Mailbox": "ada@contoso.example"}, (("mailbox", "ada@contoso.example"),)),
        ({"mailbox": "ada%40contoso.example", "project": "atlas"}, (("mailbox", "ada@contoso.example"),)),
        ({"messageid": "a", "eventid": "b"}, (("messageid", "a"), ("eventid", "b"))),
        ({"mailbox": "ada%4", "messageid": "a"}, (("mailbox", "ada%4"), ("messageid", "a"))),
        ({"mailbox": LONG, "contentid": ""}, (("mailbox", LONG[:LONGEST_KEPT]),)),
    ],
)
def test_a_refused_file_keeps_what_could_be_read_of_its_metadata(
    metadata: dict[str, str], given: tuple[tuple[str, str], ...]
) -> None:
    made = accepted(metadata)
    assert (made.state, made.plan.given) == (State.FAILED, given)
    assert made.plan.mailbox == dict(given).get("mailbox")


def test_what_is_kept_of_the_metadata_changes_no_id_and_is_not_kept_where_a_target_stands_for_it() -> None:
    assert accepted({"mailbox": "ada@contoso.example"}).id == accepted({}).id
    assert accepted().plan.given == ()
    assert accepted().plan.mailbox == "ada@contoso.example"
