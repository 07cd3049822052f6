"""What is logged: one line per decision with exactly its keys, one per end, and never a secret."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from shared import log
from shared.core import actions as ac
from shared.core import events as ev
from shared.core.checkpoint import Checkpoint
from shared.core.errors import Code
from shared.core.model import Failure, GraphAnswer, State
from shared.storage.ports import CheckpointUnreadable
from tests.unit.core.shapes import FAILURE, NOW, SEEN, URL, session, transfer

BEFORE = transfer(State.SENDING, session=session(), tries=2, throttles=1)
AFTER = transfer(State.SENDING, session=session(16))


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [json.loads(record.getMessage()) for record in caplog.records if record.name == "drop"]


@pytest.fixture(autouse=True)
def everything(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)


@pytest.mark.parametrize(
    ("action", "event", "said"),
    [
        (
            ac.PutRange(URL, 8, 8, 20),
            ev.OffsetKnown(16, graph=GraphAnswer(200, None, "req-1")),
            {"action": "put range", "offset": 8, "outcome": "offset known", "graphRequestId": "req-1"},
        ),
        (
            ac.PutRange(URL, 8, 8, 20),
            ev.Unsure(Code.GRAPH_UNAVAILABLE, graph=SEEN),
            {
                "action": "put range",
                "offset": 8,
                "outcome": "unsure",
                "code": "GRAPH_UNAVAILABLE",
                "graphRequestId": "req-1",
            },
        ),
        (
            ac.AskSession(URL),
            ev.Refused(FAILURE),
            {"action": "ask session", "outcome": "refused", "code": "ACCESS_DENIED", "graphRequestId": "req-1"},
        ),
        (None, ev.RunStarted(), {"outcome": "run started"}),
        (None, ev.CancelRequested(), {"outcome": "cancel requested"}),
    ],
)
def test_a_decision_is_one_line_with_exactly_its_keys(
    action: ac.Action | None, event: ev.Happening, said: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    log.LogObserver().decided(BEFORE, action, event, AFTER, 0.0123)
    [line] = lines(caplog)
    assert tuple(line) == log.DECISION_KEYS
    nothing = dict.fromkeys(log.DECISION_KEYS)
    fixed = {"transferId": "f" * 32, "state": "sending", "attempt": 4, "durationMs": 12}
    assert line == {**nothing, **fixed, **said}


@pytest.mark.parametrize("state", [State.ATTACHED, State.FAILED, State.CANCELLED])
def test_an_end_is_one_line_that_alerts_can_ask_for(state: State, caplog: pytest.LogCaptureFixture) -> None:
    failure = FAILURE if state is State.FAILED else None
    log.LogObserver().tell(Checkpoint(transfer(state, failure=failure, finished_at=NOW, runs=3), None, "x"))
    [line] = lines(caplog)
    assert (line["event"], line["transferId"], line["runs"]) == (f"transfer_{state.value}", "f" * 32, 3)
    assert line["code"] == ("ACCESS_DENIED" if failure else None)
    [record] = caplog.records
    assert (record.levelno == logging.ERROR) == (state is State.FAILED)


def test_other_lines_have_an_event(caplog: pytest.LogCaptureFixture) -> None:
    observer = log.LogObserver()
    observer.handed_over("f" * 32)
    observer.swept({"revived": 1})
    observer.unreadable(CheckpointUnreadable(Code.CHECKPOINT_NEWER, "It is newer."))
    log.note("start_requested", transferId="f" * 32, isNew=None)
    assert [line["event"] for line in lines(caplog)] == [
        "handed_over",
        "swept",
        "checkpoint_unreadable",
        "start_requested",
    ]
    assert lines(caplog)[-1] == {"event": "start_requested", "transferId": "f" * 32}


def test_no_line_holds_a_url_or_a_detail(caplog: pytest.LogCaptureFixture) -> None:
    told = Failure(Code.TARGET_NOT_FOUND, "No message in ada.lovelace@example.org", SEEN)
    observer = log.LogObserver()
    for action in (ac.PutRange(URL, 8, 8, 20), ac.AskSession(URL), ac.CancelSession(URL)):
        for event in (ev.OffsetKnown(16), ev.SessionOpened(URL, NOW, 0), ev.Refused(told)):
            observer.decided(BEFORE, action, event, AFTER, 0)
    observer.tell(Checkpoint(transfer(State.FAILED, failure=told, finished_at=NOW), None, "x"))
    assert "canary" not in caplog.text
    assert "http" not in caplog.text
    assert "lovelace" not in caplog.text


def test_whatever_a_line_holds_it_is_one_line_of_ascii(caplog: pytest.LogCaptureFixture) -> None:
    log.note("x", detail="ä\n\u2028\x1b[31m")
    assert caplog.records[0].getMessage().isascii()
    assert caplog.records[0].getMessage().isprintable()
