"""Actions as requests. Pure: the same action makes the same request, and nothing is sent here.

Ids and addresses are untrusted text: they are percent-encoded whole into one path segment, never concatenated.
"""

from __future__ import annotations

import base64
import json
from typing import assert_never
from urllib.parse import quote

from shared.core.actions import (
    AskSession,
    CancelSession,
    CompareAttachment,
    FindItem,
    GraphCall,
    Item,
    ListAttachments,
    OpenSession,
    PostAttachment,
    PutRange,
    SessionCall,
)
from shared.core.model import Attachment, ItemKind, Route, TargetKey
from shared.graph.http import Buffer, GraphRequest, UploadRequest

POST_BODY_LIMIT = 4 * 1024 * 1024
"""Bytes, inclusive: the cap on the whole JSON body of one request (graph-upload-session reference, section 4: the
largest file that ever passed makes a body of exactly 4,194,304)."""

_COLLECTION = {ItemKind.MESSAGE: "messages", ItemKind.EVENT: "events"}
_LOOKUP_FIELD = {TargetKey.INTERNET_MESSAGE_ID: "internetMessageId", TargetKey.ICAL_UID: "iCalUId"}
_JSON = {"Content-Type": "application/json", "Accept": "application/json"}
_READ = {"Accept": "application/json"}
_FIND = {**_READ, "Prefer": 'IdType="ImmutableId"'}
"""A looked-up item's id is asked for in the form that outlasts a move within the mailbox (outlook-immutable-id). Where
Graph gives the other one, the item is looked up again once that id is gone."""


def route_for(attachment: Attachment, size: int) -> Route:
    """One POST while the whole JSON body fits into one request, else a session."""
    return Route.POST if post_body_bytes(attachment, size) <= POST_BODY_LIMIT else Route.SESSION


def post_body_bytes(attachment: Attachment, size: int) -> int:
    """The exact length of the POST's JSON body for a file of `size` bytes, without building it."""
    return len(_post_head(attachment)) + (size + 2) // 3 * 4 + len(_POST_TAIL)


def graph_request(call: GraphCall, base_url: str, content: Buffer | None = None) -> GraphRequest:
    """The request to Graph, with the app's token. `content` is the whole file, for the POST only.

    `base_url` has no trailing slash.
    """
    match call:
        case FindItem(target):
            where = f"{base_url}/{_user(target.mailbox)}/{_COLLECTION[target.kind]}"
            literal = target.value.replace("'", "''")  # OData doubles a quote inside a string
            wanted = f"{_LOOKUP_FIELD[target.key]} eq '{literal}'"
            fields = "id,isDraft" if target.kind is ItemKind.MESSAGE else "id"
            return GraphRequest("GET", f"{where}?$filter={quote(wanted, safe='')}&$select={fields}&$top=50", _FIND)
        case ListAttachments(item):
            return GraphRequest("GET", f"{_attachments(item, base_url)}?$select=id,name,size", _READ)
        case OpenSession(item, attachment, size):
            url = f"{_attachments(item, base_url)}/createUploadSession"
            return GraphRequest("POST", url, _JSON, _session_body(attachment, size))
        case PostAttachment(item, attachment):
            if content is None:
                raise ValueError("a POST needs the file's content")
            body = _post_body(attachment, content)
            return GraphRequest("POST", _attachments(item, base_url), _JSON, body, repeatable=False)
        case CompareAttachment(item, attachment_id):
            return GraphRequest("GET", f"{_attachments(item, base_url)}/{_segment(attachment_id)}/$value", {})
        case _:
            assert_never(call)


def session_request(call: SessionCall, content: Buffer | None = None) -> UploadRequest:
    """The request to the session's own URL, never with the app's token. `content` is the range, for PutRange only."""
    match call:
        case PutRange(url, offset, length, size):
            if content is None or len(content) != length:
                raise ValueError(f"a range of {length} bytes needs exactly these bytes")
            headers = {
                "Content-Type": "application/octet-stream",
                "Content-Length": str(length),
                "Content-Range": f"bytes {offset}-{offset + length - 1}/{size}",
            }
            return UploadRequest("PUT", url, headers, content)
        case AskSession(url):
            return UploadRequest("GET", url, _READ)
        case CancelSession(url):
            return UploadRequest("DELETE", url, {})
        case _:
            assert_never(call)


def item_url(item: Item, base_url: str) -> str:
    """Where a message or event is read and changed."""
    return f"{user_url(item.mailbox, base_url)}/{_COLLECTION[item.kind]}/{_segment(item.id)}"


def user_url(mailbox: str, base_url: str) -> str:
    """Where all of a mailbox is."""
    return f"{base_url}/{_user(mailbox)}"


def _attachments(item: Item, base_url: str) -> str:
    return f"{item_url(item, base_url)}/attachments"


def _user(mailbox: str) -> str:
    """The path of a mailbox. One that begins with `$` would be taken for a system query: it stands as OData's key."""
    if not mailbox.startswith("$"):
        return f"users/{_segment(mailbox)}"
    literal = mailbox.replace("'", "''")
    return f"users('{_segment(literal)}')"


def _segment(text: str) -> str:
    """One path segment. A lone `.` or `..` would be normalised away by clients, so dots of such names are encoded."""
    encoded = quote(text, safe="")
    return encoded.replace(".", "%2E") if set(encoded) == {"."} else encoded


def _session_body(attachment: Attachment, size: int) -> bytes:
    item: dict[str, object] = {
        "attachmentType": "file",
        "name": attachment.name,
        "size": size,
        "contentType": attachment.content_type,
        "isInline": attachment.is_inline,
    }
    if attachment.content_id is not None:
        item["contentId"] = attachment.content_id
    return json.dumps({"AttachmentItem": item}, ensure_ascii=False).encode()


def _post_body(attachment: Attachment, content: Buffer) -> bytearray:
    """The POST's body, encoded piece by piece: the text is never in memory twice."""
    whole = memoryview(content)
    body = bytearray(_post_head(attachment))
    for start in range(0, len(whole), _ENCODED_AT_ONCE):
        body += base64.b64encode(whole[start : start + _ENCODED_AT_ONCE])
    body += _POST_TAIL
    return body


def _post_head(attachment: Attachment) -> bytes:
    """The POST's body up to the base64 text."""
    fields: dict[str, object] = {
        "@odata.type": "#microsoft.graph.fileAttachment",
        "name": attachment.name,
        "contentType": attachment.content_type,
        "isInline": attachment.is_inline,
    }
    if attachment.content_id is not None:
        fields["contentId"] = attachment.content_id
    return json.dumps(fields, ensure_ascii=False).encode()[:-1] + b', "contentBytes": "'


_POST_TAIL = b'"}'

_ENCODED_AT_ONCE = 3 * 64 * 1024
"""Bytes. A multiple of three, so that the pieces' base64 texts are together that of the whole."""
