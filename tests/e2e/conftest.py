"""What the end-to-end modules share: each makes its own `stage`, its tests take the `harness` on it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from devkit.local.harness import Harness


@pytest.fixture
def harness(stage: Harness) -> Iterator[Harness]:
    """The module's stage. What a test switched or broke in Graph is as before for the next one."""
    before = stage.graph.switch()
    yield stage
    stage.graph.release()
    stage.graph.clear_faults()
    stage.graph.switch(**before)
