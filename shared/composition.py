"""The composition root: every object of the app, made once per process from the settings. Nothing here decides.

Each object is made with the first call that needs it. What costs a cold start is imported there and not above:
pydantic, which reads checkpoints and bodies; the page; OpenTelemetry.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from shared import log, telemetry
from shared.core.model import Transfer
from shared.core.policy import Policy
from shared.engine.ports import Background
from shared.graph.client import GraphClient
from shared.graph.hosts import OUTLOOK_HOSTS, UploadHosts
from shared.graph.probe import look
from shared.graph.token import GraphToken, credential_for
from shared.intake.accept import refused, transfer_for
from shared.intake.mailboxes import AllowedMailboxes
from shared.log_observer import LogObserver
from shared.rate_limit.limits import OUTLOOK
from shared.run.arrivals import Arrivals
from shared.run.drain import Drain
from shared.run.notifications import CompositeListener, CompositeObserver, OutcomePublisher
from shared.run.rate_limiter import MailboxRateLimiter
from shared.run.runner import RunDependencies, TransferRunner
from shared.settings import Settings, SourceOnSuccess
from shared.storage import health_probes
from shared.storage.access import StorageAccess
from shared.storage.ports import Dropped, Outcomes
from shared.storage.queue import AwaitedFiles, Continuations, Messages, OperationMessages
from shared.storage.source import HEAD_START, DropContainer

if TYPE_CHECKING:
    from shared.api.app import Api
    from shared.run.bulk import BulkCommands
    from shared.run.commands import Commands
    from shared.storage.checkpoints import CheckpointContainer
    from shared.storage.listing import Listing
    from shared.storage.outcome_index import BlobOutcomeIndex


SAVE_PAUSE = 0.25
"""Seconds. Chosen: a progress that whoever watches sees move, at a third of the writes where a range takes 80 ms. A
confirmed offset that is not written down yet is never lost: the session knows it."""

GUARD_AFTER = 1.0
"""Seconds. A small file takes three requests, well below a second in all: its run pays for no message against its death
unless it is slower. What dies earlier is found by the sweep."""


class SystemClock:
    """Implements `Clock` with the machine's own."""

    def now(self) -> datetime:
        """See `Clock.now`."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """See `Clock.sleep`."""
        time.sleep(max(0.0, seconds))


class Composition:
    """Every object of the app, by name. One per process, shared by its threads."""

    limits = OUTLOOK
    """What a mailbox may be asked. A load test in shortened time puts its own in their place."""

    def __init__(self, settings: Settings, *, wants_telemetry: bool = False) -> None:
        self.settings = settings
        self.clock = SystemClock()
        self.logged = LogObserver()
        self.drain = Drain()
        self._wants_telemetry = wants_telemetry

    @cached_property
    def telemetry(self) -> telemetry.Telemetry | None:
        """Spans and counters, where the deployment asks for them and they can be had: files matter more."""
        if not self._wants_telemetry:
            return None
        try:
            return telemetry.start(telemetry.usable(os.environ))
        except Exception as error:  # noqa: BLE001 - whatever an exporter raises, no transfer may fail for it
            log.note("telemetry_off", error=True, reason=type(error).__name__)
            return None

    @cached_property
    def allowed(self) -> AllowedMailboxes:
        """The mailboxes that this deployment may write to."""
        return AllowedMailboxes(self.settings.allowed_mailboxes)

    @cached_property
    def access(self) -> StorageAccess:
        """Clients for the data account."""
        connection = self.settings.drop_storage
        return StorageAccess(
            connection_string=connection.connection_string,
            blob_uri=connection.blob_uri,
            queue_uri=connection.queue_uri,
            client_id=connection.client_id,
            managed=self.settings.has_managed_identity,
        )

    @cached_property
    def sources(self) -> DropContainer:
        """The drop container."""
        return DropContainer(self.access, self.settings.drop_container)

    @cached_property
    def checkpoints(self) -> CheckpointContainer:
        """The transfers as they are stored."""
        from shared.storage.checkpoints import CheckpointContainer

        settings = self.settings
        return CheckpointContainer(self.access, settings.checkpoint_container, settings.drop_container)

    @cached_property
    def ends(self) -> BlobOutcomeIndex:
        """The index of transfers that are over."""
        from shared.storage.outcome_index import BlobOutcomeIndex

        return BlobOutcomeIndex(self.access, self.settings.checkpoint_container, self.checkpoints)

    @cached_property
    def continuations(self) -> Continuations:
        """The work queue."""
        return Continuations(self._messages)

    @cached_property
    def _messages(self) -> Messages:
        """The work queue as plain messages."""
        return Messages(self.access, self.settings.transfer_queue)

    @cached_property
    def token(self) -> GraphToken:
        """The app's token for Graph."""
        settings = self.settings
        credential = credential_for(
            managed=settings.has_managed_identity,
            client_id=settings.graph_client_id,
            tenant_id=settings.graph_tenant_id,
            app_id=settings.graph_app_id,
        )
        return GraphToken(settings.graph_scope, credential)

    @cached_property
    def hosts(self) -> UploadHosts:
        """Where an upload session may point to."""
        return UploadHosts(self.settings.graph_upload_hosts or OUTLOOK_HOSTS)

    @cached_property
    def graph(self) -> GraphClient:
        """The way to Graph."""
        return GraphClient(self.settings.graph_base_url, self.token, self.hosts)

    @cached_property
    def edges(self) -> RunDependencies:
        """Everything a run touches. A benchmark may put instrumented ones in its place before the first run."""
        from shared.storage.claims import ClaimBlobs

        settings, watching = self.settings, self.telemetry
        return RunDependencies(
            checkpoints=self.checkpoints,
            sources=self.sources,
            queue=self.continuations,
            outcomes=self._listeners(),
            transport=self.graph,
            hosts=self.hosts,
            base_url=settings.graph_base_url,
            policy=replace(
                Policy(),
                range_bytes=settings.range_bytes,
                target_wait=settings.target_wait_seconds,
                access_wait=settings.access_wait_seconds,
            ),
            clock=self.clock,
            observer=self.logged if watching is None else CompositeObserver((self.logged, watching)),
            new_run_id=lambda: uuid.uuid4().hex,
            background=write_behind,
            budget=settings.run_budget_seconds,
            head_start=HEAD_START,
            save_pause=SAVE_PAUSE,
            delete_source=settings.source_on_success is SourceOnSuccess.DELETE,
            rate_limiter=self.rate_limiter,
            may_write=self.allowed.allow,
            guard_after=GUARD_AFTER,
            is_draining=self.drain.is_under_way,
            take_up=self._take_up,
            claims=ClaimBlobs(self.access, settings.checkpoint_container, self.checkpoints),
        )

    def transfer_for(self, dropped: Dropped) -> Transfer:
        """What a dropped file asks for."""
        return transfer_for(dropped, self.allowed, self.clock.now())

    def _take_up(self, blob: str) -> None:
        """Make a transfer of the file as it is now: its older version has ended because of the newer one."""
        dropped = self.sources.describe(blob)
        found = self.arrivals.found(dropped) if dropped is not None else None
        if found is not None:
            self.runs.accept(found)

    @cached_property
    def arrivals(self) -> Arrivals:
        """What becomes of dropped files."""
        health_probes = AwaitedFiles(self._messages)
        return Arrivals(
            self.runs, health_probes, self.transfer_for, self.clock, self.edges.policy, self.logged, refused
        )

    @cached_property
    def rate_limiter(self) -> MailboxRateLimiter:
        """Where a run asks for its permit to use a mailbox."""
        from shared.storage.mailbox_records import MailboxRecordBlobs

        limits = replace(self.limits, bytes=self.settings.mailbox_bytes)
        mailboxes = MailboxRecordBlobs(self.access, self.settings.checkpoint_container)
        queue = self.continuations
        return MailboxRateLimiter(
            mailboxes, self.clock, lambda admitted: queue.send(admitted, 0), self.settings.range_bytes, limits
        )

    def _listeners(self) -> Outcomes:
        """The listeners for outcomes: the log first, the index before the queue, whose readers may look at once."""
        listeners: list[Outcomes] = [self.logged]
        if self.telemetry is not None:
            listeners.append(self.telemetry)
        listeners.append(self.ends)
        if self.settings.outcome_queue is not None:
            listeners.append(
                OutcomePublisher(
                    Messages(self.access, self.settings.outcome_queue).put, self.clock, self.settings.route_prefix
                )
            )
        return CompositeListener(listeners)

    @cached_property
    def runs(self) -> TransferRunner:
        """What every trigger ends in."""
        return TransferRunner(self.edges)

    @cached_property
    def listing(self) -> Listing:
        """Pages of transfers."""
        from shared.storage.dropped_files import TransfersOfFiles
        from shared.storage.listing import Listing

        files = TransfersOfFiles(self.sources, self.transfer_for)
        return Listing(self.access, self.settings.checkpoint_container, self.checkpoints, files)

    @cached_property
    def commands(self) -> Commands:
        """What people may have done to a transfer."""
        from shared.run.commands import Commands
        from shared.run.renewal import FileRenewal

        renewal = FileRenewal(self.sources, self.runs, self.arrivals.found, self.clock)
        new_id, may_write = self.edges.new_run_id, self.allowed.allow
        return Commands(self.checkpoints, self.continuations, self.ends, self.clock, new_id, may_write, renewal=renewal)

    @cached_property
    def operation_messages(self) -> OperationMessages:
        """Messages that ask for a worker of an operation."""
        return OperationMessages(self._messages)

    @cached_property
    def bulk(self) -> BulkCommands:
        """Operations on many transfers."""
        from shared.run.bulk import BulkCommands
        from shared.storage.operations import OperationBlobs

        return BulkCommands(
            operations=OperationBlobs(self.access, self.settings.checkpoint_container),
            commands=self.commands,
            checkpoints=self.checkpoints,
            pages=self.listing.page,
            ask=self.operation_messages.ask,
            clock=self.clock,
            new_id=self.edges.new_run_id,
        )

    @cached_property
    def http(self) -> Api:
        """The HTTP API and the page."""
        from shared.api.app import Api
        from shared.api.health import Health
        from shared.api.operations import Operations
        from shared.api.page.handler import OperatorPage

        operations = Operations(
            runs=self.runs,
            commands=self.commands,
            bulk=self.bulk,
            sources=self.sources,
            checkpoints=self.checkpoints,
            listing=self.listing,
            allowed=self.allowed,
            clock=self.clock,
            prefix=self.settings.route_prefix,
            knows_callers=self.settings.knows_callers,
        )
        page = OperatorPage(
            checkpoints=self.checkpoints,
            listing=self.listing,
            commands=self.commands,
            bulk=self.bulk,
            clock=self.clock,
            knows_callers=self.settings.knows_callers,
            container=self.settings.drop_container,
        )
        return Api(operations, Health(self._looks()), page, self.settings.route_prefix)

    def _looks(self) -> dict[str, Callable[[], str]]:
        """What the app's health depends on."""
        from shared.storage.sweep_cursors import SweepCursorBlob

        settings, access = self.settings, self.access
        positions = SweepCursorBlob(access, settings.checkpoint_container)
        return {
            "files": lambda: health_probes.container(access, settings.drop_container),
            "checkpoints": lambda: health_probes.checkpoints(access, settings.checkpoint_container),
            "sweep": lambda: health_probes.sweep(positions.load()),
            "queue": lambda: health_probes.queue(access, settings.transfer_queue),
            "identity": self._look_at_identity,
            "graph": lambda: look(self.graph, settings.graph_base_url),
        }

    def _look_at_identity(self) -> str:
        self.token.token()
        return "the identity gives tokens"


@contextmanager
def write_behind() -> Iterator[Background]:
    """The thread that saves while a range is on its way; it ends with the run."""
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="write-behind") as pool:
        yield pool
