"""Mailboxes and items: who is addressed, and lookups by internetMessageId and iCalUId."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from devkit.graph.call import document
from devkit.graph.errors import Refusal, bad_request, id_malformed, item_not_found
from devkit.graph.mail import folder_id
from devkit.graph.names import immutable, plain
from devkit.graph.routes import query_values
from devkit.graph.search import expanded, is_shown, property_filter
from devkit.graph.wire import timestamp

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from devkit.graph.call import Answer, Call
    from devkit.graph.state import Item, Mailbox, State

_ID = re.compile(r"[A-Za-z0-9_\-=]+")  # never `/` or `+`, not even percent-encoded (microsoft-graph-docs 15204)
_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_FILTER = re.compile(r"\s*(\w+)\s+eq\s+'((?:[^']|'')*)'\s*")
_LOOKUP = {"messages": "internetMessageId", "events": "iCalUId"}
# What may be selected. Those the emulator does not model are left out of the answer.
_COMMON = ("id", "subject", "isDraft", "createdDateTime", "lastModifiedDateTime", "hasAttachments", "changeKey")
_OF_MESSAGES = (
    "parentFolderId", "internetMessageId", "receivedDateTime", "sentDateTime", "conversationId", "webLink",
    "toRecipients", "ccRecipients", "bccRecipients", "replyTo", "body", "importance",
)  # fmt: skip
_OF_EVENTS = (
    "attendees",
    "body",
    "importance",
    "location",
    "iCalUId",
    "start",
    "end",
    "type",
    "seriesMasterId",
    "isCancelled",
    "transactionId",
    "webLink",
)
_PROPERTIES = {
    "messages": frozenset((*_COMMON, *_OF_MESSAGES)),
    "events": frozenset((*_COMMON, *_OF_EVENTS)),
}


@lru_cache(maxsize=4096)
def _well_formed(identifier: str) -> bool:
    return _ID.fullmatch(identifier) is not None


def mailbox_of(state: State, user: str, now: datetime) -> Mailbox:
    """The mailbox that a URL names by address or object id; Refusal where it may not or cannot be reached."""
    if user == "me":
        raise bad_request("/me request is only valid with delegated authentication flow.")
    mailbox = state.mailboxes.get(user) or state.mailboxes.get(user.lower())
    if mailbox is None:
        if _GUID.fullmatch(user):
            raise Refusal(404, "ResourceNotFound", "Resource could not be discovered.")
        raise Refusal(404, "ErrorInvalidUser", f"The requested user '{user}' is invalid.")
    if not mailbox.licensed:
        text = "The mailbox is either inactive, soft-deleted, or is hosted on-premise."
        raise Refusal(404, "MailboxNotEnabledForRESTAPI", text)
    if not mailbox.accessible or (mailbox.accessible_from is not None and now < mailbox.accessible_from):
        raise Refusal(403, "ErrorAccessDenied", "Access to OData is disabled.")
    return mailbox


def item_of(state: State, call: Call) -> Item:
    """The item that a call addresses; Refusal where its id is malformed, foreign, unknown, or too new to be seen."""
    route = call.route
    mailbox = mailbox_of(state, route.user, call.now)
    if route.malformed or not _well_formed(route.item):
        raise id_malformed()
    item = state.items.get(plain(route.item)) or _moved(state, route.item)
    if item is None:
        raise item_not_found()
    if item.mailbox != mailbox.id:
        text = "Item Id doesn't belong to the current mailbox."
        raise Refusal(404, "ErrorInvalidMailboxItemId", text)
    if item.collection != route.collection or not _seen(item, call):
        raise item_not_found()
    return item


def _moved(state: State, identifier: str) -> Item | None:
    """The item that has this immutable id since before it was moved."""
    return next((item for item in state.items.values() if item.stable == identifier), None)


def _seen(item: Item, call: Call) -> bool:
    if item.hidden_calls > 0:
        item.hidden_calls -= 1
        return False
    return call.now >= item.visible_at


def prefers_immutable(call: Call) -> bool:
    """Whether the caller asked for immutable ids (IMM)."""
    return "immutableid" in call.headers.get("prefer", "").lower()


def applied(call: Call) -> dict[str, str] | None:
    """The header that confirms immutable ids, where they were asked for."""
    return {"Preference-Applied": 'IdType="ImmutableId"'} if prefers_immutable(call) else None


def show_item(state: State, call: Call) -> Answer:
    """GET of one message or event."""
    return document(200, entity(state, item_of(state, call), call), applied(call))


def entity(state: State, item: Item, call: Call) -> dict[str, object]:
    """One item as the answer to its GET, POST or PATCH shows it."""
    options = query_values(call.route.query)
    selected, expanded = _selected(options, item.collection), _expanded(options)
    context = f"{state.graph_origin}/{call.route.version}/$metadata#users/{item.collection}/$entity"
    return {"@odata.context": context, **_view(item, selected, expanded, call)}


def find_items(state: State, call: Call) -> Answer:
    """GET of a collection, by internetMessageId, iCalUId or an extended property; no filter lists everything.

    Every folder of the mailbox is searched, Deleted Items too.
    """
    mailbox = mailbox_of(state, call.route.user, call.now)
    collection = call.route.collection
    options = query_values(call.route.query)
    selected, expanded = _selected(options, collection), _expanded(options)
    marked = property_filter(options.get("$filter", ""))
    wanted = _wanted(options.get("$filter"), collection) if marked is None else None
    mine = [item for item in state.items.values() if item.mailbox == mailbox.id and item.collection == collection]
    if marked is None:
        found = [item for item in mine if wanted is None or item.lookup == wanted]
    else:
        found = [item for item in mine if marked.matches(item) and is_shown(item, call.now)]
    value = [_view(item, selected, expanded, call) for item in found if _seen(item, call)]
    top = options.get("$top")
    if top is not None:
        if not top.isdecimal() or not 1 <= int(top) <= 1000:  # noqa: PLR2004 - Outlook pages hold at most 1000 items
            raise bad_request("Invalid value for $top.")
        value = value[: int(top)]
    context = f"{state.graph_origin}/{call.route.version}/$metadata#users/{collection}"
    return document(200, {"@odata.context": context, "value": value}, applied(call))


def _wanted(text: str | None, collection: str) -> str | None:
    if text is None:
        return None
    match = _FILTER.fullmatch(text)
    if not match:
        raise Refusal(400, "ErrorInvalidUrlQueryFilter", "The query filter contains one or more invalid nodes.")
    if match[1].lower() != _LOOKUP[collection].lower():
        kind = "message" if collection == "messages" else "event"
        text = f"Could not find a property named '{match[1]}' on type 'Microsoft.OutlookServices.{kind.title()}'."
        raise Refusal(400, "RequestBroker--ParseUri", text)
    return match[2].replace("''", "'")


def _selected(options: Mapping[str, str], collection: str) -> frozenset[str] | None:
    text = options.get("$select")
    if text is None:
        return None
    names = frozenset(part.strip() for part in text.split(","))
    for name in sorted(names - _PROPERTIES[collection]):
        kind = "message" if collection == "messages" else "event"
        message = f"Could not find a property named '{name}' on type 'microsoft.graph.{kind}'."
        raise Refusal(400, "RequestBroker--ParseUri", message)
    return names | {"id"}


def _expanded(options: Mapping[str, str]) -> frozenset[str]:
    names = expanded(options.get("$expand"))
    if names is None:
        raise bad_request("Invalid value for $expand.")
    return names


def _view(item: Item, selected: frozenset[str] | None, properties: frozenset[str], call: Call) -> dict[str, object]:
    view: dict[str, object] = {
        "@odata.etag": f'W/"{len(item.attachments) + item.changes}"',
        "id": (item.stable or immutable(item.id)) if prefers_immutable(call) else item.id,
        "subject": item.subject,
        "isDraft": item.is_draft,
        "createdDateTime": timestamp(item.created)[:19] + "Z",
        "hasAttachments": any(not one.is_inline for one in item.attachments.values()),
        "changeKey": f"{len(item.attachments) + item.changes}",
        _LOOKUP[item.collection]: item.lookup,
        **(_of_message(item) if item.collection == "messages" else _of_event(item)),
    }
    if selected is not None:
        view = {name: value for name, value in view.items() if name in selected or name == "@odata.etag"}
    shown = [{"id": key, "value": value} for key, value in item.mail.properties.items() if key in properties]
    return {**view, "singleValueExtendedProperties": shown} if shown else view


def _of_message(item: Item) -> dict[str, object]:
    mail = item.mail
    sent = timestamp(mail.sent or item.created)[:19] + "Z"  # a draft has a sentDateTime too: when it was made
    return {
        "parentFolderId": folder_id(mail.folder),
        "conversationId": mail.conversation,
        "sentDateTime": sent,
        "receivedDateTime": sent,
        "toRecipients": _people(mail.to),
        "ccRecipients": _people(mail.cc),
        "bccRecipients": _people(mail.bcc),
        "replyTo": _people(mail.reply_to),
        "importance": mail.importance,
        "body": {"contentType": mail.body_type, "content": mail.body},
    }


def _of_event(item: Item) -> dict[str, object]:
    return {**item.meeting.values, "attendees": _people(tuple(item.meeting.copies))}


def _people(addresses: tuple[str, ...]) -> list[dict[str, object]]:
    return [{"emailAddress": {"name": address, "address": address}} for address in addresses]
