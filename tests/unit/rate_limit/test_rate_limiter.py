"""A run's permit for its mailbox: what it costs, what defers it, and what happens when storage or others interfere."""

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
from shared.engine.permit import FreePermit
from shared.engine.process import Deferred
from shared.rate_limit.limits import Limits
from shared.rate_limit.mailbox import Mailbox, Slot, Spent, Waiting
from shared.run.rate_limiter import BUSY_PAUSE, COUNTING_PAUSE, UNSTATED_PAUSE, HeldPermit, MailboxRateLimiter
from shared.storage.ports import Conflict, StorageUnavailable

MAILBOX = "ada@example.org"
RANGE = 100
ITEM = Item(MAILBOX, ItemKind.MESSAGE, "AAMk")
ATTACHMENT = Attachment("a.pdf", "application/pdf")
LIMITS = Limits(window_bytes=10_000, window_margin=0, least_grant=100)


class FlakyMailboxes(ModelMailboxes):
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

    def enqueue(self, mailbox: str, waiting: Waiting) -> None:
        self.stumble()
        before, self.before_entry = self.before_entry, None
        if before is not None:
            before()
        super().enqueue(mailbox, waiting)

    def entries(self, mailbox: str, limit: int) -> tuple[Waiting, ...]:
        self.stumble()
        return super().entries(mailbox, limit)

    def dequeue(self, mailbox: str, entries: tuple[Waiting, ...]) -> None:
        self.stumble()
        super().dequeue(mailbox, entries)

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
        self.mailboxes = FlakyMailboxes(self.clock)
        self.admitted: list[str] = []
        self.queue_is_down = False
        self.rate_limiter = MailboxRateLimiter(self.mailboxes, self.clock, self.call, RANGE, limits)

    def call(self, transfer_id: str) -> None:
        if self.queue_is_down:
            raise StorageUnavailable("no answer")
        self.admitted.append(transfer_id)

    def transfer(self, name: str = "a", size: int = 1000, *, item: str = "AAMk", **more: object) -> Transfer:
        now = self.clock.now()
        source = Source("drop", name, '"1"', size, now)
        plan = Plan(source, Target(MAILBOX, TargetKey.MESSAGE_ID, item), ATTACHMENT, now)
        return replace(Transfer(name * 32, plan, Route.SESSION), **more)  # type: ignore[arg-type]

    def permit(self, transfer: Transfer, run: str = "run") -> HeldPermit:
        permit = self.rate_limiter.acquire(transfer, run, AtOnce())
        assert isinstance(permit, HeldPermit)
        return permit

    def later(self, transfer: Transfer) -> Deferred:
        later = self.rate_limiter.acquire(transfer, "run", AtOnce())
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
            assert permit.check(PrepareCommit(), moving) is None
        assert permit.check(action, moving) is None
        desk.clock.advance(seconds)
        permit.record(action, OffsetKnown(offset + action.length))


def test_a_lone_transfer_costs_three_storage_calls_however_many_ranges_it_has(desk: Desk) -> None:
    transfer = desk.transfer(size=5000)
    permit = desk.permit(transfer)
    send_all(desk, permit, transfer)
    permit.release()
    assert desk.mailboxes.calls == ["load", "save", "save"]
    assert desk.mailboxes.state.slots == ()
    assert [spent.size for spent in desk.mailboxes.state.spent] == [5000]


def test_a_long_run_renews_its_slot(desk: Desk) -> None:
    transfer = desk.transfer(size=1000)
    permit = desk.permit(transfer)
    send_all(desk, permit, transfer, seconds=8)
    [slot] = desk.mailboxes.state.live(desk.clock.now())
    assert slot.until > desk.clock.now()
    assert len(desk.mailboxes.calls) < 2 + 10
    permit.release()
    assert sum(spent.size for spent in desk.mailboxes.state.spent) == 1000


