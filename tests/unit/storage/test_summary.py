"""What a listing needs of a transfer fits its blob's metadata, comes back as it was, and holds no secret."""

from __future__ import annotations

import base64
import zlib
from typing import Any

import pytest
from hypothesis import given, settings

from assurance.fuzz.generated import CHECKPOINTS, PATIENT
from shared.core.errors import Code
from shared.core.model import Failure, GraphAnswer, State, Step, Transfer
from shared.storage import summary
from shared.storage.ports import Checkpoint
from shared.views import view
from tests.unit.core.shapes import FAILURE, NOW, URL, session, transfer

STEPS = tuple(Step(NOW, State.SENDING, "put range", "offset known", 8) for _ in range(120))
FULL: dict[str, Any] = {"session": session(), "history": STEPS, "suspects": ("new",), "verdict": FAILURE}


def packed(shown: Transfer) -> str:
    return summary.pack(shown)[summary.KEY]


@given(CHECKPOINTS)
@settings(PATIENT, max_examples=100)
def test_what_people_see_of_a_transfer_is_the_same_from_its_summary(checkpoint: Checkpoint) -> None:
    whole = checkpoint.instance
    metadata = summary.pack(whole)
    assert sum(len(key) + len(value) for key, value in metadata.items()) <= 8 * 1024
    unpacked = summary.unpack(metadata, whole.id)
    if metadata:
        assert unpacked is not None
        assert view(unpacked, NOW) == view(whole, NOW)


def test_the_session_and_the_history_stay_out() -> None:
    text = packed(transfer(State.SENDING, **FULL))
    unpacked = summary.unpack({summary.KEY: text}, "f" * 32)
    assert unpacked is not None
    assert (unpacked.session, unpacked.history, unpacked.before, unpacked.suspects) == (None, (), None, ())
    assert unpacked.verdict is None
    assert URL not in zlib.decompress(base64.b64decode(text)).decode()


def test_a_usual_summary_is_short_plain_ascii() -> None:
    text = packed(transfer(State.FAILED, failure=FAILURE, finished_at=NOW, **{**FULL, "session": None}))
    assert text.isascii()
    assert text.isprintable()
    assert len(text) < 1024


@pytest.mark.parametrize(("length", "fits"), [(1000, True), (40_000, False)])
def test_one_that_would_be_too_long_is_left_out(length: int, fits: bool) -> None:
    detail = "".join(chr(0x4E00 + 7919 * at % 20_000) for at in range(length))
    long = transfer(State.FAILED, failure=Failure(Code.GRAPH_REFUSED, detail, GraphAnswer(400)), finished_at=NOW)
    assert bool(summary.pack(long)) == fits
    assert len(summary.pack(long).get(summary.KEY, "")) <= summary.LONGEST


GOOD = packed(transfer())
BOMB = base64.b64encode(zlib.compress(b" " * 10**7)).decode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "é",
        GOOD[:-8],
        base64.b64encode(base64.b64decode(GOOD) + b"x").decode(),
        base64.b64encode(b"{}").decode(),
        BOMB,
        GOOD.swapcase(),
    ],
    ids=["empty", "no base64", "not ascii", "torn", "with a tail", "not deflated", "a bomb", "garbled"],
)
def test_what_is_no_summary_is_passed_over(text: str) -> None:
    assert summary.unpack({summary.KEY: text}, "f" * 32) is None


def test_a_summary_of_another_transfer_is_passed_over() -> None:
    assert summary.unpack({summary.KEY: GOOD}, "e" * 32) is None
    assert summary.unpack({}, "f" * 32) is None


def test_a_summary_of_a_newer_version_is_passed_over() -> None:
    newer = zlib.decompress(base64.b64decode(GOOD)).replace(b'"schema":1', b'"schema":2')
    assert b'"schema":2' in newer
    assert summary.unpack({summary.KEY: base64.b64encode(zlib.compress(newer)).decode()}, "f" * 32) is None
