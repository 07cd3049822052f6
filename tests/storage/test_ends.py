"""The marks of ends: only an end that stands is listed, however slow whoever tells it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from assurance.checkpoint_fixtures import Shelf
from devkit.local.azurite import Azurite
from shared.core import planning
from shared.core.checkpoint import Checkpoint
from shared.core.errors import Code
from shared.core.model import Failure, State, Transfer
from shared.storage.listing import Wanted
from tests.storage.rooms import NOW, transfer

pytestmark = pytest.mark.xdist_group("storage contract")


def failed(one: Transfer, code: Code = Code.ACCESS_DENIED) -> Transfer:
    return replace(one, state=State.FAILED, failure=Failure(code, "no"), finished_at=NOW)


def cancelled(one: Transfer) -> Transfer:
    return replace(one, state=State.CANCELLED, finished_at=NOW)


def listed(shelf: Shelf, state: str) -> list[Transfer]:
    return list(shelf.listing.page(Wanted(state), 10, None, NOW).transfers)


@pytest.fixture
def shelf(azurite: Azurite) -> Shelf:
    return Shelf(azurite, "ends", azurite.new_account())


@pytest.mark.parametrize("end", [failed, cancelled, lambda one: failed(one, Code.COMMIT_IN_DOUBT)])
def test_an_end_told_after_the_transfer_was_tried_again_and_attached_is_not_listed(
    shelf: Shelf, end: Callable[[Transfer], Transfer]
) -> None:
    first = end(transfer())
    again = planning.retried(first, NOW)
    attached = replace(again, state=State.ATTACHED, finished_at=NOW)
    shelf.put(attached)
    shelf.ends.tell(Checkpoint(first, None, "slow.0"))
    assert [listed(shelf, state) for state in ("failed", "cancelled", "in-doubt")] == [[], [], []]
    [shown] = shelf.listing.page(Wanted(mailbox="ada@example.org"), 10, None, NOW).transfers
    assert shown.state is State.ATTACHED


@pytest.mark.parametrize("end", [failed, cancelled])
def test_an_end_told_while_the_transfer_is_tried_again_is_not_listed(
    shelf: Shelf, end: Callable[[Transfer], Transfer]
) -> None:
    first = end(transfer())
    shelf.put(planning.retried(first, NOW))
    shelf.ends.tell(Checkpoint(first, None, "slow.0"))
    assert [listed(shelf, state) for state in ("failed", "cancelled")] == [[], []]
    [shown] = shelf.listing.page(Wanted(mailbox="ada@example.org"), 10, None, NOW).transfers
    assert shown.state is State.PLANNED


def test_an_older_end_told_late_leaves_the_newer_one_listed(shelf: Shelf) -> None:
    first = cancelled(transfer())
    second = replace(failed(planning.retried(first, NOW)))
    shelf.put(second)
    shelf.ends.tell(Checkpoint(first, None, "slow.0"))
    assert listed(shelf, "cancelled") == []
    [shown] = listed(shelf, "failed")
    assert (shown.state, shown.retries) == (State.FAILED, 1)


def test_an_end_that_stands_is_listed(shelf: Shelf) -> None:
    shelf.put(failed(transfer()))
    assert [one.id for one in listed(shelf, "failed")] == [transfer().id]
