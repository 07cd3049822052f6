"""An office on an ordinary morning: transfers of every state in the app's own storage, for pictures of the page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from assurance.checkpoint_fixtures import CheckpointFixtures
from devkit.local.harness import Harness
from shared.core import planning
from shared.core.errors import Code
from shared.core.model import (
    Acknowledgement,
    Attachment,
    Failure,
    GraphAnswer,
    Route,
    Session,
    Source,
    State,
    Step,
    Target,
    TargetKey,
    Transfer,
    WaitingFor,
)

MB = 1_000_000
RANGE = 4 * 1024 * 1024
PDF, ZIP, DECK = "application/pdf", "application/zip", "application/vnd.ms-powerpoint"

ATTACHED = [
    ("invoices/2026-1187.pdf", "accounts@contoso.example", 412_000, PDF),
    ("payroll/slip-0231.pdf", "grace@contoso.example", 88_400, PDF),
    ("payroll/slip-0232.pdf", "linus@contoso.example", 87_900, PDF),
    ("board/minutes-february.pdf", "board@contoso.example", 2_310_000, PDF),
    ("legal/contract-fabrikam-signed.pdf", "legal@contoso.example", 6_480_000, PDF),
    ("invoices/2026-1186.pdf", "accounts@contoso.example", 398_000, PDF),
    ("marketing/spring-campaign.zip", "marketing@contoso.example", 96_300_000, ZIP),
]
MORE = 35
"""Invoices of the night, attached to an event or a message each; with the others they are sixty transfers."""


def furnish(harness: Harness) -> dict[str, str]:
    """Put every sample transfer into the checkpoint container; their ids by file name."""
    fixtures = CheckpointFixtures(
        harness.stack.azurite, harness.stack.checkpoint_container, harness.stack.connection_string
    )
    now = datetime.now(UTC).replace(microsecond=0)
    return {one.plan.source.blob: fixtures.put(one).id for one in samples(now)}


def samples(now: datetime) -> Iterator[Transfer]:
    """Of every state: what needs a person, what is in progress, and what went well; sixty in all."""
    yield _sending(now, "training/onboarding-video.zip", "people@contoso.example", 118 * MB, 0.62)
    yield _sending(now, "board/march-deck.pptx", "board@contoso.example", 41 * MB, 0.31)
    waiting = _new(now, "quotes/fabrikam-Q-4410.pdf", "sales@contoso.example", 1_240_000, PDF, minutes=4)
    yield replace(waiting, runs=1, not_before=now + timedelta(minutes=4), updated_at=now - timedelta(minutes=1))
    yield _new(now, "payroll/slip-0233.pdf", "ada@contoso.example", 91_000, PDF, minutes=0)
    yield from _held(now)
    yield from _refused(now)
    yield from _denied(now)
    yield _in_doubt(now)
    yield _failed(
        now,
        "reports/annual-accounts.pdf",
        "cfo@contoso.example",
        54 * MB,
        Failure(
            Code.MESSAGE_LIMIT_EXCEEDED,
            "Mailbox 'cfo@contoso.example' takes no message as large as this file of 54000000 bytes.",
            GraphAnswer(413, "ErrorMessageSizeExceeded", "5c0a7e6e-2f0b-4a57-9c39-6f0f2f0d9b11"),
        ),
        minutes=34,
    )
    yield _failed(
        now,
        "hr/offer-letter.pdf",
        "people@contoso.example",
        310_000,
        Failure(
            Code.TARGET_NOT_FOUND,
            "No message with messageId 'AAMkAGI2THVSAAA=' in mailbox 'people@contoso.example' for 600 seconds.",
            GraphAnswer(404, "ErrorItemNotFound", "b1f8d1d4-7c3a-4a06-8d0a-35d7c1c60a52"),
        ),
        minutes=51,
    )
    cancelled = _new(now, "drafts/price-list-old.pdf", "sales@contoso.example", 940_000, PDF, minutes=75)
    yield _over(cancelled, State.CANCELLED, now - timedelta(minutes=74))
    dealt_with = _failed(
        now,
        "hr/contract-amendment.pdf",
        "people@contoso.example",
        640_000,
        Failure(Code.MAILBOX_FULL, "Mailbox 'people@contoso.example' is full.", GraphAnswer(507, "ErrorQuotaExceeded")),
        minutes=180,
    )
    note = Acknowledgement(_ago(now, 120), "Sent from the archive mailbox.", "grace@contoso.example")
    yield replace(dealt_with, acknowledged=note)
    for number in range(MORE):
        name, minutes = f"invoices/2026-{1185 - number}.pdf", 200 + number
        late = _new(now, name, "accounts@contoso.example", 400_000, PDF, minutes=minutes)
        done = _over(late, State.ATTACHED, _ago(now, minutes - 0.2))
        yield replace(done, bytes_confirmed=400_000, sessions=1)
    for number, (name, mailbox, size, kind) in enumerate(ATTACHED):
        minutes = 6 + 9 * number
        done = _over(_new(now, name, mailbox, size, kind, minutes=minutes), State.ATTACHED, _ago(now, minutes - 0.2))
        yield replace(done, bytes_confirmed=size, sessions=1)


def _held(now: datetime) -> Iterator[Transfer]:
    """What waits, each for something else."""
    waits = [
        (Code.MAILBOX_ALLOWANCE_USED, "marketing/trade-fair.zip", "marketing@contoso.example", 3),
        (Code.ACCESS_DENIED, "audit/controls-2026.pdf", "external.auditor@contoso.example", 95),
        (Code.GRAPH_THROTTLED, "invoices/2026-1188.pdf", "accounts@contoso.example", 1),
    ]
    for code, name, mailbox, minutes in waits:
        planned = _new(now, name, mailbox, 8 * MB, PDF, minutes=minutes)
        until = now + timedelta(minutes=4)
        waiting = WaitingFor(code, _ago(now, minutes), until)
        yield replace(planned, runs=1, waiting_for=waiting, not_before=until, updated_at=_ago(now, minutes))


def _refused(now: datetime) -> Iterator[Transfer]:
    """Files whose metadata cannot be used."""
    slips = [
        ("scans/2026-03-02/IMG_0077.pdf", Code.TARGET_MISSING, (("mailbox", "desk@contoso.example"),)),
        ("scans/2026-03-02/IMG_0078.pdf", Code.MAILBOX_INVALID, (("mailbox", "desk"), ("messageid", "AAMkAGI2="))),
    ]
    for name, code, given in slips:
        source = Source("drop", name, '"0x8DE0"', 733_000, _ago(now, 12))
        detail = f"The metadata of {name!r} is unusable: see below."
        yield planning.refuse(source, Failure(code, detail), _ago(now, 12), given)


def _denied(now: datetime) -> Iterator[Transfer]:
    """A folder full of the same trouble."""
    for number in range(4):
        mailbox = "new.colleague@contoso.example"
        failure = Failure(
            Code.ACCESS_DENIED,
            f"Microsoft Graph does not let the app write to mailbox {mailbox!r}.",
            GraphAnswer(403, "ErrorAccessDenied", "77d2d0b8-5b0c-4c4f-8a3f-0c7f3a1f9e2d"),
        )
        yield _failed(now, f"onboarding/welcome-{number + 1}.pdf", mailbox, 220_000, failure, minutes=26 + number)


def _sending(now: datetime, name: str, mailbox: str, size: int, share: float) -> Transfer:
    ranges = int(size * share) // RANGE
    planned = _new(now, name, mailbox, size, ZIP, minutes=1)
    session = Session("https://outlook.office.com/upload?authtoken=sample", now + timedelta(hours=2), ranges * RANGE)
    return replace(
        planned,
        state=State.SENDING,
        route=Route.SESSION,
        before=(),
        session=session,
        bytes_confirmed=ranges * RANGE,
        runs=1,
        sessions=1,
        updated_at=now - timedelta(seconds=2),
    )


def _in_doubt(now: datetime) -> Transfer:
    """A small file whose answer was lost, in a mailbox that could not be looked into afterwards."""
    planned = _new(now, "contracts/lease-agreement.pdf", "legal@contoso.example", 1_870_000, PDF, minutes=22)
    failure = Failure(
        Code.COMMIT_IN_DOUBT,
        "The answer to the upload was lost, and the item could not be listed afterwards.",
        GraphAnswer(503, "MailboxInfoStale", "0e8f6a2d-9a55-41ce-9f6f-fb6f0c1f8c70"),
    )
    at = _ago(now, 22)
    told: list[tuple[float, State, str, str, str | None, str | None]] = [
        (0.0, State.PLANNED, "", "run started", None, None),
        (0.4, State.PLANNED, "list before", "attachments listed", None, "8d5dd0a3-93c1-4a0f-8c8e-7f2f6b1f8a01"),
        (1.1, State.PLANNED, "prepare commit", "commit prepared", None, None),
        (31.2, State.COMMITTING, "post attachment", "unsure", "GRAPH_TIMEOUT", None),
        (331.5, State.LOOKING, "list", "unsure", "GRAPH_UNAVAILABLE", "a7c1f1be-5a0e-4a3a-8f55-0a6f83a5d9d2"),
        (640.0, State.LOOKING, "list", "refused", "COMMIT_IN_DOUBT", "0e8f6a2d-9a55-41ce-9f6f-fb6f0c1f8c70"),
    ]
    history = tuple(
        Step(at + timedelta(seconds=after), state, action, outcome, None, code, request)
        for after, state, action, outcome, code, request in told
    )
    over = _over(planned, State.FAILED, history[-1].at)
    return replace(over, failure=failure, sessions=1, history=history)


def _failed(now: datetime, name: str, mailbox: str, size: int, failure: Failure, *, minutes: float) -> Transfer:
    planned = _new(now, name, mailbox, size, PDF, minutes=minutes)
    return replace(_over(planned, State.FAILED, _ago(now, minutes - 1)), failure=failure)


def _new(now: datetime, name: str, mailbox: str, size: int, kind: str, *, minutes: float) -> Transfer:
    at = _ago(now, minutes)
    source = Source("drop", name, f'"0x8DE{len(name):013X}"', size, at)
    target = Target(mailbox, TargetKey.MESSAGE_ID, "AAMkAGI2THVSAAA=")
    return planning.accept(source, target, Attachment(name.rpartition("/")[2], kind), Route.SESSION, at)


def _over(planned: Transfer, state: State, at: datetime) -> Transfer:
    return replace(planned, state=state, runs=1, updated_at=at, finished_at=at)


def _ago(now: datetime, minutes: float) -> datetime:
    return now - timedelta(minutes=minutes)
