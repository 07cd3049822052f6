"""Turns: who may work on a mailbox, in which order, and that nobody gets more than Outlook allows."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.rate_limit import permits, wait_queue, window
from shared.rate_limit.limits import Limits
from shared.rate_limit.mailbox import Mailbox, Slot, Spent, Waiting
from shared.rate_limit.permits import Change, Deferred, PermitRequest

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
LIMITS = Limits(window_bytes=1000, window_seconds=300, window_margin=0, least_grant=40, doubt=40, line=3)


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def asked(name: str, need: int = 100, item: str | None = None, **more: object) -> PermitRequest:
    return replace(PermitRequest(name, f"run of {name}", item or f"item of {name}", need), **more)  # type: ignore[arg-type]


def entered(mailbox: Mailbox, *wants: PermitRequest, now: datetime = NOW) -> Mailbox:
    """The mailbox once all of these have entered."""
    for want in wants:
        change = permits.enter(mailbox, want, now, LIMITS)
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


def in_line(mailbox: Mailbox, *wants: PermitRequest) -> Mailbox:
    """The mailbox with these in its line, each of which has come for nothing."""
    for want in wants:
        change = permits.enter(mailbox, want, NOW, LIMITS)
        assert not refused(change).known
        assert change.mailbox.queued
        mailbox, _ = wait_queue.filled(change.mailbox, (permits.waiting(want),), NOW, LIMITS)
    return mailbox


def full(mailbox: Mailbox | None = None) -> Mailbox:
    return entered(mailbox or Mailbox(), *(asked(name, 10) for name in "abcd"))


def test_a_lone_transfer_gets_a_place_all_its_bytes_and_its_item() -> None:
    change = permits.enter(Mailbox(), asked("a", 700), NOW, LIMITS)
    assert change.outcome == Slot("a", "run of a", at(30), 700, 0, "item of a")
    assert change.mailbox == Mailbox(slots=(held(change.mailbox, "a"),))
    assert change.calls == ()


def test_an_empty_window_takes_a_file_that_is_larger_than_the_window() -> None:
    assert held(entered(Mailbox(), asked("a", 1005)), "a").granted == 1005


def test_a_window_that_is_not_empty_takes_what_fits() -> None:
    mailbox = entered(Mailbox(spent=(Spent(at(100), 300),)), asked("a", 1005))
    assert held(mailbox, "a").granted == 700


def test_four_work_at_once_and_the_mailbox_knows_that_others_wait() -> None:
    change = permits.enter(full(), asked("e", 10), NOW, LIMITS)
    later = refused(change)
    assert not later.known
    assert NOW < later.until <= at(LIMITS.recheck * 1.25)
    assert change.mailbox == replace(full(), queued=True)
    assert permits.enter(change.mailbox, asked("f", 10), NOW, LIMITS).mailbox == change.mailbox


def test_whoever_leaves_calls_the_first_in_the_line_and_keeps_the_place_for_it() -> None:
    mailbox = in_line(full(), asked("e", 10), asked("f", 10))
    change = permits.leave(mailbox, held(mailbox, "b"), 10, None, at(1), LIMITS)
    assert change.calls == ("e",)
    assert held(change.mailbox, "e") == Slot("e", None, at(1 + LIMITS.call))
    assert change.mailbox.line == (Waiting("f"),)
    newcomer = permits.enter(change.mailbox, asked("g", 10), at(2), LIMITS)
    assert not refused(newcomer).known
    came = permits.enter(change.mailbox, asked("e", 10), at(2), LIMITS)
    assert held(came.mailbox, "e").run == "run of e"
    assert came.was_called


def test_a_called_transfer_that_does_not_come_loses_its_place_to_the_next() -> None:
    mailbox = in_line(full(), asked("e", 10), asked("f", 10))
    mailbox = permits.leave(mailbox, held(mailbox, "b"), 10, None, at(1), LIMITS).mailbox
    change = permits.enter(mailbox, asked("f", 10), at(2 + LIMITS.call), LIMITS)
    assert isinstance(change.outcome, Slot)
    assert not change.was_called


def test_a_newcomer_goes_behind_the_line_and_calls_it() -> None:
    mailbox = replace(full().without_slot("a"), line=(Waiting("x"), Waiting("y")))
    change = permits.enter(mailbox, asked("new", 10), NOW, LIMITS)
    assert not refused(change).known
    assert change.calls == ("x",)
    assert change.mailbox.line == (Waiting("y"),)
    assert change.mailbox.queued


def test_looking_again_does_not_cost_the_position_in_the_line() -> None:
    mailbox = replace(full(), line=(Waiting("x"), Waiting("y")))
    assert permits.enter(mailbox, asked("x", 10), NOW, LIMITS).mailbox == mailbox


def test_a_dead_holders_place_is_free_once_its_lease_is_over() -> None:
    change = permits.enter(full(), asked("e", 10), at(30), LIMITS)
    assert isinstance(change.outcome, Slot)


def test_a_place_that_is_renewed_stays() -> None:
    mailbox = full()
    mailbox = permits.renew(mailbox, held(mailbox, "a"), 4, at(20), LIMITS).mailbox
    assert held(mailbox, "a") == Slot("a", "run of a", at(50), 6, 4, "item of a")
    assert sum(spent.size for spent in mailbox.spent) == 4


def test_a_holder_that_was_given_up_for_dead_comes_back_when_it_tells() -> None:
    slot = held(full(), "a")
    mailbox = permits.renew(Mailbox(), slot, 4, at(400), LIMITS).mailbox
    assert held(mailbox, "a").granted == 6


def test_one_transfer_has_an_items_commits_and_another_sends_beside_it() -> None:
    mailbox = entered(Mailbox(), asked("a", item="i"), asked("b", item="i"))
    assert held(mailbox, "a").item == "i"
    assert held(mailbox, "b").item is None


def test_a_transfer_that_only_commits_waits_for_its_item_and_is_called_when_it_is_free() -> None:
    mailbox = entered(Mailbox(), asked("a", item="i"), asked("b", item="j"))
    mailbox = in_line(mailbox, asked("p", item="i", whole=True, commits=True))
    other = permits.leave(mailbox, held(mailbox, "b"), 0, None, at(1), LIMITS)
    assert other.calls == ()
    own = permits.leave(other.mailbox, held(other.mailbox, "a"), 0, None, at(2), LIMITS)
    assert own.calls == ("p",)
    assert held(own.mailbox, "p").item == "i"


def test_an_items_commits_are_claimed_before_the_commit_once_they_are_free() -> None:
    mailbox = entered(Mailbox(), asked("a", item="i"), asked("b", item="i"))
    want = asked("b", item="i")
    assert refused(permits.claim(mailbox, held(mailbox, "b"), want, 0, at(1), LIMITS))
    mailbox = permits.leave(mailbox, held(mailbox, "a"), 0, None, at(2), LIMITS).mailbox
    change = permits.claim(mailbox, held(mailbox, "b"), want, 0, at(3), LIMITS)
    assert isinstance(change.outcome, Slot)
    assert held(change.mailbox, "b").item == "i"


def test_commits_are_kept_for_whoever_asked_for_them_and_is_at_work() -> None:
    mailbox = entered(Mailbox(), asked("a", item="i"), asked("b", item="i"))
    mailbox = permits.claim(mailbox, held(mailbox, "b"), asked("b", item="i"), 0, at(1), LIMITS).mailbox
    assert held(mailbox, "b").wants == "i"
    mailbox = permits.leave(mailbox, held(mailbox, "a"), 0, None, at(2), LIMITS).mailbox
    post = asked("p", item="i", whole=True, commits=True)
    assert not refused(permits.enter(mailbox, post, at(2), LIMITS)).known
    change = permits.claim(mailbox, held(mailbox, "b"), asked("b", item="i"), 0, at(3), LIMITS)
    assert held(change.mailbox, "b").item == "i"
    assert held(change.mailbox, "b").wants is None


def test_a_full_window_tells_each_newcomer_its_own_time_in_the_order_they_came() -> None:
    mailbox = Mailbox(spent=(Spent(at(100), 400), Spent(at(200), 600)))
    times = []
    for name in "abcde":
        change = permits.enter(mailbox, asked(name, 200), NOW, LIMITS)
        later = refused(change)
        assert later.known
        times.append((later.until - NOW).total_seconds())
        mailbox = change.mailbox
    assert times == [100, 100, 200, 200, 200]


def test_what_was_promised_is_not_given_to_a_newcomer() -> None:
    mailbox = Mailbox(spent=(Spent(at(100), 950),))
    mailbox = permits.enter(mailbox, asked("first", 300), NOW, LIMITS).mailbox
    later = permits.enter(mailbox, asked("newcomer", 700), at(1), LIMITS)
    assert refused(later).until == at(100)
    first = permits.enter(mailbox, asked("first", 300, waited=True), at(100), LIMITS)
    assert held(first.mailbox, "first").granted == 300
    assert window.promised(first.mailbox) == 0


def test_a_promise_that_nobody_comes_for_lapses() -> None:
    mailbox = permits.enter(Mailbox(spent=(Spent(at(10), 1000),)), asked("a", 900), NOW, LIMITS).mailbox
    assert isinstance(permits.enter(mailbox, asked("b", 900), at(100), LIMITS).outcome, Slot)


def test_part_of_a_large_file_is_sent_with_what_is_left_of_a_window() -> None:
    mailbox = entered(Mailbox(spent=(Spent(at(200), 950),)), asked("a", 400))
    assert held(mailbox, "a").granted == 50


def test_less_than_is_worth_beginning_is_waited_out() -> None:
    change = permits.enter(Mailbox(spent=(Spent(at(200), 970),)), asked("a", 400), NOW, LIMITS)
    assert refused(change).until == at(200)


def test_a_file_that_goes_in_one_request_waits_for_all_of_it() -> None:
    mailbox = Mailbox(spent=(Spent(at(200), 950),))
    assert refused(permits.enter(mailbox, asked("a", 60, whole=True), NOW, LIMITS)).until == at(200)


def test_a_little_patience_makes_one_run_of_two() -> None:
    mailbox = Mailbox(spent=(Spent(at(100), 500), Spent(at(108), 500)))
    assert refused(permits.enter(mailbox, asked("a", 900), NOW, LIMITS)).until == at(108)
    mailbox = Mailbox(spent=(Spent(at(100), 500), Spent(at(150), 500)))
    assert refused(permits.enter(mailbox, asked("a", 900), NOW, LIMITS)).until == at(100)


def test_a_run_that_used_up_its_grant_gets_more_as_soon_as_it_fits() -> None:
    mailbox = entered(Mailbox(spent=(Spent(at(20), 950),)), asked("a", 400))
    slot, want = held(mailbox, "a"), asked("a", 350, offset=50, waited=True)
    change = permits.more(mailbox, slot, want, 50, at(5), LIMITS)
    assert refused(change).until == at(20)
    change = permits.more(change.mailbox, held(change.mailbox, "a"), want, 0, at(20), LIMITS)
    assert held(change.mailbox, "a").granted == 350


def test_whoever_has_begun_goes_before_newcomers() -> None:
    mailbox = entered(Mailbox(spent=(Spent(at(20), 950),)), asked("a", 400))
    more = permits.more(mailbox, held(mailbox, "a"), asked("a", 350, offset=50, waited=True), 50, at(5), LIMITS)
    mailbox = permits.leave(more.mailbox, held(more.mailbox, "a"), 0, None, at(6), LIMITS).mailbox
    assert window.promised(mailbox) == 350
    newcomer = permits.enter(mailbox, asked("b", 700), at(21), LIMITS)
    assert held(newcomer.mailbox, "b").granted == 1000 - 50 - 350


def test_a_retry_after_closes_the_mailbox_for_everybody_but_not_for_ever() -> None:
    mailbox = entered(Mailbox(), asked("a"))
    mailbox = permits.leave(mailbox, held(mailbox, "a"), 0, at(40), at(1), LIMITS).mailbox
    assert at(40) <= refused(permits.enter(mailbox, asked("b"), at(2), LIMITS)).until <= at(43)
    assert isinstance(permits.enter(mailbox, asked("b"), at(40), LIMITS).outcome, Slot)
    day = permits.leave(
        entered(Mailbox(), asked("a")), held(entered(Mailbox(), asked("a")), "a"), 0, at(86400), NOW, LIMITS
    )
    assert day.mailbox.closed_until == at(LIMITS.longest_closed)


def test_a_closed_mailbox_calls_nobody() -> None:
    mailbox = replace(full(), line=(Waiting("x"),))
    assert permits.leave(mailbox, held(mailbox, "a"), 0, at(40), at(1), LIMITS).calls == ()


def test_a_transfer_whose_run_died_gets_back_what_was_surely_not_sent() -> None:
    mailbox = entered(Mailbox(), asked("a", 900))
    back = asked("a", 600, offset=300, waited=True)
    mailbox = entered(mailbox, replace(back, run="next run"), now=at(25))
    assert held(mailbox, "a") == Slot("a", "next run", at(55), 600, 300, "item of a")
    assert sum(spent.size for spent in mailbox.spent) == 300 + LIMITS.doubt


def test_a_dead_runs_grant_counts_as_sent_while_nobody_knows_better() -> None:
    mailbox = entered(Mailbox(), asked("a", 980))
    assert refused(permits.enter(mailbox, asked("b", 200), at(40), LIMITS)).until == at(30 + 300)


def test_a_run_that_ends_late_does_not_take_the_next_runs_place() -> None:
    mailbox = entered(Mailbox(), asked("a", 100))
    old = held(mailbox, "a")
    mailbox = entered(mailbox, replace(asked("a", 100, waited=True), run="next run"))
    mailbox = permits.leave(mailbox, old, 10, None, at(1), LIMITS).mailbox
    assert held(mailbox, "a").run == "next run"


def test_a_run_that_sends_nothing_needs_a_place_only() -> None:
    mailbox = Mailbox(spent=(Spent(at(200), 1000),))
    assert held(entered(mailbox, asked("a", 0)), "a").granted == 0


@pytest.mark.parametrize("seed", range(25))
def test_whatever_the_order_nobody_gets_more_than_outlook_allows(seed: int) -> None:
    """Random transfers on one mailbox, some killed: never more than the places, the item, or the window allow."""
    story = _Story(random.Random(seed))
    story.tell()
    assert story.most_at_once <= LIMITS.slots
    assert story.most_in_a_window <= LIMITS.window_bytes
    assert not story.shared_commits
    assert story.finished == story.begun


class _Story:
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
            self.enter(name, now)

    def enter(self, name: str, now: datetime) -> None:
        self.runs += 1
        offset = self.size[name] - self.left[name]
        want = PermitRequest(
            name, f"run {self.runs}", f"item {name[-1]}", self.left[name], offset, waited=name in self.waited
        )
        change = permits.enter(self.mailbox, want, now, LIMITS)
        self.take(change, now)
        if isinstance(change.outcome, Slot):
            self.holding[name] = change.outcome
            self.due[name] = now
            return
        later = refused(change)
        self.due[name] = max(later.until, now + timedelta(seconds=1))
        self.waited |= {name} if later.known else set()

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
        self.take(permits.leave(self.mailbox, slot, piece, None, now, LIMITS), now)
        if self.left[name]:
            self.waited.add(name)
            self.due[name] = now
        else:
            self.finished += 1

    def take(self, change: Change, now: datetime) -> None:
        self.mailbox = change.mailbox
        for called in change.calls:
            self.due[called] = now
