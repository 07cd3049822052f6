"""Upload sessions: create, PUT a range, ask, cancel. Rules S1 to S3 of the promise hold here, whatever the switches.

S1: a PUT at the wrong offset changes nothing. S2: a finished or cancelled session refuses every later PUT.
S3: a session commits at most once.
"""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from devkit.graph.attachments import admit_size, commit
from devkit.graph.call import Answer, document
from devkit.graph.errors import (
    Refusal,
    bad_request,
    conflict,
    item_not_found,
    message_too_big,
    method_not_allowed,
)
from devkit.graph.items import item_of
from devkit.graph.routes import content_range
from devkit.graph.state import Session
from devkit.graph.wire import timestamp

if TYPE_CHECKING:
    from devkit.graph.call import Call
    from devkit.graph.state import Item, State

_TENANT = "11112222-3333-4444-5555-666677778888"
_CASINGS = {
    "mixed": ("ExpirationDateTime", "nextExpectedRanges"),
    "pascal": ("ExpirationDateTime", "NextExpectedRanges"),
    "camel": ("expirationDateTime", "nextExpectedRanges"),
}


def create(state: State, call: Call) -> Answer:
    """POST createUploadSession. Checked in order: mailbox, access, item, type, size, the mailbox's message limit."""
    item = item_of(state, call)
    item.creations += 1
    if item.creations <= state.switches.first_create_404:
        raise item_not_found()
    wanted = _attachment_item(call.body)
    session = _opened(state, call, item, wanted)
    state.sessions[session.path] = session
    content = {
        "@odata.context": f"{state.graph_origin}/{call.route.version}/$metadata#microsoft.graph.uploadSession",
        "uploadUrl": session.url,
        "expirationDateTime": timestamp(session.expires),
        "nextExpectedRanges": ["0-"],
    }
    return document(201, content)


def _attachment_item(body: bytes) -> dict[str, Any]:
    try:
        members = json.loads(body)
    except ValueError:
        raise bad_request("Unable to read JSON request payload.") from None
    if not isinstance(members, dict):
        raise bad_request("Unable to read JSON request payload.")
    # The service ignores the case of this one name (section 1.2).
    item = next((value for name, value in members.items() if name.lower() == "attachmentitem"), None)
    if not isinstance(item, dict):
        raise bad_request("The parameter 'AttachmentItem' is required.")
    return item


def _opened(state: State, call: Call, item: Item, wanted: dict[str, Any]) -> Session:
    switches = state.switches
    kind, name, size = wanted.get("attachmentType"), wanted.get("name"), wanted.get("size")
    if not isinstance(kind, str) or kind.lower() != "file":
        text = "Attachment upload sessions are supported only for file attachments."
        raise Refusal(405, "ErrorAttachmentSessionIsSupportedOnlyForFileAttachments", text)
    if not isinstance(name, str) or not name or not isinstance(size, int) or isinstance(size, bool):
        raise bad_request("The properties 'name' and 'size' of AttachmentItem are required.")
    if size < switches.min_session_size:
        text = "The attachment size should not be less than the minimum size."
        raise Refusal(400, "ErrorAttachmentSizeShouldNotBeLessThanMinimumSize", text)
    if size > switches.max_file_size:
        text = "The size of the attachment exceeds the maximum size limit."
        raise Refusal(switches.over_size_status, switches.over_size_code, text)
    if switches.message_limit_at == "create":
        admit_size(state, item, size)
    session = Session()
    session.id = state.names.outlook_id()
    session.version = call.route.version
    session.app = call.app
    session.mailbox = item.mailbox
    session.item = item.id
    session.name = name
    session.size = size
    session.content_type = wanted.get("contentType")
    session.is_inline = bool(wanted.get("isInline", False))
    session.content_id = wanted.get("contentId")
    session.created = call.now
    session.expires = call.now + timedelta(seconds=switches.session_lifetime_seconds)
    session.state = "open"
    session.received = 0
    session.early = switches.first_put_404
    session.early_deletes = switches.first_delete_404
    session.pieces = []
    session.hasher = None if switches.keep_bytes else hashlib.sha256()
    session.attachment = None
    _address(state, session, item)
    return session


