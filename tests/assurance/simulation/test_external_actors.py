"""Whatever other people do meanwhile (I12, I13, I16)."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from assurance.simulation import campaigns
from assurance.simulation.campaigns import SMALL
from assurance.simulation.case import Case, ExternalAction, Fault
from assurance.simulation.enumerate import calls_of
from assurance.simulation.scenario import run_case
from assurance.simulation.storage import MemoryClaims
from tests.assurance.simulation.expectations import every, kept


def test_external_actors_at_any_call() -> None:
    tally = kept(campaigns.other_people(), 850)
    assert set(tally.codes) == {"SOURCE_CHANGED", "SOURCE_GONE", "TARGET_NOT_FOUND", "COMMIT_IN_DOUBT"}


@pytest.mark.parametrize("part", range(2))
def test_external_actors_at_any_call_and_a_fault_at_a_later_one(part: int) -> None:
    """Every eighteenth of them; all: the proof `people`."""
    kept(every(campaigns.people_then_faults([part]), 18), 250)


ANSWERED = (Fault.ANSWER, Fault.ANSWER_AFTER)


def before_every_call(what: ExternalAction, ranges: int) -> list[Case]:
    """The same thing before every call of the scenario, and after the last."""
    base = Case(ranges=ranges)
    return [replace(base, happenings=((call, what),)) for call in range(1, len(calls_of(base)) + 2)]


@pytest.mark.parametrize("ranges", SMALL)
@pytest.mark.parametrize(
    ("what", "code"), [(ExternalAction.OVERWRITE, "SOURCE_CHANGED"), (ExternalAction.DELETE, "SOURCE_GONE")]
)
def test_a_file_that_changes_meanwhile_is_attached_whole_or_not_at_all(
    what: ExternalAction, code: str, ranges: int
) -> None:
    verdicts = [run_case(case)[0] for case in before_every_call(what, ranges)]
    assert all(not verdict.broken for verdict in verdicts)
    ends = {(verdict.state, verdict.code, verdict.attached) for verdict in verdicts}
    assert {("failed", code, 0), ("attached", "", 1)} <= ends
    assert ends <= {("failed", code, 0), ("attached", "", 1), ("none", "", 0)}


@pytest.mark.parametrize("ranges", SMALL)
def test_a_transfer_that_is_cancelled_ends_cancelled_or_the_commit_won(ranges: int) -> None:
    verdicts = [run_case(case)[0] for case in before_every_call(ExternalAction.CANCEL, ranges)]
    assert {(verdict.state, verdict.attached) for verdict in verdicts} == {("cancelled", 0), ("attached", 1)}
    assert all(not verdict.broken for verdict in verdicts)


@pytest.mark.parametrize("ranges", SMALL)
@pytest.mark.parametrize("what", [ExternalAction.EXPIRE, ExternalAction.REPEAT, ExternalAction.NEIGHBOUR])
def test_what_need_not_disturb_does_not(what: ExternalAction, ranges: int) -> None:
    for case in before_every_call(what, ranges):
        verdict, _ = run_case(case)
        assert (verdict.state, verdict.attached, verdict.broken) == ("attached", 1, ()), case.id


def test_sessions_expire_at_any_call_however_the_clocks_differ() -> None:
    tally = kept(campaigns.expiries([1, 3]), 1400)
    assert tally.ends == {"attached": tally.scenarios}


@pytest.mark.parametrize("ranges", [0, 1, 3])
def test_an_event_may_come_five_times_at_any_moment_and_to_five_workers(ranges: int) -> None:
    tally = kept(campaigns.repeats([ranges]), 60)
    assert tally.ends == {"attached": tally.scenarios}


@pytest.mark.parametrize("ranges", [0, 2])
def test_the_same_file_dropped_twice_for_one_item_is_attached_twice(ranges: int) -> None:
    """Every eighth of them; all: the proof `twins`."""
    tally = kept(every(campaigns.twins([ranges]), 8), 70)
    assert tally.ends == {"attached": tally.scenarios}


@pytest.mark.parametrize("lookup", [False, True])
def test_an_item_that_is_moved_gets_one_attachment_or_a_code(lookup: bool) -> None:
    """Every sixtieth of them; all: the campaign `moved`."""
    scenarios = (one for one in campaigns.moved_items([0, 2]) if one.lookup == lookup)
    tally = kept(every(scenarios, 60), 80)
    assert set(tally.codes) <= {"COMMIT_IN_DOUBT"} | (set() if lookup else {"TARGET_NOT_FOUND"})


@pytest.mark.parametrize("ranges", [0, 1, 3])
@pytest.mark.parametrize("immutable", [False, True])
def test_an_item_that_is_looked_up_is_found_again_wherever_it_was_moved(ranges: int, immutable: bool) -> None:
    base = Case(ranges=ranges, bare=True, lookup=True, switches={"immutable_ids": immutable})
    for call in range(1, len(calls_of(base)) + 2):
        moved = replace(base, happenings=((call, ExternalAction.MOVE),))
        for case in (moved, *(replace(moved, faults=((call, fault, 404),)) for fault in ANSWERED)):
            verdict, _ = run_case(case)
            assert (verdict.state, verdict.attached, verdict.broken) == ("attached", 1, ()), case.id


def test_what_was_attached_to_a_moved_item_before_is_never_taken_for_ours() -> None:
    """A message with the very same file on it already; its ids change while a commit is in doubt."""
    for fault, call in itertools.product((Fault.LOST_BEFORE, Fault.LOST_AFTER, Fault.CRASH_BEFORE), range(5, 12)):
        moves = ((call, ExternalAction.MOVE), (call + 1, ExternalAction.MOVE))
        kept([Case(lookup=True, ranges=0, faults=((call, fault, 0),), happenings=(move,)) for move in moves], 2)


CONFIRMED_BESIDE_A_TWIN = Case(
    ranges=6,
    faults=((21, Fault.CRASH_BEFORE, 504), (32, Fault.LOST_BEFORE, 503), (43, Fault.LOST_AFTER, 504)),
    happenings=((34, ExternalAction.TWIN),),
    switches={"final_location": "none", "range_order": "descending", "expired_status": 404, "first_create_404": 2},
    skew=300,
    redelivery=1,
    lazy=True,
    budget=5,
)


def test_a_confirmed_commit_that_names_nothing_takes_no_twins_attachment() -> None:
    """Some of them drawn, and one that did; more: the campaign `twins`."""
    tally = kept([CONFIRMED_BESIDE_A_TWIN, *campaigns.drawn_twins(600, 1)], 601)
    assert tally.ends["attached"] > 590


def test_two_transfers_take_one_attachment_where_nobody_asks_whose_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the scenarios are for: without claims they find it."""
    monkeypatch.setattr(MemoryClaims, "of_others", lambda *_: frozenset())
    monkeypatch.setattr(MemoryClaims, "take", lambda *_: True)
    lost = (one for one in campaigns.twins([0]) if any(fault is Fault.LOST_BEFORE for _, fault, _ in one.faults))
    assert any("I2: two transfers name one attachment" in run_case(scenario)[0].broken for scenario in lost)


