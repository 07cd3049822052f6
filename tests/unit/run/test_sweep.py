"""The sweep finds what was left behind and what no event told of, and costs no more than its bounds."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import cast

import pytest

from assurance.simulation.storage import MemoryOutcomes, MemorySweepCursor
from assurance.simulation.unkind import Answer, Unkind
from shared.core.errors import Code
from shared.core.model import State, Transfer
from shared.core.sweep_cursor import Kind, SweepCursor, Trouble
from shared.engine.checkpoint import LEASE_SECONDS, lease
from shared.engine.guard import GUARD_DELAY
from shared.intake.accept import transfer_for
from shared.intake.mailboxes import AllowedMailboxes
from shared.run import sweep
from shared.run.notifications import CompositeListener
from shared.run.runner import TransferRunner
from shared.run.sweep import GRACE, LAPSED, OVERLAP, PAGE, PAGES, STALE, Sweep, Swept
from shared.storage.attached import is_same
from shared.storage.ports import Checkpoint, Dropped, StorageRefused, StorageUnavailable
from tests.unit.core.shapes import retried
from tests.unit.run.stage import Stage

MINUTE = 60.0


@dataclass
class Told:
    """Implements `SweepObserver`."""

    swept_: list[Swept] = field(default_factory=list)
    troubles: list[tuple[str, str]] = field(default_factory=list)

    def swept(self, swept: Swept) -> None:
        self.swept_.append(swept)

    def trouble(self, trouble: Trouble, error: Exception) -> None:
        del error
        self.troubles.append((trouble.key, trouble.code))


class Floor:
    """A stage with a sweep, whose storage can be made to refuse."""

    def __init__(self, *, delete_source: bool = False) -> None:
        self.stage = stage = Stage(delete_source=delete_source)
        self.unkind = unkind = Unkind()
        self.told = Told()
        self.positions = MemorySweepCursor()
        self.checkpoints = unkind.around("checkpoint", stage.checkpoints)
        self.sources = unkind.around("source", stage.sources)
        self.queue = unkind.around("queue", stage.queue)
        outcomes = CompositeListener([unkind.around("outcome", stage.outcomes)])
        self.edges = replace(
            stage.edges, checkpoints=self.checkpoints, sources=self.sources, queue=self.queue, outcomes=outcomes
        )
        self.transfer_for: Callable[[Dropped], Transfer] = lambda dropped: transfer_for(
            dropped, AllowedMailboxes(), stage.clock.now()
        )
        self.restart()

    def restart(self) -> None:
        """Another process: it remembers nothing."""
        self.runs = TransferRunner(
            replace(self.edges, outcomes=CompositeListener(cast("CompositeListener", self.edges.outcomes).outcomes))
        )
        self.sweep = Sweep(
            runs=self.runs,
            checkpoints=self.checkpoints,
            marks=self.checkpoints,
            sources=self.sources,
            queue=self.queue,
            positions=self.unkind.around("position", self.positions),
            clock=self.stage.clock,
            observer=self.told,
            transfer_for=self._transfer_for,
        )

    def _transfer_for(self, dropped: Dropped) -> Transfer:
        return self.transfer_for(dropped)

    def tick(self, after_minutes: float = 0) -> Swept:
        self.stage.clock.advance(after_minutes * MINUTE)
        return self.sweep.tick()

    def mark(self, transfer: Transfer) -> None:
        """A transfer whose run died."""
        self.stage.checkpoints.create(Checkpoint(transfer, None, "a.0"))
        self.stage.checkpoints.add_unfinished_entry(transfer.id)

    @property
    def position(self) -> SweepCursor:
        assert self.positions.position is not None
        return self.positions.position

    @property
    def ends_told(self) -> list[str]:
        return [told.instance.id for told in self.stage.outcomes.notified]


@pytest.fixture
def floor() -> Floor:
    return Floor()


def test_a_file_without_an_event_is_attached_once_it_is_old_enough(floor: Floor) -> None:
    floor.stage.transfer(b"hello")
    assert floor.tick(1).accepted == 0
    assert floor.tick(GRACE.total_seconds() / MINUTE).accepted == 1
    assert floor.tick(5).accepted == 0
    floor.stage.deliver_all()
    assert len(floor.stage.attached()) == 1


def test_a_file_with_unusable_metadata_fails_once(floor: Floor) -> None:
    transfer = floor.stage.transfer(b"hello", mailbox="nobody")
    assert floor.tick(11).accepted == 1
    assert floor.tick(5).accepted == 0
    assert floor.stage.now_is(transfer.id).state is State.FAILED
    assert floor.stage.queue.messages == []


def test_a_killed_run_is_revived_soon_after_its_lease_and_asked_for_once(floor: Floor) -> None:
    stage = floor.stage
    transfer = stage.transfer(b"hello")
    stage.checkpoints.create(Checkpoint(transfer, lease("dead", stage.clock.now()), "dead.0"))
    stage.checkpoints.add_unfinished_entry(transfer.id)
    assert floor.tick(1).revived == 0, "its own message comes first"
    assert floor.tick(1).revived == 1
    assert floor.tick(1).revived == 0, "asked for once, not once a tick"
    assert floor.tick(10).revived == 0
    assert floor.tick(5).revived == 1, "and once more, for a message that was lost"
    stage.deliver_all()
    assert len(stage.attached()) == 1
    assert stage.checkpoints.marks == {}


def test_a_transfer_that_nobody_has_run_is_revived_once_it_has_been_silent_for_long(floor: Floor) -> None:
    stage = floor.stage
    transfer = stage.transfer(b"hello")
    stage.checkpoints.create(Checkpoint(transfer, None, "accepted.0"))
    stage.checkpoints.add_unfinished_entry(transfer.id)
    assert floor.tick(10).revived == 0
    assert floor.tick(6).revived == 1
    assert floor.tick(5).revived == 0, "asked for once, not once a tick"


@pytest.mark.parametrize("retry", ["", "-3"])
def test_a_mark_of_another_life_goes_with_the_end_that_is_found(floor: Floor, retry: str) -> None:
    """An event that came again made the first; a retry that died before its checkpoint was written the second."""
    stage = floor.stage
    transfer = stage.transfer(b"hello")
    stage.runs.start(transfer)
    found = stage.checkpoints.peek(transfer.id)
    assert found is not None
    again = replace(found.checkpoint, instance=replace(found.checkpoint.instance, retries=2))
    stage.checkpoints.save(again, found.etag)
    stage.checkpoints.add_unfinished_entry(f"{transfer.id}{retry}")
    told = len(stage.outcomes.notified)
    floor.tick(16)
    assert stage.checkpoints.marks == {}
    assert len(stage.outcomes.notified) == told + (not retry)


@pytest.mark.parametrize("message", ["not_before", "recheck_at"])
def test_a_transfer_whose_message_is_still_to_come_is_left_alone(floor: Floor, message: str) -> None:
    stage = floor.stage
    transfer = stage.transfer(b"hello")
    waiting = replace(transfer, **{message: stage.clock.now() + timedelta(hours=2)})  # type: ignore[arg-type]  # both are times
    stage.checkpoints.create(Checkpoint(waiting, None, "a.0"))
    stage.checkpoints.add_unfinished_entry(transfer.id)
    assert floor.tick(119).revived == 0
    assert floor.tick(20).revived == 1


def test_an_outcome_that_was_never_told_is_told(floor: Floor) -> None:
    stage = floor.stage
    transfer = stage.transfer(b"hello")
    stage.runs.start(transfer)
    stage.outcomes.notified.clear()
    stage.checkpoints.add_unfinished_entry(transfer.id)
    assert floor.tick(16).concluded == 1
    assert [told.instance.id for told in stage.outcomes.notified] == [transfer.id]
    assert stage.checkpoints.marks == {}


def test_a_mark_without_a_checkpoint_goes(floor: Floor) -> None:
    floor.stage.checkpoints.add_unfinished_entry("0" * 32)
    floor.tick(16)
    assert floor.stage.checkpoints.marks == {}


def test_a_checkpoint_that_cannot_be_read_is_told_and_left_and_stops_nothing(floor: Floor) -> None:
    stage = floor.stage
    broken, sound = stage.transfer(b"broken", "a"), stage.transfer(b"sound", "b")
    for transfer in (broken, sound):
        stage.checkpoints.create(Checkpoint(transfer, None, "a.0"))
        stage.checkpoints.add_unfinished_entry(transfer.id)
    stage.checkpoints.blobs[broken.id] = (b'{"schema": 99}', '"7"')
    assert floor.tick(16).revived == 1
    assert floor.told.troubles == [(broken.id, Code.CHECKPOINT_NEWER.value)]
    assert stage.checkpoints.blobs[broken.id] == (b'{"schema": 99}', '"7"')


def test_a_full_container_costs_a_bounded_number_of_pages_a_tick(monkeypatch: pytest.MonkeyPatch, floor: Floor) -> None:
    monkeypatch.setattr(sweep, "PAGE", 10)
    for number in range(95):
        floor.stage.transfer(b"x", f"file-{number:03}")
    assert floor.tick(11).accepted == 10 * PAGES
    assert floor.tick(5).accepted == 10 * PAGES
    assert floor.tick(5).accepted == 95 - 20 * PAGES
    assert PAGE == 1000


def test_a_file_that_a_pass_has_seen_is_not_looked_at_again(floor: Floor) -> None:
    floor.stage.transfer(b"x")
    floor.tick(11)
    floor.tick(OVERLAP.total_seconds() / MINUTE + 12)
    floor.stage.checkpoints.blobs.clear()  # were it looked at, it would be accepted anew
    assert floor.tick(5).accepted == 0


def test_a_lost_position_costs_a_pass_and_nothing_else(floor: Floor) -> None:
    floor.stage.transfer(b"x")
    floor.tick(11)
    floor.positions.position = None
    assert floor.tick(5).accepted == 0


def test_patience_fits_the_platform() -> None:
    assert timedelta(minutes=10) < STALE, "a dead instance's message comes back by itself within 10 minutes"
    assert GRACE < STALE
    assert timedelta(seconds=LEASE_SECONDS + GUARD_DELAY) < LAPSED, "a run's own message comes first"
    assert GRACE + timedelta(minutes=2) <= timedelta(minutes=5), "a lost event is made up for within five minutes"


# --- one thing that cannot be handled costs that thing ---

REFUSALS = [
    (409, "BlobImmutableDueToPolicy", Code.STORAGE_IMMUTABLE),
    (412, "LeaseIdMissing", Code.STORAGE_LEASED),
    (409, "BlobArchived", Code.STORAGE_ARCHIVED),
    (403, "AccountIsDisabled", Code.STORAGE_DISABLED),
    (400, "InvalidHeaderValue", Code.STORAGE_REFUSED),
]


def files_and_marks(floor: Floor) -> list[Transfer]:
    """Three files without events, and three transfers whose runs died."""
    transfers = [floor.stage.transfer(b"hello", f"file-{number}") for number in range(3)]
    dead = [floor.stage.transfer(b"hello", f"dead-{number}") for number in range(3)]
    for transfer in dead:
        floor.mark(transfer)
    return [*transfers, *dead]


def test_a_defect_at_one_file_costs_that_file_and_is_said_once(floor: Floor) -> None:
    transfers = files_and_marks(floor)
    good = floor.transfer_for

    def breaks(dropped: Dropped) -> Transfer:
        if dropped.source.blob == "file-1":
            raise AttributeError("'NoneType' object has no attribute 'strip'")
        return good(dropped)

    floor.transfer_for = breaks
    swept = floor.tick(16)
    assert (swept.accepted, swept.revived, swept.troubles) == (2, 3, 1)
    floor.stage.deliver_all()
    for _ in range(12):
        floor.tick(60)
    names = {transfer.plan.source.blob for transfer in transfers}
    assert {name for name, _ in floor.stage.attached()} == names - {"file-1"}
    assert floor.told.troubles == [("file-1", Code.SWEEP_FAILED.value)]
    trouble = floor.position.trouble(Kind.FILE, "file-1")
    assert trouble is not None
    assert trouble.detail.startswith("AttributeError in ")
    assert "strip" not in trouble.detail
    floor.transfer_for = good
    assert floor.tick(25 * 60).accepted == 1
    assert floor.position.troubles == ()


def test_what_fails_is_tried_again_more_and_more_rarely(floor: Floor) -> None:
    floor.stage.transfer(b"hello", "bad")
    floor.unkind.answers = [Answer(409, "BlobArchived", "checkpoint.load")]
    tries = []
    for minute in range(3 * 24 * 12):
        asked = len(floor.unkind.asked)
        floor.tick(5)
        if ("source.describe", "bad") in floor.unkind.asked[asked:] or minute == 0:
            tries.append(5 * minute)
    gaps = [later - earlier for earlier, later in itertools.pairwise(tries[1:])]
    assert gaps == sorted(gaps)
    assert gaps[-1] == 24 * 60
    assert len(tries) < 14


@pytest.mark.parametrize(("status", "code", "named"), REFUSALS)
@pytest.mark.parametrize(
    "call", ["checkpoint.load", "checkpoint.add_unfinished_entry", "checkpoint.create", "queue.send"]
)
@pytest.mark.parametrize("bad", range(3))
def test_a_refused_file_costs_that_file(status: int, code: str, named: Code, call: str, bad: int) -> None:
    floor = Floor()
    transfers = [floor.stage.transfer(b"hello", f"file-{number}") for number in range(3)]
    floor.unkind.answers = [Answer(status, code, call, transfers[bad].id)]
    said = transfers[bad].id if call == "queue.send" else f"file-{bad}"  # once it is a transfer, it is that
    for minutes in (16, 5, 5):
        floor.tick(minutes)
        assert floor.told.troubles == [(said, named.value)]
    floor.stage.deliver_all()
    assert {name for name, _ in floor.stage.attached()} >= {f"file-{number}" for number in {0, 1, 2} - {bad}}
    floor.unkind.answers = []
    floor.tick(30)
    floor.tick(30)
    floor.stage.deliver_all()
    assert len(floor.stage.attached()) == 3
    assert floor.position.troubles == ()


def test_an_end_that_cannot_be_carried_out_is_told_once_and_the_others_end(floor: Floor) -> None:
    floor = Floor(delete_source=True)
    stage = floor.stage
    transfers = [stage.transfer(b"hello", f"file-{number}") for number in range(3)]
    floor.unkind.answers = [Answer(412, "LeaseIdMissing", "source.delete")]
    for transfer in transfers:
        with pytest.raises(StorageRefused):
            floor.runs.start(transfer)
    stage.outcomes.notified.clear()
    floor.restart()
    floor.unkind.answers = [Answer(412, "LeaseIdMissing", "source.delete", "file-1")]
    for _ in range(20):
        floor.tick(60)
    assert sorted(floor.ends_told) == sorted(transfer.id for transfer in transfers)
    assert list(stage.checkpoints.marks) == [transfers[1].id]
    assert floor.told.troubles == [(transfers[1].id, Code.STORAGE_LEASED.value)]


def test_a_leased_source_is_deleted_once_the_lease_has_ended() -> None:
    floor = Floor(delete_source=True)
    transfer = floor.stage.transfer(b"hello")
    floor.unkind.answers = [Answer(412, "LeaseIdMissing", "source.delete")]
    with pytest.raises(StorageRefused):
        floor.runs.start(transfer)
    floor.tick(16)
    assert floor.told.troubles == [(transfer.id, Code.STORAGE_LEASED.value)]
    assert "a.bin" in floor.stage.sources.blobs
    floor.unkind.answers = []
    floor.tick(10)
    assert "a.bin" not in floor.stage.sources.blobs
    assert floor.stage.checkpoints.marks == {}
    assert floor.ends_told == [transfer.id]


def test_an_immutable_source_stays_is_said_once_and_asked_for_no_more() -> None:
    floor = Floor(delete_source=True)
    transfer = floor.stage.transfer(b"hello")
    floor.unkind.answers = [Answer(409, "BlobImmutableDueToPolicy", "source.delete")]
    with pytest.raises(StorageRefused, match="STORAGE_IMMUTABLE"):
        floor.runs.start(transfer)
    assert floor.stage.checkpoints.marks == {}
    for _ in range(5):
        floor.tick(60)
    assert floor.ends_told == [transfer.id]
    assert floor.told.troubles == []


def test_an_end_is_told_again_where_one_listener_failed_and_only_to_that_one() -> None:
    stage = Stage()
    first, second = MemoryOutcomes(), Unkind([Answer(503, None, last=1)])
    listeners = CompositeListener([first, second.around("outcome", stage.outcomes)])
    runs = TransferRunner(replace(stage.edges, outcomes=listeners))
    transfer = stage.transfer(b"hello")
    with pytest.raises(StorageUnavailable):
        runs.start(transfer)
    stored = stage.checkpoints.peek(transfer.id)
    assert stored is not None
    runs.conclude(stored.checkpoint)
    runs.conclude(stored.checkpoint)
    assert len(first.notified) == len(stage.outcomes.notified) == 1


# --- a tick has a time of its own, and gets further all the same ---


def slow(floor: Floor, seconds: float) -> None:
    floor.unkind.before = lambda _call, _about: floor.stage.clock.advance(seconds)


@pytest.mark.parametrize("seconds", [0.5, 2, 7, 25])
def test_slow_storage_ends_a_tick_in_time_and_every_file_has_its_turn(floor: Floor, seconds: float) -> None:
    for number in range(40):
        floor.stage.transfer(b"x", f"file-{number:02}")
    floor.stage.clock.advance(16 * MINUTE)
    slow(floor, seconds)
    accepted = 0
    for _ in range(200):
        began = floor.stage.clock.now()
        accepted += floor.tick().accepted
        assert (floor.stage.clock.now() - began).total_seconds() <= sweep.SECONDS + 10 * seconds
        if accepted == 40:
            break
    assert accepted == 40


def test_slow_marks_do_not_starve_the_files(floor: Floor) -> None:
    for number in range(200):
        floor.mark(floor.stage.transfer(b"x", f"zdead-{number:03}"))
    for number in range(3):
        floor.stage.transfer(b"x", f"file-{number}")
    floor.stage.clock.advance(16 * MINUTE)
    slow(floor, 1)
    accepted = sum(floor.tick().accepted for _ in range(3))
    assert accepted == 3


@pytest.mark.parametrize("call", ["checkpoint.load", "source.page", "checkpoint.unfinished"])
def test_storage_that_does_not_answer_ends_a_tick_soon_and_loses_no_position(floor: Floor, call: str) -> None:
    transfers = files_and_marks(floor)
    floor.unkind.answers = [Answer(503, "ServerBusy", call)]
    for _ in range(3):
        asked = len(floor.unkind.asked)
        with pytest.raises(StorageUnavailable):
            floor.tick(16)
        assert len([name for name, _ in floor.unkind.asked[asked:] if name == call]) <= sweep.ENOUGH
    floor.unkind.answers = []
    for _ in range(4):
        floor.tick(60)
    floor.stage.deliver_all()
    assert len(floor.stage.attached()) == len(transfers)
    assert floor.position.troubles == ()


def test_a_position_that_storage_does_not_give_is_not_overwritten(floor: Floor) -> None:
    floor.stage.transfer(b"x")
    floor.tick(16)
    before = floor.position
    floor.unkind.answers = [Answer(503, None, "position.load")]
    with pytest.raises(StorageUnavailable):
        floor.tick(5)
    assert floor.position == before
    floor.unkind.answers = [Answer(409, "BlobArchived", "position.load")]
    floor.tick(5)
    assert floor.told.troubles == [("position", Code.STORAGE_ARCHIVED.value)]
    assert floor.position.pass_started_at > before.pass_started_at


@pytest.mark.parametrize("call", ["source.page", "checkpoint.unfinished"])
def test_a_saved_continuation_that_storage_refuses_costs_a_listing_from_the_beginning(
    monkeypatch: pytest.MonkeyPatch, floor: Floor, call: str
) -> None:
    monkeypatch.setattr(sweep, "PAGE", 5)
    monkeypatch.setattr(sweep, "MARKS", 5)
    for number in range(60):
        floor.stage.transfer(b"x", f"file-{number:02}")
    for number in range(12):
        floor.mark(floor.stage.transfer(b"x", f"zdead-{number:02}"))
    assert floor.tick(16).accepted == 5 * PAGES
    asked = floor.unkind.asked.count
    floor.unkind.answers = [Answer(400, "InvalidQueryParameterValue", call, last=1)]
    swept = [floor.tick(5) for _ in range(6)]
    assert asked((call, "")) > 1
    assert sum(one.accepted for one in swept) == 40
    assert floor.told.troubles == []
    floor.stage.deliver_all(200)
    assert len(floor.stage.attached()) == 72


def test_the_position_is_saved_as_it_moves(monkeypatch: pytest.MonkeyPatch, floor: Floor) -> None:
    monkeypatch.setattr(sweep, "PAGE", 10)
    for number in range(35):
        floor.stage.transfer(b"x", f"file-{number:02}")
    died = Answer(503, None, "source.page", first=3)
    floor.unkind.answers = [died]
    with pytest.raises(StorageUnavailable):
        floor.tick(16)
    assert floor.position.continuation is not None
    floor.unkind.answers = []
    asked = len(floor.unkind.asked)
    floor.tick(5)
    looked_at = {about for call, about in floor.unkind.asked[asked:] if call == "checkpoint.create"}
    assert len(looked_at) == 15


def test_more_troubles_than_are_kept_are_looked_at_again_in_the_next_pass(
    monkeypatch: pytest.MonkeyPatch, floor: Floor
) -> None:
    monkeypatch.setattr("shared.core.sweep_cursor.MOST_TROUBLES", 5)
    for number in range(30):
        floor.stage.transfer(b"x", f"file-{number:02}")
    floor.unkind.answers = [Answer(409, "BlobArchived", "checkpoint.load")]
    for _ in range(3):
        floor.tick(120)
    assert len(floor.position.troubles) == 5
    floor.unkind.answers = []
    accepted = sum(floor.tick(24 * 60).accepted for _ in range(3))
    assert accepted == 30


def test_a_whole_page_that_fails_does_not_take_a_tick_for_ever(floor: Floor) -> None:
    for number in range(500):
        floor.stage.transfer(b"x", f"file-{number:03}")
    floor.unkind.answers = [Answer(409, "BlobArchived", "checkpoint.load")]
    floor.tick(16)
    assert len(floor.unkind.asked) < 3 * sweep.MOST_FAILURES


# --- the oldest unfinished transfer ---


def test_the_oldest_unfinished_transfer_is_reported_until_it_ends(floor: Floor) -> None:
    old = floor.stage.transfer(b"hello", "old")
    floor.mark(replace(old, not_before=floor.stage.clock.now() + timedelta(hours=5)))
    floor.stage.clock.advance(30 * MINUTE)
    young = floor.stage.transfer(b"hello", "young")
    floor.mark(replace(young, not_before=floor.stage.clock.now() + timedelta(hours=5)))
    for minutes in (31, 62, 93):
        swept = floor.tick(31)
        assert (swept.oldest_id, swept.oldest) == (old.id, (30 + minutes) * MINUTE)
    stored = floor.stage.checkpoints.peek(old.id)
    assert stored is not None
    over = replace(stored.checkpoint.instance, state=State.ATTACHED, finished_at=floor.stage.clock.now())
    floor.stage.checkpoints.save(Checkpoint(over, None, "b.0"), stored.etag)
    swept = floor.tick(1)
    assert (swept.oldest_id, swept.oldest) == (young.id, 94 * MINUTE)


def test_a_transfer_that_is_tried_again_counts_from_then(floor: Floor) -> None:
    transfer = floor.stage.transfer(b"hello")
    floor.stage.clock.advance(100 * 60 * MINUTE)
    failed = replace(transfer, state=State.FAILED, finished_at=floor.stage.clock.now())
    floor.mark(replace(retried(failed, floor.stage.clock.now()), not_before=None))
    swept = floor.tick(20)
    assert (swept.oldest_id, swept.oldest) == (transfer.id, 20 * MINUTE)


def test_where_nothing_is_unfinished_the_oldest_is_none_and_costs_no_call(floor: Floor) -> None:
    floor.stage.transfer(b"hello")
    floor.tick(16)
    floor.stage.deliver_all()
    asked = len(floor.unkind.asked)
    swept = floor.tick(5)
    assert (swept.oldest, swept.oldest_id) == (0.0, None)
    assert [call for call, _ in floor.unkind.asked[asked:]] == [
        "position.load",
        "checkpoint.unfinished",
        "source.page",
        "checkpoint.load",
        "position.save",
    ]


@pytest.mark.parametrize(("knows", "copies"), [(True, 1), (False, 2)])
def test_a_file_whose_metadata_were_written_after_it_was_attached_is_attached_once(knows: bool, copies: int) -> None:
    floor = Floor()
    stage = floor.stage
    first = stage.transfer(b"content")
    stage.runs.start(first)
    stage.clock.advance(60)
    stage.sources.set_metadata("a.bin", {**stage.sources.blobs["a.bin"].dropped.metadata, "attachmentname": "b.bin"})

    def is_known(wanted: Transfer, dropped: Dropped) -> bool:
        return is_same(stage.now_is(first.id), wanted, dropped.created_at)

    if knows:
        floor.sweep = replace(floor.sweep, is_known=is_known)
    swept = floor.tick(15)
    stage.deliver_all()
    assert (swept.accepted, len(stage.attached())) == (copies - 1, copies)
