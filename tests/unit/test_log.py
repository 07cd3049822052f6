"""One line of JSON for each decision and each end, and other people's loggers kept from telling secrets."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from assurance.fuzz.generated import TEXTS
from shared import log
from shared.core import events as ev
from shared.core.actions import Action, AskSession, CancelSession, Finish, Item, ListAttachments, PutRange
from shared.core.checkpoint import Checkpoint
from shared.core.errors import Code
from shared.core.model import Failure, GraphAnswer, ItemKind, State
from shared.core.sweep_cursor import Kind, Trouble
from shared.run.sweep import Swept
from shared.storage.ports import CheckpointUnreadable, StorageRefused, StorageUnavailable
from tests.unit.core.shapes import FAILURE, NOW, SEEN, SIZE, URL, session, transfer

OBSERVER = log.LogObserver()
BEFORE = transfer(State.SENDING, session=session(), tries=2, throttles=1)
AFTER = transfer(State.ASKING, session=session(), tries=3)
ITEM = Item("ada@contoso.example", ItemKind.MESSAGE, "AAMk=")
PUT = PutRange(URL, 8, 8, SIZE)


class Lines:
    """What was logged, parsed."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self._caplog = caplog

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (json.loads(record.getMessage()) for record in self._caplog.records)

    @property
    def only(self) -> dict[str, Any]:
        [line] = self
        return line

    @property
    def levels(self) -> list[int]:
        return [record.levelno for record in self._caplog.records]


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Lines:
    caplog.set_level(logging.INFO, logger="drop")
    return Lines(caplog)


# --- decisions ---


def test_a_decision_is_told_with_its_keys_and_no_others(lines: Lines) -> None:
    OBSERVER.decided(BEFORE, PUT, ev.Unsure(Code.GRAPH_UNAVAILABLE, graph=SEEN), AFTER, 1.2345)
    assert tuple(lines.only) == log.DECISION_KEYS
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
    assert tuple(lines.only) == log.DECISION_KEYS
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


def test_a_note_leaves_out_what_is_not_known(lines: Lines) -> None:
    log.note("event_ignored", reason="the blob is gone", code=None)
    log.note("message_unreadable", error=True, length=0)
    assert list(lines) == [
        {"event": "event_ignored", "reason": "the blob is gone"},
        {"event": "message_unreadable", "length": 0},
    ]
    assert lines.levels == [logging.INFO, logging.ERROR]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=TEXTS)
def test_a_line_is_one_line_whatever_a_fact_is(text: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.clear()
    caplog.set_level(logging.INFO, logger="drop")
    log.note("event_ignored", reason=text)
    [record] = caplog.records
    assert record.getMessage().isascii()
    assert record.getMessage().isprintable()
    assert json.loads(record.getMessage())["reason"] == text


# --- other people's loggers ---


@pytest.mark.parametrize(
    ("name", "heard"),
    [
        ("azure.core.pipeline.policies.http_logging_policy", "WARNING"),
        ("azure.storage.blob", "WARNING"),
        ("azure.identity._internal.decorators", "CRITICAL"),
        ("msal.oauth2cli.oauth2", "CRITICAL"),
        ("opentelemetry.exporter", "WARNING"),
        ("urllib3.connectionpool", "ERROR"),
        ("drop", "INFO"),
    ],
)
def test_a_library_is_heard_from_the_level_on_at_which_it_tells_no_url(name: str, heard: str) -> None:
    """In a process of its own, with a root that lets everything through, as a host may have it."""
    told = (
        "import logging\n"
        "logging.basicConfig(level=logging.INFO, format='%(levelname)s')\n"
        "from shared import log\n"
        "log.quieten()\n"
        f"logger = logging.getLogger({name!r})\n"
        "for level in (10, 20, 30, 40, 50):\n"
        "    logger.log(level, 'https://outlook.office.com/?authtoken=canary')\n"
    )
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr.splitlines()[0] == heard
