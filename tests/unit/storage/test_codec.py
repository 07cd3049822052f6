"""A checkpoint comes back as it was written; whatever else is found in its place is refused, and left as it is."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assurance.fuzz.generated import CHECKPOINTS, PATIENT
from assurance.secrets import Scanner
from shared.core.errors import CATALOGUE, Code
from shared.core.model import Route, State, Transfer
from shared.core.policy import Policy
from shared.engine.checkpoint import Lease
from shared.storage import codec
from shared.storage.ports import Checkpoint, CheckpointUnreadable
from tests.unit.core.shapes import NOW, session, transfer
from tests.unit.run.stage import Stage

CANARY = "canary-0123456789abcdef"
SECRETS = Scanner([CANARY])


def checkpoint(state: State = State.SENDING, **changes: Any) -> Checkpoint:
    changes = {"session": session(), "history": (), "updated_at": NOW, **changes}
    return Checkpoint(transfer(state, **changes), Lease("run-1", NOW + timedelta(seconds=20)), "run-1.3")


WRITTEN = checkpoint()
ID = WRITTEN.instance.id
TEXT = codec.encode(WRITTEN)
DOCUMENT: dict[str, Any] = json.loads(TEXT)


def refused(text: bytes, transfer_id: str = ID) -> CheckpointUnreadable:
    with pytest.raises(CheckpointUnreadable) as refusal:
        codec.decode(text, transfer_id)
    assert refusal.value.code in CATALOGUE
    assert transfer_id in refusal.value.detail
    return refusal.value


# --- what comes back ---


@settings(PATIENT, max_examples=300)
@given(CHECKPOINTS)
def test_a_checkpoint_comes_back_as_it_was_written(written: Checkpoint) -> None:
    text = codec.encode(written)
    assert codec.decode(text, written.instance.id) == written
    assert codec.encode(codec.decode(text, written.instance.id)) == text


def test_the_schema_comes_first_and_what_is_as_usual_is_left_out() -> None:
    assert TEXT.startswith(b'{"schema":1,')
    assert set(DOCUMENT) == {"schema", "transfer", "lease", "write"}
    assert "landed" not in DOCUMENT["transfer"]
    assert DOCUMENT["transfer"]["session"] == {
        "url": session().url,
        "expiresAt": "2026-03-02T09:00:00Z",
        "offset": 8,
    }


def test_a_part_for_a_listing_may_leave_out_what_only_a_run_needs() -> None:
    part = codec.encode(replace(WRITTEN, instance=replace(WRITTEN.instance, session=None, before=None)))
    assert codec.decode_part(part, ID).instance.session is None
    assert refused(part).code is Code.CHECKPOINT_UNREADABLE


# --- what is refused ---


@pytest.mark.parametrize("state", [State.PLANNED, State.SENDING, State.FAILED])
def test_a_text_that_was_torn_at_any_byte_is_refused(state: State) -> None:
    text = codec.encode(whole(state))
    for length in range(len(text)):
        assert refused(text[:length]).code is Code.CHECKPOINT_UNREADABLE


def whole(state: State) -> Checkpoint:
    if state is State.FAILED:
        return replace(WRITTEN, instance=failed(WRITTEN.instance))
    return WRITTEN if state is State.SENDING else checkpoint(state, session=None)


def failed(one: Transfer) -> Transfer:
    stage = Stage()
    refusal = stage.transfer(b"").failure  # an empty file has failed at once
    return replace(one, state=State.FAILED, session=None, failure=refusal, finished_at=NOW)


@pytest.mark.parametrize("schema", [2, 3, 9999])
def test_a_newer_schema_is_refused_as_such_whatever_else_it_holds(schema: int) -> None:
    for text in (json.dumps({**DOCUMENT, "schema": schema}), f'{{"new": [1, {{}}], "schema": {schema}}}'):
        error = refused(text.encode())
        assert error.code is Code.CHECKPOINT_NEWER
        assert f"schema {schema}" in error.detail
        assert "up to 1" in error.detail


@pytest.mark.parametrize("schema", [0, -1, True, 1.0, 2.0, "1", None, [], 10_000, 10**30])
def test_a_schema_that_was_never_written_is_refused(schema: object) -> None:
    assert refused(json.dumps({**DOCUMENT, "schema": schema}).encode()).code is Code.CHECKPOINT_UNREADABLE


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b" ",
        b"null",
        b"[]",
        b"1",
        b'"x"',
        b"{}",
        b'{"schema": 1}',
        b"\x00" * 100,
        b"\xff\xfe",
        b"\xef\xbb\xbf" + TEXT,
        TEXT.decode().encode("utf-16"),
        TEXT + b"x",
        TEXT + TEXT,
        TEXT.replace(b'"run-1"', b'"\xff"'),
        TEXT.replace(b'"run-1"', b'"\\ud800"'),
        TEXT.replace(b":8", b":NaN"),
        TEXT.replace(b":8", b":Infinity"),
        TEXT.replace(b":8", b":8.0"),
        TEXT.replace(b":8", b":8e0"),
        TEXT.replace(b":8", b":" + b"9" * 30),
        TEXT.replace(b":8", b":" + b"9" * 5000),
        TEXT.replace(b":8", b":-1"),
        b"[" * 100_000,
        b'{"schema":1,"transfer":' * 50_000,
        TEXT.replace(b'"old"', b"[" * 2000 + b"]" * 2000),
        b"<?xml version='1.0'?><Error><Code>BlobNotFound</Code></Error>",
    ],
)
def test_what_is_no_checkpoint_of_ours_is_refused(text: bytes) -> None:
    assert text != TEXT
    assert refused(text).code is Code.CHECKPOINT_UNREADABLE


def test_another_transfers_checkpoint_is_refused() -> None:
    other = "0" * 32
    assert refused(TEXT, other).code is Code.CHECKPOINT_UNREADABLE


def places(value: object, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path to every value in a document."""
    yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from places(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from places(inner, (*path, index))


def changed(path: tuple[Any, ...], change: Callable[[Any], Any]) -> bytes:
    """The document with one of its values replaced."""
    document: Any = json.loads(codec.encode(FULL))
    if not path:
        return json.dumps(change(document)).encode()
    *way, last = path
    inner = document
    for key in way:
        inner = inner[key]
    inner[last] = change(inner[last])
    return json.dumps(document).encode()


FULL = replace(WRITTEN, instance=replace(failed(WRITTEN.instance), state=State.SENDING, session=session()))
"""Every part of a document is there, sound or not."""

ALL = [*places(json.loads(codec.encode(FULL)))]
SAMPLES: list[Any] = [None, True, 7, 1.5, "x", ["x"], {"x": 1}]


def value_at(path: tuple[Any, ...]) -> Any:
    value = json.loads(codec.encode(FULL))
    for key in path:
        value = value[key]
    return value


OPTIONAL = {
    ("lease",),
    ("transfer", "plan", "target"),
    ("transfer", "plan", "attachment"),
    ("transfer", "itemId"),
    ("transfer", "before"),
    ("transfer", "session"),
    ("transfer", "failure"),
    ("transfer", "failure", "graph"),
    ("transfer", "updatedAt"),
    ("transfer", "finishedAt"),
}
"""What may be null."""


@pytest.mark.parametrize("path", ALL, ids=lambda path: ".".join(map(str, path)) or "document")
def test_a_value_of_another_type_is_refused_and_never_converted(path: tuple[Any, ...]) -> None:
    here = value_at(path)
    others = [one for one in SAMPLES if type(one) is not type(here) and not (one is None and path in OPTIONAL)]
    for other in others:
        text = changed(path, lambda _, other=other: other)  # type: ignore[misc]  # bound in each turn
        assert refused(text).code is Code.CHECKPOINT_UNREADABLE


@pytest.mark.parametrize("path", [path for path in ALL if isinstance(value_at(path), dict)], ids=str)
def test_a_field_that_is_not_ours_is_refused_and_its_name_not_repeated(path: tuple[Any, ...]) -> None:
    error = refused(changed(path, lambda value: {**value, f"https://x.example/?authtoken={CANARY}": CANARY}))
    SECRETS.check(str(error), "the refusal")


@pytest.mark.parametrize("path", [path for path in ALL if isinstance(value_at(path), dict)], ids=str)
def test_a_key_that_stands_twice_is_refused(path: tuple[Any, ...]) -> None:
    """Even where both say the same: one reader would take the first, another the last."""
    document = TEXT.decode()
    for key in value_at(path):
        marker = f'"{key}":'
        if marker in document:
            at = document.index(marker)
            twice = f'{document[:at]}"{key}":null,{document[at:]}'
            assert refused(twice.encode()).code is Code.CHECKPOINT_UNREADABLE


@pytest.mark.parametrize(
    "broken",
    [
        {"session": {"url": CANARY, "expiresAt": CANARY, "offset": 8}},
        {"session": {"url": [CANARY], "expiresAt": "2026-03-02T09:00:00Z", "offset": 8}},
        {"session": CANARY},
        {"state": CANARY},
        {"before": [CANARY, {CANARY: 1}]},
        {CANARY: CANARY},
    ],
)
def test_no_refusal_repeats_a_value(broken: dict[str, Any]) -> None:
    error = refused(json.dumps({**DOCUMENT, "transfer": {**DOCUMENT["transfer"], **broken}}).encode())
    SECRETS.check("".join(traceback.format_exception(error)) + repr(error), "the refusal")


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(TEXT) - 1), st.integers(0, 255))
def test_a_byte_that_flipped_is_noticed_or_makes_another_sound_checkpoint(at: int, byte: int) -> None:
    text = TEXT[:at] + bytes([byte]) + TEXT[at + 1 :]
    try:
        found = codec.decode(text, ID)
    except CheckpointUnreadable:
        return
    assert codec.decode(codec.encode(found), ID) == found


