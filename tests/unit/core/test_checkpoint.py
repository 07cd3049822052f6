"""Who is working on a transfer."""

from __future__ import annotations

import pytest

from shared.engine.checkpoint import LEASE_SECONDS, Lease, lease
from shared.storage.ports import Checkpoint
from tests.unit.core.shapes import NOW, at, transfer


def test_a_lease_lasts_from_now_on() -> None:
    assert lease("run", NOW) == Lease("run", at(LEASE_SECONDS))


@pytest.mark.parametrize(("seconds", "busy"), [(0, True), (LEASE_SECONDS - 0.001, True), (LEASE_SECONDS, False)])
def test_a_transfer_is_busy_until_its_lease_ends(seconds: float, *, busy: bool) -> None:
    held = Checkpoint(transfer(), lease("run", NOW), "w")
    assert held.busy_until(at(seconds)) == (at(LEASE_SECONDS) if busy else None)


def test_a_transfer_without_a_lease_is_free() -> None:
    assert Checkpoint(transfer(), None, "w").busy_until(NOW) is None


def test_the_next_version_names_its_own_write() -> None:
    first = Checkpoint(transfer(), None, "run.0")
    second = first.written(transfer(tries=1), "run.1", lease("run", NOW))
    assert second == Checkpoint(transfer(tries=1), lease("run", NOW), "run.1")
