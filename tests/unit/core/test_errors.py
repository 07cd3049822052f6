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
    files = [file for file in SHARED.rglob("*.py") if file.name not in {"errors.py", "codes.py"}]
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
    Code.DELIVERY_FILES_AWAITED,
}


@pytest.mark.parametrize("code", list(Code))
def test_only_what_can_pass_by_itself_is_called_retryable(code: Code) -> None:
    assert CATALOGUE[code].retryable == (code in RETRYABLE)


NOTHING_TO_REPAIR = {
    Code.SOURCE_CHANGED,  # the newer version is a transfer of its own
    Code.CHECKPOINT_NEWER,  # the sweep carries it on
    Code.SOURCE_INCOMPLETE,  # the finished copy is attached by itself
}
ENDS_NO_TRANSFER = {
    code
    for code in Code
    if code.name.startswith(("STORAGE_", "REQUEST_", "TRANSFER_", "OPERATION_"))
    or code in RETRYABLE - {Code.SOURCE_UNREADABLE}
}
ENDS_NO_TRANSFER |= {Code.MESSAGE_UNREADABLE, Code.SWEEP_FAILED, Code.BLOB_NOT_FOUND, Code.CHECKPOINT_UNREADABLE}


@pytest.mark.parametrize("code", [code for code in Code if code not in ENDS_NO_TRANSFER | NOTHING_TO_REPAIR])
def test_a_remedy_says_whether_to_retry_or_to_drop_the_file_again(code: Code) -> None:
    assert re.search(r"\b[Rr]etry\b|\b[Dd]rop (the file|it) again\b", CATALOGUE[code].remedy)


@pytest.mark.parametrize(
    "code", [code for code in Code if re.match(r"MAILBOX_(MISS|INV|NOT_A)|TARGET_|METADATA_", code)]
)
def test_a_remedy_for_what_the_metadata_say_is_to_correct_them_and_retry(code: Code) -> None:
    assert re.search(r"[Cc]orrect (it|the metadata).*retry", CATALOGUE[code].remedy)