def _address(state: State, session: Session, item: Item) -> None:
    """The upload URL. It holds quotes, `@`, a raw `=` and `%3D` together: clients must send all of it unchanged."""
    users, items, version = "users", str(item.collection), "gbeta" if session.version == "beta" else "gv1.0"
    if state.switches.upload_path == "outlook":
        users, items, version = "Users", items.title(), "v2.0"
    owner = f"/api/{version}/{users}('{session.mailbox}@{_TENANT}')/{items}('{quote(item.id, safe='')}')"
    session.path = f"{owner}/AttachmentSessions('{session.id}')"
    session.query = f"authtoken={state.names.secret()}%3D"
    owned = f"Users('{session.mailbox}%40{_TENANT}')/{item.collection.title()}('{quote(item.id, safe='')}')"
    session.context = f"{state.upload_origin}/api/v2.0/$metadata#{owned}/AttachmentSessions/$entity"
    session.url = f"{state.switches.upload_origin or state.upload_origin}{session.path}?{session.query}"


def session_of(state: State, call: Call) -> Session:
    """The live session behind an upload URL; Refusal where the URL, its token or its time is not good."""
    if "authorization" in call.headers:
        text = "The audience claim value is invalid for current resource."
        raise Refusal(401, "InvalidAudienceForResource", text)
    session = call.session
    if session is None:
        raise item_not_found()
    if session.query != call.route.query:
        raise Refusal(401, "InvalidAuthenticationToken", "The authtoken of the upload URL is not valid.")
    if session.state != "open":
        raise _gone(state.switches.gone_status)
    if call.now >= session.expires:
        raise _gone(state.switches.expired_status)
    if session.item not in state.items:
        raise item_not_found()
    return session


def _gone(status: int) -> Refusal:
    if status == HTTPStatus.UNAUTHORIZED:
        return Refusal(401, "InvalidAuthenticationToken", "Lifetime validation failed, the token is expired.")
    if status == HTTPStatus.GONE:
        return Refusal(410, "ResourceGone", "The upload session is no longer available.")
    return item_not_found()


def put(state: State, call: Call) -> Answer:
    """PUT of one range: 200 and where to go on, or 201 with the last byte."""
    switches = state.switches
    session = session_of(state, call)
    if session.early > 0:
        session.early -= 1
        raise item_not_found()
    start, length = _range(call, session)
    if switches.max_range and length > switches.max_range:
        raise Refusal(413, "RequestEntityTooLarge", "The range is too large.")
    if start != session.received:
        return _misplaced(state, session)
    kept = min(length, switches.partial_bytes or length, length if call.cut is None else call.cut)
    item = state.items[session.item]
    if switches.message_limit_at == "put" and item.total + start + kept > state.mailboxes[item.mailbox].message_limit:
        raise message_too_big(switches.message_limit_status)
    if start + kept == session.size and call.conflict:
        raise conflict()
    _keep(session, call.body if kept == len(call.body) else call.body[:kept])
    if session.received < session.size:
        return _progress(state, session, whole=kept == length)
    return _committed(state, call, session, item)


def _range(call: Call, session: Session) -> tuple[int, int]:
    """Start and length of the range; its three lengths (body, Content-Length, Content-Range) must agree (LA)."""
    if "chunked" in call.headers.get("transfer-encoding", ""):
        raise Refusal(411, "LengthRequired", "The Content-Length header is required.")
    text = call.headers.get("content-range")
    numbers = content_range(text) if text else None
    if numbers is None:
        raise Refusal(400, "ErrorInvalidRequest", "The Content-Range header is missing or malformed.")
    start, end, total = numbers
    length = str(end - start + 1)
    if call.cut is None and (length != str(len(call.body)) or call.headers.get("content-length", length) != length):
        raise Refusal(400, "ErrorInvalidRequest", "Content-Range does not match the length of the body.")
    if total != session.size:
        raise Refusal(400, "ErrorInvalidRequest", "The total in Content-Range is not the size of the session.")
    return start, end - start + 1


