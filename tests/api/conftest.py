"""What the HTTP tests share: each module makes its own `stage`, its tests take a `caller` of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from devkit.local.harness import Harness
from tests.api.caller import Caller


@pytest.fixture
def caller(stage: Harness) -> Iterator[Caller]:
    """Somebody with the function key. What a test switched or broke in Graph is as before for the next one."""
    before = stage.graph.switch()
    yield Caller(stage)
    stage.graph.release()
    stage.graph.clear_faults()
    stage.graph.switch(**before)
