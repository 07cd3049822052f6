"""What a delivery makes of answers, told as the people who rest on it would."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.core.actions import Item, ListAttachments
from shared.core.delivery import actions as ac
from shared.core.delivery import events as ev
from shared.core.delivery.collecting import unshown
from shared.core.delivery.draft import BodyType, DraftText, contradictions, delivery_id
from shared.core.delivery.durability import must_save_before
from shared.core.delivery.machine import apply, decide
from shared.core.delivery.model import Delivery, FileState, OnComplete, State, Wish
from shared.core.delivery.planning import for_draft, for_item, refusal, sending_refused
from shared.core.errors import Code
from shared.core.events import RefusedBy
from shared.core.model import Failure, GraphAnswer, ItemKind, Listed, Target, TargetKey
from tests.unit.core.delivery.delivery_shapes import (
    BIN,
    FILES,
    NOW,
    POLICY,
    REPEATS,
    SEND,
    at,
    delivery,
    file,
    item,
)

SHOWN = ev.AttachmentsListed((Listed("a1", "1.pdf"), Listed("a2", "2.pdf")))
LOST = ev.Unsure(Code.GRAPH_UNREACHABLE)


def walked(present: Delivery, *given: ev.Event, now: Any = NOW, policy: Any = POLICY) -> Delivery:
    """The delivery after these events, each at the moment that it waits for."""
    for event in given:
        now = max(now, present.not_before or now)
        present = apply(present, event, now, policy)
    return present


def code(present: Delivery) -> Code | None:
    return present.failure.code if present.failure else None


# --- the draft ---

NEW = for_draft("ann@example.com", "invoice 17", DraftText(subject="Invoice"), file(1, FileState.PENDING), NOW)
POSTED = walked(NEW, ev.DeletedItemsKnown(BIN), ev.MarkedFound(()), ev.ComposePrepared())


def test_a_draft_is_looked_for_before_it_is_made_and_made_once() -> None:
    assert decide(NEW, NOW, POLICY) == ac.FindDeletedItems("ann@example.com")
    looking = walked(NEW, ev.DeletedItemsKnown(BIN))
    assert decide(looking, NOW, POLICY) == ac.FindMarked(ac.Mark("ann@example.com", "invoice 17", is_name=True))
    wanting = walked(looking, ev.MarkedFound(()))
    assert decide(wanting, NOW, POLICY) == ac.PrepareCompose()
    assert isinstance(decide(POSTED, NOW, POLICY), ac.Compose)
    made = walked(POSTED, ev.Composed(item()))
    assert (made.state, made.item_id, made.made, made.marked) == (State.COLLECTING, "AAMk=", True, True)


def test_the_post_is_durable_before_it_is_sent_and_never_sent_late() -> None:
    wanting = walked(NEW, ev.DeletedItemsKnown(BIN), ev.MarkedFound(()))
    action = decide(POSTED, NOW, POLICY)
    assert must_save_before(action, POSTED, wanting)
    assert not must_save_before(action, POSTED, POSTED)
    late = at(POLICY.act_start + 1)
    assert decide(POSTED, late, POLICY) == ac.AbortAct()
    assert walked(POSTED, ev.ActAborted()).composes == 0


@pytest.mark.parametrize(
    "answer",
    [LOST, ev.NotDone(Code.GRAPH_THROTTLED, graph=GraphAnswer(429)), ev.ItemMissing(), ev.RunStarted()],
)
def test_a_draft_whose_post_was_not_answered_is_looked_for_with_patience_before_another_is_made(
    answer: ev.Event,
) -> None:
    looking = walked(POSTED, answer)
    seen = []
    while looking.state is State.FINDING:
        assert looking.not_before is not None
        seen.append(looking.not_before)
        looking = walked(looking, ev.MarkedFound(()), now=looking.not_before)
    assert len(seen) == len(POLICY.search_delays)
    assert decide(looking, seen[-1], POLICY) == ac.PrepareCompose()
    assert walked(walked(POSTED, answer), ev.MarkedFound((item("found"),))).item_id == "found"


def test_a_post_that_never_left_is_sent_again_without_a_look() -> None:
    again = walked(POSTED, ev.NotDone(Code.GRAPH_UNREACHABLE))
    assert (again.state, again.composes, again.composed_at) == (State.COMPOSING, 0, None)


def test_of_two_drafts_the_younger_goes_before_any_file_is_attached() -> None:
    old, young = replace(item("b"), created_at=at(1)), replace(item("c"), created_at=at(2))
    two = walked(POSTED, LOST, ev.MarkedFound((young, old)))
    assert (two.state, two.item_id) == (State.PRUNING, "b")
    assert decide(two, NOW, POLICY) == ac.DeleteDraft(Item("ann@example.com", ItemKind.MESSAGE, "c"))
    assert walked(two, ev.DraftDeleted()).state is State.COLLECTING


def test_after_a_second_post_both_are_looked_for() -> None:
    second = replace(POSTED, composes=2)
    looking = walked(second, ev.Composed(item("second")))
    assert (looking.state, looking.item_id) == (State.FINDING, None)
    waiting = walked(looking, ev.MarkedFound((item("second"),)))
    assert waiting.state is State.FINDING
    assert walked(waiting, ev.MarkedFound((item("first"), item("second")))).state is State.PRUNING


@pytest.mark.parametrize(
    ("shown", "state", "why"),
    [
        ((item(),), State.COLLECTING, None),
        ((item(folder_id=BIN),), State.COMPOSING, None),
        ((item("a"), item("b")), State.BLOCKED, Code.DRAFT_AMBIGUOUS),
        ((item(is_draft=False),), State.FAILED, Code.ALREADY_SENT),
        ((item(), item("s", is_draft=False)), State.FAILED, Code.ALREADY_SENT),
    ],
)
def test_what_carries_the_name_already_decides(shown: Any, state: State, why: Code | None) -> None:
    found = walked(NEW, ev.DeletedItemsKnown(BIN), ev.MarkedFound(shown))
    assert (found.state, code(found)) == (state, why)
    assert not found.made


# --- the files ---


@pytest.mark.parametrize(
    ("files", "state", "why"),
    [
        (FILES, State.CHECKING, None),
        ((file(1),), State.COLLECTING, None),
        ((file(1), file(2, FileState.PENDING)), State.COLLECTING, None),
        ((file(1), file(2, FileState.CANCELLED)), State.COLLECTING, None),
        ((file(1), file(2), file(3, FileState.CANCELLED)), State.CHECKING, None),
        ((file(1), file(2, FileState.FAILED)), State.BLOCKED, Code.DELIVERY_FILE_FAILED),
        ((file(1), file(2), file(3, FileState.PENDING)), State.BLOCKED, Code.DELIVERY_TOO_MANY_FILES),
        ((file(1), file(2, wish=Wish(OnComplete.SEND, 3))), State.BLOCKED, Code.DELIVERY_CONTRADICTORY),
        ((file(1), file(2, wish=Wish(None))), State.BLOCKED, Code.DELIVERY_CONTRADICTORY),
        ((file(1, wish=Wish(None)), file(2, wish=Wish(None))), State.COLLECTING, None),
        ((), State.COLLECTING, None),
    ],
)
def test_files_are_complete_or_not_or_contradict_each_other(files: Any, state: State, why: Code | None) -> None:
    pending = tuple(replace(one, state=FileState.PENDING, attachment_id=None) for one in files)
    counted = walked(delivery(files=pending), ev.FilesCounted(files))
    assert (counted.state, code(counted)) == (state, why)
    if state is State.COLLECTING:
        assert counted.waiting_for is not None
        assert counted.waiting_for.code is Code.DELIVERY_FILES_AWAITED


def test_a_repaired_file_lets_a_blocked_delivery_go_on_by_itself() -> None:
    stuck = walked(delivery(), ev.FilesCounted((file(1), file(2, FileState.FAILED))))
    woken = apply(stuck, ev.RunStarted(), NOW, POLICY)
    assert isinstance(decide(woken, NOW, POLICY), ac.CountFiles)
    assert walked(woken, ev.FilesCounted(FILES)).state is State.CHECKING


def test_what_only_a_person_can_decide_stays_blocked_until_one_says_so() -> None:
    stuck = walked(delivery(State.CHECKING), ev.ItemRead(item(folder_id=BIN)))
    assert code(stuck) is Code.DRAFT_GONE
    woken = walked(stuck, ev.RunStarted(), ev.FilesCounted(FILES))
    assert (woken.state, code(woken)) == (State.BLOCKED, Code.DRAFT_GONE)
    assert walked(woken, ev.RetryRequested(), ev.FilesCounted(FILES)).state is State.CHECKING


def test_a_file_that_joins_while_the_item_is_looked_at_is_counted_first() -> None:
    checked = delivery(State.CHECKING, read_at=NOW, checked_at=NOW)
    assert decide(checked, NOW, POLICY) == ac.PrepareAct()
    joined = apply(checked, ev.FilesJoined((file(3, FileState.PENDING),)), NOW, POLICY)
    assert joined.state is State.COLLECTING
    assert len(joined.files) == 3


@pytest.mark.parametrize(
    ("listed", "missing"),
    [
        ([("a1", "1.pdf"), ("a2", "2.pdf")], []),
        ([("x", "1.pdf"), ("y", "2.pdf")], []),
        ([("a1", "1.pdf")], ["2.pdf"]),
        ([("a1", "2.pdf")], ["2.pdf"]),
        ([("x", "2.pdf"), ("y", "2.pdf")], ["1.pdf"]),
        ([], ["1.pdf", "2.pdf"]),
    ],
)
def test_each_file_needs_an_attachment_of_its_own(listed: list[tuple[str, str]], missing: list[str]) -> None:
    assert [one.name for one in unshown(FILES, tuple(Listed(*one) for one in listed))] == missing


# --- the act ---


def test_nothing_is_sent_but_after_a_fresh_look_at_the_draft_and_its_files() -> None:
    present = walked(delivery(), ev.FilesCounted(FILES))
    wanted = []
    for event in (ev.ItemRead(item()), SHOWN, ev.ActPrepared()):
        wanted.append(type(decide(present, NOW, POLICY)))
        present = walked(present, event)
    assert wanted == [ac.ReadItem, ListAttachments, ac.PrepareAct]
    action = decide(present, NOW, POLICY)
    assert action == ac.Submit(Item("ann@example.com", ItemKind.MESSAGE, "AAMk="), at(POLICY.act_start))
    assert must_save_before(action, present, delivery())
    stale = delivery(State.CHECKING, read_at=NOW, checked_at=NOW)
    assert isinstance(decide(stale, at(POLICY.fresh_for + 1), POLICY), ac.ReadItem)


def test_an_item_of_somebody_elses_making_is_marked_before_it_is_sent() -> None:
    unmarked = delivery(State.CHECKING, read_at=NOW, marked=False)
    unmarked = replace(unmarked, plan=replace(unmarked.plan, draft_name=None))
    assert decide(unmarked, NOW, POLICY) == ac.MarkItem(
        Item("ann@example.com", ItemKind.MESSAGE, "AAMk="), ac.Mark("ann@example.com", "d" * 32, is_name=False)
    )


def test_a_file_that_the_item_does_not_show_is_looked_for_again_and_then_blocks() -> None:
    present = delivery(State.CHECKING, read_at=NOW)
    partial = ev.AttachmentsListed((Listed("a1", "1.pdf"),))
    looked = walked(present, *[partial] * len(POLICY.look_delays))
    assert looked.state is State.CHECKING
    assert code(walked(looked, partial)) is Code.DELIVERY_FILE_MISSING


@pytest.mark.parametrize(
    ("shown", "state", "why"),
    [
        (item(is_draft=False), State.FAILED, Code.ALREADY_SENT),
        (item(folder_id=BIN), State.BLOCKED, Code.DRAFT_GONE),
    ],
)
def test_what_people_did_with_the_draft_is_said(shown: Any, state: State, why: Code) -> None:
    after = walked(delivery(State.CHECKING), ev.ItemRead(shown))
    assert (after.state, code(after)) == (state, why)


def test_patience_with_an_item_that_is_gone_is_kept_from_run_to_run() -> None:
    present, now = delivery(), NOW
    for _ in range(40):
        present = apply(present, ev.RunStarted(), now, POLICY)
        while not isinstance(action := decide(present, now, POLICY), ac.Wait):
            answers: dict[type, ev.Event] = {
                ac.CountFiles: ev.FilesCounted(FILES),
                ac.FindMarked: ev.MarkedFound(()),
            }
            present = apply(present, answers.get(type(action), ev.ItemMissing()), now, POLICY)
        now = action.until
        if present.state is State.BLOCKED:
            break
    assert code(present) is Code.DRAFT_GONE


def test_a_draft_that_was_moved_is_found_by_its_mark() -> None:
    lost = walked(delivery(State.CHECKING), ev.ItemMissing())
    assert isinstance(decide(lost, NOW, POLICY), ac.FindMarked)
    found = walked(lost, ev.MarkedFound((item("moved"),)))
    assert (found.state, found.item_id) == (State.CHECKING, "moved")
    gone = walked(lost, *[ev.MarkedFound(())] * (len(POLICY.search_delays) + 1))
    assert code(gone) is Code.DRAFT_GONE


SUBMITTING = delivery(State.SUBMITTING, acts=1, acted_at=NOW)
THROTTLED = ev.NotDone(Code.GRAPH_THROTTLED, 5, graph=GraphAnswer(429))
DENIED = ev.NotDone(Code.ACCESS_DENIED, graph=GraphAnswer(403, "ErrorAccessDenied"))
TOO_LARGE = ev.Refused(Failure(Code.MESSAGE_LIMIT_EXCEEDED, "Too large.", GraphAnswer(400)), RefusedBy.GRAPH)


def test_202_is_final() -> None:
    sent = walked(SUBMITTING, ev.Submitted())
    assert (sent.state, sent.sent_at) == (State.SENT, NOW)


@pytest.mark.parametrize("answer", [LOST, THROTTLED, DENIED, TOO_LARGE, ev.ItemMissing(), ev.RunStarted()])
def test_no_other_answer_sends_again_or_says_that_it_was_sent(answer: ev.Event) -> None:
    present, now = walked(SUBMITTING, answer), NOW
    assert present.state is State.SETTLING
    for _ in range(99):
        if present.is_over:
            break
        now = max(now, present.not_before or now)
        action = decide(present, now, POLICY)
        assert isinstance(action, ac.FindMarked | ac.ReadItem)
        present = apply(present, ev.MarkedFound((item(),)), now, POLICY)
    refused = {DENIED: Code.SEND_DENIED, TOO_LARGE: Code.MESSAGE_LIMIT_EXCEEDED}
    assert code(present) is refused.get(answer, Code.SEND_IN_DOUBT)
    waited = now - NOW
    assert waited >= timedelta(seconds=POLICY.refused_for if answer in refused else POLICY.settle_for)


def test_a_request_that_never_left_goes_back_to_the_look_before_it() -> None:
    unsent = walked(SUBMITTING, ev.NotDone(Code.GRAPH_UNREACHABLE))
    assert (unsent.state, unsent.acts, unsent.acted_at) == (State.CHECKING, 0, None)


SETTLING = walked(SUBMITTING, LOST)


@pytest.mark.parametrize(
    ("shown", "state"),
    [
        ((item("s", is_draft=False),), State.SENT),
        ((item(is_draft=False),), State.SENT),
        ((item("other"), item("s", is_draft=False)), State.SENT),
        ((item(), item("copy", is_draft=False)), State.SETTLING),
        ((item(),), State.SETTLING),
        ((), State.SETTLING),
    ],
)
def test_only_a_message_with_the_mark_that_is_no_draft_says_that_it_was_sent(shown: Any, state: State) -> None:
    after = walked(SETTLING, ev.MarkedFound(shown))
    assert after.state is state
    assert (after.sent_at is not None) == (state is State.SENT)


def test_what_no_search_shows_is_read_by_its_id_and_its_404_proves_nothing() -> None:
    unseen = walked(SETTLING, ev.MarkedFound(()))
    assert isinstance(decide(unseen, at(2), POLICY), ac.ReadItem)
    assert walked(unseen, ev.ItemRead(item(is_draft=False))).state is State.SENT
    missing = walked(unseen, ev.ItemMissing())
    assert isinstance(decide(missing, missing.not_before or NOW, POLICY), ac.FindMarked)
    last = replace(unseen, looks=99)
    doubt = apply(last, ev.ItemMissing(), at(POLICY.settle_for), POLICY)
    assert code(doubt) is Code.SEND_IN_DOUBT
    assert doubt.failure is not None
    assert "Neither the draft nor a sent message" in doubt.failure.detail


def test_a_second_submission_needs_the_setting_and_another_look_at_everything() -> None:
    last = replace(SETTLING, looks=99, not_before=None)
    again = apply(last, ev.MarkedFound((item(),)), at(POLICY.settle_for), REPEATS)
    assert (again.state, again.acts, again.read_at, again.checked_at) == (State.CHECKING, 1, None, None)
    assert walked(again, ev.ItemRead(item(is_draft=False))).state is State.SENT
    third = replace(last, acts=REPEATS.sends)
    assert code(apply(third, ev.MarkedFound((item(),)), at(POLICY.settle_for), REPEATS)) is Code.SEND_IN_DOUBT


def test_a_wish_to_cancel_does_not_hide_what_was_submitted() -> None:
    asked = walked(SETTLING, ev.CancelRequested())
    assert asked.state is State.SETTLING
    assert walked(asked, ev.MarkedFound((item("s", is_draft=False),))).state is State.SENT
    doubt = apply(replace(asked, looks=99, not_before=None), ev.MarkedFound((item(),)), at(POLICY.settle_for), POLICY)
    assert code(doubt) is Code.SEND_IN_DOUBT
    assert walked(delivery(), ev.CancelRequested()).state is State.CANCELLED


def test_a_person_may_have_a_doubt_tried_again_and_what_was_sent_meanwhile_is_found() -> None:
    doubt = delivery(State.FAILED, acts=1, acted_at=NOW, failure=Failure(Code.SEND_IN_DOUBT, "x"), finished_at=NOW)
    again = walked(doubt, ev.RetryRequested(), ev.FilesCounted(FILES))
    assert (again.state, again.acts) == (State.CHECKING, 1)
    assert walked(again, ev.ItemRead(item(is_draft=False))).state is State.SENT
    resent = walked(again, ev.ItemRead(item()), SHOWN, ev.ActPrepared())
    assert (resent.state, resent.acts) == (State.SUBMITTING, 2)


def test_what_is_found_by_the_save_before_the_act_comes_before_it() -> None:
    assert walked(SUBMITTING, ev.CancelRequested()).state is State.CANCELLED
    joined = walked(SUBMITTING, ev.FilesJoined((file(3, FileState.PENDING),)))
    assert (joined.state, joined.acts, joined.acted_at, len(joined.files)) == (State.COLLECTING, 0, None, 3)
    doubtful = replace(SUBMITTING, acts=2)
    assert code(walked(doubtful, ev.CancelRequested())) is Code.SEND_IN_DOUBT


def test_what_is_noted_changes_nothing_but_the_record() -> None:
    noted = walked(SUBMITTING, ev.FilesNoted((file(3), file(1, FileState.PENDING))), ev.CancelNoted())
    assert (noted.state, noted.cancel_requested, len(noted.files)) == (State.SUBMITTING, True, 3)
    assert noted.files[0].state is FileState.ATTACHED
    sent = delivery(State.SENT, finished_at=NOW)
    assert walked(sent, ev.CancelNoted()).cancel_requested is False


def test_the_rate_limiter_has_it_wait_or_be_called() -> None:
    waits = walked(delivery(), ev.Held(Code.MAILBOX_BUSY, at(60), known=True))
    assert decide(waits, NOW, POLICY) == ac.Wait(at(60))
    called = walked(delivery(), ev.Held(Code.MAILBOX_BUSY, at(60), known=False))
    assert isinstance(decide(called, NOW, POLICY), ac.CountFiles)
    assert called.waiting_for is not None


# --- events ---

EVENT = delivery(State.CHECKING, kind=ItemKind.EVENT)


def test_attendees_are_told_once_by_a_change_that_leaves_its_mark() -> None:
    present = walked(EVENT, ev.ItemRead(item(marked=False, subject="Review")), SHOWN, ev.ActPrepared())
    action = decide(present, NOW, POLICY)
    assert isinstance(action, ac.TellAttendees)
    assert action.subject == "Review"
    assert walked(present, ev.AttendeesTold()).state is State.UPDATED
    lost = walked(present, LOST)
    assert lost.state is State.VERIFYING
    assert walked(lost, ev.ItemRead(item())).state is State.UPDATED
    unchanged = ev.ItemRead(item(marked=False))
    again = apply(replace(lost, looks=99, not_before=None), unchanged, at(POLICY.refused_for), POLICY)
    assert again.state is State.CHECKING


def test_an_event_that_carries_the_mark_before_the_act_was_told_already() -> None:
    assert code(walked(EVENT, ev.ItemRead(item()))) is Code.ALREADY_SENT


# --- who may join ---


@pytest.mark.parametrize(
    ("state", "why"),
    [
        (State.FINDING, None),
        (State.COLLECTING, None),
        (State.CHECKING, None),
        (State.BLOCKED, None),
        (State.SUBMITTING, Code.ALREADY_SENT),
        (State.SETTLING, Code.ALREADY_SENT),
        (State.SENT, Code.ALREADY_SENT),
        (State.FAILED, Code.DELIVERY_OVER),
        (State.CANCELLED, Code.DELIVERY_OVER),
        (State.DISCARDING, Code.DELIVERY_OVER),
    ],
)
def test_a_further_file_joins_as_long_as_nothing_is_on_its_way(state: State, why: Code | None) -> None:
    refused = refusal(delivery(state), file(3), None)
    assert (refused.code if refused else None) is why


FIRST = DraftText(to=("bob@example.org", "eve@example.org"), subject="Invoice", body_type=BodyType.HTML)


@pytest.mark.parametrize(
    ("other", "names"),
    [
        (DraftText(), ()),
        (FIRST, ()),
        (DraftText(to=("EVE@example.org", "bob@example.org")), ()),
        (DraftText(to=("bob@example.org",)), ("to",)),
        (DraftText(subject="invoice"), ("subject",)),
        (DraftText(cc=("x@example.org",), body="Hello"), ("cc", "body")),
    ],
)
def test_the_first_file_decides_the_draft_and_others_may_not_contradict(other: DraftText, names: Any) -> None:
    assert contradictions(FIRST, other) == names
    first = for_draft("ann@example.com", "x", FIRST, file(1), NOW)
    refused = refusal(first, file(2), other)
    assert (refused.code if refused else None) is (Code.DRAFT_CONTRADICTORY if names else None)


def test_a_file_that_comes_again_is_no_further_file() -> None:
    assert refusal(SUBMITTING, file(1), None) is None


@pytest.mark.parametrize(("sending", "wish", "why"), [(False, SEND, Code.SENDING_OFF), (True, SEND, None)])
def test_sending_is_off_unless_the_deployment_says_otherwise(sending: bool, wish: Wish, why: Code | None) -> None:
    refused = sending_refused(file(1, wish=wish), sending=sending)
    assert (refused.code if refused else None) is why
    assert sending_refused(file(1, wish=Wish(None)), sending=False) is None


def test_a_delivery_has_one_id_whatever_the_case_of_its_mailbox_and_another_for_each_name() -> None:
    assert delivery_id("Ann@Example.com", "draft:x") == delivery_id("ann@example.com", "draft:x")
    assert len({delivery_id("ann@example.com", name) for name in ("draft:x", "draft:X", "messageId:x")}) == 3
    by_id = for_item(Target("ann@example.com", TargetKey.MESSAGE_ID, "AAMk="), file(1), NOW)
    looked_up = for_item(Target("ann@example.com", TargetKey.INTERNET_MESSAGE_ID, "<a@b>"), file(1), NOW)
    assert (by_id.state, by_id.item_id, looked_up.item_id) == (State.COLLECTING, "AAMk=", None)
    found = walked(looked_up, ev.FilesCounted((replace(file(1, wish=Wish(OnComplete.SEND, 1)), item_id="AAMkfound="),)))
    assert (found.item_id, found.state) == ("AAMkfound=", State.CHECKING)


# --- what is durable before what ---

HERE = Item("ann@example.com", ItemKind.MESSAGE, "AAMk=")
NAME = ac.Mark("ann@example.com", "invoice 17", is_name=True)


@pytest.mark.parametrize(
    ("action", "changes"),
    [
        (ac.Submit(HERE, NOW), {"acts": 1, "acted_at": NOW}),
        (ac.TellAttendees(HERE, NAME, "Review", NOW), {"acts": 1, "acted_at": NOW}),
        (ac.Compose(NAME, DraftText(), NOW), {"composes": 1, "composed_at": NOW}),
        (ac.DeleteDraft(HERE), {"surplus": ("b",)}),
        (ac.DeleteDraft(HERE), {"state": State.DISCARDING}),
        (ac.Finish(), {"looks": 1}),
        (ac.Wait(NOW), {"looks": 1}),
    ],
)
def test_an_act_waits_for_its_intent_and_an_end_for_its_outcome(action: Any, changes: dict[str, Any]) -> None:
    saved = delivery()
    assert must_save_before(action, replace(saved, **changes), saved)
    assert not must_save_before(action, saved, saved)


@pytest.mark.parametrize(
    "action",
    [
        ac.FindMarked(NAME),
        ac.FindDeletedItems("ann@example.com"),
        ac.CountFiles(()),
        ac.ReadItem(HERE, NAME),
        ListAttachments(HERE),
        ac.MarkItem(HERE, NAME),
        ac.PrepareCompose(),
        ac.PrepareAct(),
        ac.AbortAct(),
    ],
)
def test_what_changes_nothing_for_anybody_waits_for_nothing(action: Any) -> None:
    assert not must_save_before(action, delivery(acts=1, composes=1), delivery())


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="without an item"):
        decide(delivery(State.CHECKING, item_id=None), NOW, POLICY)
    with pytest.raises(ValueError, match="never announced"):
        apply(delivery(State.SETTLING), ev.MarkedFound((item(),)), NOW, POLICY)
