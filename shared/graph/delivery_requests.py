"""A delivery's actions as requests. Pure: the same action makes the same request, and nothing is sent here."""

from __future__ import annotations

import json
from typing import assert_never
from urllib.parse import quote

from shared.core.actions import Item, ListAttachments
from shared.core.delivery.actions import (
    Compose,
    DeleteDraft,
    FindDeletedItems,
    FindMarked,
    GraphCall,
    Mark,
    MarkItem,
    ReadItem,
    Submit,
    TellAttendees,
)
from shared.core.delivery.draft import DraftText
from shared.core.model import ItemKind
from shared.graph.http import GraphRequest
from shared.graph.prepare import graph_request, item_url, user_url

_SET = "{b1f7c6de-4a5e-4d5c-9a83-5f0f3f3f6c11}"
"""The property set of this app: made once, at random, and never changed, because drafts are found by it."""

NAME_PROPERTY = f"String {_SET} Name OutlookAttachmentDropDraft"
DELIVERY_PROPERTY = f"String {_SET} Name OutlookAttachmentDropDelivery"

_READ = {"Accept": "application/json"}
"""Ordinary ids on purpose: one changes when its message leaves Drafts, so that /send with the id of a draft does not
reach a message that somebody has sent meanwhile. What was moved is found again by its mark."""
_JSON = {"Content-Type": "application/json", **_READ}
_OF_MESSAGE = "id,isDraft,parentFolderId,createdDateTime,sentDateTime,internetMessageId,conversationId,hasAttachments"
_OF_EVENT = "id,subject"


def property_of(mark: Mark) -> str:
    """The id of the single-value extended property that holds the mark."""
    return NAME_PROPERTY if mark.is_name else DELIVERY_PROPERTY


def delivery_request(call: GraphCall, base_url: str, body: str | None = None) -> GraphRequest:
    """The request to Graph, with the app's token. `body` is the text of the draft's `body_blob`, for Compose only.

    `base_url` has no trailing slash.
    """
    match call:
        case FindMarked(mark):
            literal = mark.value.replace("'", "''")
            wanted = (
                f"singleValueExtendedProperties/Any(ep: ep/id eq '{property_of(mark)}' and ep/value eq '{literal}')"
            )
            query = f"$filter={quote(wanted, safe='')}&$select={_OF_MESSAGE}&{_expand(mark)}&$top=50"
            return GraphRequest("GET", f"{user_url(mark.mailbox, base_url)}/messages?{query}", _READ)
        case FindDeletedItems(mailbox):
            url = f"{user_url(mailbox, base_url)}/mailFolders/deleteditems?$select=id"
            return GraphRequest("GET", url, _READ)
        case Compose(mark, text):
            made = json.dumps({**_members(text, body), **_marked(mark)}, ensure_ascii=False).encode()
            url = f"{user_url(mark.mailbox, base_url)}/messages"
            return GraphRequest("POST", url, _JSON, made, repeatable=False)
        case DeleteDraft(item):
            return GraphRequest("DELETE", item_url(item, base_url), {})
        case ReadItem(item, mark):
            selected = _OF_EVENT if item.kind is ItemKind.EVENT else _OF_MESSAGE
            return GraphRequest("GET", f"{item_url(item, base_url)}?$select={selected}&{_expand(mark)}", _READ)
        case ListAttachments():
            return graph_request(call, base_url)
        case MarkItem(item, mark):
            return GraphRequest("PATCH", item_url(item, base_url), _JSON, json.dumps(_marked(mark)).encode())
        case Submit(item):
            return GraphRequest("POST", _send_url(item, base_url), {"Content-Length": "0"}, b"", repeatable=False)
        case TellAttendees(item, mark, subject):
            changed = json.dumps({"subject": subject, **_marked(mark)}, ensure_ascii=False).encode()
            return GraphRequest("PATCH", item_url(item, base_url), _JSON, changed, repeatable=False)
        case _:
            assert_never(call)


def _send_url(item: Item, base_url: str) -> str:
    """Never through a folder: that form was answered with 405 (davidmoten/odata-client)."""
    return f"{item_url(item, base_url)}/send"


def _expand(mark: Mark) -> str:
    wanted = f"singleValueExtendedProperties($filter=id eq '{property_of(mark)}')"
    return f"$expand={quote(wanted, safe='')}"


def _marked(mark: Mark) -> dict[str, object]:
    return {"singleValueExtendedProperties": [{"id": property_of(mark), "value": mark.value}]}


def _members(text: DraftText, body: str | None) -> dict[str, object]:
    """What the draft is made of; what nobody asked for is left to Outlook. `from` is always the mailbox itself."""
    members: dict[str, object] = {
        "subject": text.subject,
        "toRecipients": _people(text.to),
        "ccRecipients": _people(text.cc),
        "bccRecipients": _people(text.bcc),
        "replyTo": _people(text.reply_to),
        "importance": text.importance.value if text.importance else None,
    }
    content = text.body if body is None else body
    if content is not None:
        kind = text.body_type.value if text.body_type else "text"
        members["body"] = {"contentType": kind, "content": content}
    return {name: value for name, value in members.items() if value}


def _people(addresses: tuple[str, ...]) -> list[dict[str, object]]:
    return [{"emailAddress": {"address": address}} for address in addresses]
