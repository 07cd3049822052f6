"""The marks of ends: only an end that stands is listed, however slow whoever tells it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from assurance.checkpoint_fixtures import CheckpointFixtures
from devkit.local.azurite import Azurite
from shared.core.errors import Code
from shared.core.model import Failure, State, Transfer
from shared.storage.places import Wanted
from shared.storage.ports import Checkpoint
from tests.storage.rooms import NOW, transfer
from tests.unit.core.shapes import retried

pytestmark = pytest.mark.xdist_group("storage contract")


def failed(one: Transfer, code: Code = Code.ACCESS_DENIED) -> Transfer:
    return replace(one, state=State.FAILED, failure=Failure(code, "no"), finished_at=NOW)


def cancelled(one: Transfer) -> Transfer:
    return replace(one, state=State.CANCELLED, finished_at=NOW)


def listed(fixtures: CheckpointFixtures, state: str) -> list[Transfer]:
    return list(fixtures.listing.page(Wanted(state), 10, None, NOW).transfers)


@pytest.fixture
def fixtures(azurite: Azurite) -> CheckpointFixtures:
    return CheckpointFixtures(azurite, "ends", azurite.new_account())


@pytest.mark.parametrize("end", [failed, cancelled, lambda one: failed(one, Code.COMMIT_IN_DOUBT)])
def test_an_end_told_after_the_transfer_was_tried_again_and_attached_is_not_listed(
    fixtures: CheckpointFixtures, end: Callable[[Transfer], Transfer]
) -> None:
    first = end(transfer())
    again = retried(first, NOW)
    attached = replace(again, state=State.ATTACHED, finished_at=NOW)
    fixtures.put(attached)
    fixtures.ends.notify(Checkpoint(first, None, "slow.0"))
    assert [listed(fixtures, state) for state in ("failed", "cancelled", "in-doubt")] == [[], [], []]
    [shown] = fixtures.listing.page(Wanted(mailbox="ada@example.org"), 10, None, NOW).transfers
    assert shown.state is State.ATTACHED


@pytest.mark.parametrize("end", [failed, cancelled])
def test_an_end_told_while_the_transfer_is_tried_again_is_not_listed(
    fixtures: CheckpointFixtures, end: Callable[[Transfer], Transfer]
) -> None:
    first = end(transfer())
    fixtures.put(retried(first, NOW))
    fixtures.ends.notify(Checkpoint(first, None, "slow.0"))
    assert [listed(fixtures, state) for state in ("failed", "cancelled")] == [[], []]
    [shown] = fixtures.listing.page(Wanted(mailbox="ada@example.org"), 10, None, NOW).transfers
    assert shown.state is State.PLANNED


def test_an_older_end_told_late_leaves_the_newer_one_listed(fixtures: CheckpointFixtures) -> None:
    first = cancelled(transfer())
    second = replace(failed(retried(first, NOW)))
    fixtures.put(second)
    fixtures.ends.notify(Checkpoint(first, None, "slow.0"))
    assert listed(fixtures, "cancelled") == []
    [shown] = listed(fixtures, "failed")
    assert (shown.state, shown.retries) == (State.FAILED, 1)


def test_an_end_that_stands_is_listed(fixtures: CheckpointFixtures) -> None:
    fixtures.put(failed(transfer()))
    assert [one.id for one in listed(fixtures, "failed")] == [transfer().id]
