"""What a page of transfers costs: measured on Azurite, with thousands of transfers in its checkpoint container."""

from __future__ import annotations

import itertools
import statistics
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import psutil
from azure.core.pipeline.transport import RequestsTransport

from assurance.campaign import Campaign, Outcome
from assurance.checkpoint_fixtures import IN_DOUBT, NOW, CheckpointFixtures, transfer
from assurance.measured import APP
from devkit.local.azurite import Azurite
from shared.api.models import DEFAULT_PAGE
from shared.api.page.overview import Filter, overview
from shared.composition import SystemClock
from shared.core.errors import Code
from shared.core.model import State
from shared.run.bulk import BulkCommands
from shared.run.commands import Commands
from shared.storage.listing import Page
from shared.storage.operations import Action, Operation, OperationBlobs
from shared.storage.operations import Outcome as RowOutcome
from shared.storage.places import Wanted
from shared.storage.queue import Continuations, Messages

TRANSFERS = 10_000
LONGEST = 0.3
"""Seconds that a page may take: the requirement, for 10,000 transfers on Azurite."""

PAGES = 5
"""Pages of each kind, one after the other."""

MAILBOX = "user7@example.org"
MAILBOXES = 500

KEPT, KEPT_FILES = "kept/file ", 30
"""Attached files that are still in the drop container."""

KINDS: list[tuple[State, dict[str, Any]]] = [
    *[(State.ATTACHED, {})] * 80,
    *[(State.FAILED, {})] * 10,
    (State.FAILED, {"failure": IN_DOUBT}),
    *[(State.CANCELLED, {})] * 4,
    *[(State.SENDING, {"runs": 1})] * 3,
    *[(State.PLANNED, {})] * 2,
]
"""Of a hundred transfers eighty are attached, the others everything else."""

WANTED: dict[str, tuple[Wanted, int]] = {
    "all": (Wanted(), 1),
    "attached": (Wanted("attached"), 3),
    "failed": (Wanted("failed"), 1),
    "cancelled": (Wanted("cancelled"), 1),
    "in doubt": (Wanted("in-doubt"), 1),
    "queued": (Wanted("queued"), 11),
    "sending": (Wanted("sending"), 11),
    "waiting": (Wanted("waiting"), 11),
    "one mailbox": (Wanted(mailbox=MAILBOX), 12),
    "one mailbox's attached": (Wanted("attached", MAILBOX), 3),
    "one code": (Wanted(code=Code.TARGET_NOT_FOUND), 14),
    "one code's failed": (Wanted("failed", code=Code.COMMIT_IN_DOUBT), 3),
    "since a day": (Wanted(since=NOW - timedelta(days=300)), 1),
    "a failed file": (Wanted("failed", blob="in/file 30.pdf"), 3),
    "a folder's failed": (Wanted("failed", blob="in/"), 3),
    "a folder's failed of one mailbox": (Wanted("failed", MAILBOX, "in/"), 3),
    "a folder under way": (Wanted("under-way", blob="in/file 1"), 11),
    "an attached file that is there": (Wanted("attached", blob=f"{KEPT}7.pdf"), 1 + 1 + 3 + 10),
    "an attached file that is gone": (Wanted("attached", blob="in/file 9.pdf"), 1 + 3 + 10),
    "a file, whatever became of it": (Wanted(blob=f"{KEPT}7.pdf"), 1 + 3 + 1 + 1 + 3 + 10),
}
"""Every kind of page, and how many requests to storage it may take: those of `shared/storage/listing.py`."""

OVERVIEW_REQUESTS = 6 + 1 + 2 + 11
"""Six counts, the newest transfers, what is in doubt and what failed, and what is under way."""

CHOSEN = 100
"""Transfers that the operation on many takes: a tenth of those that match."""

REQUESTS_A_ROW = 18
"""Requests to storage for each of them, at most: it is read twice, its file is looked for, its entries are removed and
written, it is saved, and a run asked for; and every few rows the report is saved."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Of several pages: the median time, the median processor time, and the most requests to storage.

    Attributes:
        median: seconds.
        processor: seconds that this process and Azurite worked for it, whatever else the machine did meanwhile.
    """

    median: float
    processor: float
    requests: int


def fill(fixtures: CheckpointFixtures, transfers: int) -> None:
    """Put so many transfers there, to five hundred mailboxes in turn."""
    numbers = ((number, KINDS[number * 37 % len(KINDS)]) for number in range(transfers))
    fixtures.put_all(
        transfer(number, state, mailbox=f"user{number % MAILBOXES}@example.org", **changes)
        for number, (state, changes) in numbers
    )
    for number in range(KEPT_FILES):
        fixtures.keep(f"{KEPT}{number}.pdf")


def cost_of_pages(fixtures: CheckpointFixtures, wanted: Wanted) -> Cost:
    """What a few pages take, one after the other; a call before them opens the connections."""
    listing = fixtures.listing_by_files
    listing.page(wanted, 1, None, NOW)
    page: Page | None = None

    def look() -> None:
        nonlocal page
        page = listing.page(wanted, DEFAULT_PAGE, page.continuation if page else None, NOW)

    return _cost(fixtures, look)


