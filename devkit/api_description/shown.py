"""The bodies that the API answers with, as types. The app makes them (`shared/views.py`); tests hold them to these."""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired

from pydantic import AfterValidator, ConfigDict, Field, with_config
from typing_extensions import TypedDict  # pydantic takes typing's own only from Python 3.12 on

from shared.api.models import ONE_ID
from shared.core.errors import Code
from shared.core.identifiers import TRANSFER_ID
from shared.core.public_state import PublicState
from shared.storage.operations import MOST_ROWS
from shared.storage.places import LARGEST_PAGE

_SHOWN = ConfigDict(strict=True)
"""Of what goes out: members are added in later versions, so that readers must not count on there being no others."""

State = Annotated[
    str, AfterValidator(PublicState), Field(json_schema_extra={"enum": [state.value for state in PublicState]})
]
Instant = Annotated[str, Field(description="RFC 3339, UTC.", json_schema_extra={"format": "date-time"})]
Bytes = Annotated[int, Field(ge=0, description="Bytes.")]
Count = Annotated[int, Field(ge=0)]
TransferId = Annotated[str, Field(pattern=TRANSFER_ID)]
CodeName = Annotated[str, Field(json_schema_extra={"enum": [code.value for code in Code]})]


@with_config(_SHOWN)
class SourceShown(TypedDict):
    """One version of a file."""

    container: str
    blob: str
    etag: str
    size: Bytes
    modifiedAt: Annotated[Instant, Field(description="When this version was written; listings are sorted by it.")]


@with_config(ConfigDict(**_SHOWN, json_schema_extra={"oneOf": ONE_ID}))
class TargetShown(TypedDict):
    """The Outlook item."""

    mailbox: str
    messageId: NotRequired[str]
    eventId: NotRequired[str]
    internetMessageId: NotRequired[str]
    iCalUId: NotRequired[str]


@with_config(_SHOWN)
class AttachmentShown(TypedDict):
    """How the file is shown in Outlook; `id` is Graph's, once Graph named it."""

    name: str
    contentType: str
    isInline: bool
    contentId: str | None
    id: str | None


@with_config(_SHOWN)
class ProgressShown(TypedDict):
    """Only bytes that Microsoft Graph confirmed count."""

    bytesConfirmed: Bytes
    bytesTotal: Bytes
    percent: Annotated[float, Field(ge=0, le=100)]


@with_config(_SHOWN)
class GraphShown(TypedDict):
    """What Microsoft Graph said: the request id is what its support asks for."""

    status: int | None
    code: str | None
    requestId: str | None


@with_config(_SHOWN)
class ErrorShown(TypedDict):
    """Why the transfer failed, and what to do about it."""

    code: CodeName
    title: str
    detail: str
    remedy: str
    graph: GraphShown | None


@with_config(_SHOWN)
class WaitingForShown(TypedDict):
    """What holds the transfer up. `until`: when that is over, or given up; null where it is not known."""

    code: CodeName
    title: str
    since: Instant
    until: Instant | None


@with_config(_SHOWN)
class AcknowledgedShown(TypedDict):
    """How a failure was dealt with. `successor` is the transfer that took its place, if one did."""

    at: Instant
    note: str
    by: str | None
    successor: str | None


@with_config(_SHOWN)
class LinksShown(TypedDict):
    """Where to go from here; `retry`, `cancel` and `acknowledge` are there when they make sense."""

    self: str
    retry: NotRequired[str]
    cancel: NotRequired[str]
    acknowledge: NotRequired[str]
    successor: NotRequired[str]


@with_config(_SHOWN)
class TransferShown(TypedDict):
    """One file on its way to one Outlook item. `target` and `attachment` are null where its metadata was refused."""

    id: TransferId
    state: State
    source: SourceShown
    target: TargetShown | None
    attachment: AttachmentShown | None
    progress: ProgressShown
    attempts: Annotated[int, Field(ge=0, description="Runs that have worked on it since its start, or its last retry.")]
    sessions: Annotated[int, Field(ge=0, description="Upload sessions opened, or single requests sent.")]
    nextAttemptAt: Instant | None
    waitingFor: Annotated[WaitingForShown | None, Field(description="What it waits for; null unless it is waiting.")]
    createdAt: Instant
    updatedAt: Instant | None
    finishedAt: Instant | None
    error: ErrorShown | None
    metadata: Annotated[
        dict[str, str] | None,
        Field(description="What could be read of the metadata of a file that was refused for them; else null."),
    ]
    acknowledged: AcknowledgedShown | None
    supersedes: NotRequired[
        Annotated[str, Field(description="Of a retry: the transfer whose file's metadata were read anew for this one.")]
    ]
    links: LinksShown


@with_config(_SHOWN)
class TransfersShown(TypedDict):
    """A page, newest file first. It may hold fewer than asked for, even none, and still have a continuation."""

    transfers: Annotated[list[TransferShown], Field(max_length=LARGEST_PAGE)]
    continuation: Annotated[str | None, Field(description="For the next page; null: this is the last.")]


@with_config(_SHOWN)
class CountsShown(TypedDict):
    """How many rows there are, and what became of them."""

    chosen: Count
    pending: Count
    accepted: Count
    rejected: Count
    failed: Count


@with_config(_SHOWN)
class ResultLinksShown(TypedDict):
    """The transfer, and the one that took its place."""

    transfer: str
    successor: NotRequired[str]


@with_config(_SHOWN)
class ResultShown(TypedDict):
    """One transfer of an operation. `rejected`: the command does not apply to it; `failed`: it could not be read."""

    transferId: TransferId
    blob: str | None
    outcome: Literal["pending", "accepted", "rejected", "failed"]
    code: CodeName | None
    detail: str | None
    remedy: str | None
    successor: str | None
    links: ResultLinksShown


@with_config(_SHOWN)
class OperationLinksShown(TypedDict):
    """Where to look again."""

    self: str


@with_config(_SHOWN)
class OperationShown(TypedDict):
    """The report of one command for many transfers. Accepted means that a transfer has it, not that it is over."""

    id: TransferId
    action: Literal["retry", "cancel"]
    state: Literal["choosing", "running", "finished"]
    filter: dict[str, str] | None
    limit: Count
    hasMore: Annotated[bool, Field(description="More may match than the limit let in: ask again for the others.")]
    counts: CountsShown
    requestedBy: str | None
    createdAt: Instant
    updatedAt: Instant
    finishedAt: Instant | None
    results: Annotated[list[ResultShown], Field(max_length=MOST_ROWS)]
    links: OperationLinksShown


@with_config(_SHOWN)
class FaultShown(TypedDict):
    """One thing that is wrong with a request; `field` is null where it is about several, or all of it."""

    code: CodeName
    field: str | None
    detail: str
    remedy: str


@with_config(_SHOWN)
class ProblemShown(TypedDict):
    """RFC 9457 problem details. `code` is stable; `faults` lists everything that is wrong with the request."""

    type: Annotated[str, Field(json_schema_extra={"format": "uri"})]
    title: str
    status: Annotated[int, Field(ge=400, le=599)]
    detail: str
    code: CodeName
    remedy: str
    faults: NotRequired[list[FaultShown]]


@with_config(_SHOWN)
class CheckShown(TypedDict):
    """One dependency."""

    status: Literal["up", "down"]
    detail: str


@with_config(_SHOWN)
class HealthShown(TypedDict):
    """Whether the app can work. `version`, the package's, and `checks` are there in the details alone."""

    status: Literal["up", "down"]
    version: NotRequired[str]
    checks: NotRequired[dict[str, CheckShown]]
