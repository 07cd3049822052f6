"""What is logged of runs, sweeps and arrivals: one line per decision, and one per end.

A decision has exactly the keys of `DECISION_KEYS`, null where there is nothing to say; every other line has an `event`
that names it.
"""

from __future__ import annotations

import logging
from datetime import datetime

from shared import log
from shared.core.actions import Action, PutRange
from shared.core.errors import Code
from shared.core.events import Event, Forbidden, NotDone, RangeDenied, Refused, Unsure
from shared.core.history import named
from shared.core.model import State, Transfer
from shared.core.sweep_cursor import Kind, Trouble
from shared.engine.continuation import Continuation
from shared.run.sweep import Swept
from shared.storage.ports import Checkpoint, CheckpointUnreadable, StorageRefused

DECISION_KEYS = (
    "transferId",
    "state",
    "action",
    "offset",
    "outcome",
    "code",
    "attempt",
    "graphRequestId",
    "durationMs",
)


class LogObserver:
    """Writes what the driver and the sweep tell, and implements `Outcomes`: one line per end."""

    def decided(self, before: Transfer, action: Action | None, event: Event, after: Transfer, seconds: float) -> None:
        """One line per decision: in which state, what was asked, what came of it.

        `offset` is the first byte of a range. `attempt` counts from 1 at each step; `code` is what speaks against the
        request, whether or not the transfer ends with it.
        """
        graph = event.failure.graph if isinstance(event, Refused) else event.graph
        log.write(
            logging.INFO,
            transferId=after.id,
            state=before.state.value,
            action=named(action) if action is not None else None,
            offset=action.offset if isinstance(action, PutRange) else None,
            outcome=named(event),
            code=_code(event),
            attempt=before.tries + before.throttles + 1,
            graphRequestId=graph.request_id if graph else None,
            durationMs=round(seconds * 1000),
        )

    def handed_over(self, transfer_id: str) -> None:
        """The run stopped because another one has the transfer."""
        log.note("handed_over", transferId=transfer_id)

    def notify(self, checkpoint: Checkpoint) -> None:
        """One line per end; twice where a process died while it told of it."""
        after = checkpoint.instance
        failure = after.failure
        graph = failure.graph if failure is not None else None
        log.write(
            logging.ERROR if after.state is State.FAILED else logging.INFO,
            event="transfer_" + after.state.value,
            transferId=after.id,
            code=failure.code.value if failure is not None else None,
            graphStatus=graph.status if graph else None,
            graphCode=graph.code if graph else None,
            graphRequestId=graph.request_id if graph else None,
            bytesConfirmed=after.bytes_confirmed,
            runs=after.runs,
        )

    def not_ready(self, why: str, until: datetime | None) -> None:
        """A dropped blob is no file, or none yet. Its name is not told."""
        if until is None:
            log.note("event_ignored", reason=why)
        else:
            log.note("file_not_ready", reason=why, until=until.isoformat())

    def swept(self, swept: Swept) -> None:
        """One line per tick of the sweep; alerts read `oldestUnfinishedSeconds` and `troubles`."""
        log.note(
            "swept",
            revived=swept.revived,
            concluded=swept.concluded,
            accepted=swept.accepted,
            troubles=swept.troubles,
            oldestUnfinishedSeconds=round(swept.oldest),
            oldestUnfinishedId=swept.oldest_id,
            complete=swept.complete,
        )

    def trouble(self, trouble: Trouble, error: Exception) -> None:
        """What the sweep cannot handle; files are named at GET /api/health/details alone."""
        event = "sweep_trouble"
        if isinstance(error, CheckpointUnreadable):
            event = "checkpoint_unreadable"
        elif isinstance(error, StorageRefused):
            event = "storage_refused"
        log.note(
            event,
            error=True,
            code=trouble.code,
            detail=trouble.detail,
            about=trouble.kind.value,
            transferId=trouble.key if trouble.kind is Kind.TRANSFER else None,
            part=trouble.key if trouble.kind is Kind.PART else None,
            tries=trouble.tries,
        )

    def put_off(self, continuation: Continuation, trouble: Exception, delay: float) -> None:
        """Storage did not let something be carried out: it is tried again, as long as that lasts."""
        log.note(
            "storage_unavailable",
            error=True,
            code=Code.STORAGE_UNAVAILABLE.value,
            transferId=continuation.instance_id,
            detail=str(trouble) or type(trouble).__name__,
            tries=continuation.tries,
            seconds=round(delay),
        )

    def gone(self) -> None:
        """An event about a file that is no more."""
        log.note("event_ignored", reason="the blob is gone")

    def unreadable(self, error: CheckpointUnreadable) -> None:
        """A checkpoint that was left untouched, for a person to look at."""
        log.note("checkpoint_unreadable", error=True, code=error.code.value, detail=error.detail)

    def refused(self, error: StorageRefused) -> None:
        """Storage refuses what a run needs, until a person changes something."""
        log.note("storage_refused", error=True, code=error.code.value, detail=error.detail)


def _code(event: Event) -> str | None:
    if isinstance(event, Refused | Forbidden):
        return event.failure.code.value
    return event.code.value if isinstance(event, NotDone | Unsure | RangeDenied) else None
