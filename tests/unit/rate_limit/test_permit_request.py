"""What a transfer and its requests ask of a mailbox."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from shared.core.actions import (
    Action,
    AskSession,
    CancelSession,
    Finish,
    Item,
    ListAttachments,
    OpenSession,
    PostAttachment,
    PrepareCommit,
    PutRange,
    Wait,
)
from shared.core.errors import Code
from shared.core.model import (
    Attachment,
    Failure,
    ItemKind,
    Plan,
    Route,
    Session,
    Source,
    State,
    Target,
    TargetKey,
    Transfer,
)
from shared.graph.prepare import post_body_bytes
from shared.run import permit_request

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
RANGE = 4_000_000
SIZE = 10_000_000
ATTACHMENT = Attachment("a.pdf", "application/pdf")
ITEM = Item("ada@example.org", ItemKind.MESSAGE, "AAMk")


def transfer(size: int = SIZE, route: Route = Route.SESSION, **more: object) -> Transfer:
    source = Source("drop", "a.pdf", '"1"', size, NOW)
    plan = Plan(source, Target("ada@example.org", TargetKey.MESSAGE_ID, "AAMk"), ATTACHMENT, NOW)
    return replace(Transfer("t" * 32, plan, route), **more)  # type: ignore[arg-type]


def sending(offset: int) -> Transfer:
    return transfer(state=State.SENDING, session=Session("https://upload.example/x", NOW, offset))


@pytest.mark.parametrize(
    ("given", "need", "offset", "whole", "commits", "waited"),
    [
        pytest.param(transfer(), SIZE + permit_request.SESSION_BYTES, 0, False, False, False, id="a new large file"),
        pytest.param(
            transfer(RANGE), RANGE + permit_request.SESSION_BYTES, 0, False, True, False, id="a session of one range"
        ),
        pytest.param(sending(4_000_000), 6_000_000, 4_000_000, False, False, True, id="one that was interrupted"),
        pytest.param(sending(8_000_000), 2_000_000, 8_000_000, False, True, True, id="one with its last range to go"),
        pytest.param(
            transfer(1000, Route.POST), post_body_bytes(ATTACHMENT, 1000), 0, True, True, False, id="a new small file"
        ),
        pytest.param(
            transfer(not_before=NOW), SIZE + permit_request.SESSION_BYTES, 0, False, False, True, id="one that waited"
        ),
        pytest.param(transfer(state=State.LOOKING), 0, 0, False, False, False, id="one that only looks"),
        pytest.param(
            transfer(verdict=Failure(Code.SOURCE_CHANGED, "")), 0, 0, False, False, False, id="one that will end"
        ),
    ],
)
def test_a_run_asks_for_what_is_left_to_send(
    given: Transfer, need: int, offset: int, whole: bool, commits: bool, waited: bool
) -> None:
    asked = permit_request.of_transfer(given, "run", RANGE)
    assert (asked.need, asked.offset, asked.whole, asked.commits, asked.waited) == (
        need,
        offset,
        whole,
        commits,
        waited,
    )


def test_two_files_for_one_item_name_the_same_item_and_two_items_do_not() -> None:
    first = permit_request.of_transfer(transfer(), "run", RANGE)
    assert permit_request.of_transfer(transfer(5), "run", RANGE).item == first.item
    plan = transfer().plan
    other = replace(plan, target=Target("ada@example.org", TargetKey.EVENT_ID, "AAMk"))
    assert permit_request.of_transfer(replace(transfer(), plan=other), "run", RANGE).item != first.item


@pytest.mark.parametrize(
    ("action", "given", "expected"),
    [
        (PutRange("u", 0, RANGE, SIZE), sending(0), (RANGE, False)),
        (PutRange("u", 8_000_000, 2_000_000, SIZE), sending(8_000_000), (2_000_000, True)),
        (PrepareCommit(), sending(8_000_000), (2_000_000, True)),
        (PrepareCommit(), transfer(1000, Route.POST), (post_body_bytes(ATTACHMENT, 1000), True)),
        (PostAttachment(ITEM, ATTACHMENT, 1000, NOW), transfer(), (post_body_bytes(ATTACHMENT, 1000), True)),
        (OpenSession(ITEM, ATTACHMENT, SIZE), transfer(), (permit_request.SESSION_BYTES, False)),
        (ListAttachments(ITEM), transfer(), (0, False)),
        (AskSession("u"), sending(0), (0, False)),
        (CancelSession("u"), sending(0), (0, False)),
        (Wait(NOW), sending(0), (0, False)),
        (Finish(), sending(0), (0, False)),
    ],
)
def test_an_action_asks_for_the_bytes_it_carries_and_a_prepare_commit_for_those_that_follow(
    action: Action, given: Transfer, expected: tuple[int, bool]
) -> None:
    assert permit_request.of_action(action, given, RANGE) == expected
