"""Every contract test runs twice: against the service in memory, and against the server in its own process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from devkit.graph.client import Emulator
from devkit.graph.memory import InMemoryGraph
from devkit.graph.scenario import World

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def emulator() -> Iterator[Emulator]:
    with Emulator.start() as running:
        yield running


@pytest.fixture(params=["memory", "server"])
def graph(request: pytest.FixtureRequest) -> InMemoryGraph | Emulator:
    if request.param == "memory":
        return InMemoryGraph()
    running: Emulator = request.getfixturevalue("emulator")
    running.reset()
    return running


@pytest.fixture
def world(graph: InMemoryGraph | Emulator) -> World:
    return World(graph)


@pytest.fixture
def local() -> World:
    """In memory only, for what no server adds to."""
    return World(InMemoryGraph())


@pytest.fixture
def remote(emulator: Emulator) -> World:
    """The server process only, for what sockets add."""
    emulator.reset()
    return World(emulator)
