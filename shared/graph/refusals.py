"""Graph's own words in ours: which of its error codes, and else which status, means which entry of the catalogue.

Graph's code comes before the status, and its message is never read (graph/errors): the same refusal comes with
different statuses. The rows are section 7 of the graph-upload-session reference.
"""

from __future__ import annotations

from http import HTTPStatus

from shared.core.errors import Code

BY_CODE: dict[str, Code] = {
    "erroraccessdenied": Code.ACCESS_DENIED,
    "forbidden": Code.ACCESS_DENIED,
    "authorization_requestdenied": Code.ACCESS_DENIED,
    "errormessagesizeexceeded": Code.MESSAGE_LIMIT_EXCEEDED,
    "errorattachmentsizelimitexceeded": Code.ATTACHMENT_TOO_LARGE,
    "errorquotaexceeded": Code.MAILBOX_FULL,
    "quotaexceededexception": Code.MAILBOX_FULL,
    "errorinvalidmailboxitemid": Code.TARGET_IN_OTHER_MAILBOX,
    "errorinvalididmalformed": Code.TARGET_INVALID,
    "errorinvalidid": Code.TARGET_INVALID,
    "mailboxnotenabledforrestapi": Code.MAILBOX_NOT_SUPPORTED,
    "mailboxnotsupportedforrestapi": Code.MAILBOX_NOT_SUPPORTED,
    "resourcenotfound": Code.MAILBOX_NOT_FOUND,
    "errorinvaliduser": Code.MAILBOX_NOT_FOUND,
    "request_resourcenotfound": Code.MAILBOX_NOT_FOUND,
    "errornonexistentmailbox": Code.MAILBOX_NOT_FOUND,
    "errorattachmentsessionissupportedonlyforfileattachments": Code.GRAPH_REFUSED,
    "unprocessabletype": Code.GRAPH_REFUSED,
}
"""Final refusals, by Graph's code in lower case. Codes that are not here are judged by their status."""

ABOUT_THE_SESSION: frozenset[Code] = frozenset(
    {Code.ACCESS_DENIED, Code.MESSAGE_LIMIT_EXCEEDED, Code.ATTACHMENT_TOO_LARGE, Code.MAILBOX_FULL}
)
"""The refusals that are believed from an upload URL too. The rest, coming from there, only says that it is dead."""

TOO_SMALL_FOR_SESSION = "errorattachmentsizeshouldnotbelessthanminimumsize"
TOO_LARGE_FOR_POST = frozenset({"requestentitytoolarge", "errorrequestentitytoolarge"})
TOO_LARGE_FOR_POST_MESSAGE = "maximum request length"
"""An old answer says 400 BadRequest and tells its reason in the message only (contrib 8362): the one message that is
read, because reading it wrongly costs a second attempt by session and nothing else."""

BY_STATUS: dict[int, Code] = {
    401: Code.TOKEN_REJECTED,
    403: Code.ACCESS_DENIED,
    413: Code.ATTACHMENT_TOO_LARGE,
    507: Code.MAILBOX_FULL,
}
"""Final refusals, by status, where no code decided."""

CONFLICTS = frozenset({409, 412})
"""Parallel writes to one item (msgraph-sdk-dotnet 1287): nothing was written, trying again is right."""

THROTTLED = 429
WRONG_OFFSET = frozenset({400, 409, 416})
"""What a session may answer to a range that begins elsewhere: undocumented, so all three (section 2.5)."""
DEAD_SESSION = frozenset({401, 403, 404, 410})
"""What an upload URL may answer once it expired, was cancelled or used up: undocumented, so all of them (section 3)."""
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
