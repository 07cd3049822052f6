"""The campaign of the sweep with one bad item, everyday size; `dev.py verify --only sweeping` tells all of it."""

from __future__ import annotations

import pytest

from assurance.simulation import sweeping
from assurance.simulation.sweeping import Kind, Tick, judged, ticks
from shared.run import sweep
from shared.storage.refusals import CODES

EVERYDAY = (
    "AccountIsDisabled",
    "BlobAlreadyExists",
    "BlobArchived",
    "BlobImmutableDueToPolicy",
    "BlobNotFound",
    "BlobUsesCustomerSpecifiedEncryption",
    "ConditionNotMet",
    "LeaseIdMissing",
    "ServerBusy",
)


@pytest.mark.parametrize("kind", list(Kind))
def test_whatever_storage_answers_about_one_item_the_others_end_and_it_does_once_storage_lets_it(kind: Kind) -> None:
    told = [tick for tick in ticks((1, 3), EVERYDAY) if tick.kind is kind]
    assert len(told) > 100
    assert [f"{tick.id}: {what}" for tick in told for what in judged(tick)] == []


def test_the_campaign_notices_a_sweep_that_one_item_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    def stops(self: sweep._Tick, kind: object, key: str, work: object) -> None:
        del self, kind, key
        work()  # type: ignore[operator]

    monkeypatch.setattr(sweep._Tick, "_item", stops)
    assert judged(Tick(Kind.FILE, 3, 0, "checkpoint.load", 409, "BlobArchived"))


def test_the_large_campaign_has_every_code_at_every_call() -> None:
    every = list(ticks())
    assert {tick.items for tick in every} == {1, 2, 3, 4, 5}
    assert {tick.code for tick in every} >= set(CODES)
    assert {(tick.kind, tick.call) for tick in every} == {
        (kind, call) for kind, calls in sweeping.CALLS.items() for call in calls
    }
