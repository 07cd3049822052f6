"""Every body of the API, as one set of types: they check what comes in, and describe what goes out.

A type says what a body looks like; what its values mean (which mailbox, which name) is checked by
`shared/intake/checks.py`, for metadata and bodies alike. Whatever those checks take fits the patterns here.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired

from pydantic import AfterValidator, ConfigDict, Field, with_config
from pydantic.types import JsonValue
from typing_extensions import TypedDict  # pydantic takes typing's own only from Python 3.12 on

from shared.core.errors import Code
from shared.core.identifiers import TRANSFER_ID
from shared.core.public_state import PublicState
from shared.intake.checks import LONGEST_GIVEN_CONTENT_ID, LONGEST_ID
from shared.intake.media import LONGEST as LONGEST_CONTENT_TYPE
from shared.intake.names import LONGEST_NAME
from shared.storage.operations import MOST_ROWS
from shared.storage.places import LARGEST_PAGE

LONGEST_BLOB = 1024
"""Characters, inclusive (Naming and referencing containers, blobs, and metadata)."""

LONGEST_MAILBOX = 64 + 1 + 253
"""Characters, inclusive: the local part, `@`, the domain."""

LONGEST_CONTINUATION = 4096
"""Characters, inclusive: the service's own markers repeat the name of a blob, and an entry's holds a file's."""

DEFAULT_PAGE = 50
"""Transfers a page. Measured with 10,000 of them: a page of any kind within 300 ms on Azurite."""

_GUID = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_ATOM = "[A-Za-z0-9!#$&'*+=^_`{|}~\\-]+"
_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9\\-]{0,61}[A-Za-z0-9])?"
_CONTROLS = "\\u0000-\\u001f\\u007f-\\u009f"
_TOKEN = "[A-Za-z0-9!#$&^_.+\\-]{1,127}"  # noqa: S105 - a media type's token

MAILBOX = f"^(?:{_GUID}|{_ATOM}(?:\\.{_ATOM})*@{_LABEL}(?:\\.{_LABEL})+)$"
GRAPH_ID = "^[!-~]+$"
MEDIA_TYPE = (
    f'^[ \\t\\r\\n]*{_TOKEN}/{_TOKEN}(?:[ \\t]*;[ \\t;]*{_TOKEN}=(?:{_TOKEN}|"[ !#-\\[\\]-~]*"))*[ \\t\\r\\n;]*$'
)
NO_CONTROLS = f"^[^{_CONTROLS}]+$"
BLOB = f"^(?!\\.{{1,2}}(?:[/\\\\]|$))(?!.*[/\\\\]\\.{{1,2}}(?:[/\\\\]|$))[^{_CONTROLS}]+$"
"""No control characters, and no `.` or `..` for a folder: HTTP clients resolve these, and would leave the container."""

CONTINUATION = "^[A-Za-z0-9_\\-]*$"
"""The host drops a query value that is empty: then the listing begins at its beginning."""

_GIVEN = ConfigDict(extra="forbid", strict=True)
"""Of what comes in: unknown members are refused, and nothing is converted."""

_SHOWN = ConfigDict(strict=True)
"""Of what goes out: members are added in later versions, so that readers must not count on there being no others."""

_ONE_ID: list[JsonValue] = [
    {"required": [name], "properties": {name: {"type": "string"}}}
    for name in ("messageId", "eventId", "internetMessageId", "iCalUId")
]
_CONTENT_ID_NEEDED: dict[str, JsonValue] = {
    "if": {"properties": {"isInline": {"const": True}}, "required": ["isInline"]},
    "then": {"properties": {"contentId": {"type": "string"}}, "required": ["contentId"]},
}


def _text(longest: int, pattern: str, description: str) -> Any:
    """A text that the checks of intake judge: described here, so that the description is whole."""
    shape: dict[str, JsonValue] = {"maxLength": longest, "pattern": pattern}
    return Field(min_length=1, description=description, json_schema_extra=shape)


# --- what comes in ----------------------------------------------------------------------------------------------------