def test_a_cancelled_run_is_never_deferred_and_makes_no_storage_call(desk: Desk) -> None:
    desk.mailboxes.put(Mailbox(spent=(Spent(desk.clock.now() + timedelta(seconds=100), 10_000),)))
    permit = desk.rate_limiter.acquire(desk.transfer(cancel_requested=True), "run", AtOnce())
    assert isinstance(permit, FreePermit)
    assert permit.check(ListAttachments(ITEM), desk.transfer()) is None
    permit.record(ListAttachments(ITEM), AttachmentsListed(()))
    permit.release()
    assert desk.mailboxes.calls == []


def test_a_full_window_defers_to_the_time_when_bytes_fit(desk: Desk) -> None:
    until = desk.clock.now() + timedelta(seconds=100)
    desk.mailboxes.put(Mailbox(spent=(Spent(until, 10_000),)))
    assert desk.later(desk.transfer()) == Deferred(until, known=True, code=Code.MAILBOX_ALLOWANCE_USED)


def test_the_head_of_the_wait_queue_is_admitted_when_a_slot_is_free(desk: Desk) -> None:
    permits = [desk.permit(desk.transfer(name, item=name)) for name in "abcd"]
    assert not desk.later(desk.transfer("e", item="e")).known
    permits[2].release()
    assert desk.admitted == ["e" * 32]


def test_another_workers_write_in_between_is_merged(desk: Desk) -> None:
    def meddle() -> None:
        desk.mailboxes.before_save = None
        slot = Slot("other", "other run", desk.clock.now() + timedelta(seconds=30), 4000)
        desk.mailboxes.put(Mailbox(slots=(slot,)))

    desk.mailboxes.before_save = meddle
    desk.permit(desk.transfer())
    assert {slot.transfer for slot in desk.mailboxes.state.slots} == {"other", "a" * 32}


def test_a_mailbox_that_cannot_be_written_is_tried_again_later(desk: Desk) -> None:
    desk.mailboxes.before_save = lambda: desk.mailboxes.put(Mailbox())
    later = desk.later(desk.transfer())
    assert timedelta(0) < later.until - desk.clock.now() <= timedelta(seconds=BUSY_PAUSE)
    assert not later.known


def test_a_deferral_is_written_once(desk: Desk) -> None:
    full = Mailbox(spent=(Spent(desk.clock.now() + timedelta(seconds=100), 10_000),))
    desk.mailboxes.put(full)
    desk.mailboxes.before_save = lambda: desk.mailboxes.put(full)
    assert desk.later(desk.transfer()).known
    assert desk.mailboxes.calls == ["load", "save"]


def test_a_used_up_grant_is_extended_or_deferred(desk: Desk) -> None:
    soon = desk.clock.now() + timedelta(seconds=100)
    desk.mailboxes.put(Mailbox(spent=(Spent(soon, 9800),)))
    transfer = desk.transfer(size=1000)
    permit = desk.permit(transfer)
    for offset in (0, 100):
        assert permit.check(desk.put(transfer, offset), desk.sending(transfer, offset)) is None
        permit.record(desk.put(transfer, offset), OffsetKnown(offset + 100))
    full = Deferred(soon, known=True, code=Code.MAILBOX_ALLOWANCE_USED)
    assert permit.check(desk.put(transfer, 200), desk.sending(transfer, 200)) == full
    desk.clock.advance_to(soon)
    assert permit.check(desk.put(transfer, 200), desk.sending(transfer, 200)) is None


def test_a_commit_waits_for_the_other_one_on_its_item_longer_each_time(desk: Desk) -> None:
    first, second = desk.permit(desk.transfer("a")), desk.permit(desk.transfer("b"))
    transfer = desk.transfer("b")
    moving = desk.sending(transfer, 900)
    waits = []
    for _ in range(4):
        held = second.check(PrepareCommit(), moving)
        assert held is not None
        assert held.code is Code.MAILBOX_BUSY
        waits.append((held.until - desk.clock.now()).total_seconds())
    assert waits == [0.25, 0.5, 1, 2]
    first.release()
    assert second.check(PrepareCommit(), moving) is None


