"""What the functions call: each trigger's event, handed to the object that deals with it. Nothing here decides.

Reading the settings is all that happens when the app is imported; clients, libraries and threads come with the first
call that needs them, so that a cold start stays short.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

from shared import log, telemetry
from shared.composition import Composition
from shared.core.errors import Code
from shared.core.model import Transfer
from shared.engine.continuation import Continuation
from shared.run.sweep import SECONDS, Sweep
from shared.run.triggers import Triggers
from shared.settings import BlobTriggerSource, SameFile, load
from shared.storage.ports import CheckpointUnreadable, Dropped, StorageRefused
from shared.storage.queue import AskedOperation, awaited_in, continuation_in, drop_in, operation_in

if TYPE_CHECKING:
    from shared.api.app import Api

HOST_JSON = Path(__file__).resolve().parent.parent / "host.json"

BLOB_FUNCTION = "blob_dropped"
"""The blob trigger's name, by which its poison messages are told from those of other apps on the same account."""


OPERATION_TRIES = 20
"""Times that the host may give up on an operation's workers. Chosen: with the pauses between them, three and a half
hours; what it has not done by then its report shows as pending, and it can be started again."""

OPERATION_PAUSE = 60.0
"""Seconds until the first worker after the host gave up; each further one waits as much longer."""


