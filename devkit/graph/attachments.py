"""Attachments of an item: the small POST, listing, one by id, its bytes, and removal."""

from __future__ import annotations

import binascii
import hashlib
import json
from base64 import b64decode, b64encode
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from devkit.graph.call import Answer, document
from devkit.graph.errors import Refusal, bad_request, conflict, item_not_found, message_too_big, method_not_allowed
from devkit.graph.items import applied, item_of, prefers_immutable
from devkit.graph.names import immutable, plain
from devkit.graph.routes import query_values
from devkit.graph.state import Attachment, Content
from devkit.graph.wire import timestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from devkit.graph.call import Call
    from devkit.graph.state import Item, State
    from devkit.graph.switches import Switches

_FILE = "#microsoft.graph.fileAttachment"
_REFERENCE = "#microsoft.graph.referenceAttachment"
_CAST = "microsoft.graph.fileAttachment/"
_BASE = frozenset(("id", "name", "contentType", "size", "isInline", "lastModifiedDateTime"))
_ON_FILES = frozenset(("contentId", "contentLocation", "contentBytes"))


def admit_size(state: State, item: Item, size: int) -> None:
    """Refuse what would take the item over its mailbox's message limit (inclusive bound, whole item counted)."""
    if item.total + size > state.mailboxes[item.mailbox].message_limit:
        raise message_too_big(state.switches.message_limit_status)


def commit(  # noqa: PLR0913 - an attachment has that many properties
    state: State,
    call: Call,
    item: Item,
    *,
    name: str,
    content_type: str,
    is_inline: bool,
    content_id: str | None,
    content: Content,
    kind: str = "file",
) -> Attachment:
    """Put a finished file on its item; from here on it can be listed, after the lag the switches ask for (S4)."""
    switches = state.switches
    size = _SIZES[switches.size_reported](content.length)
    attachment = Attachment(
        id=state.names.outlook_id(),
        name=name,
        content_type=content_type,
        size=size,
        is_inline=is_inline,
        content_id=content_id,
        content=_rewritten(content) if _is_rewritten(switches, name) else content,
        sent=content,
        modified=call.now,
        listed_from_call=item.listings + switches.listing_lag_calls,
        listed_from=call.now + timedelta(seconds=switches.listing_lag_seconds),
        kind="reference" if kind == "reference" else "file",
    )
    item.attachments[attachment.id] = attachment
    return attachment


_SIZES: dict[str, Callable[[int], int | None]] = {
    "larger": lambda length: length * 1045 // 1000 + 150,
    "exact": lambda length: length,
    "smaller": lambda length: length // 2,
    "zero": lambda _: 0,
    "absent": lambda _: None,
}


def _is_rewritten(switches: Switches, name: str) -> bool:
    if switches.rewrites == "items":
        return name.lower().endswith((".eml", ".msg", ".ics"))
    return switches.rewrites == "everything"


def _rewritten(content: Content) -> Content:
    """What Outlook makes of a file that it understands: other bytes, and more of them."""
    more = b"X-MS-Has-Attach: yes\r\n"
    if not content.kept:
        return Content((), content.length + len(more), hashlib.sha256(more + content.sha256.encode()).hexdigest())
    return Content((more, *content.pieces), content.length + len(more))


def post(state: State, call: Call) -> Answer:
    """POST of a small attachment: the whole JSON body counts against the 4 MiB cap, before anything in it is read."""
    if call.length > state.switches.post_body_limit:
        raise _body_too_large(state)
    item = item_of(state, call)
    members = _members(call.body)
    content = _content(state, members)
    admit_size(state, item, content.length)
    if call.conflict:
        raise conflict()
    attachment = commit(
        state,
        call,
        item,
        name=members["name"],
        content_type=members.get("contentType") or "application/octet-stream",
        is_inline=bool(members.get("isInline", False)),
        content_id=members.get("contentId"),
        content=content,
        kind="reference" if members["@odata.type"] == _REFERENCE else "file",
    )
    context = f"{state.graph_origin}/{call.route.version}/$metadata#{item.collection}/attachments/$entity"
    return document(201, {"@odata.context": context, **_view(attachment, None, call, members.get("contentBytes"))})


def _body_too_large(state: State) -> Refusal:
    match state.switches.post_limit_status:
        case 413:
            return Refusal(413, "RequestEntityTooLarge", "The maximum request length supported is 4MB.")
        case 400:
            return bad_request("Maximum request length exceeded.")


def _members(body: bytes) -> dict[str, Any]:
    try:
        members = json.loads(body)
    except ValueError:
        raise bad_request("Unable to read JSON request payload.") from None
    if not isinstance(members, dict):
        raise bad_request("Unable to read JSON request payload.")
    if members.get("@odata.type") not in (_FILE, _REFERENCE):
        text = "Cannot create an abstract class 'microsoft.graph.attachment'; name its type."
        raise Refusal(422, "UnprocessableType", text)
    if not isinstance(members.get("name"), str) or not members["name"]:
        raise Refusal(400, "ErrorInvalidRequest", "The property 'name' is required.")
    return members


