"""A worker's memory does not grow with the files that its sweep walks through, nor with the sweeps."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.storage.blob_service import blob_service

ROOT = Path(__file__).resolve().parents[2]
MIB = 1024 * 1024
TICKS = 60
"""Of three, the walk through 10,000 files is one pass: 4,000, 4,000, and 2,000."""

FLAT = 6 * MIB
"""What may come between the third tick and the last. Measured: within 2 MiB, up and down."""


@pytest.mark.timeout(300)
@pytest.mark.xdist_group("sweep memory")
def test_a_worker_is_as_large_after_20_sweeps_of_10_000_kept_files_as_after_the_first_page() -> None:
    with blob_service(10_000) as service:
        done = subprocess.run(
            [sys.executable, str(ROOT / "tests" / "storage" / "sweeper.py"), service.connection_string, str(TICKS)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        told = [tuple(map(int, line.split())) for line in done.stdout.splitlines()]
        assert len(told) == TICKS
        assert service.listings == 10 * TICKS // 3
    memory, accepted = [one[0] for one in told], [one[1] for one in told]
    assert accepted[2] == accepted[-1] == 10_000, "every file was looked at once, and never again"
    assert memory[-1] - memory[2] < FLAT, memory
    assert max(memory) - memory[0] < 2 * FLAT, memory