def test_a_prepared_commit_is_never_deferred(desk: Desk) -> None:
    transfer = desk.transfer(size=10, route=Route.POST)
    permit = desk.permit(transfer)
    assert permit.check(PrepareCommit(), transfer) is None
    post = PostAttachment(ITEM, ATTACHMENT, 10, desk.clock.now())
    assert permit.check(post, transfer) is None
    assert desk.mailboxes.calls == ["load", "save"]


@pytest.mark.parametrize(("retry_after", "seconds"), [(40.0, 40.0), (None, UNSTATED_PAUSE)])
def test_a_429_closes_the_mailbox_for_every_run(desk: Desk, retry_after: float | None, seconds: float) -> None:
    transfer = desk.transfer()
    permit = desk.permit(transfer)
    permit.record(desk.put(transfer, 0), NotDone(Code.GRAPH_THROTTLED, retry_after))
    permit.release()
    assert desk.mailboxes.state.closed_until == desk.clock.now() + timedelta(seconds=seconds)
    assert desk.mailboxes.state.spent == ()
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
    permit.record(desk.put(transfer, 0), event)
    permit.release()
    assert sum(spent.size for spent in desk.mailboxes.state.spent) == counted


def test_a_slot_whose_release_fails_expires_by_itself(desk: Desk) -> None:
    permit = desk.permit(desk.transfer())
    desk.mailboxes.down = True
    permit.release()
    desk.mailboxes.down = False
    desk.clock.advance(LIMITS.lease)
    assert desk.mailboxes.state.live(desk.clock.now()) == ()


def test_a_transfer_without_a_slot_is_queued_and_admitted_when_one_is_free(desk: Desk) -> None:
    permits = [desk.permit(desk.transfer(name, item=name)) for name in "abcd"]
    for name in "ef":
        assert not desk.later(desk.transfer(name, item=name)).known
    assert [one.transfer[0] for one in desk.mailboxes.entries(MAILBOX, 9)] == ["e", "f"]
    permits[2].release()
    assert desk.admitted == ["e" * 32]
    assert desk.mailboxes.entries(MAILBOX, 9) == ()
    permits[3].release()
    assert desk.admitted == ["e" * 32, "f" * 32]


def test_a_slot_that_becomes_free_meanwhile_is_acquired_without_an_entry(desk: Desk) -> None:
    """Between the look that found no place and the one after the entry was written."""
    permits = [desk.permit(desk.transfer(name, item=name)) for name in "abcd"]
    desk.mailboxes.before_entry = permits[0].release
    desk.permit(desk.transfer("e", item="e"))
    assert desk.admitted == []
    assert desk.mailboxes.entries(MAILBOX, 9) == ()


def test_a_transfer_that_acquires_a_slot_unadmitted_deletes_its_entry(desk: Desk) -> None:
    permits = [desk.permit(desk.transfer(name, item=name)) for name in "abcd"]
    waiting = desk.transfer("e", item="e")
    desk.later(waiting)
    desk.clock.advance(LIMITS.lease)  # all four died, and nobody called
    desk.permit(replace(waiting, recheck_at=desk.clock.now()))
    assert desk.admitted == []
    assert desk.mailboxes.entries(MAILBOX, 9) == ()
    assert len(permits) == 4


def test_a_transfer_whose_message_is_not_taken_is_queued_again(desk: Desk) -> None:
    permits = [desk.permit(desk.transfer(name, item=name)) for name in "abcd"]
    desk.later(desk.transfer("e", item="e"))
    desk.queue_is_down = True
    permits[0].release()
    assert [one.transfer[0] for one in desk.mailboxes.entries(MAILBOX, 9)] == ["e"]
    desk.queue_is_down = False
    desk.clock.advance(LIMITS.admission)
    permits[1].release()
    assert desk.admitted == ["e" * 32]


