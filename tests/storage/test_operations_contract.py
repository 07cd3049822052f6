"""The contract of the operations' reports, for the real ones on Azurite and for those in memory."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from assurance.checkpoint_fixtures import CheckpointFixtures
from devkit.local.azurite import Azurite
from shared.core.errors import Code
from shared.storage.operations import Action, Operation, OperationBlobs, Operations, Outcome, Row, decode
from shared.storage.places import Wanted
from shared.storage.ports import CheckpointUnreadable, Conflict
from tests.storage.memory_operations import MemoryOperations

pytestmark = pytest.mark.xdist_group("storage contract")

NOW = datetime(2026, 3, 2, 8, 0, 5, 250_000, tzinfo=UTC)
WANTED = Wanted("failed", "Ada@example.org", "in/März ", Code.ACCESS_DENIED, NOW)
ROWS = (
    Row("a" * 32, "in/a.pdf", 0),
    Row("b" * 32, "in/b.pdf", 2, Outcome.REJECTED, Code.TRANSFER_ATTACHED, "It is attached."),
    Row("c" * 32, "", -1, Outcome.ACCEPTED, successor="d" * 32),
)


@pytest.fixture(params=["azurite", "memory"])
def reports(request: pytest.FixtureRequest, azurite: Azurite) -> Operations:
    if request.param == "memory":
        return MemoryOperations()
    access = CheckpointFixtures(azurite, "unused").access
    return OperationBlobs(access, f"operations{uuid.uuid4().hex[:8]}")


def made(**changes: object) -> Operation:
    begun = Operation("0" * 32, Action.RETRY, WANTED, 100, NOW, NOW)
    return replace(begun, **changes)  # type: ignore[arg-type]


def test_what_was_never_written_is_not_there(reports: Operations) -> None:
    assert reports.load("0" * 32) is None


@pytest.mark.parametrize(
    "written",
    [
        made(),
        made(wanted=None, action=Action.CANCEL, rows=ROWS, is_chosen=True, by="ann@example.org"),
        made(rows=ROWS, has_more=True, continuation="x" * 4000, finished_at=NOW),
        made(rows=tuple(replace(ROWS[0], transfer_id=f"{number:032x}") for number in range(1000))),
    ],
)
def test_an_operation_is_read_as_it_was_written(reports: Operations, written: Operation) -> None:
    etag = reports.create(written)
    stored = reports.load(written.id)
    assert stored is not None
    assert (stored.operation, stored.etag) == (written, etag)


def test_a_report_is_created_once_and_saved_over_the_version_that_was_read(reports: Operations) -> None:
    first = reports.create(made())
    with pytest.raises(Conflict):
        reports.create(made())
    second = reports.save(made(rows=ROWS), first)
    with pytest.raises(Conflict):
        reports.save(made(), first)
    stored = reports.load("0" * 32)
    assert stored is not None
    assert (stored.operation.rows, stored.etag) == (ROWS, second)


@pytest.mark.parametrize("text", [b"", b"{}", b"[]", b"\xff", b'{"id": "x"}'])
def test_a_report_that_is_not_ours_is_refused(text: bytes) -> None:
    with pytest.raises(CheckpointUnreadable, match="cannot be read"):
        decode(text, "0" * 32)
