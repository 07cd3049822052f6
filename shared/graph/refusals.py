"""Graph's own words in ours: one table that says of each what it means, and whether it may pass by itself.

Graph's code comes before the status, and its message is never read (graph/errors): the same refusal comes with
different statuses. An inner code is more exact than the one around it, so it comes first. What stands in neither table
is unexplained: it is tried again over minutes, because codes nobody knows have passed (twentyhq/twenty 18726,
alcionai/corso 3275, microsoft-graph-docs-contrib 6880 and 4340). The rows are section 7 of the graph-upload-session
reference.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from http import HTTPStatus
from typing import NamedTuple

from shared.core.errors import Code


class Kind(StrEnum):
    """What becomes of a request that was refused."""

    FINAL = "final"  # only a person, or a change of ours, can heal it
    ACCESS = "access"  # rights and identities heal by themselves, within hours
    PASSING = "passing"  # nobody explains it, or it was seen to pass: tried again over minutes
    THROTTLED = "throttled"  # it says "later", whatever its status
    UNAVAILABLE = "unavailable"  # the service failed, whatever its status: there may have been an effect


class Meaning(NamedTuple):
    """One row: the code that the transfer ends with if it never gets better, what becomes of it, and why."""

    code: Code
    kind: Kind
    why: str


_CACHED = Meaning(Code.ACCESS_DENIED, Kind.ACCESS, "Exchange caches permissions for 30 minutes to two hours")
_NEW_IDENTITY = Meaning(Code.ACCESS_DENIED, Kind.ACCESS, "an identity that is new is not known everywhere yet")
_MALFORMED = Meaning(Code.TARGET_INVALID, Kind.FINAL, "the same id is malformed next time too")
_FULL = Meaning(Code.MAILBOX_FULL, Kind.FINAL, "somebody has to make room")
_NOT_READY = Meaning(
    Code.MAILBOX_NOT_SUPPORTED, Kind.PASSING, "the same mailbox was refused in one answer and fine in the next"
)
_NO_MAILBOX = Meaning(
    Code.MAILBOX_NOT_FOUND, Kind.PASSING, "a mailbox that is being made alternates between this and other refusals"
)
_OUR_FAULT = Meaning(Code.GRAPH_REFUSED, Kind.FINAL, "the same request is wrong next time too")
_BUSY = Meaning(Code.GRAPH_THROTTLED, Kind.THROTTLED, "it asks to come later, and comes with 403, 429, 500 or 503")
_FAILED = Meaning(Code.GRAPH_UNAVAILABLE, Kind.UNAVAILABLE, "the mailbox's server failed, or the mailbox is moving")

BY_CODE: dict[str, Meaning] = {
    "erroraccessdenied": _CACHED,
    "forbidden": _CACHED,
    "authorization_requestdenied": _CACHED,
    "authorization_identitynotfound": _NEW_IDENTITY,
    "errormessagesizeexceeded": Meaning(
        Code.MESSAGE_LIMIT_EXCEEDED, Kind.FINAL, "an administrator has to raise the mailbox's limit"
    ),
    "errorattachmentsizelimitexceeded": Meaning(Code.ATTACHMENT_TOO_LARGE, Kind.FINAL, "the file does not get smaller"),
    "errorquotaexceeded": _FULL,
    "quotaexceededexception": _FULL,
    "errorinvalidmailboxitemid": Meaning(
        Code.TARGET_IN_OTHER_MAILBOX, Kind.FINAL, "an id does not change its mailbox; somebody has to correct it"
    ),
    "errorinvalididmalformed": _MALFORMED,
    "errorinvalidid": _MALFORMED,
    "mailboxnotenabledforrestapi": _NOT_READY,
    "mailboxnotsupportedforrestapi": _NOT_READY,
    "resourcenotfound": _NO_MAILBOX,
    "errorinvaliduser": _NO_MAILBOX,
    "request_resourcenotfound": _NO_MAILBOX,
    "errornonexistentmailbox": _NO_MAILBOX,
    "errorsendasdenied": Meaning(Code.SEND_DENIED, Kind.FINAL, "somebody has to grant Send As"),
    "errorinvalidrecipients": Meaning(Code.RECIPIENTS_REFUSED, Kind.FINAL, "the addresses stay as they are"),
    "errorattachmentsessionissupportedonlyforfileattachments": _OUR_FAULT,
    "unprocessabletype": _OUR_FAULT,
    "errorinvalidattachmentid": _OUR_FAULT,
    "errorincorrectroutinghint": _OUR_FAULT,
    "requestbroker--parseuri": _OUR_FAULT,
    "unsupportedentityexpression": _OUR_FAULT,
    "errorinvalidurlqueryfilter": _OUR_FAULT,
    "requestbodyread": _OUR_FAULT,
    "errorinvalidpropertyset": _OUR_FAULT,
    "applicationthrottled": _BUSY,
    "toomanyrequests": _BUSY,
    "activitylimitreached": _BUSY,
    "errorserverbusy": _BUSY,
    "errorexceededconnectioncount": _BUSY,
    "mailboxinfostale": _FAILED,
    "errormailboxmoveinprogress": _FAILED,
    "errormailboxstoreunavailable": _FAILED,
    "errortimeoutexpired": _FAILED,
    "errorinternalservertransienterror": _FAILED,
    "errorapiquarantined": _FAILED,
    "servicenotavailable": _FAILED,
}
"""By Graph's code in lower case, whatever the status. Codes that are not here are judged by their status."""

