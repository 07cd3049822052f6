"""What each state wants, and what an answer does to a wait."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.core import actions as ac
from shared.core import events as ev
from shared.core.errors import Code
from shared.core.machine import IllegalEvent, apply, decide
from shared.core.model import LOOKUPS, TERMINAL, ItemKind, Plan, Route, State, Target, TargetKey
from tests.unit.core.shapes import (
    ATTACHMENT,
    FINAL,
    NOW,
    POLICY,
    SIZE,
    SOURCE,
    TARGET,
    URL,
    at,
    session,
    shapes,
    transfer,
)

ITEM = ac.Item("ann@example.com", ItemKind.MESSAGE, "AAMk=")
POST = ac.PostAttachment(ITEM, ATTACHMENT, SIZE, at(POLICY.post_start))

WANTS: list[tuple[State, dict[str, Any], ac.Action]] = [
    (State.PLANNED, {"item_id": None, "before": None}, ac.FindItem(TARGET)),
    (State.PLANNED, {"before": None}, ac.ListAttachments(ITEM)),
    (State.PLANNED, {"before": ()}, ac.PrepareCommit()),
    (State.OPENING, {}, ac.OpenSession(ITEM, ATTACHMENT, SIZE)),
    (State.SENDING, {"session": session(0)}, ac.PutRange(URL, 0, 8, SIZE)),
    (State.SENDING, {"session": session(8)}, ac.PutRange(URL, 8, 8, SIZE)),
    (State.SENDING, {"session": session(11)}, ac.PutRange(URL, 11, 8, SIZE)),
    (State.SENDING, {"session": session(FINAL)}, ac.PrepareCommit()),
    (State.SENDING, {"session": session(FINAL), "announced_at": NOW}, ac.PrepareCommit()),
    (State.SENDING, {"session": session(FINAL), "range_bytes": 4}, ac.PutRange(URL, FINAL, 4, SIZE)),
    (State.RESENDING, {"session": session(8)}, ac.PutRange(URL, 8, 8, SIZE)),
    (State.RESENDING, {"session": session(FINAL)}, ac.PrepareCommit()),
    (State.RESENDING, {"session": session(13), "announced_at": NOW}, ac.PutRange(URL, 13, 7, SIZE)),
    (State.COMMITTING, {"session": session(FINAL), "announced_at": NOW}, ac.PutRange(URL, FINAL, 8, SIZE)),
    (State.COMMITTING, {"route": Route.POST, "announced_at": NOW}, POST),
    (State.COMMITTING, {"route": Route.POST, "announced_at": at(-POLICY.post_start)}, replace(POST, not_after=NOW)),
    (State.COMMITTING, {"route": Route.POST, "announced_at": at(-POLICY.post_start - 1)}, ac.AbortCommit()),
    (State.ASKING, {"session": session()}, ac.AskSession(URL)),
    (State.FENCING, {"session": session()}, ac.CancelSession(URL)),
    (State.LOOKING, {}, ac.ListAttachments(ITEM, ("old",))),
    (State.COMPARING, {"suspects": ("a", "b")}, ac.CompareAttachment(ITEM, "a", SIZE)),
    (State.ATTACHED, {}, ac.Finish()),
    (State.FAILED, {}, ac.Finish()),
    (State.CANCELLED, {}, ac.Finish()),
]


@pytest.mark.parametrize(("state", "fields", "action"), WANTS)
def test_each_state_wants_one_thing(state: State, fields: dict[str, Any], action: ac.Action) -> None:
    assert decide(transfer(state, **fields), NOW, POLICY) == action


@pytest.mark.parametrize(("state", "fields", "action"), WANTS)
def test_before_its_time_every_state_but_the_ends_waits(
    state: State, fields: dict[str, Any], action: ac.Action
) -> None:
    waiting = transfer(state, **{"not_before": at(0.001), **fields})
    assert decide(waiting, NOW, POLICY) == (ac.Finish() if state in TERMINAL else ac.Wait(at(0.001)))


@pytest.mark.parametrize(("state", "fields", "action"), WANTS)
def test_when_its_time_has_come_no_state_waits(state: State, fields: dict[str, Any], action: ac.Action) -> None:
    assert decide(transfer(state, **{"not_before": NOW, **fields}), NOW, POLICY) == action


@pytest.mark.parametrize("key", list(TargetKey))
def test_the_key_decides_the_collection_and_whether_the_item_is_looked_up(key: TargetKey) -> None:
    plan = Plan(SOURCE, Target("ann@example.com", key, "x"), ATTACHMENT, NOW)
    wanted = decide(replace(transfer(item_id="id", before=None), plan=plan), NOW, POLICY)
    events = {TargetKey.EVENT_ID, TargetKey.ICAL_UID}
    kind = ItemKind.EVENT if key in events else ItemKind.MESSAGE
    assert wanted == ac.ListAttachments(ac.Item("ann@example.com", kind, "id"))
    assert (key in LOOKUPS) == (key in {TargetKey.INTERNET_MESSAGE_ID, TargetKey.ICAL_UID})


@pytest.mark.parametrize("state", sorted(set(State) - TERMINAL))
def test_deciding_twice_decides_the_same(state: State) -> None:
    for shape in shapes(state):
        assert decide(shape, NOW, POLICY) == decide(shape, NOW, POLICY)


@pytest.mark.parametrize(
    ("state", "fields", "says"),
    [
        (State.OPENING, {"item_id": None}, f"transfer {'f' * 32} is opening without an item"),
        (State.LOOKING, {"item_id": None}, f"transfer {'f' * 32} is looking without an item"),
        (State.ASKING, {}, f"transfer {'f' * 32} is asking without an upload session"),
        (State.SENDING, {}, f"transfer {'f' * 32} is sending without an upload session"),
    ],
)
def test_a_transfer_that_lacks_what_its_state_needs_is_refused_by_name(
    state: State, fields: dict[str, Any], says: str
) -> None:
    with pytest.raises(ValueError, match=f"^{says}$"):
        decide(transfer(state, **fields), NOW, POLICY)


def test_an_answer_ends_the_wait_and_is_noted_in_time() -> None:
    waiting = transfer(State.OPENING, not_before=at(60))
    after = apply(waiting, ev.SessionOpened(URL, at(60), 0), at(1), POLICY)
    assert (after.not_before, after.updated_at) == (None, at(1))


def test_a_new_run_ends_no_wait() -> None:
    waiting = transfer(State.OPENING, not_before=at(60))
    after = apply(waiting, ev.RunStarted(), at(1), POLICY)
    assert (after.not_before, after.updated_at, after.runs) == (at(60), at(1), 1)


def test_a_wish_to_end_leaves_the_wait_of_a_look_that_was_put_off() -> None:
    waiting = transfer(State.LOOKING, not_before=at(60), announced_at=NOW)
    assert apply(waiting, ev.CancelRequested(), at(1), POLICY).not_before == at(60)


def test_an_impossible_event_is_refused_by_name() -> None:
    with pytest.raises(IllegalEvent, match=r"^Compared cannot happen to a transfer that is planned$"):
        apply(transfer(), ev.Compared(equal=True), NOW, POLICY)


@pytest.mark.parametrize("kind", [ev.NotDone, ev.Unsure])
@pytest.mark.parametrize("tries", [0, POLICY.step_tries])
def test_whatever_comes_next_comes_no_earlier_than_graph_asked_for(
    kind: type[ev.NotDone | ev.Unsure], tries: int
) -> None:
    sending = transfer(State.SENDING, session=session(), tries=tries)
    after = apply(sending, kind(Code.GRAPH_CONFLICT, 900.0), NOW, POLICY)
    assert after.not_before == at(900)
    assert after.state is (State.FENCING if tries else State.SENDING if kind is ev.NotDone else State.ASKING)


def test_our_own_pause_stays_where_graph_asked_for_less() -> None:
    sending = transfer(State.SENDING, session=session(), tries=9)
    longer = apply(sending, ev.NotDone(Code.GRAPH_CONFLICT, 1.0), NOW, POLICY).not_before
    assert longer == apply(sending, ev.NotDone(Code.GRAPH_CONFLICT), NOW, POLICY).not_before
    assert longer is not None
    assert longer > at(100)


def test_an_end_waits_for_nothing() -> None:
    ended = apply(transfer(tries=POLICY.step_tries), ev.Unsure(Code.GRAPH_CONFLICT, 900.0), NOW, POLICY)
    assert (ended.state, ended.not_before) == (State.FAILED, None)
