"""Nothing that the product says holds an upload session's URL, a token, or a part of the file."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import pytest

from assurance.fuzz import canaries
from assurance.fuzz.canaries import CANARY, Talkative, overhear
from assurance.secrets import Scanner
from assurance.simulation import campaigns
from assurance.simulation.case import FOUR, Case, Denial
from assurance.simulation.clock import START
from assurance.simulation.enumerate import singles
from shared import log, telemetry
from shared.core.actions import AskSession, CancelSession, PutRange
from shared.core.events import SessionOpened
from shared.core.model import Session
from shared.graph.http import GraphRequest, HttpAnswer, HttpRequest, UploadRequest
from shared.log_observer import LogObserver
from shared.run.executor import GraphExecutor
from shared.storage.ports import Checkpoint, StorageUnavailable
from tests.unit.core.shapes import transfer

URL = f"https://outlook.office.com/api/v2.0/S('1')?authtoken={CANARY}"
NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
SECRETS = Scanner([CANARY])
OUTAGE = timedelta(minutes=5)
"""For which a run cannot read its file: several runs, and an end all the same."""


# --- scenarios ---


@pytest.mark.parametrize("ranges", [0, 1, 2])
def test_no_story_with_a_fault_lets_a_secret_out(ranges: int) -> None:
    scenarios = said = 0
    for case in singles(Case(ranges=ranges), latenesses=(2,)):
        heard, leaks = overhear(case)
        assert leaks == []
        assert heard.ended
        assert heard.logged
        scenarios, said = scenarios + 1, said + heard.size
    assert scenarios > 4 * len(FOUR)
    assert said > 10_000 * scenarios


def test_no_story_with_an_answer_that_nobody_documents_lets_a_secret_out() -> None:
    cases = [case for case in islice(campaigns.unknown_answers(), 0, 2000, 40) if case.engine == "product"]
    assert len(cases) > 20
    assert [leak for case in cases for leak in overhear(case)[1]] == []


@pytest.mark.parametrize("seed", [1, 2])
def test_no_story_of_everything_at_once_lets_a_secret_out(seed: int) -> None:
    cases = [case for case in campaigns.mixed(60, seed) if case.workers == 1]
    assert len(cases) > 20
    assert [leak for case in cases for leak in overhear(case)[1]] == []


# --- the scenarios would tell ---


def lets(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, leaky: Callable[..., Any]) -> None:
    """Put something careless in the place of a method; it is given the method first."""
    careful = getattr(owner, name)
    monkeypatch.setattr(owner, name, lambda *given, **named: leaky(careful, *given, **named))


def careless_log(careful: Any, self: Any, before: Any, action: Any, *rest: Any) -> None:
    careful(self, before, action, *rest)
    if isinstance(action, PutRange):
        log.note("sent", url=action.url)


def careless_names(careful: Any, self: Any, before: Any, *rest: Any) -> None:
    careful(self, before, *rest)
    log.note("decided", mailbox=before.target.mailbox)


def careless_exception(careful: Any, self: Any, action: Any) -> Any:
    if isinstance(action, PutRange) and self._clock.now() < START + OUTAGE:
        raise StorageUnavailable(f"nothing to read for {action.url}")  # after which the message is sent for later
    return careful(self, action)


def careless_event(careful: Any, self: Any, action: Any) -> Any:
    event = careful(self, action)
    if event.graph is not None:
        return replace(event, graph=replace(event.graph, request_id=CANARY))
    return event


def careless_content(careful: Any, self: Any, call: Any) -> Any:
    if isinstance(call, PutRange):
        log.note("sending", content=repr(bytes(self._reader.read(0, call.size))))
    return careful(self, call)


@pytest.mark.parametrize(
    ("owner", "name", "leaky", "where"),
    [
        (LogObserver, "decided", careless_log, "the log holds a secret"),
        (LogObserver, "decided", careless_names, "the log names a secret"),
        (GraphExecutor, "perform", careless_event, "the history holds a secret"),
        (GraphExecutor, "perform", careless_event, "the checkpoint after the end holds a secret"),
        (GraphExecutor, "perform", careless_event, "the log holds a secret"),
        (GraphExecutor, "_session_call", careless_exception, "an exception holds a secret"),
        (GraphExecutor, "_session_call", careless_content, "the log holds a secret"),
    ],
)
def test_a_careless_word_would_be_heard(
    owner: Any, name: str, leaky: Callable[..., Any], where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lets(monkeypatch, owner, name, leaky)
    heard, leaks = overhear(Case(ranges=3))
    assert heard.ended
    assert any(where in leak for leak in leaks), leaks[:3]


def test_a_careless_span_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telemetry, "named", lambda value: getattr(value, "url", type(value).__name__))
    _, leaks = overhear(Case(ranges=1))
    assert any("a span holds a secret" in leak for leak in leaks)


def test_every_answer_of_a_story_holds_canaries() -> None:
    answers: list[HttpAnswer] = []

    class Kept(Talkative):
        def send(self, request: HttpRequest) -> HttpAnswer:
            answers.append(super().send(request))
            return answers[-1]

    original = canaries.Talkative
    canaries.Talkative = Kept  # type: ignore[misc]  # put back below
    try:
        overhear(Case(ranges=1, denials=(Denial(("graph.PUT",), 503, seconds=1),)))
    finally:
        canaries.Talkative = original  # type: ignore[misc]  # as it was
    assert len(answers) > 3
    assert {200, 201, 503} <= {answer.status for answer in answers}
    for answer in answers:
        assert CANARY in json.dumps(dict(answer.headers))


# --- representations ---


@pytest.mark.parametrize(
    "value",
    [
        Session(URL, NOW, 0),
        PutRange(URL, 0, 8, 20),
        AskSession(URL),
        CancelSession(URL),
        SessionOpened(URL, NOW, 0),
        UploadRequest("PUT", URL, {}, CANARY.encode()),
        GraphRequest("POST", f"https://g/{CANARY}", {}, CANARY.encode()),
        HttpAnswer(201, {"location": URL, "set-cookie": CANARY}, CANARY.encode()),
        transfer(session=Session(URL, NOW, 0)),
        Checkpoint(transfer(session=Session(URL, NOW, 0)), None, "run-1.0"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_no_value_that_holds_a_secret_shows_it(value: object) -> None:
    for shown in (repr(value), str(value), f"{value}", repr([value]), repr(ValueError(value))):
        SECRETS.check(shown, type(value).__name__)
