"""A worker that does nothing but sweep, and tells how much memory it has after each tick. In a process of its own.

Arguments: the connection string; how many ticks; how many files of the first page are new to it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from shared.composition import SystemClock
from shared.core.model import Transfer
from shared.core.sweep_cursor import SweepCursor
from shared.intake.accept import transfer_for
from shared.intake.mailboxes import AllowedMailboxes
from shared.run.runner import TransferRunner
from shared.run.sweep import Sweep, Swept
from shared.storage.access import StorageAccess
from shared.storage.checkpoints import CheckpointContainer
from shared.storage.ports import Dropped
from shared.storage.source import DropContainer
from shared.storage.sweep_cursors import SweepCursorBlob

KIB = 1024


class Quiet:
    """Implements `SweepObserver` and `TransferQueue`."""

    def swept(self, swept: Swept) -> None:
        """See `SweepObserver.swept`."""

    def trouble(self, trouble: object, error: Exception) -> None:
        """See `SweepObserver.trouble`."""
        raise AssertionError(f"{trouble}") from error


class Counting(TransferRunner):
    """Runs that make no transfer: what is measured is the walk. `kept` is whatever the intake of a file leaves."""

    def __init__(self) -> None:
        self.accepted = 0

    def accept(self, transfer: Transfer, is_known: Callable[[], bool] = bool) -> bool:
        """See `TransferRunner.accept`."""
        del is_known
        self.accepted += bool(transfer.id)
        return True


def memory() -> int:
    """This process's resident memory, bytes."""
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) * KIB


def main(connection_string: str, ticks: int) -> None:
    access = StorageAccess(
        connection_string=connection_string, blob_uri=None, queue_uri=None, client_id=None, managed=False
    )
    checkpoints = CheckpointContainer(access, "checkpoints", "drop")
    positions, runs, quiet = SweepCursorBlob(access, "checkpoints"), Counting(), Quiet()

    def asked(dropped: Dropped) -> Transfer:
        return transfer_for(dropped, AllowedMailboxes(), datetime.now(UTC))

    sweep = Sweep(
        runs=runs,
        checkpoints=checkpoints,
        marks=checkpoints,
        sources=DropContainer(access, "drop"),
        queue=quiet,  # type: ignore[arg-type]  # nothing is revived
        positions=positions,
        clock=SystemClock(),
        observer=quiet,
        transfer_for=asked,
        seconds=3600,
    )
    positions.save(SweepCursor(datetime.now(UTC)))
    for _ in range(ticks):
        sweep.tick()
        sys.stdout.write(f"{memory()} {runs.accepted}\n")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