ABOUT_THE_SESSION: frozenset[Code] = frozenset(
    {
        Code.ACCESS_DENIED,
        Code.MESSAGE_LIMIT_EXCEEDED,
        Code.ATTACHMENT_TOO_LARGE,
        Code.MAILBOX_FULL,
        Code.GRAPH_THROTTLED,
        Code.GRAPH_UNAVAILABLE,
    }
)
"""The meanings that are believed from an upload URL too. The rest, coming from there, only says that it is dead."""

TOO_SMALL_FOR_SESSION = "errorattachmentsizeshouldnotbelessthanminimumsize"
TOO_LARGE_FOR_POST = frozenset({"requestentitytoolarge", "errorrequestentitytoolarge"})
TOO_LARGE_FOR_POST_MESSAGE = "maximum request length"
"""An old answer says 400 BadRequest and tells its reason in the message only (contrib 8362): the one message that is
read, because reading it wrongly costs a second attempt by session and nothing else."""

BY_STATUS: dict[int, Meaning] = {
    401: Meaning(Code.TOKEN_REJECTED, Kind.ACCESS, "identities were refused for two hours and healed (netcore 222)"),
    403: _CACHED,
    405: _OUR_FAULT,
    406: _OUR_FAULT,
    411: _OUR_FAULT,
    413: Meaning(Code.ATTACHMENT_TOO_LARGE, Kind.FINAL, "the file does not get smaller"),
    414: _OUR_FAULT,
    415: _OUR_FAULT,
    422: _OUR_FAULT,
    431: _OUR_FAULT,
    451: Meaning(Code.GRAPH_REFUSED, Kind.FINAL, "somebody has forbidden it by law"),
    507: _FULL,
}
"""By status, where no code decided. What is in neither table is `unexplained`."""


def unexplained(status: int) -> Meaning:
    """The last resort: a client error that nobody has named, or a redirect, which is no answer at all."""
    code = Code.GRAPH_REFUSED if status >= HTTPStatus.BAD_REQUEST else Code.GRAPH_ANSWER_UNEXPECTED
    return Meaning(code, Kind.PASSING, "nobody explains it, and such answers have passed")


def by_code(words: Iterable[str]) -> tuple[str, Meaning] | None:
    """The first of these codes (in any case) that the table knows, as it was given."""
    return next(((word, BY_CODE[word.lower()]) for word in words if word.lower() in BY_CODE), None)


def by_status(status: int) -> Meaning:
    """What a status means where no code decided."""
    return BY_STATUS.get(status) or unexplained(status)


CONFLICTS = frozenset({409, 412})
"""Parallel writes to one item (msgraph-sdk-dotnet 1287): nothing was written, trying again is right."""

THROTTLED = 429
WRONG_OFFSET = frozenset({400, 409, 416})
"""What a session may answer to a range that begins elsewhere: undocumented, so all three (section 2.5)."""
DEAD_SESSION = frozenset({404, 410})
"""What an upload URL answers once it was cancelled or used up: undocumented, so both (section 3)."""
DENIED_SESSION = frozenset({401, 403})
"""What an upload URL may answer once it expired, or is dead; and what a living one has answered on and off for a day
(msgraph-sdk-javascript 1923)."""
FENCED = frozenset({200, 202, 204})
"""What a DELETE answers that has deleted the session."""
NO_SESSION = frozenset({404, 410})
"""What a DELETE answers where there is no session, or, for seconds, no sign of it yet: 404 was seen on the first
request to the upload URL of a fresh draft (ggpwnkthx/Microsoft-Graph-SMTP-Relay 47). 401 is not among them: it is a
token's fault."""


NO_BYTES = frozenset({405, 501})
"""What the bytes of an attachment that has none are answered with: 405 for a reference (attachment-get). 501 says as
surely that the same question will not be answered the next time either."""


def is_service_fault(status: int) -> bool:
    """True where the service failed, so that the request may have had its effect: 408, and from 500 up.

    The named ones are 500, 502, 503 and 504 (section 7). The rest, such as a gateway's 520, say no more about the
    effect. Only 507 is a refusal.
    """
    return status == HTTPStatus.REQUEST_TIMEOUT or (
        status >= HTTPStatus.INTERNAL_SERVER_ERROR and status != HTTPStatus.INSUFFICIENT_STORAGE
    )
