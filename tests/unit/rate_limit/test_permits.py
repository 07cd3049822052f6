"""Turns: who may work on a mailbox, in which order, and that nobody gets more than Outlook allows."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.engine.process import Deferred
from shared.rate_limit import permits, wait_queue, window
from shared.rate_limit.limits import Limits
from shared.rate_limit.mailbox import Mailbox, Slot, Spent, Waiting
from shared.rate_limit.permits import Change, PermitRequest

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
LIMITS = Limits(window_bytes=1000, window_seconds=300, window_margin=0, least_grant=40, unconfirmed=40, kept_entries=3)


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def asked(name: str, need: int = 100, item: str | None = None, **more: object) -> PermitRequest:
    return replace(PermitRequest(name, f"run of {name}", item or f"item of {name}", need), **more)  # type: ignore[arg-type]


def after_acquiring(mailbox: Mailbox, *wants: PermitRequest, now: datetime = NOW) -> Mailbox:
    """The mailbox once all of these have after_acquiring."""
    for want in wants:
        change = permits.acquire(mailbox, want, now, LIMITS)
        assert isinstance(change.outcome, Slot), want
        mailbox = change.mailbox
    return mailbox


def held(mailbox: Mailbox, name: str) -> Slot:
    slot = mailbox.slot_of(name)
    assert slot is not None
    return slot


def refused(change: Change) -> Deferred:
    assert isinstance(change.outcome, Deferred)
    return change.outcome


def in_queue(mailbox: Mailbox, *wants: PermitRequest) -> Mailbox:
    """The mailbox with these in its line, each of which has come for nothing."""
    for want in wants:
        change = permits.acquire(mailbox, want, NOW, LIMITS)
        assert not refused(change).known
        assert change.mailbox.queued
        mailbox, _ = wait_queue.refilled(change.mailbox, (permits.wait_entry(want),), NOW, LIMITS)
    return mailbox


def full(mailbox: Mailbox | None = None) -> Mailbox:
    return after_acquiring(mailbox or Mailbox(), *(asked(name, 10) for name in "abcd"))


def test_a_lone_transfer_gets_a_slot_all_its_bytes_and_its_items_lock() -> None:
    change = permits.acquire(Mailbox(), asked("a", 700), NOW, LIMITS)
    assert change.outcome == Slot("a", "run of a", at(30), 700, 0, "item of a")
    assert change.mailbox == Mailbox(slots=(held(change.mailbox, "a"),))
    assert change.admitted == ()


def test_an_empty_window_takes_a_file_that_is_larger_than_the_window() -> None:
    assert held(after_acquiring(Mailbox(), asked("a", 1005)), "a").granted == 1005


def test_a_window_that_is_not_empty_takes_what_fits() -> None:
    mailbox = after_acquiring(Mailbox(spent=(Spent(at(100), 300),)), asked("a", 1005))
    assert held(mailbox, "a").granted == 700


def test_four_slots_are_granted_and_the_mailbox_records_that_others_wait() -> None:
    change = permits.acquire(full(), asked("e", 10), NOW, LIMITS)
    deferred = refused(change)
    assert not deferred.known
    assert NOW < deferred.until <= at(LIMITS.recheck * 1.25)
    assert change.mailbox == replace(full(), queued=True)
    assert permits.acquire(change.mailbox, asked("f", 10), NOW, LIMITS).mailbox == change.mailbox


def test_a_release_admits_the_first_of_the_wait_queue_and_reserves_the_slot_for_it() -> None:
    mailbox = in_queue(full(), asked("e", 10), asked("f", 10))
    change = permits.release(mailbox, held(mailbox, "b"), 10, None, at(1), LIMITS)
    assert change.admitted == ("e",)
    assert held(change.mailbox, "e") == Slot("e", None, at(1 + LIMITS.admission))
    assert change.mailbox.line == (Waiting("f"),)
    newcomer = permits.acquire(change.mailbox, asked("g", 10), at(2), LIMITS)
    assert not refused(newcomer).known
    came = permits.acquire(change.mailbox, asked("e", 10), at(2), LIMITS)
    assert held(came.mailbox, "e").run == "run of e"
    assert came.was_admitted


def test_an_admitted_transfer_that_does_not_run_loses_its_slot_to_the_next() -> None:
    mailbox = in_queue(full(), asked("e", 10), asked("f", 10))
    mailbox = permits.release(mailbox, held(mailbox, "b"), 10, None, at(1), LIMITS).mailbox
    change = permits.acquire(mailbox, asked("f", 10), at(2 + LIMITS.admission), LIMITS)
    assert isinstance(change.outcome, Slot)
    assert not change.was_admitted


def test_a_new_transfer_goes_behind_the_wait_queue_and_admits_it() -> None:
    mailbox = replace(full().without_slot("a"), line=(Waiting("x"), Waiting("y")))
    change = permits.acquire(mailbox, asked("new", 10), NOW, LIMITS)
    assert not refused(change).known
    assert change.admitted == ("x",)
    assert change.mailbox.line == (Waiting("y"),)
    assert change.mailbox.queued


def test_asking_again_keeps_the_position_in_the_wait_queue() -> None:
    mailbox = replace(full(), line=(Waiting("x"), Waiting("y")))
    assert permits.acquire(mailbox, asked("x", 10), NOW, LIMITS).mailbox == mailbox


def test_a_dead_holders_slot_is_free_once_its_lease_expires() -> None:
    change = permits.acquire(full(), asked("e", 10), at(30), LIMITS)
    assert isinstance(change.outcome, Slot)


def test_a_slot_that_is_renewed_stays() -> None:
    mailbox = full()
    mailbox = permits.renew(mailbox, held(mailbox, "a"), 4, at(20), LIMITS).mailbox
    assert held(mailbox, "a") == Slot("a", "run of a", at(50), 6, 4, "item of a")
    assert sum(spent.size for spent in mailbox.spent) == 4


def test_a_holder_whose_lease_expired_gets_its_slot_back_when_it_renews() -> None:
    slot = held(full(), "a")
    mailbox = permits.renew(Mailbox(), slot, 4, at(400), LIMITS).mailbox
    assert held(mailbox, "a").granted == 6


def test_one_transfer_locks_an_items_commits_and_another_sends_beside_it() -> None:
    mailbox = after_acquiring(Mailbox(), asked("a", item="i"), asked("b", item="i"))
    assert held(mailbox, "a").item == "i"
    assert held(mailbox, "b").item is None


def test_a_transfer_that_only_commits_waits_for_its_items_lock_and_is_admitted_when_it_is_free() -> None:
    mailbox = after_acquiring(Mailbox(), asked("a", item="i"), asked("b", item="j"))
    mailbox = in_queue(mailbox, asked("p", item="i", whole=True, commits=True))
    other = permits.release(mailbox, held(mailbox, "b"), 0, None, at(1), LIMITS)
    assert other.admitted == ()
    own = permits.release(other.mailbox, held(other.mailbox, "a"), 0, None, at(2), LIMITS)
    assert own.admitted == ("p",)
    assert held(own.mailbox, "p").item == "i"


def test_an_item_is_locked_before_the_commit_once_it_is_free() -> None:
    mailbox = after_acquiring(Mailbox(), asked("a", item="i"), asked("b", item="i"))
    want = asked("b", item="i")
    assert refused(permits.lock_item(mailbox, held(mailbox, "b"), want, 0, at(1), LIMITS))
    mailbox = permits.release(mailbox, held(mailbox, "a"), 0, None, at(2), LIMITS).mailbox
    change = permits.lock_item(mailbox, held(mailbox, "b"), want, 0, at(3), LIMITS)
    assert isinstance(change.outcome, Slot)
    assert held(change.mailbox, "b").item == "i"


def test_the_items_lock_is_kept_for_the_running_transfer_that_asked_for_it() -> None:
    mailbox = after_acquiring(Mailbox(), asked("a", item="i"), asked("b", item="i"))
    mailbox = permits.lock_item(mailbox, held(mailbox, "b"), asked("b", item="i"), 0, at(1), LIMITS).mailbox
    assert held(mailbox, "b").wants == "i"
    mailbox = permits.release(mailbox, held(mailbox, "a"), 0, None, at(2), LIMITS).mailbox
    post = asked("p", item="i", whole=True, commits=True)
    assert not refused(permits.acquire(mailbox, post, at(2), LIMITS)).known
    change = permits.lock_item(mailbox, held(mailbox, "b"), asked("b", item="i"), 0, at(3), LIMITS)
    assert held(change.mailbox, "b").item == "i"
    assert held(change.mailbox, "b").wants is None


def test_a_full_window_defers_each_new_transfer_to_its_own_time_in_order_of_arrival() -> None:
    mailbox = Mailbox(spent=(Spent(at(100), 400), Spent(at(200), 600)))
    times = []
    for name in "abcde":
        change = permits.acquire(mailbox, asked(name, 200), NOW, LIMITS)
        deferred = refused(change)
        assert deferred.known
        times.append((deferred.until - NOW).total_seconds())
        mailbox = change.mailbox
    assert times == [100, 100, 200, 200, 200]


def test_promised_bytes_are_not_granted_to_a_new_transfer() -> None:
    mailbox = Mailbox(spent=(Spent(at(100), 950),))
    mailbox = permits.acquire(mailbox, asked("first", 300), NOW, LIMITS).mailbox
    later = permits.acquire(mailbox, asked("newcomer", 700), at(1), LIMITS)
    assert refused(later).until == at(100)
    first = permits.acquire(mailbox, asked("first", 300, waited=True), at(100), LIMITS)
    assert held(first.mailbox, "first").granted == 300
    assert window.promised(first.mailbox) == 0


def test_a_promise_that_is_not_taken_up_lapses() -> None:
    mailbox = permits.acquire(Mailbox(spent=(Spent(at(10), 1000),)), asked("a", 900), NOW, LIMITS).mailbox
    assert isinstance(permits.acquire(mailbox, asked("b", 900), at(100), LIMITS).outcome, Slot)


def test_part_of_a_large_file_is_sent_with_what_is_left_of_a_window() -> None:
    mailbox = after_acquiring(Mailbox(spent=(Spent(at(200), 950),)), asked("a", 400))
    assert held(mailbox, "a").granted == 50


def test_a_grant_too_small_to_start_with_is_deferred() -> None:
    change = permits.acquire(Mailbox(spent=(Spent(at(200), 970),)), asked("a", 400), NOW, LIMITS)
    assert refused(change).until == at(200)


def test_a_file_that_goes_in_one_request_waits_for_all_of_it() -> None:
    mailbox = Mailbox(spent=(Spent(at(200), 950),))
    assert refused(permits.acquire(mailbox, asked("a", 60, whole=True), NOW, LIMITS)).until == at(200)


def test_a_slightly_longer_wait_makes_one_run_of_two() -> None:
    mailbox = Mailbox(spent=(Spent(at(100), 500), Spent(at(108), 500)))
    assert refused(permits.acquire(mailbox, asked("a", 900), NOW, LIMITS)).until == at(108)
    mailbox = Mailbox(spent=(Spent(at(100), 500), Spent(at(150), 500)))
    assert refused(permits.acquire(mailbox, asked("a", 900), NOW, LIMITS)).until == at(100)


def test_a_run_that_used_up_its_grant_gets_more_as_soon_as_it_fits() -> None:
    mailbox = after_acquiring(Mailbox(spent=(Spent(at(20), 950),)), asked("a", 400))
    slot, want = held(mailbox, "a"), asked("a", 350, offset=50, waited=True)
    change = permits.extend(mailbox, slot, want, 50, at(5), LIMITS)
    assert refused(change).until == at(20)
    change = permits.extend(change.mailbox, held(change.mailbox, "a"), want, 0, at(20), LIMITS)
    assert held(change.mailbox, "a").granted == 350


def test_a_transfer_that_has_begun_goes_before_new_ones() -> None:
    mailbox = after_acquiring(Mailbox(spent=(Spent(at(20), 950),)), asked("a", 400))
    more = permits.extend(mailbox, held(mailbox, "a"), asked("a", 350, offset=50, waited=True), 50, at(5), LIMITS)
    mailbox = permits.release(more.mailbox, held(more.mailbox, "a"), 0, None, at(6), LIMITS).mailbox
    assert window.promised(mailbox) == 350
    newcomer = permits.acquire(mailbox, asked("b", 700), at(21), LIMITS)
    assert held(newcomer.mailbox, "b").granted == 1000 - 50 - 350


def test_a_retry_after_closes_the_mailbox_for_every_run_but_not_for_ever() -> None:
    mailbox = after_acquiring(Mailbox(), asked("a"))
    mailbox = permits.release(mailbox, held(mailbox, "a"), 0, at(40), at(1), LIMITS).mailbox
    assert at(40) <= refused(permits.acquire(mailbox, asked("b"), at(2), LIMITS)).until <= at(43)
    assert isinstance(permits.acquire(mailbox, asked("b"), at(40), LIMITS).outcome, Slot)
    day = permits.release(
        after_acquiring(Mailbox(), asked("a")),
        held(after_acquiring(Mailbox(), asked("a")), "a"),
        0,
        at(86400),
        NOW,
        LIMITS,
    )
    assert day.mailbox.closed_until == at(LIMITS.longest_closed)


def test_a_closed_mailbox_admits_no_transfer() -> None:
    mailbox = replace(full(), line=(Waiting("x"),))
    assert permits.release(mailbox, held(mailbox, "a"), 0, at(40), at(1), LIMITS).admitted == ()


def test_a_transfer_whose_run_died_gets_back_what_was_surely_not_sent() -> None:
    mailbox = after_acquiring(Mailbox(), asked("a", 900))
    back = asked("a", 600, offset=300, waited=True)
    mailbox = after_acquiring(mailbox, replace(back, run="next run"), now=at(25))
    assert held(mailbox, "a") == Slot("a", "next run", at(55), 600, 300, "item of a")
    assert sum(spent.size for spent in mailbox.spent) == 300 + LIMITS.unconfirmed


def test_a_dead_runs_grant_counts_as_sent_until_its_transfer_comes_back() -> None:
    mailbox = after_acquiring(Mailbox(), asked("a", 980))
    assert refused(permits.acquire(mailbox, asked("b", 200), at(40), LIMITS)).until == at(30 + 300)


def test_a_run_that_ends_late_does_not_release_the_next_runs_slot() -> None:
    mailbox = after_acquiring(Mailbox(), asked("a", 100))
    old = held(mailbox, "a")
    mailbox = after_acquiring(mailbox, replace(asked("a", 100, waited=True), run="next run"))
    mailbox = permits.release(mailbox, old, 10, None, at(1), LIMITS).mailbox
    assert held(mailbox, "a").run == "next run"


def test_a_run_that_sends_nothing_needs_a_slot_only() -> None:
    mailbox = Mailbox(spent=(Spent(at(200), 1000),))
    assert held(after_acquiring(mailbox, asked("a", 0)), "a").granted == 0


@pytest.mark.parametrize("seed", range(25))
def test_in_any_order_no_more_is_granted_than_outlook_allows(seed: int) -> None:
    """Random transfers on one mailbox, some killed: never more than the places, the item, or the window allow."""
    scenario = _Simulation(random.Random(seed))
    scenario.tell()
    assert scenario.most_at_once <= LIMITS.slots
    assert scenario.most_in_a_window <= LIMITS.window_bytes
    assert not scenario.shared_commits
    assert scenario.finished == scenario.begun


class _Simulation:
    """Transfers come, send piece by piece, wait, die and come back, until each has sent all of its bytes."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.mailbox = Mailbox()
        self.begun, self.finished = 30, 0
        self.most_at_once = self.most_in_a_window = 0
        self.shared_commits = False
        self.sent: list[tuple[datetime, int]] = []
        self.left = {f"t{number}": dice.choice([5, 60, 300, 900]) for number in range(self.begun)}
        self.size = dict(self.left)
        self.due = {name: at(dice.uniform(0, 60)) for name in self.left}
        self.waited: set[str] = set()
        self.holding: dict[str, Slot] = {}
        self.sending: dict[str, int] = {}
        self.runs = 0

    def tell(self) -> None:
        while self.due:
            name = min(self.due, key=lambda one: self.due[one])
            now = self.due.pop(name)
            assert now < at(100_000), "it does not end"
            self.go(name, now)
            items = [slot.item for slot in self.mailbox.live(now) if slot.item]
            self.shared_commits |= len(items) != len(set(items))
            self.most_at_once = max(self.most_at_once, len(self.holding))

    def go(self, name: str, now: datetime) -> None:
        if name in self.sending:
            self.end(name, self.sending.pop(name), now)
        elif name in self.holding:
            self.send(name, now)
        else:
            self.acquire(name, now)

    def acquire(self, name: str, now: datetime) -> None:
        self.runs += 1
        offset = self.size[name] - self.left[name]
        want = PermitRequest(
            name, f"run {self.runs}", f"item {name[-1]}", self.left[name], offset, waited=name in self.waited
        )
        change = permits.acquire(self.mailbox, want, now, LIMITS)
        self.take(change, now)
        if isinstance(change.outcome, Slot):
            self.holding[name] = change.outcome
            self.due[name] = now
            return
        deferred = refused(change)
        self.due[name] = max(deferred.until, now + timedelta(seconds=1))
        self.waited |= {name} if deferred.known else set()

    def send(self, name: str, now: datetime) -> None:
        """A request begins; or the worker is killed, and somebody else takes over once its lease is over."""
        if self.dice.random() < 0.05:
            del self.holding[name]
            self.due[name] = now + timedelta(seconds=LIMITS.lease)
            self.waited.add(name)
            return
        piece = self.sending[name] = min(self.left[name], 30, self.holding[name].granted)
        self.sent.append((now, piece))
        began = now - timedelta(seconds=LIMITS.window_seconds)
        self.most_in_a_window = max(self.most_in_a_window, sum(size for moment, size in self.sent if moment > began))
        self.due[name] = now + timedelta(seconds=self.dice.uniform(0.5, 3))

    def end(self, name: str, piece: int, now: datetime) -> None:
        """The request is answered: go on, or leave where nothing is left to send or to send with."""
        self.left[name] -= piece
        slot = self.holding[name]
        if self.left[name] and slot.granted > piece:
            self.take(permits.renew(self.mailbox, slot, piece, now, LIMITS), now)
            self.holding[name] = held(self.mailbox, name)
            self.due[name] = now
            return
        del self.holding[name]
        self.take(permits.release(self.mailbox, slot, piece, None, now, LIMITS), now)
        if self.left[name]:
            self.waited.add(name)
            self.due[name] = now
        else:
            self.finished += 1

    def take(self, change: Change, now: datetime) -> None:
        self.mailbox = change.mailbox
        for admitted in change.admitted:
            self.due[admitted] = now
