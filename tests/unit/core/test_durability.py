"""What must be durable before what."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.core import actions as ac
from shared.core.durability import must_save_before, worth_saving
from shared.core.model import ItemKind, Route, State
from tests.unit.core.shapes import ATTACHMENT, FINAL, NOW, SIZE, TARGET, URL, at, session, transfer

ITEM = ac.Item("ann@example.com", ItemKind.MESSAGE, "AAMk=")
RANGE = ac.PutRange(URL, 0, 8, SIZE)
POST = ac.PostAttachment(ITEM, ATTACHMENT, SIZE, NOW)
SAVED = transfer(State.SENDING, session=session(0))


def test_a_session_is_durable_before_its_first_range() -> None:
    opened = transfer(State.SENDING, session=session(0))
    assert must_save_before(RANGE, opened, transfer(State.OPENING))


def test_a_new_session_is_durable_before_its_first_range() -> None:
    old = replace(session(0), url="https://outlook.office.com/old")
    assert must_save_before(RANGE, SAVED, transfer(State.SENDING, session=old))


def test_the_offset_alone_is_nothing_to_wait_for() -> None:
    assert not must_save_before(RANGE, transfer(State.SENDING, session=session(8), bytes_confirmed=8), SAVED)


def test_an_announcement_is_durable_before_the_final_range() -> None:
    sending = transfer(State.SENDING, session=session(FINAL))
    announced = transfer(State.COMMITTING, session=session(FINAL), announced_at=NOW)
    assert must_save_before(ac.PutRange(URL, FINAL, 8, SIZE), announced, sending)
    assert must_save_before(ac.PutRange(URL, FINAL, 8, SIZE), replace(announced, announced_at=at(1)), announced)
    assert not must_save_before(ac.PutRange(URL, FINAL, 8, SIZE), announced, announced)


def test_an_announcement_is_durable_before_the_post() -> None:
    planned = transfer(route=Route.POST)
    announced = transfer(State.COMMITTING, Route.POST, announced_at=NOW)
    assert must_save_before(POST, announced, planned)
    assert must_save_before(POST, replace(announced, announced_at=at(1)), announced)
    assert not must_save_before(POST, announced, announced)


@pytest.mark.parametrize("action", [ac.Finish(), ac.Wait(at(60))])
def test_before_a_run_ends_everything_is_durable(action: ac.Action) -> None:
    assert must_save_before(action, replace(SAVED, tries=1), SAVED)
    assert not must_save_before(action, SAVED, SAVED)


@pytest.mark.parametrize(
    "action",
    [
        ac.FindItem(TARGET),
        ac.ListAttachments(ITEM),
        ac.OpenSession(ITEM, ATTACHMENT, SIZE),
        ac.AskSession(URL),
        ac.CancelSession(URL),
        ac.CompareAttachment(ITEM, "new", SIZE),
        ac.PrepareCommit(),
        ac.AbortCommit(),
    ],
)
def test_nothing_else_waits_for_a_save(action: ac.Action) -> None:
    assert not must_save_before(action, transfer(State.COMMITTING, session=session(), announced_at=NOW), transfer())


@pytest.mark.parametrize(
    ("confirmed", "has_session", "worth"), [(8, True, True), (0, True, False), (8, False, False), (0, False, False)]
)
def test_confirmed_bytes_of_an_open_session_are_worth_saving(confirmed: int, *, has_session: bool, worth: bool) -> None:
    sending = transfer(State.SENDING, session=session() if has_session else None, bytes_confirmed=confirmed)
    assert worth_saving(sending, SAVED) is worth
