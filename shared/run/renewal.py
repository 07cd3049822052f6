"""The file behind a transfer that failed, as it is now: with other metadata, or other content, it is a newer version.

Set Blob Metadata gives a blob another ETag and raises no BlobCreated (Blob Storage as an Event Grid source): nothing
tells of corrected metadata. So a retry looks, and the version that is there is tried as a transfer of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from shared.core import planning
from shared.core.errors import Code
from shared.core.model import Transfer
from shared.graph.prepare import route_for
from shared.run.runner import TransferRunner
from shared.storage.ports import Clock, Dropped, Sources


@dataclass(frozen=True, slots=True)
class FileRenewal:
    """Implements `Renewal`. `found` is what the sweep makes of a file, intake included."""

    sources: Sources
    runs: TransferRunner
    found: Callable[[Dropped], Transfer | None]
    clock: Clock

    def newer(self, transfer: Transfer) -> Transfer | None:
        """See `Renewal.newer`. A file that may be attached already has no newer version before a look has told.

        Raises:
            StorageUnavailable; StorageRefused with SOURCE_INCOMPLETE while a copy makes the file.
        """
        if transfer.failure is not None and transfer.failure.code is Code.COMMIT_IN_DOUBT:
            return None
        plan = transfer.plan
        dropped = self.sources.describe(plan.source.blob)
        if dropped is None or dropped.source.etag == plan.source.etag:
            return None
        found = self.found(dropped)
        if found is None or not plan.from_request or plan.target is None or plan.attachment is None:
            return found
        route = route_for(plan.attachment, dropped.source.size)
        return planning.accept(dropped.source, plan.target, plan.attachment, route, self.clock.now(), from_request=True)

    def accept(self, transfer: Transfer) -> bool:
        """See `Renewal.accept`."""
        return self.runs.accept(transfer)
