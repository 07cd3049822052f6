"""A run's turn on its mailbox: what it costs, what it waits for, and what happens when storage or others interfere."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from assurance.load.storage import Latency, ModelMailboxes
from assurance.simulation.clock import VirtualClock
from assurance.simulation.storage import AtOnce
from shared.core.actions import Item, ListAttachments, PostAttachment, PrepareCommit, PutRange
from shared.core.allowance import MailboxBytes
from shared.core.errors import Code
from shared.core.events import AttachmentsListed, NotDone, OffsetKnown, Unsure
from shared.core.model import (
    Attachment,
    GraphAnswer,
    ItemKind,
    Plan,
    Route,
    Session,
    Source,
    Target,
    TargetKey,
    Transfer,
)
from shared.rate_limit.limits import Limits
from shared.rate_limit.mailbox import Mailbox, Slot, Spent, Waiting
from shared.rate_limit.permits import Deferred
from shared.run.permit import FreePermit
from shared.run.rate_limiter import BUSY_PAUSE, LESSON_PAUSE, UNSTATED_PAUSE, HeldPermit, MailboxRateLimiter
from shared.storage.ports import Conflict, StorageUnavailable

MAILBOX = "ada@example.org"
RANGE = 100
ITEM = Item(MAILBOX, ItemKind.MESSAGE, "AAMk")
ATTACHMENT = Attachment("a.pdf", "application/pdf")
LIMITS = Limits(window_bytes=10_000, window_margin=0, least_grant=100)


class CheckpointFixtures(ModelMailboxes):
    """The simulation's mailboxes. `before_save` runs before a write: somebody else may come first."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__(Latency(clock, 0))
        self.calls: list[str] = []
        self.before_save: Callable[[], None] | None = None
        self.before_entry: Callable[[], None] | None = None
        self.down = False
        self.lessons = 0
        self.spurious = 0.0
        """The share of the calls that are answered with a conflict that there is not."""
        self.dice = random.Random(1)

    def load(self, mailbox: str) -> tuple[Mailbox, str | None]:
        self.calls.append("load")
        self.stumble()
        return super().load(mailbox)

    def queue_up(self, mailbox: str, waiting: Waiting) -> None:
        self.stumble()
        before, self.before_entry = self.before_entry, None
        if before is not None:
            before()
        super().queue_up(mailbox, waiting)

    def queued(self, mailbox: str, limit: int) -> tuple[Waiting, ...]:
        self.stumble()
        return super().queued(mailbox, limit)

    def unqueue(self, mailbox: str, entries: tuple[Waiting, ...]) -> None:
        self.stumble()
        super().unqueue(mailbox, entries)

    def counted_until(self) -> datetime | None:
        self.lessons += 1
        return super().counted_until()

    def stumble(self) -> None:
        if self.dice.random() < self.spurious:
            raise Conflict

    def save(self, mailbox: str, state: Mailbox, etag: str | None) -> str:
        self.calls.append("save")
        if self.down:
            raise StorageUnavailable("no answer")
        if self.before_save is not None:
            self.before_save()
        self.stumble()
        return super().save(mailbox, state, etag)

    def put(self, state: Mailbox) -> None:
        """As if somebody else had written it."""
        super().save(MAILBOX, state, super().load(MAILBOX)[1])

    @property
    def state(self) -> Mailbox:
        return super().load(MAILBOX)[0]


class Desk:
    def __init__(self, limits: Limits = LIMITS) -> None:
        self.clock = VirtualClock()
        self.fixtures = CheckpointFixtures(self.clock)
        self.called: list[str] = []
        self.queue_is_down = False
        self.rate_limiter = MailboxRateLimiter(self.fixtures, self.clock, self.call, RANGE, limits)

    def call(self, transfer_id: str) -> None:
        if self.queue_is_down:
            raise StorageUnavailable("no answer")
        self.called.append(transfer_id)

    def transfer(self, name: str = "a", size: int = 1000, *, item: str = "AAMk", **more: object) -> Transfer:
        now = self.clock.now()
        source = Source("drop", name, '"1"', size, now)
        plan = Plan(source, Target(MAILBOX, TargetKey.MESSAGE_ID, item), ATTACHMENT, now)
        return replace(Transfer(name * 32, plan, Route.SESSION), **more)  # type: ignore[arg-type]

    def permit(self, transfer: Transfer, run: str = "run") -> HeldPermit:
        permit = self.rate_limiter.enter(transfer, run, AtOnce())
        assert isinstance(permit, HeldPermit)
        return permit

    def later(self, transfer: Transfer) -> Deferred:
        later = self.rate_limiter.enter(transfer, "run", AtOnce())
        assert isinstance(later, Deferred)
        return later

    def sending(self, transfer: Transfer, offset: int) -> Transfer:
        return replace(transfer, session=Session("https://upload.example/x", self.clock.now(), offset))

    def put(self, transfer: Transfer, offset: int) -> PutRange:
        return PutRange("https://upload.example/x", offset, min(RANGE, transfer.size - offset), transfer.size)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def send_all(desk: Desk, permit: HeldPermit, transfer: Transfer, *, seconds: float = 0) -> None:
    """Every range in order, none of which has to wait."""
    for offset in range(0, transfer.size, RANGE):
        moving, action = desk.sending(transfer, offset), desk.put(transfer, offset)
        if action.is_final:
            assert permit.held(PrepareCommit(), moving) is None
        assert permit.held(action, moving) is None
        desk.clock.advance(seconds)
        permit.told(action, OffsetKnown(offset + action.length))


