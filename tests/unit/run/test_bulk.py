"""Commands for many, acknowledgements and corrected files: cut short, refused by storage, or met by others anywhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from typing import TypeVar

import pytest

from shared.core.errors import Code
from shared.core.model import Failure, State, Transfer
from shared.engine.checkpoint import LEASE_SECONDS
from shared.engine.continuation import Continuation
from shared.intake.accept import transfer_for
from shared.intake.mailboxes import AllowedMailboxes
from shared.run.bulk import BATCH, BulkCommands
from shared.run.commands import Accepted, Commands
from shared.run.renewal import FileRenewal
from shared.run.runner import TransferRunner
from shared.storage.listing import ContinuationInvalid, Page
from shared.storage.operations import Action, Operation, Outcome, Row
from shared.storage.places import Wanted
from shared.storage.ports import Checkpoint, Dropped, StorageUnavailable
from tests.storage.memory_operations import MemoryOperations
from tests.unit.run.stage import MAILBOX, Stage

T = TypeVar("T")

DENIED = Failure(Code.ACCESS_DENIED, "The app may not write to this mailbox.")
AT_MOST = 90
"""Calls of an operation on a few transfers, more than any makes."""


class KilledError(BaseException):
    """The process ends here."""


class Index:
    """Implements `OutcomeIndex` and `Outcomes`: the failed list."""

    def __init__(self, gate: Callable[..., object]) -> None:
        self.failed: set[str] = set()
        self._gate = gate

    def notify(self, checkpoint: Checkpoint) -> None:
        transfer = checkpoint.instance
        is_open = transfer.state is State.FAILED and transfer.acknowledged is None
        change = self.failed.add if is_open else self.failed.discard
        self._gate("index.notify", lambda: change(transfer.id))

    def forget(self, transfer: Transfer) -> None:
        self._gate("index.forget", lambda: self.failed.discard(transfer.id))


class Office(Stage):
    """A stage with an index, and with something that goes wrong at the call number `at`, from `begun` on."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.begun = False
        self.before: Callable[[int], None] = lambda _: None
        self.after: Callable[[int], None] = lambda _: None

        def gate(called: str, effect: Callable[[], T], /) -> T:
            if not self.begun:
                return effect()
            number = len(self.calls)
            self.calls.append(called)
            self.before(number)
            answer = effect()
            self.after(number)
            return answer

        super().__init__(gate)
        self.index = Index(gate)
        self.edges = replace(self.edges, outcomes=self.index)
        self.runs = TransferRunner(self.edges)
        writes = count(1)
        self.renewal = FileRenewal(self.sources, self.runs, self._found, self.clock)
        self.commands = Commands(
            self.checkpoints, self.queue, self.index, self.clock, lambda: f"c-{next(writes)}", renewal=self.renewal
        )
        self.operations = MemoryOperations(gate)
        self.asked: list[tuple[str, float]] = []
        ids = count(1)
        self.bulk = BulkCommands(
            operations=self.operations,
            commands=self.commands,
            checkpoints=self.checkpoints,
            pages=self.page,
            ask=lambda operation, delay: gate("operation.ask", lambda: self.asked.append((operation, delay))),
            clock=self.clock,
            new_id=lambda: f"{next(ids):032x}",
            workers=1,
        )
        self.page_size = 3

    def _found(self, dropped: Dropped) -> Transfer | None:
        return transfer_for(dropped, AllowedMailboxes(), self.clock.now())

    def page(self, wanted: Wanted, limit: int, continuation: str | None, _now: datetime) -> Page:
        """The failed ones, a few at a time."""
        assert wanted.state == "failed"
        if continuation == "stale":
            raise ContinuationInvalid
        there = sorted(self.index.failed)
        begin = int(continuation or 0)
        end = begin + min(limit, self.page_size)
        transfers = tuple(self.now_is(one) for one in there[begin:end])
        return Page(transfers, (), str(end) if end < len(there) else None)

    def failing(self, blob: str = "a.bin", failure: Failure = DENIED, **metadata: str) -> Transfer:
        """A transfer that has failed, and is listed so."""
        made = self.transfer(b"content", blob, **metadata)
        over = replace(made, state=State.FAILED, failure=made.failure or failure, finished_at=self.clock.now(), runs=1)
        self.checkpoints.create(Checkpoint(over, None, "put"))
        self.index.failed.add(over.id)
        return over

    def sweep(self) -> None:
        """What the sweep does about every entry that is left."""
        self.begun = False
        self.clock.sleep(LEASE_SECONDS + 2)
        for entry in sorted(self.checkpoints.marks):
            self.runs.carry_on(Continuation(entry.partition("-")[0]))

    def carried_out(self, operation_id: str) -> Operation:
        """The operation, once no message asks for a worker of it any more."""
        for _ in range(50):
            if not self.asked:
                stored = self.operations.load(operation_id)
                assert stored is not None
                return stored.operation
            operation, delay = self.asked.pop(0)
            self.clock.sleep(delay)
            self.bulk.carry_on(operation)
        raise AssertionError("no end of messages")


