"""Whatever Graph answers is a defined event, and every transfer that may see it survives."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assurance.fuzz.answers import REQUESTS, check, event_of
from assurance.fuzz.reachable import NOW, POLICY, waiting_for
from assurance.fuzz.shapes import ANSWERS, BODIES, HEADERS, STATUSES, check_all, table
from shared.core import events as ev
from shared.core.actions import PutRange
from shared.core.machine import decide
from shared.core.model import TERMINAL, State
from shared.graph.http import HttpAnswer


@pytest.mark.parametrize("asked", REQUESTS)
def test_every_status_with_every_kind_of_body_is_a_defined_event(asked: str) -> None:
    """One set of headers each; `dev.py verify` takes all of them."""
    answers = [answer for number, answer in enumerate(table()) if number % (len(HEADERS) + 1) == 0]
    count, events = check_all(asked, answers)
    assert count == len(answers) > 10_000
    assert events > 3


def test_the_table_has_every_status_with_every_body_and_every_set_of_headers() -> None:
    assert len({(answer.status, answer.body, str(answer.headers)) for answer in table()}) == (
        len(STATUSES) * len(BODIES) * len(HEADERS)
    )


def test_transfers_of_every_state_and_requests_of_every_kind_are_among_those_that_are_tried() -> None:
    everyone = [one for those in waiting_for().values() for one in those]
    assert {one.state for one in everyone} == set(State) - TERMINAL
    assert set(waiting_for()) == {type(request) for request in REQUESTS.values()}
    ranges = [decide(one, NOW, POLICY) for one in waiting_for()[PutRange]]
    assert {one.is_final for one in ranges if isinstance(one, PutRange)} == {True, False}


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(sorted(REQUESTS)), ANSWERS)
def test_whatever_an_answer_holds_it_is_a_defined_event(asked: str, answer: HttpAnswer) -> None:
    check(REQUESTS[asked], answer)


@pytest.mark.parametrize("status", [200, 202, 204, 206, 299])
@pytest.mark.parametrize("asked", ["put", "put-final", "post"])
def test_nothing_but_a_201_says_that_the_attachment_exists(asked: str, status: int) -> None:
    body = b'{"id": "AAMkB=", "size": 30}'
    event = event_of(REQUESTS[asked], HttpAnswer(status, {"location": "/attachments('AAMkB=')"}, body))
    assert not isinstance(event, ev.Committed)