def test_a_lone_transfer_costs_three_storage_calls_however_many_ranges_it_has(desk: Desk) -> None:
    transfer = desk.transfer(size=5000)
    permit = desk.permit(transfer)
    send_all(desk, permit, transfer)
    permit.leave()
    assert desk.fixtures.calls == ["load", "save", "save"]
    assert desk.fixtures.state.slots == ()
    assert [spent.size for spent in desk.fixtures.state.spent] == [5000]


def test_a_run_that_lasts_tells_now_and_then_that_it_is_alive(desk: Desk) -> None:
    transfer = desk.transfer(size=1000)
    permit = desk.permit(transfer)
    send_all(desk, permit, transfer, seconds=8)
    [slot] = desk.fixtures.state.live(desk.clock.now())
    assert slot.until > desk.clock.now()
    assert len(desk.fixtures.calls) < 2 + 10
    permit.leave()
    assert sum(spent.size for spent in desk.fixtures.state.spent) == 1000


def test_a_run_that_is_cancelled_never_waits_and_asks_nothing(desk: Desk) -> None:
    desk.fixtures.put(Mailbox(spent=(Spent(desk.clock.now() + timedelta(seconds=100), 10_000),)))
    permit = desk.rate_limiter.enter(desk.transfer(cancel_requested=True), "run", AtOnce())
    assert isinstance(permit, FreePermit)
    assert permit.held(ListAttachments(ITEM), desk.transfer()) is None
    permit.told(ListAttachments(ITEM), AttachmentsListed(()))
    permit.leave()
    assert desk.fixtures.calls == []


def test_a_full_window_says_when_to_come(desk: Desk) -> None:
    until = desk.clock.now() + timedelta(seconds=100)
    desk.fixtures.put(Mailbox(spent=(Spent(until, 10_000),)))
    assert desk.later(desk.transfer()) == Deferred(until, known=True, code=Code.MAILBOX_ALLOWANCE_USED)


def test_whoever_is_in_the_line_is_called_when_a_place_is_free(desk: Desk) -> None:
    permits = [desk.permit(desk.transfer(name, item=name)) for name in "abcd"]
    assert not desk.later(desk.transfer("e", item="e")).known
    permits[2].leave()
    assert desk.called == ["e" * 32]


def test_somebody_elses_write_in_between_is_worked_into(desk: Desk) -> None:
    def meddle() -> None:
        desk.fixtures.before_save = None
        slot = Slot("other", "other run", desk.clock.now() + timedelta(seconds=30), 4000)
        desk.fixtures.put(Mailbox(slots=(slot,)))

    desk.fixtures.before_save = meddle
    desk.permit(desk.transfer())
    assert {slot.transfer for slot in desk.fixtures.state.slots} == {"other", "a" * 32}


def test_a_mailbox_that_is_never_to_be_written_is_tried_again_later(desk: Desk) -> None:
    desk.fixtures.before_save = lambda: desk.fixtures.put(Mailbox())
    later = desk.later(desk.transfer())
    assert timedelta(0) < later.until - desk.clock.now() <= timedelta(seconds=BUSY_PAUSE)
    assert not later.known


def test_a_refusal_is_noted_once_and_no_more(desk: Desk) -> None:
    full = Mailbox(spent=(Spent(desk.clock.now() + timedelta(seconds=100), 10_000),))
    desk.fixtures.put(full)
    desk.fixtures.before_save = lambda: desk.fixtures.put(full)
    assert desk.later(desk.transfer()).known
    assert desk.fixtures.calls == ["load", "save"]


def test_a_used_up_grant_is_filled_up_or_waited_for(desk: Desk) -> None:
    soon = desk.clock.now() + timedelta(seconds=100)
    desk.fixtures.put(Mailbox(spent=(Spent(soon, 9800),)))
    transfer = desk.transfer(size=1000)
    permit = desk.permit(transfer)
    for offset in (0, 100):
        assert permit.held(desk.put(transfer, offset), desk.sending(transfer, offset)) is None
        permit.told(desk.put(transfer, offset), OffsetKnown(offset + 100))
    full = Deferred(soon, known=True, code=Code.MAILBOX_ALLOWANCE_USED)
    assert permit.held(desk.put(transfer, 200), desk.sending(transfer, 200)) == full
    desk.clock.advance_to(soon)
    assert permit.held(desk.put(transfer, 200), desk.sending(transfer, 200)) is None