def killed(office: Office, at: int) -> None:
    def before(number: int) -> None:
        if number == at:
            raise KilledError

    office.before = before


def unanswered(office: Office, at: int, *, done: bool) -> None:
    """Storage does not answer the call number `at`, which has been carried out or not."""

    def refuse(number: int) -> None:
        if number == at:
            raise StorageUnavailable("no answer")

    if done:
        office.after = refuse
    else:
        office.before = refuse


# --- acknowledge ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", range(8))
def test_an_acknowledgement_that_is_cut_short_is_whole_or_not_at_all_once_the_sweep_was_there(at: int) -> None:
    office = Office()
    failed = office.failing()
    killed(office, at)
    office.begun = True
    try:
        office.commands.acknowledge(failed.id, "Sent by hand.", "ann@example.org")
    except KilledError:
        pass
    else:
        assert at >= len(office.calls)
    office.sweep()
    is_noted = office.now_is(failed.id).acknowledged is not None
    assert (failed.id in office.index.failed) != is_noted
    assert office.checkpoints.marks == {}


@pytest.mark.parametrize("done", [True, False])
@pytest.mark.parametrize("at", range(5))
def test_an_acknowledgement_that_storage_did_not_answer_can_be_said_again(at: int, done: bool) -> None:
    office = Office()
    failed = office.failing()
    unanswered(office, at, done=done)
    office.begun = True
    with pytest.raises(StorageUnavailable):
        office.commands.acknowledge(failed.id, "Sent by hand.")
    assert isinstance(office.commands.acknowledge(failed.id, "Sent by hand."), Accepted)
    office.sweep()
    assert failed.id not in office.index.failed
    assert office.checkpoints.marks == {}


def test_the_entry_of_somebody_who_is_carrying_out_the_end_stays() -> None:
    office = Office()
    failed = office.failing()
    office.checkpoints.add_unfinished_entry(failed.id)
    office.commands.acknowledge(failed.id, "Sent by hand.")
    assert set(office.checkpoints.marks) == {failed.id}


def test_a_retry_that_comes_between_is_not_overwritten_by_an_acknowledgement() -> None:
    office = Office()
    failed = office.failing()

    def retry(number: int) -> None:
        if number == 0:
            office.begun = False
            office.commands.retry(failed.id)

    office.after = retry
    office.begun = True
    office.commands.acknowledge(failed.id, "Sent by hand.")
    now = office.now_is(failed.id)
    assert (now.state, now.acknowledged, now.retries) == (State.PLANNED, None, 1)


# --- corrected files --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("done", [True, False, None])
@pytest.mark.parametrize("at", range(14))
def test_a_retry_of_a_corrected_file_that_is_cut_short_makes_one_successor_when_it_is_repeated(
    at: int, done: bool | None
) -> None:
    office = Office()
    failed = office.failing(messageid="")
    assert failed.plan.target is None
    office.sources.put("a.bin", b"content", {"mailbox": MAILBOX, "messageid": office.item.replace("%", "%25")})
    if done is None:
        killed(office, at)
    else:
        unanswered(office, at, done=done)
    office.begun = True
    try:
        office.commands.retry(failed.id)
    except (KilledError, StorageUnavailable):
        pass
    else:
        assert at >= len(office.calls)
    office.before = office.after = lambda _: None
    reply = office.commands.retry(failed.id)
    assert isinstance(reply, Accepted)
    assert reply.supersedes == failed.id
    older = office.now_is(failed.id)
    assert older.acknowledged is not None
    assert older.acknowledged.successor == reply.transfer.id
    assert len(office.checkpoints.blobs) == 2
    office.sweep()
    office.deliver_all()
    assert office.index.failed == set()
    assert office.attached() == [("a.bin", b"content")]
    assert office.checkpoints.marks == {}


