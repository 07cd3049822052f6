"""The largest file needs hardly more memory than a small one."""

from __future__ import annotations

import pytest

from devkit.host.client import measured
from devkit.scene import content
from tests.e2e.stage import attached, staged

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("e2e memory")]

MIB = 1024 * 1024
ALLOWED = 48 * MIB


def test_150_mb_need_at_most_48_mib_above_the_idle_worker() -> None:
    with staged() as scene:
        for size in (1000, 10_000_000):  # what the first transfers load stays
            attached(scene, scene.drop(content(size)))
        scene.stack.wait_until_idle()
        data = content(150_000_000)
        (pid,) = scene.stack.host.worker_pids()
        with measured(pid) as memory:
            file = scene.drop(data)
            scene.ended(file)
        assert scene.stack.host.worker_pids() == [pid]
        idle, peak = memory
        assert 0 <= peak - idle <= ALLOWED, f"{(peak - idle) / MIB:.1f} MiB above {idle / MIB:.1f} MiB"
        attached(scene, file)
