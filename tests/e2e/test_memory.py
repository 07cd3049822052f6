"""The largest file needs hardly more memory than a small one."""

from __future__ import annotations

import pytest

from devkit.functions_host.client import measured
from devkit.local.azurite import Azurite
from devkit.local.harness import content
from tests.e2e.stage import attached, staged

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("e2e memory")]

MIB = 1024 * 1024
ALLOWED = 24 * MIB


def test_10_mb_and_150_mb_need_at_most_24_mib_above_the_idle_worker(azurite: Azurite) -> None:
    with staged(azurite) as harness:
        attached(harness, harness.drop(content(1000)))  # what the first transfer loads stays
        harness.stack.wait_until_idle()
        (pid,) = harness.stack.host.worker_pids()
        idle = 0
        for size in (10_000_000, 150_000_000):
            data = content(size)
            with measured(pid) as memory:
                file = harness.drop(data)
                harness.ended(file)
            assert harness.stack.host.worker_pids() == [pid]
            now, peak = memory
            idle = idle or now  # before the first range was in memory: later on, freed buffers may still count
            assert 0 <= peak - idle <= ALLOWED, f"{(peak - idle) / MIB:.1f} MiB above {idle / MIB:.1f} MiB"
            attached(harness, file)
