"""A room of its own for each test, on Azurite and in memory."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from devkit.local.azurite import Azurite
from tests.storage.rooms import AzuriteRoom, MemoryRoom, Room


@pytest.fixture
def real(azurite: Azurite) -> Iterator[AzuriteRoom]:
    room = AzuriteRoom(azurite.connection_string)
    yield room
    room.close()


@pytest.fixture(params=["azurite", "memory"])
def room(request: pytest.FixtureRequest) -> Room:
    if request.param == "memory":
        return MemoryRoom()
    found: AzuriteRoom = request.getfixturevalue("real")
    return found
