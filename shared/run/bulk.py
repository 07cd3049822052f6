"""One command for many transfers: chosen by a filter or one by one, bounded, and carried on whoever dies over it.

The operation is a blob, its report. A worker first chooses its rows, then gives each the command, and saves the report
under its ETag after every few. A worker that dies leaves its message to the host, which delivers it again; rows that
had their command meanwhile are told by how often their transfers have been retried since they were chosen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.core.errors import CATALOGUE, Code
from shared.core.model import Transfer
from shared.core.public_state import PublicState
from shared.run.commands import Accepted, Commands, NotFound, Rejected, Reply
from shared.storage.listing import ContinuationInvalid, Page
from shared.storage.operations import Action, Operation, Operations, Outcome, Row, StoredOperation
from shared.storage.places import ACKNOWLEDGED, IN_DOUBT, UNDER_WAY, Wanted
from shared.storage.ports import Checkpoints, CheckpointUnreadable, Clock, Conflict, StorageRefused, StorageUnavailable

BATCH = 16
"""Rows between two saves of the report. Chosen: a worker that dies has told of all but the last few."""

PAGE = 100
"""Transfers that one page of the choosing asks for."""

SECONDS = 60.0
"""How long one message works. Chosen: well below the shortest `functionTimeout` that is usual; what is left gets a
message of its own."""

PAUSE = 15.0
"""Seconds until an operation is carried on that storage did not let be."""


STATES: Mapping[Action, tuple[str, ...]] = {
    Action.RETRY: (PublicState.FAILED, PublicState.CANCELLED, IN_DOUBT, ACKNOWLEDGED),
    Action.CANCEL: (UNDER_WAY, PublicState.QUEUED, PublicState.SENDING, PublicState.WAITING),
}
"""The states that an operation may choose; without one, the first of them."""


Ask = Callable[[str, float], object]
"""Asks for a worker of this operation in so many seconds."""

Pages = Callable[[Wanted, int, str | None, datetime], Page]
"""See `Listing.page`."""


@dataclass(frozen=True, slots=True)
class BulkCommands:
    """Starts operations, and carries them on. `workers`: how many rows get their command side by side."""

    operations: Operations
    commands: Commands
    checkpoints: Checkpoints
    pages: Pages
    ask: Ask
    clock: Clock
    new_id: Callable[[], str]
    workers: int = 8

    def start(self, action: Action, chosen: Wanted | tuple[str, ...], limit: int, by: str | None = None) -> Operation:
        """Make an operation durable, and ask for a worker: for what is wanted, or for these transfers.

        Raises:
            StorageUnavailable: perhaps it will be carried out nevertheless; starting it again does no harm.
        """
        now = self.clock.now()
        if isinstance(chosen, Wanted):
            wanted = replace(chosen, state=chosen.state or STATES[action][0])
            operation = Operation(self.new_id(), action, wanted, limit, now, now, by=by)
        else:
            rows = tuple(Row(transfer_id, "", -1) for transfer_id in dict.fromkeys(chosen))
            operation = Operation(self.new_id(), action, None, limit, now, now, rows, by=by)
        self.operations.create(operation)
        self.ask(operation.id, 0)
        return operation

    def carry_on(self, operation_id: str) -> bool:
        """Work on it for a while, and ask for another worker where that is not enough. False: there is no such one.

        Raises:
            CheckpointUnreadable; StorageUnavailable where not even the message could be sent.
        """
        try:
            stored = self.operations.load(operation_id)
            if stored is None:
                return False
            is_left = stored.operation.finished_at is None and self._work(stored)
        except Conflict:
            return True  # another worker has it, and a message of its own
        except StorageUnavailable:
            self.ask(operation_id, PAUSE)
            return True
        if is_left:
            self.ask(operation_id, 0)
        return True

    def _work(self, stored: StoredOperation) -> bool:
        """True where something is left. Raises Conflict and StorageUnavailable; what was saved by then is kept."""
        operation, etag = stored.operation, stored.etag
        deadline = self.clock.now() + timedelta(seconds=SECONDS)
        while self.clock.now() < deadline:
            if not operation.is_chosen:
                operation = self._chosen(operation)
            elif operation.pending:
                operation = self._commanded(operation)
            else:
                self.operations.save(replace(operation, finished_at=self.clock.now()), etag)
                return False
            operation = replace(operation, updated_at=self.clock.now())
            etag = self.operations.save(operation, etag)
        return True

    def _chosen(self, operation: Operation) -> Operation:
        """The operation with a page more of its rows; or, where they were named, with what they are."""
        if operation.wanted is None:
            return replace(operation, rows=tuple(self._each(self._named, operation.rows)), is_chosen=True)
        room = operation.limit - len(operation.rows)
        if room <= 0:
            return replace(operation, is_chosen=True, has_more=operation.continuation is not None)
        try:
            page = self.pages(operation.wanted, min(room, PAGE), operation.continuation, self.clock.now())
        except ContinuationInvalid:
            page = self.pages(operation.wanted, min(room, PAGE), None, self.clock.now())
        known = {row.transfer_id for row in operation.rows}
        rows = [Row(one.id, one.plan.source.blob, one.retries) for one in page.transfers if one.id not in known]
        return replace(
            operation,
            rows=(*operation.rows, *rows[:room]),
            continuation=page.continuation,
            is_chosen=page.continuation is None,
        )

    def _named(self, row: Row) -> Row:
        """A row that was named, with what its transfer is."""
        try:
            stored = self.checkpoints.load(row.transfer_id)
        except (CheckpointUnreadable, StorageRefused) as unreadable:
            return _failed(row, unreadable)
        if stored is None:
            return _gone(row)
        transfer = stored.checkpoint.instance
        return replace(row, blob=transfer.plan.source.blob, retries=transfer.retries)

    def _commanded(self, operation: Operation) -> Operation:
        """The operation with the next few rows done."""
        due = [row for row in operation.rows if row.outcome is Outcome.PENDING][:BATCH]
        done = dict(zip(due, self._each(lambda row: self._command(operation.action, row), due), strict=True))
        return replace(operation, rows=tuple(done.get(row, row) for row in operation.rows))

    def _command(self, action: Action, row: Row) -> Row:
        """The row with what became of it. It had its command already where it has been retried since."""
        try:
            stored = self.checkpoints.load(row.transfer_id)
            if stored is None:
                return _gone(row)
            transfer = stored.checkpoint.instance
            successor = transfer.acknowledged.successor if transfer.acknowledged is not None else None
            if transfer.retries != row.retries:
                if action is Action.RETRY:
                    return replace(row, outcome=Outcome.ACCEPTED)
                return _rejected(row, Code.TRANSFER_CHANGED)
            if action is Action.RETRY and successor is not None:
                return replace(row, outcome=Outcome.ACCEPTED, successor=successor)
            reply = self.commands.retry(transfer.id) if action is Action.RETRY else self.commands.cancel(transfer.id)
        except (CheckpointUnreadable, StorageRefused) as refused:
            return _failed(row, refused)
        return _told(row, reply)

    def _each(self, work: Callable[[Row], Row], rows: Iterable[Row]) -> Iterable[Row]:
        if self.workers <= 1:
            return [work(row) for row in rows]
        with ThreadPoolExecutor(self.workers, thread_name_prefix="bulk") as pool:
            return [*pool.map(work, rows)]


def _told(row: Row, reply: Reply) -> Row:
    match reply:
        case Accepted(transfer, supersedes):
            successor = transfer.id if supersedes is not None else None
            return replace(row, outcome=Outcome.ACCEPTED, successor=successor)
        case Rejected(transfer, code):
            return _rejected(row, code, transfer)
        case NotFound():
            return _gone(row)


def _rejected(row: Row, code: Code, transfer: Transfer | None = None) -> Row:
    state = f"It is {transfer.state.value}. " if transfer is not None else ""
    return replace(row, outcome=Outcome.REJECTED, code=code, detail=f"{state}{CATALOGUE[code].title}")


def _failed(row: Row, refused: CheckpointUnreadable | StorageRefused) -> Row:
    return replace(row, outcome=Outcome.FAILED, code=refused.code, detail=refused.detail)


def _gone(row: Row) -> Row:
    code = Code.TRANSFER_NOT_FOUND
    return replace(row, outcome=Outcome.REJECTED, code=code, detail=CATALOGUE[code].title)