def _content(state: State, members: Mapping[str, Any]) -> Content:
    text = members.get("contentBytes", "" if members["@odata.type"] == _REFERENCE else None)
    try:
        data = b64decode(text, validate=True)
    except (TypeError, ValueError, binascii.Error):
        raise bad_request("Cannot convert 'contentBytes' to Edm.Binary.") from None
    if not data and members["@odata.type"] == _FILE and state.switches.empty_post == "refuse":
        raise Refusal(400, "ErrorInvalidRequest", "The attachment is empty.")
    content = Content((data,) if data else (), len(data))
    return content if state.switches.keep_bytes else Content((), len(data), content.sha256)


def list_attachments(state: State, call: Call) -> Answer:
    """GET of all attachments. `$filter` is ignored, not refused (KI); without `$select` contentBytes come too (LA)."""
    item = item_of(state, call)
    options = query_values(call.route.query)
    selected = _selected(options)
    count, item.listings = item.listings, item.listings + 1
    shown = [one for one in item.attachments.values() if count >= one.listed_from_call and call.now >= one.listed_from]
    content: dict[str, object] = {
        "@odata.context": f"{state.graph_origin}/{call.route.version}/$metadata#{item.collection}/attachments"
    }
    size = state.switches.list_page_size
    if size:
        skip = _number(options.get("$skip", "0"))
        if skip + size < len(shown):
            kept = "&".join(part for part in call.route.query.split("&") if part and not part.startswith("$skip="))
            content["@odata.nextLink"] = (
                f"{call.route.origin}{call.route.path}?{kept}{'&' if kept else ''}$skip={skip + size}"
            )
        shown = shown[skip : skip + size]
    views = [_view(one, selected, call, None) for one in shown]
    if not state.switches.type_listed:
        views = [{name: value for name, value in view.items() if name != "@odata.type"} for view in views]
    content["value"] = views
    return document(200, content, applied(call))


def _number(text: str) -> int:
    if not text.isdecimal():
        raise bad_request("Invalid value for $skip.")
    return int(text)


def _selected(options: Mapping[str, str]) -> frozenset[str] | None:
    """Names to show, None for all. A file's own properties need the cast (microsoft-graph-explorer-v4#3916)."""
    text = options.get("$select")
    if text is None:
        return None
    names: set[str] = set()
    for part in text.split(","):
        name = part.strip()
        if name.startswith(_CAST) and name[len(_CAST) :] in _ON_FILES:
            names.add(name[len(_CAST) :])
        elif name in _BASE:
            names.add(name)
        else:
            message = f"Could not find a property named '{name}' on type 'microsoft.graph.attachment'."
            raise Refusal(400, "RequestBroker--ParseUri", message)
    return frozenset(names)


def _view(attachment: Attachment, selected: frozenset[str] | None, call: Call, sent: str | None) -> dict[str, object]:
    view: dict[str, object] = {
        "@odata.type": _FILE if attachment.kind == "file" else _REFERENCE,
        "@odata.mediaContentType": attachment.content_type,
        "id": (attachment.stable or immutable(attachment.id)) if prefers_immutable(call) else attachment.id,
        "lastModifiedDateTime": timestamp(attachment.modified)[:19] + "Z",
        "name": attachment.name,
        "contentType": attachment.content_type,
        **({} if attachment.size is None else {"size": attachment.size}),
        "isInline": attachment.is_inline,
    }
    if attachment.kind == "file":
        view["contentId"] = attachment.content_id
        view["contentLocation"] = None
        if selected is None or "contentBytes" in selected:
            view["contentBytes"] = sent if sent is not None else _base64(attachment.content)
    if selected is None:
        return view
    return {name: value for name, value in view.items() if name in selected or name.startswith("@")}


def _base64(content: Content) -> str | None:
    return b64encode(content.data).decode() if content.kept else None


def _attachment_of(state: State, call: Call) -> tuple[Item, Attachment]:
    item = item_of(state, call)
    wanted = call.route.attachment
    moved = (one for one in item.attachments.values() if one.stable == wanted)
    attachment = item.attachments.get(plain(wanted)) or next(moved, None)
    if attachment is None:
        raise item_not_found()
    return item, attachment


def show_attachment(state: State, call: Call) -> Answer:
    """GET of one attachment, with its contentBytes unless `$select` leaves them out."""
    item, attachment = _attachment_of(state, call)
    selected = _selected(query_values(call.route.query))
    context = f"{state.graph_origin}/{call.route.version}/$metadata#{item.collection}/attachments/$entity"
    return document(200, {"@odata.context": context, **_view(attachment, selected, call, None)}, applied(call))


def value(state: State, call: Call) -> Answer:
    """GET of an attachment's bytes, exact (AGET); 405 for a reference."""
    _, attachment = _attachment_of(state, call)
    if attachment.kind == "reference":
        raise method_not_allowed()
    if not attachment.content.kept:
        raise Refusal(501, "EmulatorBytesNotKept", "Only length and SHA-256 were kept (switch keep_bytes).")
    return Answer(200, attachment.content.data, {"Content-Type": attachment.content_type})


def delete(state: State, call: Call) -> Answer:
    """DELETE of an attachment: 204."""
    item, attachment = _attachment_of(state, call)
    if call.conflict:
        raise conflict()
    del item.attachments[attachment.id]
    return Answer(204)
