"""What the end-to-end modules share: each makes its own `stage`, its tests take the `scene` on it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from assurance.harness import Scene


@pytest.fixture
def scene(stage: Scene) -> Iterator[Scene]:
    """The module's stage. What a test switched or broke in Graph is as before for the next one."""
    before = stage.graph.switch()
    yield stage
    stage.graph.release()
    stage.graph.clear_faults()
    stage.graph.switch(**before)