def _misplaced(state: State, session: Session) -> Answer:
    text = "The range is not the next expected one."
    match state.switches.wrong_offset:
        case "416":
            raise Refusal(416, "invalidRange", text)
        case "400":
            raise Refusal(400, "ErrorInvalidRequest", text)
        case "409":
            raise Refusal(409, "ErrorConflict", text)
        case "restate":
            return _progress(state, session)


def _keep(session: Session, data: bytes) -> None:
    session.received += len(data)
    if session.hasher:
        session.hasher.update(data)
    elif data:
        session.pieces.append(data)


def _progress(state: State, session: Session, *, whole: bool = True) -> Answer:
    """Where the session stands, as far as the switches let it say so; `whole`: it has all that it was sent."""
    silent = whole and state.switches.next_ranges != "stated"
    if silent and state.switches.next_ranges == "no body":
        return Answer(200)
    expires, ranges = _CASINGS[state.switches.key_casing]
    content: dict[str, object] = {
        "@odata.context": session.context,
        expires: timestamp(session.expires),
    }
    if not silent:
        content[ranges] = missing(state, session)
    return document(200, content)


def missing(state: State, session: Session) -> list[str]:
    """nextExpectedRanges: what is not held yet, in the form and number of pieces that the switches ask for."""
    switches = state.switches
    rest = session.size - session.received
    pieces = max(1, min(switches.range_gaps, rest))
    starts = [session.received + rest * index // pieces for index in range(pieces)]
    ends = [*(start - 1 for start in starts[1:]), session.size - 1]
    if switches.range_form == "N-M":
        entries = [f"{start}-{end}" for start, end in zip(starts, ends, strict=True)]
    elif switches.range_form == "N-":
        entries = [f"{start}-{end}" for start, end in zip(starts[:-1], ends[:-1], strict=True)] + [f"{starts[-1]}-"]
    else:
        entries = [f"{start}" for start in starts]
    return entries if switches.range_order == "ascending" else entries[::-1]


def _committed(state: State, call: Call, session: Session, item: Item) -> Answer:
    switches = state.switches
    content_type = session.content_type if switches.content_type_kept else None
    attachment = commit(
        state,
        call,
        item,
        name=session.name,
        content_type=content_type or "application/octet-stream",
        is_inline=session.is_inline,
        content_id=session.content_id,
        content=session.content(),
    )
    session.state = "committed"
    session.attachment = attachment.id
    session.pieces = []
    origin = switches.upload_origin or state.upload_origin
    owner = session.path[: session.path.rindex("/")]
    match switches.final_location:
        case "none":
            return Answer(201)
        case "lower":
            where = f"{owner.lower().rsplit('/', 1)[0]}{owner[owner.rindex('/') :]}/attachments('{attachment.id}')"
        case "encoded":
            where = f"{owner}/Attachments('{quote(attachment.id, safe='')}')"
        case "full":
            where = f"{owner}/Attachments('{attachment.id}')"
    return Answer(201, b"", {"Location": origin + where})


def ask(state: State, call: Call) -> Answer:
    """GET of the upload URL: where to go on. Whether the real service answers it is not documented."""
    match state.switches.get_session:
        case 405:
            raise method_not_allowed()
        case 404:
            session_of(state, call)
            raise item_not_found()
        case 200:
            return _progress(state, session_of(state, call))


def cancel(state: State, call: Call) -> Answer:
    """DELETE of the upload URL: 204, and the session is gone for good."""
    session = session_of(state, call)
    if session.early_deletes > 0:
        session.early_deletes -= 1
        raise item_not_found()
    session.state = "cancelled"
    session.pieces = []
    return Answer(204)
