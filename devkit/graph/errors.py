"""Refusals in Graph's documented shape (ERR), and the ones that several rooms raise."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from devkit.graph.wire import http_date

if TYPE_CHECKING:
    from collections.abc import Mapping

    from devkit.graph.call import Call


class Refusal(Exception):  # noqa: N818 - an expected answer, not an error of the emulator
    """A request that Graph refuses; the service turns it into a reply. Nothing was changed."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers or {}


def error_body(call: Call, status: int, code: str, message: str) -> bytes:
    """An error body as the server that was called writes it: Graph, the Outlook host, and the identity endpoint differ.

    Graph's innerError has `request-id` and `client-request-id` (ERR), the Outlook host's has `requestId` (dotnet#2239);
    the identity endpoint writes `statusCode` and `message` (MI).
    """
    surface, date = call.route.surface, http_date(call.now)
    if surface == "identity":
        return json.dumps({"statusCode": status, "message": message}).encode()
    if surface == "upload":
        inner = {"requestId": call.request_id, "date": date}
    else:
        client = call.headers.get("client-request-id", call.request_id)
        inner = {"date": date, "request-id": call.request_id, "client-request-id": client}
    return json.dumps({"error": {"code": code, "message": message, "innerError": inner}}).encode()


def item_not_found() -> Refusal:
    """The item, attachment or session is gone, moved, or too new."""
    return Refusal(404, "ErrorItemNotFound", "The specified object was not found in the store.")


def id_malformed() -> Refusal:
    """An id that is no id, or was not percent-encoded."""
    return Refusal(400, "ErrorInvalidIdMalformed", "Id is malformed.")


def bad_request(message: str) -> Refusal:
    """A request that cannot be read."""
    return Refusal(400, "BadRequest", message)


def method_not_allowed() -> Refusal:
    """The route exists, the method does not."""
    return Refusal(405, "ErrorMethodNotAllowed", "The HTTP method is not allowed for this resource.")


def message_too_big(status: int) -> Refusal:
    """The mailbox's own message limit (contrib#2561): 400 in every live sighting (sdk-java#2148)."""
    return Refusal(status, "ErrorMessageSizeExceeded", "The message exceeds the maximum supported size.")


def conflict() -> Refusal:
    """Two writes to one item at the same time (dotnet#1287)."""
    text = "The change key passed in the request does not match the current change key for the item."
    return Refusal(412, "ErrorIrresolvableConflict", text)
