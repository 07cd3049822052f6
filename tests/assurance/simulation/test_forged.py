"""The campaign of forged checkpoints, everyday size; `dev.py verify --only forged` tells all of it."""

from __future__ import annotations

import pytest

from assurance.simulation import forged
from assurance.simulation.forged import Forgery, forgeries, judged
from shared.core.model import State
from shared.storage import validation

EVERYDAY = (None, "checkpoints", "..", -1)


@pytest.mark.parametrize("state", forged.STATES)
def test_no_field_that_somebody_wrote_leads_out_of_the_drop_container_or_trips_anything(state: State) -> None:
    told = [forgery for forgery in forgeries(EVERYDAY) if forgery.state is state]
    assert len(told) > 60
    assert [f"{forgery.id}: {what}" for forgery in told for what in judged(forgery)] == []


def test_the_campaign_notices_a_container_that_is_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validation, "outside", lambda _checkpoint, _container: None)
    assert judged(Forgery(State.PLANNED, ("transfer", "plan", "source", "container"), "checkpoints"))
