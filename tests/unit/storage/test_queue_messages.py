"""Messages on the queues: ours are taken, whatever else lies there is noted and passed over."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from assurance.fuzz import environment, messages
from shared.app import App
from shared.composition import Composition
from shared.engine.continuation import Continuation
from shared.settings import read
from shared.storage import queue
from shared.storage.queue import (
    AwaitedFile,
    AwaitedFiles,
    Continuations,
    PoisonedDrop,
    awaited_in,
    continuation_in,
    drop_in,
    message_text,
    transfer_in,
)
from tests.unit.run.stage import Stage

ID = "965abc7f0c1eb170655d90d1854e727b"
TEXTS = st.text(max_size=40)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=8,
)
NAMED = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(("transferId", "FunctionId", "ContainerName", "BlobName", "ETag"), JSON | st.just(ID)),
)
RAW = st.binary(max_size=80) | (JSON | NAMED).map(lambda value: json.dumps(value).encode())


class Sent:
    """Stands in for `Messages`: keeps what was put."""

    def __init__(self) -> None:
        self.put_: list[tuple[str, float]] = []

    def put(self, text: str, delay: float = 0) -> None:
        self.put_.append((text, delay))


SINCE = datetime(2026, 3, 2, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    "continuation",
    [
        Continuation(ID),
        Continuation(ID, run="run-1"),
        Continuation(ID, run="run-1", guards=True, tries=3),
        Continuation(blob="in/\u5831\u544a.pdf", tries=99),
        Continuation(blob="x", poisoned=4, since=SINCE),
        Continuation(blob="x", tries=1, awaited=SINCE),
    ],
)
def test_a_continuation_is_read_as_it_was_written(continuation: Continuation) -> None:
    sent = Sent()
    Continuations(sent).ask(continuation, 7)  # type: ignore[arg-type]  # as below
    assert continuation_in(sent.put_[0][0]) == continuation


def test_a_message_names_the_process_of_its_instance(monkeypatch: pytest.MonkeyPatch) -> None:
    other = Continuation(ID, kind="other", run="run-1")
    sent = Sent()
    Continuations(sent).ask(other, 7)  # type: ignore[arg-type]  # as below
    text = sent.put_[0][0]
    assert json.loads(text) == {"otherId": ID, "run": "run-1"}
    assert continuation_in(text) is None  # of a process that this version does not know
    monkeypatch.setattr(queue, "KINDS", (*queue.KINDS, "other"))
    assert continuation_in(text) == other
    assert continuation_in(json.dumps({"otherId": ID, "transferId": ID})) is None


@pytest.mark.parametrize("value", [-1, 1.5, True, "3", None, [], 2**40])
@pytest.mark.parametrize("key", ["tries", "poisoned", "poisonedSince", "awaited"])
def test_a_history_that_makes_no_sense_is_left_out(key: str, value: object) -> None:
    assert continuation_in(json.dumps({"transferId": ID, key: value})) == Continuation(ID)


@pytest.mark.parametrize("message", [{"blob": ""}, {"blob": 5}, {"blob": "\ud800"}, {"blob": "x", "transferId": "y"}])
def test_what_names_no_file_either_is_none_of_ours(message: object) -> None:
    assert continuation_in(json.dumps(message)) is None


def test_what_is_sent_is_understood() -> None:
    sent = Sent()
    Continuations(sent).send(ID, 7)  # type: ignore[arg-type]  # all that is used of Messages
    [(text, delay)] = sent.put_
    assert (transfer_in(text), delay) == (ID, 7)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ID,
        f'"{ID}"',
        f'["{ID}"]',
        "{}",
        '{"transferId": null}',
        '{"transferId": 5}',
        f'{{"transferid": "{ID}"}}',
        f'{{"transferId": "{ID[:-1]}"}}',
        f'{{"transferId": "{ID}0"}}',
        f'{{"transferId": "{ID[:-1]}\\n"}}',
        f'{{"transferId": "{ID.upper()}"}}',
        f'{{"transferId": "../{ID[3:]}"}}',
        '{"transferId": "' + "\u0663" * 32 + '"}',
        f'{{"transferId": ["{ID}"]}}',
        f'{{"transferId": "{ID}"',
        "[" * 100_000,
        "9" * 5000,
        "\ufffd\x00",
    ],
)
def test_what_names_no_transfer_is_none_of_ours(text: str) -> None:
    assert transfer_in(text) is None


OURS = json.dumps({"transferId": ID})
ENCODED = base64.b64encode(OURS.encode())


@pytest.mark.parametrize(
    "raw",
    [
        OURS.encode(),
        ENCODED,
        b"\xef\xbb\xbf" + OURS.encode(),
        base64.b64encode(b"\xef\xbb\xbf" + OURS.encode()),
        b" \r\n" + OURS.encode() + b"\n",
        ENCODED + b"\n",
        b"\r\n".join(ENCODED[at : at + 16] for at in range(0, len(ENCODED), 16)),
        json.dumps({"transferId": ID}, indent=2).encode(),
    ],
    ids=["plain", "base64", "marked", "marked base64", "blanks", "base64 and a line end", "folded base64", "indented"],
)
def test_a_message_of_ours_is_understood_plain_and_in_base64(raw: bytes) -> None:
    assert transfer_in(message_text(raw)) == ID


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"", ""),
        (b"{}", "{}"),
        ('{"a": "\u00fc\U0001f642"}'.encode(), '{"a": "\u00fc\U0001f642"}'),
        (b"not base64!", "not base64!"),
        (b"<html/>", "<html/>"),
        (b"\xff\xfe{", "\ufffd\ufffd{"),
        (base64.b64encode(b"\xff\xfe"), "//4="),
        (ENCODED[:-1], ENCODED[:-1].decode()),
    ],
)
def test_any_other_message_is_handed_on_as_it_is(raw: bytes, text: str) -> None:
    assert message_text(raw) == text


def test_a_message_about_a_file_that_is_none_yet_is_understood() -> None:
    sent = Sent()
    since = datetime(2026, 3, 2, 8, 0, 0, 5, UTC)
    AwaitedFiles(sent).send('in/\u5831 "a".pdf', since, 7)  # type: ignore[arg-type]  # all that is used of Messages
    [(text, delay)] = sent.put_
    assert (awaited_in(text), transfer_in(text), delay) == (AwaitedFile('in/\u5831 "a".pdf', since), None, 7)


@pytest.mark.parametrize(
    "text",
    [
        OURS,
        "{}",
        '{"blob": "a"}',
        '{"blob": "", "since": "2026-03-02T08:00:00+00:00"}',
        '{"blob": "a", "since": "2026-03-02T08:00:00"}',
        '{"blob": "a", "since": "0001-01-01T00:00:00+14:00"}',
        '{"blob": "a", "since": "yesterday"}',
        '{"blob": "a", "since": 5}',
        '{"blob": "\\ud800", "since": "2026-03-02T08:00:00+00:00"}',
        '{"blob": "a", "since": "2026-03-02T08:00:00+00:00", "x": 1}',
    ],
)
def test_what_names_no_file_to_look_at_is_none(text: str) -> None:
    assert awaited_in(text) is None


POISONED = {
    "Type": "BlobTrigger",
    "FunctionId": "Host.Functions.blob_dropped",
    "BlobType": "BlockBlob",
    "ContainerName": "drop",
    "BlobName": "in/\u5831\u544a.pdf",
    "ETag": '"0x1"',
}


def test_the_hosts_message_about_a_file_is_understood() -> None:
    assert drop_in(json.dumps(POISONED)) == PoisonedDrop("blob_dropped", "drop", "in/\u5831\u544a.pdf", '"0x1"')


@pytest.mark.parametrize("etag", [None, 5, ["x"], "\ud800"])
def test_a_message_without_a_version_is_about_any(etag: object) -> None:
    dropped = drop_in(json.dumps({**POISONED, "ETag": etag}))
    assert dropped is not None
    assert dropped.etag == ""


@pytest.mark.parametrize("key", ["FunctionId", "ContainerName", "BlobName"])
@pytest.mark.parametrize("value", [None, 5, ["x"], {}])
def test_a_message_that_lacks_a_part_is_about_no_file(key: str, value: object) -> None:
    assert drop_in(json.dumps({**POISONED, key: value})) is None
    assert drop_in(json.dumps({name: part for name, part in POISONED.items() if name != key})) is None


@pytest.mark.parametrize("key", ["FunctionId", "ContainerName", "BlobName"])
def test_half_of_a_surrogate_pair_is_in_no_name(key: str) -> None:
    assert drop_in(json.dumps({**POISONED, key: "a\ud800.pdf"})) is None


@settings(max_examples=300, deadline=None)
@given(RAW)
def test_whatever_bytes_a_message_is_made_of_it_names_something_or_nothing(raw: bytes) -> None:
    messages.check(raw)


# --- through the triggers ---


def app_over(stage: Stage) -> App:
    """The app's triggers, with the runs of a stage behind them."""
    made = Composition(read(environment.WHOLE, 600))
    made.__dict__.update(runs=stage.runs, edges=stage.edges, sources=stage.sources, checkpoints=stage.checkpoints)
    return App(made)