# --- and left as it is ---


def foreign(one: Transfer) -> list[bytes]:
    """An empty one, a torn one, one of a newer app, and one with a field that is not ours."""
    text = codec.encode(Checkpoint(one, None, "run-1.0"))
    return [b"", text[: len(text) // 2], text.replace(b'"schema":1', b'"schema":2'), text.replace(b"{", b'{"x":1,', 1)]


@pytest.mark.parametrize("which", range(4))
def test_a_checkpoint_that_cannot_be_read_is_left_untouched_by_everyone(which: int) -> None:
    stage = Stage()
    one = stage.transfer(b"x" * 20)
    held = (foreign(one)[which], '"7"')
    stage.checkpoints.blobs[one.id] = held
    for attempt in (stage.runs.start, lambda it: stage.runs.resume(it.id), stage.runs.accept):
        with pytest.raises(CheckpointUnreadable) as refusal:
            attempt(one)
        assert refusal.value.code is (Code.CHECKPOINT_NEWER if which == 2 else Code.CHECKPOINT_UNREADABLE)
    assert stage.checkpoints.blobs == {one.id: held}
    assert stage.attached() == []


@pytest.mark.parametrize("which", range(4))
@pytest.mark.parametrize("call", range(3, 12))
def test_a_checkpoint_that_becomes_unreadable_during_a_run_is_not_overwritten(which: int, call: int) -> None:
    calls = count(1)
    held = (b"", "")

    def gate(name: str, effect: Callable[[], Any]) -> Any:
        nonlocal held
        if next(calls) == call:
            held = (foreign(one)[which], '"somebody"')
            stage.checkpoints.blobs[one.id] = held
        return effect()

    stage = Stage(gate, policy=Policy(range_bytes=8))
    stage.graph.switch(min_session_size=1)
    one = replace(stage.transfer(b"x" * 20), route=Route.SESSION)
    with pytest.raises(CheckpointUnreadable):
        stage.runs.start(one)
    assert next(calls) > call
    assert stage.checkpoints.blobs[one.id] == held
