"""Settling a lost answer, rule by rule: what the session says of it, and its fence."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.core import settling
from shared.core.errors import Code
from shared.core.events import (
    AskRefused,
    AttachmentsListed,
    Compared,
    FenceRefused,
    NotDone,
    OffsetKnown,
    OffsetRefused,
    Refused,
    RefusedBy,
    RunStarted,
    SessionFenced,
    SessionGone,
    Unsure,
)
from shared.core.model import Listed, Refusals, Route, State, Transfer
from shared.core.retry import backoff
from tests.unit.core.shapes import FAILURE, FINAL, NOW, POLICY, SEEN, SIZE, at, session, transfer

ID = "f" * 32
OWN = backoff(1, POLICY.backoff_first, POLICY.backoff_cap, ID)
LOST = Unsure(Code.GRAPH_UNREACHABLE, graph=SEEN)
SENDING = transfer(State.SENDING, session=session(8))
FINALLY = transfer(State.COMMITTING, session=session(FINAL), announced_at=NOW)
POSTED = transfer(State.COMMITTING, Route.POST, announced_at=NOW)
COUNTED: dict[str, Any] = {"tries": 1, "session_tries": 1, "transfer_tries": 1}
CHANGED = Unsure(Code.GRAPH_CONFLICT, graph=SEEN)


def down(state: State, times: int = 1) -> Refusals:
    return Refusals(NOW, times, POLICY.outage_wait, state)


@pytest.mark.parametrize(
    ("before", "state"),
    [
        (SENDING, State.ASKING),
        (FINALLY, State.ASKING),
        (POSTED, State.LOOKING),
        (replace(SENDING, state=State.RESENDING), State.ASKING),
        (replace(SENDING, state=State.ASKING), State.ASKING),
        (replace(SENDING, state=State.FENCING), State.FENCING),
        (transfer(State.PLANNED), State.PLANNED),
        (transfer(State.OPENING), State.OPENING),
        (transfer(State.LOOKING), State.LOOKING),
        (transfer(State.COMPARING, suspects=("a",)), State.COMPARING),
    ],
)
def test_a_new_run_doubts_what_the_last_one_had_under_way(before: Transfer, state: State) -> None:
    before = replace(before, runs=3, not_before=at(9))
    assert settling.run_started(before, RunStarted(), NOW, POLICY) == replace(before, state=state, runs=4)


@pytest.mark.parametrize("before", [SENDING, FINALLY, replace(SENDING, state=State.RESENDING)])
def test_a_lost_range_makes_us_ask(before: Transfer) -> None:
    after = settling.commit_unsure(before, LOST, NOW, POLICY)
    asking = replace(before, state=State.ASKING, not_before=at(OWN))
    assert after == replace(asking, tries=before.tries + 1, outage=down(before.state))
    refused = settling.commit_unsure(before, CHANGED, NOW, POLICY)
    assert refused == replace(asking, **COUNTED)


def test_a_lost_post_makes_us_look() -> None:
    after = settling.commit_unsure(POSTED, LOST, NOW, POLICY)
    assert after == replace(POSTED, state=State.LOOKING, not_before=at(OWN), outage=down(State.COMMITTING))


def test_the_last_doubtful_post_is_looked_for_before_the_verdict() -> None:
    after = settling.commit_unsure(replace(POSTED, transfer_tries=POLICY.transfer_tries), CHANGED, NOW, POLICY)
    assert (after.state, after.not_before) == (State.LOOKING, None)
    assert after.verdict is not None
    assert (after.verdict.code, after.verdict.graph) == (Code.GRAPH_CONFLICT, SEEN)


def test_the_last_doubtful_range_is_fenced() -> None:
    after = settling.range_unsure(replace(SENDING, tries=POLICY.step_tries), CHANGED, NOW, POLICY)
    assert (after.state, after.not_before) == (State.FENCING, None)


@pytest.mark.parametrize("offset", [0, 4, 16])
def test_a_session_that_says_where_it_stands_is_followed(offset: int) -> None:
    after = settling.range_refused(SENDING, OffsetRefused(offset), NOW, POLICY)
    moved = replace(SENDING, session=session(offset), bytes_confirmed=offset, **COUNTED)
    assert after == (replace(moved, tries=0) if offset == 16 else moved)


@pytest.mark.parametrize("offset", [None, SIZE, SIZE + 1])
def test_a_session_that_does_not_say_where_it_stands_is_asked(offset: int | None) -> None:
    after = settling.range_refused(SENDING, OffsetRefused(offset), NOW, POLICY)
    assert after == replace(SENDING, state=State.ASKING, **COUNTED)


@pytest.mark.parametrize("offset", [None, 16])
def test_a_session_that_refuses_for_ever_is_given_up_by_name(offset: int | None) -> None:
    worn = replace(SENDING, session_tries=POLICY.session_tries)
    after = settling.range_refused(worn, OffsetRefused(offset, graph=SEEN), NOW, POLICY)
    assert after.state is State.FENCING
    assert after.verdict is not None
    assert (after.verdict.code, after.verdict.graph) == (Code.UPLOAD_STALLED, SEEN)


ASKING = transfer(State.ASKING, session=session(8), tries=2)
COMMIT_ASKING = replace(ASKING, session=session(FINAL), announced_at=NOW)


@pytest.mark.parametrize(
    ("before", "offset", "after"),
    [
        (ASKING, None, replace(ASKING, state=State.RESENDING)),
        (ASKING, SIZE, replace(ASKING, state=State.FENCING, tries=0)),
        (ASKING, SIZE + 1, replace(ASKING, state=State.FENCING, tries=0)),
        (ASKING, 8, replace(ASKING, state=State.SENDING, bytes_confirmed=8)),
        (ASKING, 4, replace(ASKING, state=State.SENDING, session=session(4), bytes_confirmed=4)),
        (ASKING, 16, replace(ASKING, state=State.SENDING, session=session(16), bytes_confirmed=16, tries=0)),
        (COMMIT_ASKING, FINAL, replace(COMMIT_ASKING, state=State.COMMITTING, bytes_confirmed=FINAL)),
        (COMMIT_ASKING, 4, replace(COMMIT_ASKING, state=State.SENDING, session=session(4), bytes_confirmed=4)),
    ],
)
def test_the_session_tells_where_to_go_on(before: Transfer, offset: int | None, after: Transfer) -> None:
    assert settling.offset_answered(before, OffsetKnown(offset), NOW, POLICY) == after


def test_a_refused_question_is_never_taken_for_gone() -> None:
    assert settling.ask_refused(ASKING, AskRefused(), NOW, POLICY) == replace(ASKING, state=State.RESENDING)


@pytest.mark.parametrize(("tries", "state"), [(0, State.ASKING), (1, State.ASKING), (2, State.RESENDING)])
def test_a_question_that_fails_is_asked_a_few_times(tries: int, state: State) -> None:
    assert POLICY.ask_tries == 3
    after = settling.ask_failed(replace(ASKING, tries=tries), LOST, NOW, POLICY)
    assert (after.state, after.tries) == (state, tries + 1)
    assert after.not_before == at(backoff(tries + 1, POLICY.backoff_first, POLICY.backoff_cap, ID))


def test_a_throttled_question_is_not_answered_by_sending() -> None:
    after = settling.ask_failed(ASKING, NotDone(Code.GRAPH_THROTTLED, 60), NOW, POLICY)
    assert after == replace(ASKING, throttles=1, not_before=at(60))


def test_the_last_question_winds_down() -> None:
    after = settling.ask_failed(replace(ASKING, tries=POLICY.step_tries), CHANGED, NOW, POLICY)
    assert after.state is State.FENCING
    assert after.verdict is not None


RESENDING = transfer(State.RESENDING, session=session(8), tries=2)


@pytest.mark.parametrize(("rule", "kind"), [("resend_answered", OffsetKnown), ("resend_refused", OffsetRefused)])
@pytest.mark.parametrize("offset", [4, 8, 16])
def test_a_range_sent_again_tells_where_to_go_on(rule: str, kind: Any, offset: int) -> None:
    after = getattr(settling, rule)(RESENDING, kind(offset), NOW, POLICY)
    moved = replace(RESENDING, state=State.SENDING, session=session(offset), bytes_confirmed=offset)
    assert after == replace(moved, tries=0 if offset == 16 else 2)


def test_a_range_that_is_taken_again_without_a_word_is_gone_on_from() -> None:
    after = settling.resend_answered(RESENDING, OffsetKnown(None), NOW, POLICY)
    assert after == replace(RESENDING, state=State.SENDING, session=session(16), bytes_confirmed=16, tries=0)


@pytest.mark.parametrize(("offset", "start"), [(None, FINAL), (SIZE, 8), (SIZE + 1, 8)])
def test_a_session_that_should_be_complete_and_does_not_say_so_is_fenced(offset: int | None, start: int) -> None:
    before = replace(RESENDING, session=session(start))
    answered = settling.resend_answered(before, OffsetKnown(offset), NOW, POLICY)
    assert answered == replace(before, state=State.FENCING, tries=0)


@pytest.mark.parametrize("offset", [None, SIZE, SIZE + 1])
def test_a_session_that_never_says_where_it_stands_is_fenced(offset: int | None) -> None:
    refused = settling.resend_refused(RESENDING, OffsetRefused(offset), NOW, POLICY)
    assert refused == replace(RESENDING, state=State.FENCING, tries=0, session_tries=1, transfer_tries=1)


@pytest.mark.parametrize("before", [SENDING, FINALLY])
@pytest.mark.parametrize("tries", [0, 1, 2])
def test_a_range_that_finds_no_session_makes_us_ask_a_few_times(before: Transfer, tries: int) -> None:
    assert POLICY.ask_tries == 3
    after = settling.session_missing(replace(before, tries=tries), SessionGone(), NOW, POLICY)
    assert after == replace(before, state=State.ASKING, tries=tries + 1, session_tries=1, transfer_tries=1)


@pytest.mark.parametrize("before", [SENDING, FINALLY])
def test_a_session_that_is_missing_again_and_again_is_gone(before: Transfer) -> None:
    after = settling.session_missing(replace(before, tries=3), SessionGone(), NOW, POLICY)
    assert after == replace(before, state=State.FENCING, tries=0, session_tries=1, transfer_tries=1)


@pytest.mark.parametrize("before", [SENDING, FINALLY, RESENDING])
def test_a_session_that_is_gone_is_fenced_all_the_same(before: Transfer) -> None:
    after = settling.session_gone(before, SessionGone(), NOW, POLICY)
    assert after == replace(before, state=State.FENCING, tries=0, session_tries=1, transfer_tries=1)


@pytest.mark.parametrize("fields", [{}, {"announced_at": NOW, "verdict": FAILURE}])
def test_behind_the_fence_we_look(fields: dict[str, Any]) -> None:
    fencing = transfer(State.FENCING, session=session(), looks=2, tries=2, **fields)
    assert settling.fenced(fencing, SessionFenced(), NOW, POLICY) == transfer(State.LOOKING, **fields)


LAST = len(POLICY.fence_delays)


@pytest.mark.parametrize("event", [FenceRefused(), Refused(FAILURE, RefusedBy.GRAPH)])
@pytest.mark.parametrize("fields", [{"announced_at": NOW, "verdict": FAILURE}, {"announced_at": NOW}])
def test_a_session_that_cannot_be_deleted_is_looked_at_and_then_fenced_by_its_expiry(
    fields: dict[str, Any], event: Any
) -> None:
    fencing = transfer(State.FENCING, session=session(expires_in=60), tries=2, fences=LAST, **fields)
    looking = settling.fence_refused(fencing, event, NOW, POLICY)
    assert looking == replace(fencing, state=State.LOOKING, tries=0, fences=LAST + 1)
    waiting = settling.nothing_new(looking, NOW, POLICY)
    assert waiting == replace(looking, state=State.FENCING, not_before=at(60 + POLICY.expiry_margin))
    later = at(60 + POLICY.expiry_margin)
    assert settling.fence_refused(waiting, event, later, POLICY).session is None


@pytest.mark.parametrize(
    ("rule", "event"),
    [(settling.fence_missed, SessionGone()), (settling.fence_refused, FenceRefused())],
    ids=["missed", "refused"],
)
@pytest.mark.parametrize("fences", range(LAST))
def test_a_session_without_a_sign_that_it_was_deleted_is_asked_to_end_again(rule: Any, event: Any, fences: int) -> None:
    fencing = transfer(State.FENCING, session=session(), announced_at=NOW, fences=fences, tries=2, looks=2)
    looking = rule(fencing, event, NOW, POLICY)
    assert looking == replace(fencing, state=State.LOOKING, fences=fences + 1, tries=0, looks=0)
    again = settling.nothing_new(looking, NOW, POLICY)
    assert again == replace(looking, state=State.FENCING, not_before=at(POLICY.fence_delays[fences]))


def test_a_session_is_never_asked_to_end_later_than_it_expires() -> None:
    looking = transfer(State.LOOKING, session=session(expires_in=-POLICY.expiry_margin + 2), announced_at=NOW, fences=1)
    assert settling.nothing_new(looking, NOW, POLICY).not_before == at(2)


def test_what_may_still_land_of_a_session_left_behind_is_looked_for_and_then_waited_for() -> None:
    dead = at(900)
    looking = transfer(State.LOOKING, announced_at=NOW, before=(), may_land_until=dead)
    looks = []
    now = NOW
    while now < dead:
        looking = settling.looked(replace(looking, not_before=None), AttachmentsListed(()), now, POLICY)
        assert (looking.state, looking.looks) == (State.LOOKING, 0)
        assert looking.not_before is not None
        now = looking.not_before
        looks.append((now - NOW).total_seconds())
    assert looks == [5, 30, 900]
    for _ in range(1 + len(POLICY.look_delays)):  # the series that counts
        assert looking.state is State.LOOKING
        looking = settling.looked(looking, AttachmentsListed(()), dead, POLICY)
    assert (looking.state, looking.announced_at, looking.may_land_until) == (State.OPENING, None, None)


def test_what_a_session_left_behind_is_attached_as_soon_as_it_is_seen() -> None:
    looking = transfer(State.LOOKING, announced_at=NOW, before=(), may_land_until=at(900))
    comparing = settling.looked(looking, AttachmentsListed((Listed("new", "report.pdf", 20),)), NOW, POLICY)
    assert settling.compared(comparing, Compared(equal=True), NOW, POLICY).state is State.ATTACHED


@pytest.mark.parametrize(
    "fields",
    [
        {"announced_at": NOW, "fences": LAST},
        {"announced_at": NOW, "session": session(expires_in=-POLICY.expiry_margin)},
        {},
    ],
    ids=["a 404 that lasts", "expired", "never announced"],
)
def test_a_session_that_is_surely_gone_is_fenced(fields: dict[str, Any]) -> None:
    fencing = transfer(State.FENCING, **{"session": session(), "tries": 2, **fields})
    assert settling.fence_missed(fencing, SessionGone(), NOW, POLICY) == replace(
        fencing, state=State.LOOKING, session=None, tries=0, fences=0
    )


@pytest.mark.parametrize("event", [FenceRefused(), Refused(FAILURE, RefusedBy.GRAPH)])
def test_a_session_whose_commit_was_never_announced_is_left_behind(event: Any) -> None:
    fencing = transfer(State.FENCING, session=session(expires_in=60), tries=2)
    assert settling.fence_refused(fencing, event, NOW, POLICY) == transfer(State.LOOKING)


@pytest.mark.parametrize(
    ("fields", "state"), [({"verdict": FAILURE}, State.FAILED), ({"cancel_requested": True}, State.CANCELLED)]
)
def test_a_session_that_was_never_to_be_completed_needs_no_fence_to_end(fields: dict[str, Any], state: State) -> None:
    fencing = transfer(State.FENCING, session=session(), **fields)
    assert settling.fence_refused(fencing, FenceRefused(), NOW, POLICY).state is state


@pytest.mark.parametrize(
    ("event", "tries", "is_fenced"),
    [(SessionFenced(), 0, True), (SessionGone(), 0, False), (NotDone(Code.GRAPH_UNAVAILABLE), 0, False)],
)
def test_a_session_is_fenced_by_its_deletion_and_not_by_one_answer_that_it_is_not_there(
    event: SessionFenced | SessionGone | NotDone, tries: int, *, is_fenced: bool
) -> None:
    fencing = transfer(State.FENCING, session=session(), announced_at=NOW, tries=tries)
    assert settling.is_fenced(fencing, event, NOW, POLICY) is is_fenced
