"""A host that is killed alone leaves its worker running: two processes, one transfer, past every lease."""

from __future__ import annotations

import time

import psutil
import pytest

from assurance import oracle
from devkit.local.azurite import Azurite
from devkit.local.harness import Harness, content
from devkit.local.stack import Stack
from tests.e2e.stage import LOST, attached

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("e2e two processes")]

MIB = 1024 * 1024


class Quiet:
    """True once Graph has been asked nothing for two seconds."""

    def __init__(self, harness: Harness) -> None:
        self._scene = harness
        self._seen = (0, 0.0)

    def __call__(self) -> bool:
        count = len(self._scene.graph.requests())
        if count != self._seen[0]:
            self._seen = (count, time.monotonic())
        return time.monotonic() - self._seen[1] > 2


def test_a_worker_that_outlives_its_host_and_its_lease_attaches_nothing_twice(azurite: Azurite) -> None:
    """The orphan waits for Graph's answer to a range until another process has taken its transfer over and ended it.

    It may open a session before it notices that the checkpoint is another's: that one gets no byte and is cancelled.
    """
    settings = {"RANGE_BYTES": str(MIB)}
    with Harness(Stack(settings=settings, options=["--hold", "5"], azurite=azurite)) as harness:
        item = harness.item(mailbox=harness.mailbox())
        harness.graph.fault({"action": "hold", "kind": "put", "nth": 3, "path": item.removesuffix("=")})
        file = harness.drop(content(6 * MIB + 1, item), item=item)
        harness.stack.wait_until(harness.graph.holding, what="the orphan's range is held")
        forsaken = harness.stack.host
        (orphan,) = forsaken.kill_host_alone()
        harness.stack.host = harness.stack.start_host()
        attached(harness, file)
        assert psutil.pid_exists(orphan), "the worker outlived its host"
        known = harness.transfer(file)
        before = len(harness.graph.requests())
        harness.graph.release()
        harness.stack.wait_until(lambda: len(harness.graph.requests()) > before, what="the orphan goes on")
        harness.stack.wait_until(Quiet(harness), what="the orphan has done all it would")
        forsaken.stop()
        harness.stack.wait_until_idle()
        attached(harness, file)
        assert harness.transfer(file) == known, "the orphan wrote nothing"
        assert oracle.aftermath(harness, LOST) == []