def cost_of_overview(fixtures: CheckpointFixtures) -> Cost:
    """What the operator's page takes when it is opened."""
    return _cost(fixtures, lambda: _ignored(overview(fixtures.listing, Filter(), NOW)))


def many(fixtures: CheckpointFixtures, rows: int) -> tuple[Operation, float, float]:
    """One operation that retries so many of the failed transfers: its report, its seconds, and its requests a row."""
    clock, ids = SystemClock(), itertools.count(1)
    queue = Messages(fixtures.access, f"{fixtures.container}-transfers")
    asked: list[str] = []
    bulk = BulkCommands(
        operations=OperationBlobs(fixtures.access, fixtures.container),
        commands=Commands(
            fixtures.checkpoints, Continuations(queue), fixtures.ends, clock, lambda: f"many-{next(ids)}"
        ),
        checkpoints=fixtures.checkpoints,
        pages=fixtures.listing_by_files.page,
        ask=lambda operation, _: asked.append(operation),
        clock=clock,
        new_id=lambda: uuid.uuid4().hex,
    )
    began = time.perf_counter()
    with sent() as urls:
        operation = bulk.start(Action.RETRY, Wanted(code=Code.TARGET_NOT_FOUND), rows)
        while asked:
            bulk.carry_on(asked.pop())
    stored = bulk.operations.load(operation.id)
    if stored is None:
        raise RuntimeError("the report is gone")
    return stored.operation, time.perf_counter() - began, len(urls) / rows


def unlike(report: Operation, rows: int) -> list[str]:
    """What is wrong with the report of an operation that should have retried so many."""
    accepted = sum(row.outcome is RowOutcome.ACCEPTED for row in report.rows)
    if report.finished_at is None or (accepted, len(report.rows)) != (rows, rows):
        return [f"the operation: {accepted} of {len(report.rows)} accepted, {rows} wanted"]
    return []


def prove(_seed: int) -> Outcome:
    """Every kind of page, with 10,000 transfers there."""
    broken: list[str] = []
    told: dict[str, int | float | str] = {}
    with Azurite() as azurite:
        fixtures = CheckpointFixtures(azurite, "full")
        fill(fixtures, TRANSFERS)
        there = len(fixtures.names("transfers/"))
        for name, (wanted, requests) in WANTED.items():
            cost = cost_of_pages(fixtures, wanted)
            told[f"{name} (ms)"] = round(1000 * cost.median)
            if cost.median >= LONGEST or cost.requests > requests:
                broken.append(f"{name}: {1000 * cost.median:.0f} ms, {cost.requests} requests")
        cost = cost_of_overview(fixtures)
        told["the operator's page (ms)"] = round(1000 * cost.median)
        if cost.requests > OVERVIEW_REQUESTS:
            broken.append(f"the operator's page: {cost.requests} requests")
        report, seconds, a_row = many(fixtures, CHOSEN)
        told[f"{CHOSEN} retried together (s)"] = round(seconds, 1)
        broken += unlike(report, CHOSEN)
        if a_row > REQUESTS_A_ROW:
            broken.append(f"the operation: {a_row:.1f} requests a row")
    return Outcome(there, broken, told)


def _cost(fixtures: CheckpointFixtures, look: Callable[[], None]) -> Cost:
    took: list[float] = []
    worked: list[float] = []
    most = 0
    with sent() as urls:
        for _ in range(PAGES):
            urls.clear()
            began, before = time.perf_counter(), _processor_seconds(fixtures.azurite)
            look()
            took.append(time.perf_counter() - began)
            worked.append(_processor_seconds(fixtures.azurite) - before)
            most = max(most, len(urls))
    return Cost(statistics.median(took), statistics.median(worked), most)


def _processor_seconds(azurite: Azurite) -> float:
    """What this process and Azurite have worked so far."""
    service = [one.cpu_times() for one in psutil.Process(azurite.pid).children(recursive=True)]
    return time.process_time() + sum(one.user + one.system for one in service)


@contextmanager
def sent() -> Iterator[list[str]]:
    """The URLs of the requests that are sent to storage meanwhile."""
    urls: list[str] = []
    send = RequestsTransport.send

    def counted(self: RequestsTransport, request: Any, **arguments: Any) -> Any:
        urls.append(request.url)
        return send(self, request, **arguments)

    RequestsTransport.send = counted
    try:
        yield urls
    finally:
        RequestsTransport.send = send


def _ignored(_: object) -> None:
    """What was shown is not looked at here."""


CAMPAIGNS = (
    Campaign(
        "listing",
        "a page of up to 50 transfers, with any filter, takes under 300 ms and a fixed number of requests; one "
        "operation retries 100 of 1,000 failed ones",
        "-",
        "transfers in the container, five pages of each kind, median",
        TRANSFERS,
        prove,
        rests=(*APP, "assurance/listing.py", "assurance/checkpoint_fixtures.py"),
    ),
)
"""Rows for `assurance/campaigns.py`."""