def test_a_commit_waits_for_the_other_one_on_its_item_longer_each_time(desk: Desk) -> None:
    first, second = desk.permit(desk.transfer("a")), desk.permit(desk.transfer("b"))
    transfer = desk.transfer("b")
    moving = desk.sending(transfer, 900)
    waits = []
    for _ in range(4):
        held = second.held(PrepareCommit(), moving)
        assert held is not None
        assert held.code is Code.MAILBOX_BUSY
        waits.append((held.until - desk.clock.now()).total_seconds())
    assert waits == [0.25, 0.5, 1, 2]
    first.leave()
    assert second.held(PrepareCommit(), moving) is None


def test_what_was_announced_never_waits(desk: Desk) -> None:
    transfer = desk.transfer(size=10, route=Route.POST)
    permit = desk.permit(transfer)
    assert permit.held(PrepareCommit(), transfer) is None
    post = PostAttachment(ITEM, ATTACHMENT, 10, desk.clock.now())
    assert permit.held(post, transfer) is None
    assert desk.fixtures.calls == ["load", "save"]


@pytest.mark.parametrize(("retry_after", "seconds"), [(40.0, 40.0), (None, UNSTATED_PAUSE)])
def test_a_429_closes_the_mailbox_for_everybody(desk: Desk, retry_after: float | None, seconds: float) -> None:
    transfer = desk.transfer()
    permit = desk.permit(transfer)
    permit.told(desk.put(transfer, 0), NotDone(Code.GRAPH_THROTTLED, retry_after))
    permit.leave()
    assert desk.fixtures.state.closed_until == desk.clock.now() + timedelta(seconds=seconds)
    assert desk.fixtures.state.spent == ()
    assert desk.later(desk.transfer("b")).known


@pytest.mark.parametrize(
    ("event", "counted"),
    [
        (OffsetKnown(100), 100),
        (Unsure(Code.GRAPH_UNREACHABLE), 100),
        (NotDone(Code.GRAPH_CONFLICT), 100),
        (NotDone(Code.GRAPH_UNREACHABLE), 0),
        (NotDone(Code.SOURCE_UNREADABLE), 0),
    ],
)
def test_bytes_count_unless_they_surely_never_arrived(
    desk: Desk, event: OffsetKnown | Unsure | NotDone, counted: int
) -> None:
    transfer = desk.transfer()
    permit = desk.permit(transfer)
    permit.told(desk.put(transfer, 0), event)
    permit.leave()
    assert sum(spent.size for spent in desk.fixtures.state.spent) == counted


def test_a_place_that_storage_does_not_take_back_lapses_by_itself(desk: Desk) -> None:
    permit = desk.permit(desk.transfer())
    desk.fixtures.down = True
    permit.leave()
    desk.fixtures.down = False
    desk.clock.advance(LIMITS.lease)
    assert desk.fixtures.state.live(desk.clock.now()) == ()


def test_whoever_finds_no_place_leaves_an_entry_and_is_called_when_one_is_free(desk: Desk) -> None:
    permits = [desk.permit(desk.transfer(name, item=name)) for name in "abcd"]
    for name in "ef":
        assert not desk.later(desk.transfer(name, item=name)).known
    assert [one.transfer[0] for one in desk.fixtures.queued(MAILBOX, 9)] == ["e", "f"]
    permits[2].leave()
    assert desk.called == ["e" * 32]
    assert desk.fixtures.queued(MAILBOX, 9) == ()
    permits[3].leave()
    assert desk.called == ["e" * 32, "f" * 32]


def test_whoever_comes_while_a_place_becomes_free_takes_it_and_leaves_no_entry(desk: Desk) -> None:
    """Between the look that found no place and the one after the entry was written."""
    permits = [desk.permit(desk.transfer(name, item=name)) for name in "abcd"]
    desk.fixtures.before_entry = permits[0].leave
    desk.permit(desk.transfer("e", item="e"))
    assert desk.called == []
    assert desk.fixtures.queued(MAILBOX, 9) == ()


def test_whoever_looks_by_itself_and_finds_a_place_takes_its_entry_along(desk: Desk) -> None:
    permits = [desk.permit(desk.transfer(name, item=name)) for name in "abcd"]
    waiting = desk.transfer("e", item="e")
    desk.later(waiting)
    desk.clock.advance(LIMITS.lease)  # all four died, and nobody called
    desk.permit(replace(waiting, recheck_at=desk.clock.now()))
    assert desk.called == []
    assert desk.fixtures.queued(MAILBOX, 9) == ()
    assert len(permits) == 4


