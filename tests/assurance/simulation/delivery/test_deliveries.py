"""Composing and sending in a world in memory: 0 sent twice, 0 sent incomplete, 0 silent."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import pytest

from assurance.simulation.case import Fault
from assurance.simulation.delivery import campaigns
from assurance.simulation.delivery.case import DeliveryCase, PersonAction
from assurance.simulation.delivery.engines import ALL, NO_ETAG
from assurance.simulation.delivery.scenario import run

EVERY = [pytest.param(base, id=base.id) for base in campaigns.BASES]


@pytest.mark.parametrize("base", EVERY)
def test_without_trouble_it_goes_out_once_and_complete(base: DeliveryCase) -> None:
    verdict, world, _ = run(base)
    assert (verdict.state, verdict.sent, verdict.broken) == ("updated" if base.is_event else "sent", 1, ())
    assert world.witness.sends == 1


@pytest.mark.parametrize("base", EVERY)
def test_every_fault_and_every_answer_at_every_call(base: DeliveryCase) -> None:
    step = 1 if base == DeliveryCase() else 3
    tally = campaigns.run_all(islice(campaigns.singles(base), 0, None, step))
    assert tally.broken == []
    assert tally.scenarios > 80
    assert tally.duplicates == 0


@pytest.mark.parametrize("base", EVERY)
def test_people_who_send_move_edit_delete_cancel_or_add_at_every_call(base: DeliveryCase) -> None:
    step = 1 if base == DeliveryCase() else 3
    tally = campaigns.run_all(islice(campaigns.people(base), 0, None, step))
    assert tally.broken == []
    assert {"blocked", "cancelled"} <= set(tally.ends)


def test_every_unknown_answer_of_graph_alone_and_with_faults() -> None:
    tally = campaigns.run_all(islice(campaigns.unknowns(DeliveryCase()), 0, None, 37))
    assert tally.broken == []
    assert tally.scenarios > 150


def test_several_troubles_at_once() -> None:
    tally = campaigns.run_all(campaigns.drawn(250, 7))
    assert tally.broken == []
    assert tally.scenarios == 250


@pytest.mark.parametrize(
    "case", [DeliveryCase(workers=2), DeliveryCase(workers=3), DeliveryCase(workers=2, is_event=True)]
)
def test_two_and_three_workers_at_once(case: DeliveryCase) -> None:
    tally = campaigns.all_schedules(case, 2, most=80)
    assert tally.broken == []
    assert tally.scenarios >= 64


@pytest.mark.parametrize("name", ALL)
def test_every_wrong_engine_is_found_out(name: str) -> None:
    if name == NO_ETAG:
        racing = replace(campaigns.HELD, workers=2, engine=name)
        assert campaigns.all_schedules(racing, 2, most=200).duplicates
        assert not campaigns.all_schedules(replace(racing, engine="product"), 2, most=60).broken
        return
    assert any(run(scenario)[0].broken for scenario in campaigns.by_engine(campaigns.for_engines(), name))


def _submit_of(case: DeliveryCase) -> int:
    """The number of the call that submits: the last POST."""
    names = campaigns.calls_of(case)
    return max(call for call, name in enumerate(names, 1) if name == "graph.POST")


@pytest.mark.parametrize(
    ("fault", "argument", "state", "code", "sent"),
    [
        (Fault.LOST_AFTER, 0, "sent", "", 1),
        (Fault.CRASH_AFTER, 0, "sent", "", 1),
        (Fault.LATE, 3, "sent", "", 1),
        (Fault.ANSWER_AFTER, 504, "sent", "", 1),
        (Fault.ANSWER_AFTER, 429, "sent", "", 1),
        (Fault.ANSWER_AFTER, 404, "sent", "", 1),
        (Fault.UNSENT, 0, "sent", "", 1),
        (Fault.LOST_BEFORE, 0, "failed", "SEND_IN_DOUBT", 0),
        (Fault.CRASH_BEFORE, 0, "failed", "SEND_IN_DOUBT", 0),
        (Fault.ANSWER, 503, "failed", "SEND_IN_DOUBT", 0),
        (Fault.ANSWER, 429, "failed", "SEND_IN_DOUBT", 0),
        (Fault.ANSWER, 403, "failed", "SEND_DENIED", 0),
    ],
)
def test_what_becomes_of_each_answer_to_send(fault: Fault, argument: int, state: str, code: str, sent: int) -> None:
    case = DeliveryCase()
    verdict, world, _ = run(replace(case, faults=((_submit_of(case), fault, argument),)))
    assert (verdict.state, verdict.code, verdict.sent, verdict.broken) == (state, code, sent, ())
    assert world.witness.sends == (2 if fault is Fault.UNSENT else 1)


def test_where_a_second_send_is_known_to_be_refused_a_lost_one_is_made_good() -> None:
    case = DeliveryCase(second_send=True, switches={"second_send": "refuse"})
    for fault in (Fault.LOST_BEFORE, Fault.LOST_AFTER, Fault.CRASH_BEFORE, Fault.CRASH_AFTER):
        verdict, _, _ = run(replace(case, faults=((_submit_of(case), fault, 0),)))
        assert (verdict.state, verdict.sent, verdict.broken) == ("sent", 1, ())


def test_a_draft_whose_post_was_lost_after_its_effect_is_not_made_twice() -> None:
    case = DeliveryCase()
    compose = next(call for call, name in enumerate(campaigns.calls_of(case), 1) if name == "graph.POST")
    for lag in (0, 3):
        lagging = replace(case, switches={"search_lag_calls": lag}, faults=((compose, Fault.LOST_AFTER, 0),))
        verdict, world, _ = run(lagging)
        assert (verdict.state, verdict.sent) == ("sent", 1)
        assert len(world.graph.items) == 1


def test_a_file_too_many_blocks_and_a_file_too_late_is_refused_before_any_upload() -> None:
    early, _, _ = run(DeliveryCase(people=((10, PersonAction.JOIN),)))
    assert (early.state, early.code, early.sent) == ("blocked", "DELIVERY_TOO_MANY_FILES", 0)
    case = DeliveryCase()
    late = replace(case, people=((len(campaigns.calls_of(case)), PersonAction.JOIN),))
    verdict, world, _ = run(late)
    assert (verdict.state, verdict.broken) == ("sent", ())
    assert [file.name for file in world.refused] == ["99.pdf"]


def test_a_case_is_read_back_from_its_id() -> None:
    for case in islice(campaigns.drawn(200, 3), 0, None, 5):
        assert DeliveryCase.read(case.id) == case
    raced = DeliveryCase(workers=2, schedule=((3, 1),), people=((4, PersonAction.SEND),))
    assert DeliveryCase.read(raced.id) == raced