@with_config(ConfigDict(**_GIVEN, json_schema_extra={"oneOf": _ONE_ID}))
class TargetGiven(TypedDict):
    """The mailbox, and exactly one of the four ids."""

    mailbox: Annotated[str, _text(LONGEST_MAILBOX, MAILBOX, "User principal name (name@domain) or object id.")]
    messageId: NotRequired[Annotated[str, _text(LONGEST_ID, GRAPH_ID, "Graph's id of the message.")]]
    eventId: NotRequired[Annotated[str, _text(LONGEST_ID, GRAPH_ID, "Graph's id of the event.")]]
    internetMessageId: NotRequired[
        Annotated[str, _text(LONGEST_ID, NO_CONTROLS, "The message's Internet Message-ID, which is looked up.")]
    ]
    iCalUId: NotRequired[Annotated[str, _text(LONGEST_ID, NO_CONTROLS, "The event's iCalUId, which is looked up.")]]


@with_config(ConfigDict(**_GIVEN, json_schema_extra=_CONTENT_ID_NEEDED))
class AttachmentGiven(TypedDict, total=False):
    """How the file is shown in Outlook; what is left out follows from the file."""

    name: Annotated[str, _text(LONGEST_NAME, NO_CONTROLS, "Shown name; else the last segment of the file's name.")]
    contentType: Annotated[str, _text(LONGEST_CONTENT_TYPE, MEDIA_TYPE, "Media type; else the file's Content-Type.")]
    isInline: Annotated[bool, Field(description="An inline picture, which the message's HTML shows.")]
    contentId: Annotated[
        str, _text(LONGEST_GIVEN_CONTENT_ID, NO_CONTROLS, "What the HTML names as cid:; needed with isInline.")
    ]


@with_config(_GIVEN)
class StartGiven(TypedDict):
    """Attach this file. Without target, or without attachment, the file's metadata decides that part."""

    blob: Annotated[str, _text(LONGEST_BLOB, BLOB, "The file's name inside the drop container, folders included.")]
    target: NotRequired[TargetGiven]
    attachment: NotRequired[AttachmentGiven]


LONGEST_CODE = 128
"""Characters, inclusive: of a code, or a time, that a filter names."""

LONGEST_NOTE = 500
LONGEST_BY = 256
"""Characters, inclusive. Chosen: some sentences, and more than any address."""

GivenId = Annotated[str, Field(pattern=TRANSFER_ID)]
By = Annotated[
    str,
    Field(
        min_length=1,
        max_length=LONGEST_BY,
        pattern=NO_CONTROLS,
        description="Who asks; where App Service authentication is on, that says so instead.",
    ),
]


@with_config(ConfigDict(**_GIVEN, json_schema_extra={"minProperties": 1}))
class FilterGiven(TypedDict, total=False):
    """Which transfers, as in the listing. At least one member is there."""

    state: Annotated[str, Field(description="A retry takes `failed` where this is missing, a cancellation all states.")]
    mailbox: Annotated[str, Field(max_length=LONGEST_MAILBOX)]
    blob: Annotated[str, Field(max_length=LONGEST_BLOB)]
    code: Annotated[str, Field(max_length=LONGEST_CODE)]
    since: Annotated[str, Field(max_length=LONGEST_CODE)]


@with_config(
    ConfigDict(**_GIVEN, json_schema_extra={"oneOf": [{"required": ["filter", "limit"]}, {"required": ["transfers"]}]})
)
class BulkGiven(TypedDict):
    """One command for many transfers: for at most `limit` of those that the filter matches, or for the named ones."""

    filter: NotRequired[FilterGiven]
    limit: NotRequired[Annotated[int, Field(ge=1, le=MOST_ROWS)]]
    transfers: NotRequired[Annotated[list[GivenId], Field(min_length=1, max_length=MOST_ROWS)]]
    by: NotRequired[By]


@with_config(_GIVEN)
class AcknowledgementGiven(TypedDict):
    """How a failure was dealt with."""

    note: Annotated[str, Field(min_length=1, max_length=LONGEST_NOTE, pattern=NO_CONTROLS)]
    by: NotRequired[By]


# --- what goes out ----------------------------------------------------------------------------------------------------

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


@with_config(ConfigDict(**_SHOWN, json_schema_extra={"oneOf": _ONE_ID}))
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
    """Whether the app can work. `checks` is there in the details alone."""

    status: Literal["up", "down"]
    checks: NotRequired[dict[str, CheckShown]]
