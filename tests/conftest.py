"""What tests of every folder share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from devkit.azurite import Azurite


@pytest.fixture(scope="session")
def azurite() -> Iterator[Azurite]:
    """One Azurite for all tests of a process; a stack takes an account of it (`Stack(azurite=azurite)`)."""
    with Azurite() as running:
        yield running