class App:
    """One per process, shared by its threads: the triggers' work, on the objects of one `Composition`."""

    def __init__(self, composition: Composition) -> None:
        self.composition = composition
        self.settings = composition.settings

    @classmethod
    def from_environment(cls) -> Self:
        """The app as the app settings describe it. Raises SettingsError naming every fault."""
        log.quieten()
        host_json = HOST_JSON.read_text(encoding="utf-8")  # a byte order mark is left out by its reader
        settings = load(os.environ, host_json)
        for name, problem in telemetry.unusable(os.environ).items():
            log.note("setting_unusable", error=True, setting=name, reason=problem)
        return cls(Composition(settings, wants_telemetry=telemetry.is_wanted(os.environ, host_json)))

    @property
    def http(self) -> Api:
        """The HTTP API and the page."""
        return self.composition.http

    def blob_dropped(self, container: str, blob: str) -> None:
        """A blob was created, or so an event says. Events come twice, late, and for containers that are not ours."""
        if self._is_ours(container):
            with self._invocation():
                self.triggers.dropped(blob)

    def transfer_due(self, message: str) -> None:
        """A continuation came due, or another look at a file that was none yet, or an operation on many transfers."""
        operation = operation_in(message)
        if operation is not None:
            with self._invocation():
                self.composition.bulk.carry_on(operation.id)
            return
        continuation = _asked_in(message)
        if continuation is None:
            _unreadable(message)
            return
        with self._invocation():
            self.triggers.due(continuation)

    def blob_poisoned(self, message: str) -> None:
        """The host gave up on a blob's event: its file is looked at again later, and in the end fails."""
        poisoned = drop_in(message)
        if poisoned is None:
            _unreadable(message)
            return
        if poisoned.function != BLOB_FUNCTION:  # the queue belongs to the account, not to this app
            log.note("event_ignored", reason="the message names another app's function")
            return
        if self._is_ours(poisoned.container):
            self._poisoned(Continuation(blob=poisoned.blob))

    def transfer_poisoned(self, message: str) -> None:
        """The host gave up on a continuation: it is tried again later, and in the end its transfer fails."""
        operation = operation_in(message)
        if operation is not None:
            self._operation_poisoned(operation)
            return
        continuation = _asked_in(message)
        if continuation is None:
            _unreadable(message)
            return
        self._poisoned(continuation)

    def sweep(self) -> None:
        """One tick of the sweep."""
        from shared.storage.sweep_cursors import SweepCursorBlob

        parts, container = self.composition, self.settings.checkpoint_container
        with self._invocation():
            swept = Sweep(
                runs=parts.runs,
                checkpoints=parts.checkpoints,
                marks=parts.checkpoints,
                sources=parts.sources,
                queue=parts.continuations,
                positions=SweepCursorBlob(parts.access, container),
                clock=parts.clock,
                observer=parts.logged,
                transfer_for=parts.arrivals.found,
                seconds=min(SECONDS, self.settings.run_budget_seconds / 4),
                is_known=self._is_attached_already,
            ).tick()
            if parts.telemetry is not None:
                parts.telemetry.oldest_unfinished(swept.oldest)

    @cached_property
    def triggers(self) -> Triggers:
        """What each trigger does with its message."""
        parts = self.composition
        return Triggers(parts.edges, parts.runs, self._came, parts.transfer_for, parts.logged)

    def _came(self, dropped: Dropped, asked: Continuation) -> None:
        """A file came, or is looked at again."""
        if not (self._is_polled and self._is_attached_before(dropped)):
            self.composition.arrivals.came(dropped, asked)

    @property
    def _is_polled(self) -> bool:
        """Whether the trigger takes a change of metadata for a new file, which Event Grid's events never are."""
        return self.settings.blob_trigger_source is BlobTriggerSource.SCAN

    def _is_attached_before(self, dropped: Dropped) -> bool:
        """Whether a file that was touched since it was made is one that is attached already."""
        if dropped.created_at is None or dropped.created_at >= dropped.source.modified_at:
            return False
        transfer = self.composition.transfer_for(dropped)
        is_new = self.composition.checkpoints.load(transfer.id) is None
        return is_new and self._is_attached_already(transfer, dropped)

    def _is_attached_already(self, transfer: Transfer, dropped: Dropped) -> bool:
        """Whether an earlier version of the file, with the same bytes, is attached to the same item."""
        from shared.storage.attached import AttachedFiles

        if self.settings.same_file is SameFile.AGAIN:
            return False
        files = AttachedFiles(self.composition.access, self.settings.checkpoint_container)
        earlier = files.same(transfer, dropped.created_at)
        if earlier is not None:
            log.note("same_file", transferId=earlier, reason="only its metadata changed since it was attached")
        return earlier is not None

    def _is_ours(self, container: str) -> bool:
        if container == self.settings.drop_container:
            return True
        log.note("event_ignored", reason="it is about another container")
        return False

    def _poisoned(self, continuation: Continuation) -> None:
        """A line for each message that the host gave up on, whatever became of it."""
        with self._invocation():
            ending = self.triggers.poisoned(continuation)
            log.note(
                "poison_message",
                error=True,
                transferId=continuation.instance_id,
                blobNamed=continuation.blob is not None,
                ending=ending.name.lower(),
            )

    def _operation_poisoned(self, operation: AskedOperation) -> None:
        """The host gave up on an operation's worker: another one comes later, until its patience is spent."""
        poisoned = operation.poisoned + 1
        ending = "put_back" if poisoned <= OPERATION_TRIES else "given_up"
        if poisoned <= OPERATION_TRIES:
            self.composition.operation_messages.ask(operation.id, OPERATION_PAUSE * poisoned, poisoned)
        log.note("poison_message", error=True, operationId=operation.id, ending=ending)

    @contextmanager
    def _invocation(self) -> Iterator[None]:
        """Around one trigger's work: its spans end with it, and what no repetition changes is logged.

        That is a checkpoint that cannot be read, which stays as it is, and storage that refuses. The invocation does
        not fail there: repeated at once it would fail again. The sweep comes back to it, more and more rarely.
        """
        watching, logged = self.composition.telemetry, self.composition.logged
        spans = watching.invocation if watching is not None else _nothing
        with spans():
            try:
                yield
            except CheckpointUnreadable as error:
                logged.unreadable(error)
            except StorageRefused as refused:
                logged.refused(refused)


def _asked_in(message: str) -> Continuation | None:
    """What a message of the transfer queue asks for; None where it is not one of ours."""
    awaited = awaited_in(message)
    if awaited is not None:
        return Continuation(blob=awaited.blob, awaited=awaited.since)
    return continuation_in(message)


def _unreadable(message: str) -> None:
    log.note("message_unreadable", error=True, code=Code.MESSAGE_UNREADABLE.value, length=len(message))


@contextmanager
def _nothing() -> Iterator[None]:
    yield
