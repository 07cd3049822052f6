"""What the gate does to a call, and when."""

from __future__ import annotations

from datetime import timedelta

import pytest

from assurance.simulation.case import Case, ExternalAction, Fault, SustainedFault
from assurance.simulation.clock import START, SkewedClock, VirtualClock
from assurance.simulation.fault_injector import MOST_CALLS, Died, Endless, FaultInjector
from assurance.simulation.world import POLICY
from shared.graph.http import AnswerLost, HttpAnswer, NotSent
from shared.storage.ports import Conflict, SourceUnreadable, StorageUnavailable


def gate(*faults: tuple[int, Fault, int], **fields: object) -> FaultInjector:
    return FaultInjector(Case(faults=faults, **fields), VirtualClock(), POLICY)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fault", "name", "seen", "effects"),
    [
        (Fault.CRASH_BEFORE, "graph.PUT", Died, 0),
        (Fault.CRASH_AFTER, "graph.PUT", Died, 1),
        (Fault.LOST_BEFORE, "graph.PUT", AnswerLost, 0),
        (Fault.LOST_AFTER, "graph.PUT", AnswerLost, 1),
        (Fault.UNSENT, "graph.PUT", NotSent, 0),
        (Fault.TWICE, "graph.PUT", AnswerLost, 1),
        (Fault.LOST_BEFORE, "checkpoint.save", StorageUnavailable, 0),
        (Fault.LOST_AFTER, "checkpoint.save", StorageUnavailable, 1),
        (Fault.UNSENT, "checkpoint.save", StorageUnavailable, 0),
        (Fault.ANSWER_AFTER, "checkpoint.save", StorageUnavailable, 1),
        (Fault.LOST_BEFORE, "source.read", SourceUnreadable, 0),
    ],
)
def test_a_fault_is_what_its_name_says(fault: Fault, name: str, seen: type[BaseException], effects: int) -> None:
    done: list[int] = []
    breaking = gate((2, fault, 503))
    breaking(name, lambda: None)
    with pytest.raises(seen):
        breaking(name, lambda: done.append(1))
    assert len(done) == effects
    breaking(name, lambda: done.append(1))
    assert len(done) == effects + 1


def test_a_storage_client_that_asks_twice_sees_the_second_answer() -> None:
    answers = iter(("first", "second"))
    assert gate((1, Fault.TWICE, 0))("checkpoint.save", lambda: next(answers)) == "second"


@pytest.mark.parametrize(("fault", "effects"), [(Fault.ANSWER, 0), (Fault.ANSWER_AFTER, 1)])
def test_graph_may_answer_what_the_scenario_says(fault: Fault, effects: int) -> None:
    done: list[HttpAnswer] = []

    def effect() -> HttpAnswer:
        done.append(HttpAnswer(201, {}))
        return done[0]

    assert gate((1, fault, 503))("graph.PUT", effect).status == 503
    assert len(done) == effects


def test_a_late_call_takes_effect_so_many_calls_later() -> None:
    done: list[str] = []
    breaking = gate((1, Fault.LATE, 2))
    with pytest.raises(AnswerLost):
        breaking("graph.PUT", lambda: done.append("late"))
    breaking("graph.GET", lambda: done.append("next"))
    breaking("graph.GET", lambda: done.append("after"))
    assert done == ["next", "late", "after"]


def test_a_late_post_lands_while_the_policy_says_that_it_may() -> None:
    clock = VirtualClock()
    breaking = FaultInjector(Case(faults=((1, Fault.LATE, 24),)), clock, POLICY)
    landed: list[object] = []
    with pytest.raises(AnswerLost):
        breaking("graph.POST", lambda: landed.append(clock.now()))
    clock.advance(100_000)
    assert landed == [START + timedelta(seconds=POLICY.post_landing - POLICY.post_start)]


def test_a_late_call_that_comes_too_late_is_heard_of_by_nobody() -> None:
    def refused() -> None:
        raise Conflict

    breaking = gate((1, Fault.LATE, 24))
    with pytest.raises(StorageUnavailable):
        breaking("checkpoint.save", refused)
    assert breaking.land_all()
    assert not breaking.land_all()


def test_a_sustained_fault_hits_the_calls_of_its_name_while_it_lasts() -> None:
    breaking = gate(sustained_faults=(SustainedFault("graph.GET", Fault.ANSWER, 2, 3, 429, "41"),))
    seen = [breaking("graph.GET", lambda: HttpAnswer(200, {})) for _ in range(4)]
    assert [answer.status for answer in seen] == [200, 429, 429, 200]
    assert seen[1].headers == {"retry-after": "41"}
    other = gate(sustained_faults=(SustainedFault("graph.GET", Fault.ANSWER, 1, 0, 429),))
    assert other("graph.PUT", lambda: HttpAnswer(201, {})).status == 201
    assert [other("graph.GET", lambda: HttpAnswer(200, {})).status for _ in range(3)] == [429] * 3


def test_external_actors_act_just_before_the_call() -> None:
    breaking = gate(happenings=((2, ExternalAction.CANCEL), (2, ExternalAction.EXPIRE)))
    done: list[object] = []
    breaking.happen = done.append
    breaking("graph.GET", lambda: done.append("first"))
    breaking("graph.GET", lambda: done.append("second"))
    assert done == ["first", ExternalAction.CANCEL, ExternalAction.EXPIRE, "second"]


def test_an_endless_scenario_is_distinguished_from_a_long_one() -> None:
    breaking = gate()
    for _ in range(MOST_CALLS):
        breaking("graph.GET", lambda: None)
    with pytest.raises(Endless):
        breaking("graph.GET", lambda: None)


def test_somebody_elses_clock_is_ahead_by_so_much() -> None:
    ours = VirtualClock()
    theirs = SkewedClock(ours, 300)
    ours.sleep(7)
    assert theirs.now() - ours.now() == timedelta(seconds=300)
    ours.advance_to(START)
    assert ours.now() == START + timedelta(seconds=7)
