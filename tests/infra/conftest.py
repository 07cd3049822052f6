from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.infra.stand_in import StandIn

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def azure(tmp_path: Path) -> StandIn:
    """Azure as the deployer sees it, where everything goes well unless the test says otherwise."""
    return StandIn.make(tmp_path)