TRIGGERS: list[Callable[[App, str], None]] = [
    App.transfer_due,
    App.transfer_poisoned,
    App.blob_poisoned,
]


@pytest.mark.parametrize("trigger", TRIGGERS)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(raw=RAW)
@example(raw=json.dumps({"transferId": ID}).encode())
@example(raw=json.dumps(POISONED).encode())
@example(raw=b'{"FunctionId": "blob_dropped", "ContainerName": "drop", "BlobName": "\\ud800"}')
def test_whatever_bytes_a_message_is_made_of_its_trigger_returns(
    trigger: Callable[[App, str], None], raw: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.clear()
    caplog.set_level(logging.INFO, logger="drop")
    stage = Stage()
    trigger(app_over(stage), message_text(raw))
    for record in caplog.records:
        assert json.loads(record.getMessage())["event"]
    assert stage.checkpoints.blobs == {}
    put_back = '"ending": "put_back"' in caplog.text
    assert len(stage.queue.messages) == put_back


@pytest.mark.parametrize("trigger", TRIGGERS)
@pytest.mark.parametrize("raw", [b"", b"\xff\xfe", b"Bearer canary-0123456789", b'{"transferId": "canary-0123456789"}'])
def test_a_message_that_cannot_be_read_is_noted_by_its_length_only(
    trigger: Callable[[App, str], None], raw: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="drop")
    text = message_text(raw)
    trigger(app_over(Stage()), text)
    [line] = [json.loads(record.getMessage()) for record in caplog.records]
    assert line == {"event": "message_unreadable", "code": "MESSAGE_UNREADABLE", "length": len(text)}
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


def test_a_message_of_ours_starts_a_run(caplog: pytest.LogCaptureFixture) -> None:
    stage = Stage()
    transfer = stage.transfer(b"content")
    stage.runs.accept(transfer)
    due: Any = stage.queue.take()
    app_over(stage).transfer_due(json.dumps({"transferId": due[1].key}))
    assert [name for name, _ in stage.attached()] == ["a.bin"]
    assert "message_unreadable" not in caplog.text


def test_another_apps_poison_message_is_one_plain_line_and_no_error(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="drop")
    app_over(Stage()).blob_poisoned(json.dumps({**POISONED, "FunctionId": "Host.Functions.of_another_app"}))
    [record] = caplog.records
    reason = "the message names another app's function"
    assert json.loads(record.getMessage()) == {"event": "event_ignored", "reason": reason}
    assert record.levelno == logging.INFO