def test_a_commit_in_doubt_is_looked_for_before_a_newer_file_is_tried() -> None:
    office = Office()
    doubtful = office.failing(failure=Failure(Code.COMMIT_IN_DOUBT, "It may be there."))
    office.sources.put("a.bin", b"other", {"mailbox": MAILBOX, "messageid": office.item.replace("%", "%25")})
    assert office.renewal.newer(doubtful) is None


# --- many -------------------------------------------------------------------------------------------------------------


def many(office: Office, rows: int = 5) -> list[Transfer]:
    return [office.failing(f"{number}.bin") for number in range(rows)]


@pytest.mark.parametrize("at", range(AT_MOST))
def test_an_operation_whose_worker_dies_anywhere_retries_each_transfer_once_and_tells_so(at: int) -> None:
    office = Office()
    failed = many(office)
    operation = office.bulk.start(Action.RETRY, Wanted(), 100)
    killed(office, at)
    office.begun = True
    message = office.asked.pop(0)
    try:
        office.bulk.carry_on(message[0])
    except KilledError:
        office.asked.append(message)  # the host delivers it again
    else:
        assert at >= len(office.calls)
    office.begun = False
    report = office.carried_out(operation.id)
    assert report.finished_at is not None
    assert [row.outcome for row in report.rows] == [Outcome.ACCEPTED] * len(failed)
    assert {office.now_is(one.id).retries for one in failed} == {1}
    assert {office.now_is(one.id).state for one in failed} == {State.PLANNED}


@pytest.mark.parametrize("done", [True, False])
@pytest.mark.parametrize("at", range(0, AT_MOST, 2))
def test_an_operation_that_storage_leaves_unanswered_goes_on_by_itself(at: int, done: bool) -> None:
    office = Office()
    failed = many(office)
    operation = office.bulk.start(Action.RETRY, Wanted(), 100)
    unanswered(office, at, done=done)
    office.begun = True
    message = office.asked.pop(0)
    try:
        office.bulk.carry_on(message[0])
    except StorageUnavailable:  # not even a message could be sent: the host delivers this one again
        office.asked.append(message)
    office.begun = False
    report = office.carried_out(operation.id)
    assert report.finished_at is not None
    assert [row.outcome for row in report.rows] == [Outcome.ACCEPTED] * len(failed)
    assert {office.now_is(one.id).retries for one in failed} == {1}


@pytest.mark.parametrize("at", range(0, AT_MOST, 3))
def test_two_workers_of_one_operation_retry_nothing_twice(at: int) -> None:
    office = Office()
    failed = many(office)
    operation = office.bulk.start(Action.RETRY, Wanted(), 100)

    def other(number: int) -> None:
        if number == at:
            office.begun = False
            office.bulk.carry_on(operation.id)
            office.begun = True

    office.before = other
    office.begun = True
    office.bulk.carry_on(operation.id)
    office.begun = False
    office.asked.clear()
    stored = office.operations.load(operation.id)
    assert stored is not None
    assert stored.operation.finished_at is not None
    assert [row.outcome for row in stored.operation.rows] == [Outcome.ACCEPTED] * len(failed)
    assert {office.now_is(one.id).retries for one in failed} == {1}


