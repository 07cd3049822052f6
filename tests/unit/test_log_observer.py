"""One line of JSON for each decision and each end, and other people's loggers kept from telling secrets."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from shared.core import events as ev
from shared.core.actions import Action, AskSession, CancelSession, Finish, Item, ListAttachments, PutRange
from shared.core.errors import Code
from shared.core.model import Failure, GraphAnswer, ItemKind, State
from shared.core.sweep_cursor import Kind, Trouble
from shared.log_observer import DECISION_KEYS, LogObserver
from shared.run.sweep import Swept
from shared.storage.ports import Checkpoint, CheckpointUnreadable, StorageRefused, StorageUnavailable
from tests.unit.core.shapes import FAILURE, NOW, SEEN, SIZE, URL, session, transfer
from tests.unit.logged import Lines

OBSERVER = LogObserver()
BEFORE = transfer(State.SENDING, session=session(), tries=2, throttles=1)
AFTER = transfer(State.ASKING, session=session(), tries=3)
ITEM = Item("ada@contoso.example", ItemKind.MESSAGE, "AAMk=")
PUT = PutRange(URL, 8, 8, SIZE)


def test_a_decision_is_told_with_its_keys_and_no_others(lines: Lines) -> None:
    OBSERVER.decided(BEFORE, PUT, ev.Unsure(Code.GRAPH_UNAVAILABLE, graph=SEEN), AFTER, 1.2345)
    assert tuple(lines.only) == DECISION_KEYS
    assert lines.only == {
        "transferId": "f" * 32,
        "state": "sending",
        "action": "put range",
        "offset": 8,
        "outcome": "unsure",
        "code": "GRAPH_UNAVAILABLE",
        "attempt": 4,
        "graphRequestId": "req-1",
        "durationMs": 1234,
    }
    assert lines.levels == [logging.INFO]


@pytest.mark.parametrize(
    ("action", "event", "said"),
    [
        (None, ev.RunStarted(), {"action": None, "outcome": "run started", "code": None, "offset": None}),
        (None, ev.CancelRequested(), {"outcome": "cancel requested"}),
        (PUT, ev.OffsetKnown(16), {"action": "put range", "outcome": "offset known", "graphRequestId": None}),
        (AskSession(URL), ev.AskRefused(graph=SEEN), {"action": "ask session", "graphRequestId": "req-1"}),
        (CancelSession(URL), ev.SessionFenced(), {"action": "cancel session", "offset": None}),
        (PUT, ev.NotDone(Code.GRAPH_THROTTLED, 7), {"code": "GRAPH_THROTTLED"}),
        (PUT, ev.Refused(FAILURE, ev.RefusedBy.GRAPH), {"code": "ACCESS_DENIED", "graphRequestId": "req-1"}),
        (
            PUT,
            ev.Refused(Failure(Code.SOURCE_GONE, "gone"), ev.RefusedBy.SOURCE),
            {"code": "SOURCE_GONE", "graphRequestId": None},
        ),
        (ListAttachments(ITEM), ev.AttachmentsListed(()), {"action": "list attachments"}),
        (PUT, ev.Committed("AAMkB=", graph=SEEN), {"outcome": "committed", "code": None}),
    ],
)
def test_a_decision_says_what_was_asked_what_came_of_it_and_what_speaks_against_it(
    action: Action | None, event: ev.Event, said: dict[str, Any], lines: Lines
) -> None:
    OBSERVER.decided(BEFORE, action, event, AFTER, 0)
    assert tuple(lines.only) == DECISION_KEYS
    assert {key: lines.only[key] for key in said} == said


@pytest.mark.parametrize("action", [PUT, AskSession(URL), CancelSession(URL), Finish()])
def test_a_decision_names_neither_url_nor_person_nor_file(action: Action, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    OBSERVER.decided(BEFORE, action, ev.SessionOpened(URL, NOW, 0), AFTER, 0)
    OBSERVER.notify(Checkpoint(transfer(State.FAILED, failure=FAILURE), None, "run-1.1"))
    OBSERVER.handed_over("f" * 32)
    for secret in ("canary", "https", BEFORE.target.mailbox, BEFORE.attachment.name, BEFORE.plan.source.blob):
        assert secret not in caplog.text


# --- ends ---


@pytest.mark.parametrize(
    ("state", "failure", "level", "said"),
    [
        (State.ATTACHED, None, logging.INFO, {"event": "transfer_attached", "code": None, "graphStatus": None}),
        (State.CANCELLED, None, logging.INFO, {"event": "transfer_cancelled"}),
        (
            State.FAILED,
            FAILURE,
            logging.ERROR,
            {
                "event": "transfer_failed",
                "code": "ACCESS_DENIED",
                "graphStatus": 503,
                "graphCode": "serviceNotAvailable",
                "graphRequestId": "req-1",
            },
        ),
        (State.FAILED, Failure(Code.SOURCE_GONE, "gone", GraphAnswer(None)), logging.ERROR, {"graphStatus": None}),
    ],
)
def test_an_end_is_told_once_and_a_failure_as_an_error(
    state: State, failure: Failure | None, level: int, said: dict[str, Any], lines: Lines
) -> None:
    OBSERVER.notify(Checkpoint(transfer(state, failure=failure, bytes_confirmed=7, runs=3), None, "run-3.1"))
    assert {key: lines.only[key] for key in said} == said
    assert {key: lines.only[key] for key in ("transferId", "bytesConfirmed", "runs")} == {
        "transferId": "f" * 32,
        "bytesConfirmed": 7,
        "runs": 3,
    }
    assert lines.levels == [level]


# --- everything else ---


def test_a_handover_a_sweep_and_what_cannot_be_had_have_a_line_each(lines: Lines) -> None:
    OBSERVER.handed_over("f" * 32)
    OBSERVER.swept(Swept(revived=2, accepted=1, troubles=4, oldest=61.6, oldest_id="e" * 32))
    OBSERVER.unreadable(CheckpointUnreadable(Code.CHECKPOINT_NEWER, "Checkpoint f has schema 2."))
    OBSERVER.refused(StorageRefused(Code.STORAGE_LEASED, "storage answered 412"))
    assert list(lines) == [
        {"event": "handed_over", "transferId": "f" * 32},
        {
            "event": "swept",
            "revived": 2,
            "concluded": 0,
            "accepted": 1,
            "troubles": 4,
            "oldestUnfinishedSeconds": 62,
            "oldestUnfinishedId": "e" * 32,
            "complete": True,
        },
        {"event": "checkpoint_unreadable", "code": "CHECKPOINT_NEWER", "detail": "Checkpoint f has schema 2."},
        {"event": "storage_refused", "code": "STORAGE_LEASED", "detail": "storage answered 412"},
    ]
    assert lines.levels == [logging.INFO, logging.INFO, logging.ERROR, logging.ERROR]


@pytest.mark.parametrize(
    ("kind", "key", "error", "event", "named"),
    [
        (Kind.FILE, "payslip of ada.pdf", ValueError("ada"), "sweep_trouble", {}),
        (Kind.TRANSFER, "f" * 32, ValueError("ada"), "sweep_trouble", {"transferId": "f" * 32}),
        (Kind.PART, "marks", StorageUnavailable("503"), "sweep_trouble", {"part": "marks"}),
        (
            Kind.TRANSFER,
            "f" * 32,
            StorageRefused(Code.STORAGE_LEASED, "412"),
            "storage_refused",
            {"transferId": "f" * 32},
        ),
        (
            Kind.TRANSFER,
            "f" * 32,
            CheckpointUnreadable(Code.CHECKPOINT_NEWER, "2"),
            "checkpoint_unreadable",
            {"transferId": "f" * 32},
        ),
    ],
)
def test_what_the_sweep_cannot_handle_has_an_error_line_that_names_no_file(
    lines: Lines, kind: Kind, key: str, error: Exception, event: str, named: dict[str, str]
) -> None:
    OBSERVER.trouble(Trouble(kind, key, "A_CODE", "what happened", 3, NOW, NOW), error)
    assert list(lines) == [
        {"event": event, "code": "A_CODE", "detail": "what happened", "about": kind.value, **named, "tries": 3}
    ]
    assert lines.levels == [logging.ERROR]
