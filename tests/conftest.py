"""What tests of every folder share."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from devkit.local.azurite import SHARED, Azurite, SharedAzurite


@pytest.fixture(scope="session")
def azurite() -> Iterator[Azurite]:
    """One Azurite for all tests of a process; a stack takes an account of it (`Stack(azurite=azurite)`).

    Where many processes follow one another (`assurance/mutation/campaign.py`), they are told of one that runs already.
    """
    with SharedAzurite() if SHARED in os.environ else Azurite() as running:
        yield running
