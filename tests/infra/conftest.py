from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.infra.stand_in import AzureStub

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def azure(tmp_path: Path) -> AzureStub:
    """Azure with one tenant deployed, where everything goes well unless the test says otherwise."""
    made = AzureStub.make(tmp_path)
    made.deploy()
    return made


@pytest.fixture
def nothing(tmp_path: Path) -> AzureStub:
    """Azure before the first deployment: a subscription, its owner, and the tenant's file."""
    return AzureStub.make(tmp_path)
