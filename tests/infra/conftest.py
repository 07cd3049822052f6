from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.infra.stand_in import StandIn

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def azure(tmp_path: Path) -> StandIn:
    """Azure with one tenant deployed, where everything goes well unless the test says otherwise."""
    made = StandIn.make(tmp_path)
    made.deploy()
    return made


@pytest.fixture
def nothing(tmp_path: Path) -> StandIn:
    """Azure before the first deployment: a subscription, its owner, and the tenant's file."""
    return StandIn.make(tmp_path)
