"""Settling a lost answer, rule by rule: what the item's list and the bytes say of it, behind the fence."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.core import retry_budget, settling
from shared.core.actions import CompareAttachment, ListAttachments
from shared.core.errors import Code
from shared.core.events import AttachmentsListed, Compared, ItemMissing, NotComparable, Refused, RefusedBy
from shared.core.machine import decide
from shared.core.model import Answered, Listed, Refusals, Route, State
from shared.core.retry import backoff
from shared.core.table import TABLE
from tests.unit.core.shapes import FAILURE, NOW, POLICY, SEEN, SIZE, at, listed, transfer

ID = "f" * 32
OLD = ("old", "else.pdf", 30)
LOOKING = transfer(State.LOOKING, announced_at=NOW, looks=1, tries=2, missing_since=NOW)


@pytest.mark.parametrize(
    ("entries", "suspects", "strangers"),
    [
        ([("new", "report.pdf", SIZE)], ("new",), 0),
        ([("new", "report.pdf", 10**6)], ("new",), 0),
        ([("new", "else.pdf", SIZE)], ("new",), 1),
        ([("old", "report.pdf", 30), ("small", "else.pdf", SIZE - 1), ("new", "report.pdf", 30)], ("new",), 0),
        # Names weigh more than sizes, and differ in what Outlook may change of them.
        ([("small", "report.pdf", SIZE - 1), ("none", "report.pdf", 0)], ("small", "none"), 0),
        ([("new", "report.pdf", None), ("x", "else.pdf", None)], ("new", "x"), 1),
        ([("x", "else.pdf", 30), ("new", " REPORT.pdf", 30)], ("new", "x"), 1),
        (
            [("a", "else.pdf", 30), ("b", "report.pdf", 30), ("c", "x", 30), ("d", "report.pdf", 30)],
            ("b", "d", "a", "c"),
            2,
        ),
    ],
)
def test_whatever_is_new_and_may_be_ours_is_a_suspect(
    entries: list[tuple[str, str, int | None]], suspects: tuple[str, ...], strangers: int
) -> None:
    after = settling.looked(LOOKING, listed(OLD, *entries), NOW, POLICY)
    comparing = replace(LOOKING, state=State.COMPARING, tries=0, missing_since=None)
    assert after == replace(comparing, suspects=suspects, strangers=strangers)


def test_without_a_note_of_what_was_there_before_everything_is_new() -> None:
    after = settling.looked(replace(LOOKING, before=None), listed(("old", "report.pdf", 30)), NOW, POLICY)
    assert after.suspects == ("old",)


@pytest.mark.parametrize("entries", [[], [("old", "report.pdf", 30)], [("new", "else.pdf", SIZE - 1)]])
def test_a_look_that_shows_nothing_is_taken_again_later(entries: list[tuple[str, str, int]]) -> None:
    after = settling.looked(LOOKING, listed(OLD, *entries), NOW, POLICY)
    assert after == replace(LOOKING, looks=2, tries=0, missing_since=None, not_before=at(POLICY.look_delays[1]))


def test_where_no_commit_was_announced_nothing_is_ours() -> None:
    quiet = replace(LOOKING, announced_at=None, verdict=FAILURE)
    after = settling.looked(quiet, listed(("new", "report.pdf", SIZE)), NOW, POLICY)
    assert (after.state, after.failure) == (State.FAILED, FAILURE)


LANDED = replace(LOOKING, landed=True)


@pytest.mark.parametrize(
    "entries",
    [
        [("new", "report.pdf", 30)],  # the list may lag: it may be somebody else's, of our name
        [("x", "else.pdf", 30)],
        [("a", "report.pdf", 30), ("b", "report.pdf", 30)],
    ],
)
def test_after_a_confirmed_commit_that_names_nothing_the_bytes_decide(entries: list[tuple[str, str, int]]) -> None:
    after = settling.looked(LANDED, listed(OLD, *entries), NOW, POLICY)
    assert (after.state, after.suspects) == (State.COMPARING, tuple(entry[0] for entry in entries))


MOVED = replace(LOOKING, looks=2, sessions=1)  # what was attached before has other ids now


def test_where_all_ids_have_changed_the_same_bytes_may_have_been_there_before() -> None:
    after = settling.looked(MOVED, listed(("new", "report.pdf", 30)), NOW, POLICY)
    assert (after.state, after.ids_changed, after.suspects) == (State.COMPARING, True, ("new",))
    action = decide(after, NOW, POLICY)
    assert isinstance(action, CompareAttachment)
    assert not action.takes
    ended = settling.compared(after, Compared(equal=True, graph=SEEN), NOW, POLICY)
    assert ended.failure is not None
    assert (ended.failure.code, ended.failure.graph) == (Code.COMMIT_IN_DOUBT, SEEN)
    assert "The item was moved, which changed all ids" in ended.failure.detail


@pytest.mark.parametrize(("before", "entry"), [(("old",), "old"), ((), "new"), (None, "new")])
def test_ids_have_not_changed_where_one_is_known_or_there_was_none(before: Any, entry: str) -> None:
    entries = [(entry, "else.pdf", 30), ("newer", "report.pdf", 30)]
    after = settling.looked(replace(MOVED, before=before, ids_changed=True), listed(*entries), NOW, POLICY)
    assert (after.state, after.ids_changed) == (State.COMPARING, False)


def test_where_all_ids_have_changed_and_nothing_may_be_ours_what_is_there_is_noted_anew() -> None:
    after = settling.looked(MOVED, listed(("new", "else.pdf", 3)), NOW, POLICY)
    assert (after.state, after.before, after.ids_changed, after.announced_at) == (State.PLANNED, None, False, None)


def test_a_confirmed_commit_on_an_item_whose_ids_have_changed_ends_without_a_name() -> None:
    after = settling.looked(replace(MOVED, landed=True), listed(("new", "report.pdf", 30)), at(1), POLICY)
    assert (after.state, after.attachment_id) == (State.ATTACHED, None)


def test_a_confirmed_commit_ends_without_a_name_where_none_is_surely_its_own() -> None:
    comparing = replace(LANDED, state=State.COMPARING, suspects=("new",), looks=2)
    for event in (Compared(equal=True, taken=True), Compared(equal=False)):
        ended = settling.compared(comparing, event, NOW, POLICY)
        assert (ended.state, ended.attachment_id) == (State.ATTACHED, None)


FIRST, SECOND = POLICY.look_delays
LANDED_BY = POLICY.post_landing
POST: dict[str, Any] = {"route": Route.POST}


@pytest.mark.parametrize(
    ("fields", "counted", "again"),
    [
        ({"looks": 0}, {"looks": 1}, FIRST),
        ({"looks": 1}, {"looks": 2}, SECOND),
        ({"looks": 0, **POST, "landed": True}, {"looks": 1}, FIRST),
        # A POST is looked for early, which is counted apart, and in a whole series once it can land no more.
        (POST, {"early_looks": 1}, FIRST),
        ({"early_looks": 1, **POST}, {"early_looks": 2}, SECOND),
        ({"early_looks": 2, **POST}, {"early_looks": 3}, LANDED_BY),
        ({"early_looks": 9, **POST, "announced_at": at(-LANDED_BY + 1)}, {"early_looks": 10}, 1),
        ({"early_looks": 0, **POST, "announced_at": at(-LANDED_BY + FIRST + 1)}, {"early_looks": 1}, FIRST),
        ({"early_looks": 0, **POST, "announced_at": at(-LANDED_BY + FIRST - 1)}, {"early_looks": 1}, FIRST - 1),
        ({"early_looks": 1, **POST, "announced_at": at(-LANDED_BY)}, {"early_looks": 1, "looks": 1}, FIRST),
        ({"looks": 1, **POST, "announced_at": at(-LANDED_BY - 900)}, {"looks": 2}, SECOND),
    ],
)
def test_nothing_new_is_looked_for_again_while_it_may_still_turn_up(
    fields: dict[str, Any], counted: dict[str, Any], again: float
) -> None:
    looking = transfer(State.COMPARING, suspects=("x",), strangers=1, **{"announced_at": NOW, **fields})
    after = settling.nothing_new(looking, NOW, POLICY)
    quiet = replace(looking, state=State.LOOKING, suspects=(), strangers=0, not_before=at(again))
    assert after == replace(quiet, **counted)


@pytest.mark.parametrize(
    "fields",
    [
        {"looks": 2},
        {"looks": 0, "announced_at": None},
        {"looks": 0, "announced_at": None, **POST},
        {"looks": 2, **POST, "announced_at": at(-LANDED_BY)},
        {"looks": 9, **POST, "announced_at": at(-LANDED_BY)},
        {"looks": 2, **POST, "landed": True},
    ],
)
def test_after_the_last_look_nothing_is_looked_for(fields: dict[str, Any]) -> None:
    looking = transfer(State.LOOKING, **{"announced_at": NOW, **fields})
    assert settling.nothing_new(looking, NOW, POLICY).state is not State.LOOKING


DONE_LOOKING = transfer(State.LOOKING, announced_at=NOW, looks=2, bytes_confirmed=8, sessions=1)


def test_a_confirmed_commit_that_is_never_listed_is_attached_without_a_name() -> None:
    after = settling.nothing_new(replace(DONE_LOOKING, landed=True, cancel_requested=True), at(1), POLICY)
    assert (after.state, after.attachment_id) == (State.ATTACHED, None)


@pytest.mark.parametrize(
    ("fields", "state"), [({"verdict": FAILURE}, State.FAILED), ({"cancel_requested": True}, State.CANCELLED)]
)
def test_with_nothing_attached_the_verdict_is_carried_out(fields: dict[str, Any], state: State) -> None:
    after = settling.nothing_new(replace(DONE_LOOKING, **fields), at(1), POLICY)
    assert (after.state, after.finished_at) == (state, at(1))


@pytest.mark.parametrize(("route", "state"), [(Route.SESSION, State.OPENING), (Route.POST, State.PLANNED)])
@pytest.mark.parametrize("sessions", [1, 7])
def test_with_nothing_attached_and_nothing_left_to_land_we_start_over(
    route: Route, state: State, sessions: int
) -> None:
    looking = replace(DONE_LOOKING, route=route, sessions=sessions, announced_at=at(-LANDED_BY), routes_refused=1)
    after = settling.nothing_new(looking, NOW, POLICY)
    pause = backoff(sessions, POLICY.backoff_first, POLICY.backoff_cap, ID)
    assert after == transfer(state, route, sessions=sessions, not_before=at(pause), routes_refused=1)


@pytest.mark.parametrize(
    ("sent", "state", "route"),
    [(1, State.PLANNED, Route.POST), (2, State.PLANNED, Route.POST), (3, State.OPENING, Route.SESSION)],
)
def test_posts_that_leave_no_trace_are_followed_by_a_session(sent: int, state: State, route: Route) -> None:
    refused = Refusals(at(-9), 2, 600, State.COMMITTING)
    looking = replace(DONE_LOOKING, route=Route.POST, sessions=sent, announced_at=at(-LANDED_BY), refusals=refused)
    after = settling.nothing_new(looking, NOW, POLICY)
    assert (after.state, after.route, after.routes_refused, after.announced_at) == (state, route, 0, None)
    assert after.refusals == (None if route is Route.SESSION else refused)


ANSWERED = transfer(State.LOOKING, Route.POST, announced_at=NOW, answered=Answered(3, NOW), sessions=2)


def test_a_post_that_was_answered_has_done_what_it_does_so_its_looks_begin_at_once() -> None:
    after = settling.nothing_new(ANSWERED, NOW, POLICY)
    assert after == replace(ANSWERED, looks=1, not_before=at(FIRST))


@pytest.mark.parametrize(("route", "state"), [(Route.POST, State.PLANNED), (Route.SESSION, State.OPENING)])
def test_a_post_that_was_answered_and_is_nowhere_costs_what_its_answer_costs(route: Route, state: State) -> None:
    spent = replace(ANSWERED, route=route, looks=len(POLICY.look_delays))
    after = settling.nothing_new(spent, NOW, POLICY)
    assert after == transfer(state, route, tries=3, missing_since=NOW, sessions=1)


def test_an_item_that_neither_the_post_nor_a_look_finds_is_told_as_missing() -> None:
    worn = replace(ANSWERED, missing_since=at(-POLICY.target_wait), tries=retry_budget.LEAST_LOOKS)
    ended = retry_budget.look_missed(worn, ItemMissing(graph=SEEN), NOW, POLICY)
    assert ended.failure is not None
    assert (ended.state, ended.failure.code) == (State.FAILED, Code.TARGET_NOT_FOUND)
    doubtful = retry_budget.look_missed(replace(worn, answered=Answered()), ItemMissing(graph=SEEN), NOW, POLICY)
    assert doubtful.failure is not None
    assert doubtful.failure.code is Code.COMMIT_IN_DOUBT


def test_starting_over_too_often_fails_by_name() -> None:
    after = settling.nothing_new(replace(DONE_LOOKING, sessions=POLICY.sessions), at(1), POLICY)
    assert after.failure is not None
    assert (after.state, after.failure.code, after.finished_at) == (State.FAILED, Code.UPLOAD_STALLED, at(1))


COMPARING = transfer(State.COMPARING, announced_at=NOW, suspects=("a", "b"), tries=3, looks=2, sessions=1)


def test_the_same_bytes_are_ours() -> None:
    after = settling.compared(COMPARING, Compared(equal=True), at(1), POLICY)
    assert (after.state, after.attachment_id, after.finished_at) == (State.ATTACHED, "a", at(1))


@pytest.mark.parametrize(("suspects", "strangers"), [(("b",), 1), (("a", "b"), 2)])
def test_the_same_bytes_under_another_name_are_for_a_person_to_judge(suspects: tuple[str, ...], strangers: int) -> None:
    twin = replace(COMPARING, suspects=suspects, strangers=strangers)
    after = settling.compared(twin, Compared(equal=True, graph=SEEN), at(1), POLICY)
    assert after.failure is not None
    assert (after.state, after.failure.code, after.finished_at) == (State.FAILED, Code.COMMIT_IN_DOUBT, at(1))
    assert " failed: A new attachment has the same bytes under another name. Open " in after.failure.detail
    assert after.failure.graph == SEEN
    known = settling.compared(replace(twin, landed=True), Compared(equal=True), at(1), POLICY)
    assert (known.state, known.attachment_id) == (State.ATTACHED, suspects[0])


def test_a_namesake_with_the_same_bytes_is_ours_whatever_else_is_new() -> None:
    after = settling.compared(replace(COMPARING, strangers=1), Compared(equal=True), at(1), POLICY)
    assert (after.state, after.attachment_id) == (State.ATTACHED, "a")


@pytest.mark.parametrize("before", [("old",), None])
@pytest.mark.parametrize("event", [Compared(equal=False), NotComparable()])
def test_other_bytes_under_another_name_are_never_suspected_again(before: tuple[str, ...] | None, event: Any) -> None:
    comparing = replace(COMPARING, before=before, strangers=2)
    after = TABLE[State.COMPARING][type(event)].rule(comparing, event, NOW, POLICY)
    assert after == replace(comparing, before=(*(before or ()), "a"), suspects=("b",), tries=0)


@pytest.mark.parametrize("event", [Compared(equal=False), NotComparable()])
def test_other_bytes_under_our_name_are_remembered_and_not_compared_again(event: Any) -> None:
    after = TABLE[State.COMPARING][type(event)].rule(COMPARING, event, NOW, POLICY)
    assert after == replace(COMPARING, namesakes=("a",), suspects=("b",), tries=0)
    again = settling.looked(
        replace(after, state=State.LOOKING, suspects=(), looks=0), listed(OLD, ("a", "report.pdf", 9)), NOW, POLICY
    )
    assert (again.state, again.namesakes, again.suspects) == (State.LOOKING, ("a",), ())


@pytest.mark.parametrize(("tries", "namesakes"), [(0, ()), (2, ()), (3, ("a",))])
def test_bytes_that_are_refused_for_no_known_reason_are_asked_for_a_few_times(tries: int, namesakes: Any) -> None:
    refused = Refused(replace(FAILURE, code=Code.GRAPH_REFUSED), RefusedBy.GRAPH)
    after = settling.compare_refused(replace(COMPARING, tries=tries), refused, NOW, POLICY)
    assert (after.state, after.namesakes) == (State.COMPARING, namesakes)
    barred = settling.compare_refused(replace(COMPARING, tries=tries), Refused(FAILURE, RefusedBy.GRAPH), NOW, POLICY)
    assert (barred.state, barred.namesakes, barred.tries) == (State.COMPARING, (), tries + 1)


def test_after_the_last_suspect_there_is_nothing_new() -> None:
    last = replace(COMPARING, suspects=("b",), looks=0, strangers=1)
    after = settling.compared(last, Compared(equal=False), NOW, POLICY)
    assert (after.state, after.before, after.suspects, after.looks) == (State.LOOKING, ("old", "b"), (), 1)


@pytest.mark.parametrize("fields", [{}, {"verdict": FAILURE}, {"cancel_requested": True}, {"answered": Answered()}])
def test_a_namesake_is_never_answered_with_a_second_copy(fields: dict[str, Any]) -> None:
    looked = replace(DONE_LOOKING, namesakes=("a",), **fields)
    ended = settling.nothing_new(looked, at(1), POLICY)
    assert ended.failure is not None
    assert (ended.state, ended.failure.code, ended.namesakes) == (State.FAILED, Code.COMMIT_IN_DOUBT, ())
    assert "The item showed 1 new attachment(s) that have that name and other bytes; " in ended.failure.detail


def test_a_namesake_that_is_gone_is_no_doubt() -> None:
    looked = replace(DONE_LOOKING, namesakes=("a",))
    assert settling.looked(looked, listed(), NOW, POLICY).state is State.OPENING


def test_what_another_transfer_has_cannot_be_ours() -> None:
    entries = listed(("theirs", "report.pdf", 30), ("new", "report.pdf", 30), ("like", "report.pdf", 30))
    told = replace(entries, others=frozenset({"theirs", "like"}))
    after = settling.looked(replace(LOOKING, namesakes=("like",)), told, NOW, POLICY)
    assert (after.state, after.suspects, after.namesakes) == (State.COMPARING, ("new",), ())


def test_what_another_transfer_took_first_is_never_suspected_again() -> None:
    after = settling.compared(COMPARING, Compared(equal=True, taken=True), NOW, POLICY)
    assert after == replace(COMPARING, before=("old", "a"), suspects=("b",), tries=0)


@pytest.mark.parametrize(
    ("fields", "takes"), [({}, True), ({"strangers": 2}, False), ({"strangers": 2, "landed": True}, True)]
)
def test_only_what_would_make_the_transfer_attached_is_taken(fields: dict[str, Any], *, takes: bool) -> None:
    action = decide(replace(COMPARING, **fields), NOW, POLICY)
    assert isinstance(action, CompareAttachment)
    assert action.takes is takes


@pytest.mark.parametrize(("fields", "known"), [({}, ("old",)), ({"before": None}, ()), ({"landed": True}, ("old",))])
def test_whose_the_new_ones_are_is_asked(fields: dict[str, Any], known: Any) -> None:
    action = decide(replace(LOOKING, **fields), NOW, POLICY)
    assert isinstance(action, ListAttachments)
    assert action.known == known


def test_a_link_cannot_be_ours() -> None:
    link = AttachmentsListed((Listed("new", "report.pdf", 300, is_reference=True),))
    assert settling.looked(LOOKING, link, NOW, POLICY).suspects == ()


def test_a_suspect_that_is_gone_was_nothing_new() -> None:
    after = settling.suspect_missing(replace(COMPARING, looks=0), ItemMissing(), NOW, POLICY)
    assert (after.state, after.suspects, after.not_before) == (State.LOOKING, (), at(POLICY.look_delays[0]))


def test_a_new_attempt_counts_its_looks_afresh() -> None:
    spent = {"looks": len(POLICY.look_delays), "early_looks": 2, "sessions": 1}
    late = transfer(State.LOOKING, Route.POST, announced_at=at(-POLICY.post_landing), **spent)
    after = settling.nothing_new(late, NOW, POLICY)
    assert (after.state, after.looks, after.early_looks, after.announced_at) == (State.PLANNED, 0, 0, None)