def test_whom_the_queue_does_not_take_stands_in_the_line_again(desk: Desk) -> None:
    permits = [desk.permit(desk.transfer(name, item=name)) for name in "abcd"]
    desk.later(desk.transfer("e", item="e"))
    desk.queue_is_down = True
    permits[0].leave()
    assert [one.transfer[0] for one in desk.fixtures.queued(MAILBOX, 9)] == ["e"]
    desk.queue_is_down = False
    desk.clock.advance(LIMITS.call)
    permits[1].leave()
    assert desk.called == ["e" * 32]


@pytest.mark.parametrize("seed", range(10))
def test_conflicts_that_there_cannot_be_cost_seconds_at_most(desk: Desk, seed: int) -> None:
    """Storage now and then answers 409 or 412 although nobody else wrote, on any call for the mailbox."""
    desk.fixtures.dice = random.Random(seed)
    desk.fixtures.spurious = 0.3
    began = desk.clock.now()
    permits = [desk.permit(desk.transfer(name, item=name)) for name in "abcd"]
    desk.later(desk.transfer("e", item="e"))
    for permit in permits:
        permit.leave()
    desk.permit(desk.transfer("e", item="e")).leave()
    assert desk.called == ["e" * 32]
    assert desk.clock.now() - began < timedelta(seconds=20)
    desk.fixtures.spurious = 0
    assert desk.fixtures.state.slots == ()


def much_sent(desk: Desk) -> Mailbox:
    return Mailbox(spent=(Spent(desk.clock.now() + timedelta(seconds=100), 10_000),))


@pytest.fixture
def learner() -> Desk:
    return Desk(replace(LIMITS, bytes=MailboxBytes.LEARN))


def throttled(limit: str | None) -> NotDone:
    return NotDone(Code.GRAPH_THROTTLED, 40, graph=GraphAnswer(429, "ApplicationThrottled", None, limit))


@pytest.mark.parametrize(("limit", "learned"), [("UploadBytes", True), (None, True), ("MailboxConcurrency", False)])
def test_a_429_that_the_concurrency_does_not_explain_is_told_to_every_mailbox(
    learner: Desk, limit: str | None, learned: bool
) -> None:
    learner.fixtures.put(much_sent(learner))
    transfer = learner.transfer()
    permit = learner.permit(transfer)
    permit.told(learner.put(transfer, 0), throttled(limit))
    day = learner.clock.now() + timedelta(days=1)
    assert learner.fixtures.state.closed_until is not None, "before the run ends"
    assert learner.fixtures.counted == learner.fixtures.state.counted_until == (day if learned else None)


def test_a_429_to_a_request_without_bytes_teaches_nothing(learner: Desk) -> None:
    learner.fixtures.put(much_sent(learner))
    permit = learner.permit(learner.transfer())
    permit.told(ListAttachments(ITEM), throttled(None))
    assert learner.fixtures.counted is None


def test_another_process_keeps_to_what_was_learned_and_a_lone_transfer_asks_nothing(learner: Desk) -> None:
    learner.fixtures.count_until(learner.clock.now() + timedelta(days=1))
    learner.permit(learner.transfer()).leave()
    assert learner.fixtures.lessons == 0
    learner.fixtures.put(much_sent(learner))
    assert learner.later(learner.transfer("b")).code is Code.MAILBOX_ALLOWANCE_USED
    assert learner.later(learner.transfer("c")).code is Code.MAILBOX_ALLOWANCE_USED
    assert learner.fixtures.lessons == 1


def test_whoever_knows_of_no_lesson_asks_now_and_then(learner: Desk) -> None:
    learner.fixtures.put(much_sent(learner))
    for name in "abc":
        learner.permit(learner.transfer(name)).leave()
    assert learner.fixtures.lessons == 1
    learner.clock.advance(LESSON_PAUSE)
    learner.permit(learner.transfer("d"))
    assert learner.fixtures.lessons == 2


def test_an_entry_that_came_too_late_for_the_listing_is_called_all_the_same(desk: Desk) -> None:
    """Whoever left it was told that the line is known of, just before it was taken for empty."""
    permit = desk.permit(desk.transfer("a", item="i"))
    late = Waiting("b" * 32, "of another item", desk.clock.now())
    desk.fixtures.put(replace(desk.fixtures.state, queued=True))

    def come_late() -> None:
        desk.fixtures.before_save = None
        desk.fixtures.queue_up(MAILBOX, late)

    desk.fixtures.before_save = come_late
    permit.leave()
    assert desk.called == [late.transfer]
    assert desk.fixtures.queued(MAILBOX, 9) == ()