def test_a_new_version_of_the_file_is_a_transfer_of_its_own() -> None:
    """I13: both versions end attached where the first one was attached before it was overwritten."""
    base = Case(ranges=2)
    last = len(calls_of(base))
    _, world = run_case(replace(base, happenings=((last, ExternalAction.OVERWRITE),)))
    assert len({transfer.id for transfer in world.transfers()}) == 2
    attached = {one.content.data for one in world.graph.attachments("ann@example.com", world.item)}
    assert set(world.contents.values()) <= attached


@pytest.mark.parametrize("ranges", [0, 2])
def test_a_retry_after_any_sustained_fault_attaches_once(ranges: int) -> None:
    """Every eighth of them; all: the proof `sustained_faults`."""
    kept(every(campaigns.sustained_faults([ranges], retries=1), 8), 150)


@pytest.mark.parametrize("ranges", [0, 2])
def test_a_retry_after_a_cancellation_attaches_once_whatever_was_lost(ranges: int) -> None:
    base = Case(ranges=ranges)
    for call in range(1, len(calls_of(base)) + 1):
        for fault in (Fault.LOST_AFTER, Fault.LATE, Fault.CRASH_AFTER):
            once = replace(base, happenings=((call, ExternalAction.CANCEL),), faults=((call, fault, 5),), retries=1)
            verdict, _ = run_case(once)
            assert (verdict.state, verdict.attached, verdict.broken) == ("attached", 1, ()), once.id