def test_a_transfer_that_failed_again_meanwhile_is_not_retried_a_second_time() -> None:
    """A worker that died after its command left a row that looks as if it had had none."""
    office = Office()
    [failed] = many(office, 1)
    operation = office.bulk.start(Action.RETRY, Wanted(), 100)
    stored = office.operations.load(operation.id)
    assert stored is not None
    office.bulk.carry_on(operation.id)
    office.operations.blobs.clear()
    chosen = replace(stored.operation, rows=(pending(failed),), is_chosen=True)
    office.operations.create(chosen)
    again = office.checkpoints.peek(failed.id)
    assert again is not None
    over = replace(again.checkpoint.instance, state=State.FAILED, failure=DENIED, finished_at=office.clock.now())
    office.checkpoints.save(Checkpoint(over, None, "failed again"), again.etag)
    office.bulk.carry_on(operation.id)
    assert office.now_is(failed.id).retries == 1


def pending(transfer: Transfer) -> Row:
    return Row(transfer.id, transfer.plan.source.blob, transfer.retries)


def test_a_cancellation_of_what_was_retried_meanwhile_is_told_and_not_carried_out() -> None:
    office = Office()
    [failed] = many(office, 1)
    operation = office.bulk.start(Action.CANCEL, (failed.id,), 100)
    office.commands.retry(failed.id)
    stored = office.operations.load(operation.id)
    assert stored is not None
    chosen = replace(stored.operation, rows=(pending(failed),), is_chosen=True)
    office.operations.save(chosen, stored.etag)
    office.bulk.carry_on(operation.id)
    report = office.carried_out(operation.id)
    assert [(row.outcome, row.code) for row in report.rows] == [(Outcome.REJECTED, Code.TRANSFER_CHANGED)]
    assert not office.now_is(failed.id).cancel_requested


def test_no_more_than_the_limit_is_chosen_and_that_there_is_more_is_told() -> None:
    office = Office()
    many(office, 7)
    operation = office.bulk.start(Action.RETRY, Wanted(), 4)
    office.bulk.carry_on(operation.id)
    report = office.carried_out(operation.id)
    assert (len(report.rows), report.has_more) == (4, True)
    assert sum(office.now_is(one).retries for one in list(office.checkpoints.blobs)) == 4


def test_a_continuation_that_storage_takes_no_more_begins_the_choosing_anew_and_takes_nobody_twice() -> None:
    office = Office()
    failed = many(office, 5)
    operation = office.bulk.start(Action.RETRY, Wanted(), 100)
    stored = office.operations.load(operation.id)
    assert stored is not None
    begun = replace(stored.operation, rows=(pending(failed[0]),), continuation="stale")
    office.operations.save(begun, stored.etag)
    office.bulk.carry_on(operation.id)
    report = office.carried_out(operation.id)
    assert sorted(row.transfer_id for row in report.rows) == sorted(one.id for one in failed)


def test_an_operation_that_takes_longer_than_one_message_works_gets_another() -> None:
    office = Office()
    many(office, 2 * BATCH)
    operation = office.bulk.start(Action.RETRY, Wanted(), 100)
    office.asked.clear()
    office.after = lambda _: office.clock.sleep(2.0)
    office.begun = True
    assert office.bulk.carry_on(operation.id)
    assert office.asked == [(operation.id, 0)]
    office.begun = False
    assert office.carried_out(operation.id).pending == 0


def test_a_message_of_an_operation_that_is_not_there_or_finished_does_nothing() -> None:
    office = Office()
    assert not office.bulk.carry_on("0" * 32)
    many(office, 1)
    operation = office.bulk.start(Action.RETRY, Wanted(), 10)
    office.carried_out(operation.id)
    office.clock.sleep(timedelta(hours=1).total_seconds())
    before = dict(office.operations.blobs)
    assert office.bulk.carry_on(operation.id)
    assert office.operations.blobs == before


def test_a_checkpoint_that_cannot_be_read_is_a_failed_row_among_the_others() -> None:
    office = Office()
    failed = many(office, 3)
    office.checkpoints.blobs[failed[1].id] = (b"{}", '"torn"')
    operation = office.bulk.start(Action.RETRY, tuple(one.id for one in failed), 100)
    report = office.carried_out(operation.id)
    told = {row.transfer_id: (row.outcome, row.code) for row in report.rows}
    assert told[failed[1].id] == (Outcome.FAILED, Code.CHECKPOINT_UNREADABLE)
    assert {told[failed[0].id], told[failed[2].id]} == {(Outcome.ACCEPTED, None)}
