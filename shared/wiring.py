"""What the functions call: each trigger's event, in terms of the parts. Nothing here decides anything.

Reading the settings is all that happens when the app is imported; clients, libraries and threads come with the first
call that needs them, so that a cold start stays short.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Self

from shared import log, telemetry
from shared.core.errors import Code
from shared.core.model import Transfer
from shared.intake.accept import transfer_for
from shared.parts import Parts
from shared.run.arrivals import Arrivals
from shared.run.poison import Ending, Poison
from shared.run.sweep import SECONDS, Sweep
from shared.settings import load
from shared.storage.ports import CheckpointUnreadable, Dropped, StorageRefused
from shared.storage.queue import AwaitedFiles, awaited_in, drop_in, transfer_in

HOST_JSON = Path(__file__).resolve().parent.parent / "host.json"

BLOB_FUNCTION = "blob_dropped"
"""The blob trigger's name, by which its poison messages are told from those of other apps on the same account."""


class Product(Parts):
    """One per process, shared by its threads."""

    @classmethod
    def from_environment(cls) -> Self:
        """The product as the app settings describe it. Raises SettingsError naming every fault."""
        log.quieten()
        host_json = HOST_JSON.read_text(encoding="utf-8-sig")
        settings = load(os.environ, host_json)
        for name, problem in telemetry.unusable(os.environ).items():
            log.note("setting_unusable", error=True, setting=name, reason=problem)
        return cls(settings, wants_telemetry=telemetry.is_wanted(os.environ, host_json))

    def blob_dropped(self, container: str, blob: str) -> None:
        """A blob was created, or so an event says. Events come twice, late, and for containers that are not ours."""
        with self._invocation():
            dropped = self._described(container, blob)
            if dropped is not None:
                self.arrivals.arrived(dropped)

    def transfer_due(self, message: str) -> None:
        """A continuation came due, or another look at a file that was none yet."""
        transfer_id, awaited = transfer_in(message), awaited_in(message)
        with self._invocation():
            if transfer_id is not None:
                self.runs.resume(transfer_id)
            elif awaited is not None:
                dropped = self._described(self.settings.drop_container, awaited.blob)
                if dropped is not None:
                    self.arrivals.arrived(dropped, awaited.since)
            else:
                _unreadable(message)

    def blob_poisoned(self, message: str) -> None:
        """The host gave up on a blob's event: its file becomes a failed transfer."""
        poisoned = drop_in(message)
        if poisoned is None:
            _unreadable(message)
            return
        if poisoned.function != BLOB_FUNCTION:  # the queue belongs to the account, not to this app
            log.note("event_ignored", reason="the message names another app's function")
            return
        with self._invocation():
            dropped = self._described(poisoned.container, poisoned.blob)
            if dropped is not None:
                transfer = self._transfer_for(dropped)
                ending = Poison(self.edges, self.runs).drop_failed(dropped, poisoned.etag, transfer)
                _poisoned(ending, transfer.id)

    def transfer_poisoned(self, message: str) -> None:
        """The host gave up on a continuation: its transfer fails. A file that was none yet is looked at once more."""
        transfer_id, awaited = transfer_in(message), awaited_in(message)
        if awaited is not None:
            with self._invocation():
                AwaitedFiles(self._messages).send(awaited.blob, awaited.since, self.edges.policy.file_poll_cap)
            return
        if transfer_id is None:
            _unreadable(message)
            return
        with self._invocation():
            _poisoned(Poison(self.edges, self.runs).transfer_failed(transfer_id), transfer_id)

    def sweep(self) -> None:
        """One tick of the sweep."""
        from shared.storage.positions import PositionBlob  # noqa: PLC0415 - cold start

        container = self.settings.checkpoint_container
        with self._invocation():
            swept = Sweep(
                runs=self.runs,
                checkpoints=self.checkpoints,
                marks=self.checkpoints,
                sources=self.sources,
                queue=self.continuations,
                positions=PositionBlob(self.access, container),
                clock=self.clock,
                observer=self.logged,
                transfer_for=self.arrivals.found,
                seconds=min(SECONDS, self.settings.run_budget_seconds / 4),
            ).tick()
            if self.telemetry is not None:
                self.telemetry.oldest_unfinished(swept.oldest)

    @cached_property
    def arrivals(self) -> Arrivals:
        """What becomes of dropped files."""
        looks = AwaitedFiles(self._messages)
        return Arrivals(self.runs, looks, self._transfer_for, self.clock, self.edges.policy, self.logged)

    def _described(self, container: str, blob: str) -> Dropped | None:
        """The file as it is now, where it is one of ours and still there."""
        if container != self.settings.drop_container:
            log.note("event_ignored", reason="it is about another container")
            return None
        dropped = self.sources.describe(blob)
        if dropped is None:
            log.note("event_ignored", reason="the blob is gone")
        return dropped

    @contextmanager
    def _invocation(self) -> Iterator[None]:
        """Around one trigger's work: its spans end with it, and what no repetition changes is told of.

        That is a checkpoint that cannot be read, which stays as it is, and storage that refuses. The invocation does
        not fail there: repeated at once it would fail again. The sweep comes back to it, more and more rarely.
        """
        spans = self.telemetry.invocation if self.telemetry is not None else _nothing
        with spans():
            try:
                yield
            except CheckpointUnreadable as error:
                self.logged.unreadable(error)
            except StorageRefused as refused:
                self.logged.refused(refused)

    def _transfer_for(self, dropped: Dropped) -> Transfer:
        return transfer_for(dropped, self.allowed, self.clock.now())


def _poisoned(ending: Ending, transfer_id: str) -> None:
    """A line for each message that the host gave up on, whatever became of it."""
    log.note("poison_message", error=True, transferId=transfer_id, ending=ending.name.lower())


def _unreadable(message: str) -> None:
    log.note("message_unreadable", error=True, code=Code.MESSAGE_UNREADABLE.value, length=len(message))


@contextmanager
def _nothing() -> Iterator[None]:
    yield
