"""The catalogue is complete, and every code in it can happen."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from shared.core.errors import CATALOGUE, Code

SHARED = Path(__file__).resolve().parents[3] / "shared"


def test_every_code_has_an_entry() -> None:
    assert set(CATALOGUE) == set(Code)


@pytest.mark.parametrize("code", list(Code))
def test_a_code_is_its_own_name(code: Code) -> None:
    assert code.value == code.name
    assert re.fullmatch(r"[A-Z]+(_[A-Z]+)+", code.value)


@pytest.mark.parametrize("code", list(Code))
def test_an_entry_is_made_of_whole_sentences(code: Code) -> None:
    entry = CATALOGUE[code]
    for text in filter(None, (entry.title, entry.remedy, entry.waiting)):
        assert text[0].isupper() or text[0] == "`"
        assert text.endswith(".")
        assert "  " not in text
    assert entry.title.count(".") == 1


@pytest.mark.parametrize("code", list(Code))
def test_every_code_is_produced_somewhere(code: Code) -> None:
    files = [file for file in SHARED.rglob("*.py") if file.name != "errors.py"]
    assert any(f"Code.{code.name}" in file.read_text() for file in files)


RETRYABLE = {
    Code.SOURCE_UNREADABLE,
    Code.ACCESS_DENIED,
    Code.UPLOAD_DENIED,
    Code.TOKEN_REJECTED,
    Code.IDENTITY_UNAVAILABLE,
    Code.GRAPH_THROTTLED,
    Code.GRAPH_UNAVAILABLE,
    Code.GRAPH_UNREACHABLE,
    Code.GRAPH_CONFLICT,
    Code.GRAPH_ANSWER_UNEXPECTED,
    Code.UPLOAD_STALLED,
    Code.RUNS_FAILED,
    Code.STORAGE_UNAVAILABLE,
    Code.STORAGE_ACCESS_DENIED,
    Code.STORAGE_LEASED,
    Code.MAILBOX_ALLOWANCE_USED,
    Code.MAILBOX_BUSY,
    Code.EVIDENCE_PENDING,
}


@pytest.mark.parametrize("code", list(Code))
def test_only_what_can_pass_by_itself_is_called_retryable(code: Code) -> None:
    assert CATALOGUE[code].retryable == (code in RETRYABLE)
