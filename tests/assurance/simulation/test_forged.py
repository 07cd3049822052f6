"""The campaign of forged checkpoints, everyday size; `dev.py verify --only forged` tells all of it."""

from __future__ import annotations

import json

import pytest

from assurance.simulation import forged
from assurance.simulation.forged import Forgery, forgeries, judged
from shared.core.model import State
from shared.graph.hosts import UploadHosts
from shared.storage import codec, validation

EVERYDAY = (forged.ELSEWHERE, None, "checkpoints", "..", -1)


@pytest.mark.parametrize("state", forged.STATES)
def test_no_field_that_somebody_wrote_leads_out_of_the_drop_container_or_trips_anything(state: State) -> None:
    told = [forgery for forgery in forgeries(EVERYDAY) if forgery.state is state]
    assert len(told) > 60
    assert [f"{forgery.id}: {what}" for forgery in told for what in judged(forgery)] == []


@pytest.mark.parametrize("state", list(State))
def test_every_state_is_there_as_a_run_could_have_left_it(state: State) -> None:
    world, document = forged._world(state)
    [transfer] = world.transfers
    assert codec.decode(json.dumps(document).encode(), transfer.id, "drop").instance.state is state


def test_the_campaign_notices_an_upload_url_that_is_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(UploadHosts, "allow", lambda _hosts, _url: True)
    broken = judged(Forgery(State.SENDING, ("transfer", "session", "url"), forged.ELSEWHERE))
    assert any("another host" in what for what in broken)


def test_the_campaign_notices_a_container_that_is_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validation, "outside", lambda _checkpoint, _container: None)
    assert judged(Forgery(State.PLANNED, ("transfer", "plan", "source", "container"), "checkpoints"))