@pytest.mark.parametrize("seed", range(10))
def test_conflicts_that_there_cannot_be_cost_seconds_at_most(desk: Desk, seed: int) -> None:
    """Storage now and then answers 409 or 412 although nobody else wrote, on any call for the mailbox."""
    desk.mailboxes.dice = random.Random(seed)
    desk.mailboxes.spurious = 0.3
    began = desk.clock.now()
    permits = [desk.permit(desk.transfer(name, item=name)) for name in "abcd"]
    desk.later(desk.transfer("e", item="e"))
    for permit in permits:
        permit.release()
    desk.permit(desk.transfer("e", item="e")).release()
    assert desk.admitted == ["e" * 32]
    assert desk.clock.now() - began < timedelta(seconds=20)
    desk.mailboxes.spurious = 0
    assert desk.mailboxes.state.slots == ()


def much_sent(desk: Desk) -> Mailbox:
    return Mailbox(spent=(Spent(desk.clock.now() + timedelta(seconds=100), 10_000),))


@pytest.fixture
def learner() -> Desk:
    return Desk(replace(LIMITS, bytes=MailboxBytes.LEARN))


def throttled(limit: str | None) -> NotDone:
    return NotDone(Code.GRAPH_THROTTLED, 40, graph=GraphAnswer(429, "ApplicationThrottled", None, limit))


@pytest.mark.parametrize(("limit", "learned"), [("UploadBytes", True), (None, True), ("MailboxConcurrency", False)])
def test_a_429_that_concurrency_does_not_explain_is_published_to_every_mailbox(
    learner: Desk, limit: str | None, learned: bool
) -> None:
    learner.mailboxes.put(much_sent(learner))
    transfer = learner.transfer()
    permit = learner.permit(transfer)
    permit.record(learner.put(transfer, 0), throttled(limit))
    day = learner.clock.now() + timedelta(days=1)
    assert learner.mailboxes.state.closed_until is not None, "before the run ends"
    assert learner.mailboxes.counted == learner.mailboxes.state.counted_until == (day if learned else None)


def test_a_429_to_a_request_without_bytes_is_no_evidence(learner: Desk) -> None:
    learner.mailboxes.put(much_sent(learner))
    permit = learner.permit(learner.transfer())
    permit.record(ListAttachments(ITEM), throttled(None))
    assert learner.mailboxes.counted is None


def test_another_process_enforces_the_published_window_and_a_lone_transfer_reads_nothing(learner: Desk) -> None:
    learner.mailboxes.count_until(learner.clock.now() + timedelta(days=1))
    learner.permit(learner.transfer()).release()
    assert learner.mailboxes.lessons == 0
    learner.mailboxes.put(much_sent(learner))
    assert learner.later(learner.transfer("b")).code is Code.MAILBOX_ALLOWANCE_USED
    assert learner.later(learner.transfer("c")).code is Code.MAILBOX_ALLOWANCE_USED
    assert learner.mailboxes.lessons == 1


def test_byte_counting_is_read_again_at_intervals_while_unknown(learner: Desk) -> None:
    learner.mailboxes.put(much_sent(learner))
    for name in "abc":
        learner.permit(learner.transfer(name)).release()
    assert learner.mailboxes.lessons == 1
    learner.clock.advance(COUNTING_PAUSE)
    learner.permit(learner.transfer("d"))
    assert learner.mailboxes.lessons == 2


def test_an_entry_written_too_late_for_the_listing_is_admitted_all_the_same(desk: Desk) -> None:
    """Whoever left it was told that the line is known of, just before it was taken for empty."""
    permit = desk.permit(desk.transfer("a", item="i"))
    late = Waiting("b" * 32, "of another item", desk.clock.now())
    desk.mailboxes.put(replace(desk.mailboxes.state, queued=True))

    def come_late() -> None:
        desk.mailboxes.before_save = None
        desk.mailboxes.enqueue(MAILBOX, late)

    desk.mailboxes.before_save = come_late
    permit.release()
    assert desk.admitted == [late.transfer]
    assert desk.mailboxes.entries(MAILBOX, 9) == ()
