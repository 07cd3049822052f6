"""The bodies that the API takes, as types: they check what comes in, and its description is made of them.

A type says what a body looks like; what its values mean (which mailbox, which name) is checked by
`shared/intake/checks.py`, for metadata and bodies alike. Whatever those checks take fits the patterns here.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired

from pydantic import BeforeValidator, ConfigDict, Field, with_config
from pydantic.types import JsonValue
from typing_extensions import TypedDict  # pydantic takes typing's own only from Python 3.12 on

from shared.core.errors import Code
from shared.core.identifiers import TRANSFER_ID
from shared.intake.checks import LONGEST_GIVEN_CONTENT_ID, LONGEST_ID
from shared.intake.media import LONGEST as LONGEST_CONTENT_TYPE
from shared.intake.names import LONGEST_NAME
from shared.storage.operations import MOST_ROWS

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
NOT_BLANK = f"^[^{_CONTROLS}]*[^\\s{_CONTROLS}][^{_CONTROLS}]*$"
BLOB = f"^(?!\\.{{1,2}}(?:[/\\\\]|$))(?!.*[/\\\\]\\.{{1,2}}(?:[/\\\\]|$))[^{_CONTROLS}]+$"
"""No control characters, and no `.` or `..` for a folder: HTTP clients resolve these, and would leave the container."""

CONTINUATION = "^[A-Za-z0-9_\\-]*$"
"""The host drops a query value that is empty: then the listing begins at its beginning."""

_GIVEN = ConfigDict(extra="forbid", strict=True)
"""Of what comes in: unknown members are refused, and nothing is converted."""

ONE_ID: list[JsonValue] = [
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


@with_config(ConfigDict(**_GIVEN, json_schema_extra={"oneOf": ONE_ID}))
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

_DAY = (
    "(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    "|02-(?:0[1-9]|1[0-9]|2[0-8]))"
)
_TIME = "(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\\.[0-9]{1,6})?)?"
SINCE = f"^20[0-9]{{2}}-{_DAY}(?:T{_TIME}(?:Z|[+-](?:0[0-9]|1[0-3]):[0-5][0-9])?)?$"
"""A day, or an instant; without an offset in UTC. What is taken is more: see `query.read_filter`."""

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


def _whole(value: Any) -> Any:
    """JSON has one kind of number: 5.0 is a whole one, too (JSON Schema, `integer`)."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


_MAILBOX_GIVEN = Annotated[str, Field(min_length=1, max_length=LONGEST_MAILBOX)]
_BLOB_GIVEN = Annotated[str, Field(min_length=1, max_length=LONGEST_BLOB, description="A name, or a folder.")]
_CODE_GIVEN = Annotated[str, Field(json_schema_extra={"enum": [code.value for code in Code]})]
_SINCE_GIVEN = Annotated[str, Field(min_length=1, max_length=LONGEST_CODE, json_schema_extra={"pattern": SINCE})]
_LIMIT_GIVEN = Annotated[int, Field(ge=1, le=MOST_ROWS), BeforeValidator(_whole)]
_NAMED_GIVEN = Annotated[list[GivenId], Field(min_length=1, max_length=MOST_ROWS)]
_SOME = ConfigDict(**_GIVEN, json_schema_extra={"minProperties": 1})
_EITHER = ConfigDict(
    **_GIVEN,
    json_schema_extra={
        "oneOf": [
            {"required": ["filter", "limit"], "properties": {"filter": {}, "limit": {}, "transfers": {"not": {}}}},
            {"required": ["transfers"], "properties": {"transfers": {}, "filter": {"not": {}}}},
        ]
    },
)


@with_config(_SOME)
class RetryFilterGiven(TypedDict, total=False):
    """Which transfers, as in the listing. At least one member is there; without a state the failed ones are meant."""

    state: Literal["failed", "cancelled", "in-doubt", "acknowledged"]
    mailbox: _MAILBOX_GIVEN
    blob: _BLOB_GIVEN
    code: _CODE_GIVEN
    since: _SINCE_GIVEN


@with_config(_SOME)
class CancelFilterGiven(TypedDict, total=False):
    """Which transfers, as in the listing. At least one member is there; without a state all that are not over."""

    state: Literal["queued", "sending", "waiting"]
    mailbox: _MAILBOX_GIVEN
    blob: _BLOB_GIVEN
    code: _CODE_GIVEN
    since: _SINCE_GIVEN


@with_config(_EITHER)
class RetryManyGiven(TypedDict):
    """Try again at most `limit` of those that the filter matches, or the named ones."""

    filter: NotRequired[RetryFilterGiven]
    limit: NotRequired[_LIMIT_GIVEN]
    transfers: NotRequired[_NAMED_GIVEN]
    by: NotRequired[By]


@with_config(_EITHER)
class CancelManyGiven(TypedDict):
    """Cancel at most `limit` of those that the filter matches, or the named ones."""

    filter: NotRequired[CancelFilterGiven]
    limit: NotRequired[_LIMIT_GIVEN]
    transfers: NotRequired[_NAMED_GIVEN]
    by: NotRequired[By]


@with_config(_GIVEN)
class AcknowledgementGiven(TypedDict):
    """How a failure was dealt with."""

    note: Annotated[str, Field(min_length=1, max_length=LONGEST_NOTE, pattern=NOT_BLANK)]
    by: NotRequired[By]
