"""Drafts: made by POST, changed by PATCH, deleted by DELETE. Graph checks each property by name and by form."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from devkit.graph import meetings, search
from devkit.graph.call import Answer, document
from devkit.graph.errors import Refusal, bad_request, method_not_allowed
from devkit.graph.folders import move
from devkit.graph.items import applied, entity, item_of, mailbox_of
from devkit.graph.mail import Mail, property_key
from devkit.graph.state import Item

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from devkit.graph.call import Call
    from devkit.graph.state import State

_BODY_TYPES = ("text", "html")
_IMPORTANCE = ("low", "normal", "high")


def compose(state: State, call: Call) -> Answer:
    """POST of a new draft: 201 with all of it. No key makes it idempotent: posted twice, there are two."""
    mailbox = mailbox_of(state, call.route.user, call.now)
    if call.route.collection != "messages":
        raise method_not_allowed()
    members = read(state, call)
    switches = state.switches
    item = Item(
        state.names.outlook_id(),
        mailbox.id,
        "messages",
        f"<{state.names.guid()}@emulator>",
        is_draft=True,
        subject="",
        created=call.now,
        visible_at=call.now,
        hidden_calls=switches.propagation_calls,
        mail=Mail("drafts", conversation=state.names.outlook_id()),
    )
    _take(item, members)
    search.touched(item, switches, call.now)
    state.items[item.id] = item
    return document(201, entity(state, item, call), applied(call))


def update(state: State, call: Call) -> Answer:
    """PATCH of a message or an event: 200 with all of it. What recipients get can change in drafts only."""
    item = item_of(state, call)
    members = read(state, call)
    if item.collection == "events":
        name = "singleValueExtendedProperties"
        mail = _properties(item.mail, name, members[name]) if name in members else item.mail
        meetings.update(state, item, members)
        item.mail = mail
    else:
        if not item.is_draft and members.keys() - {"singleValueExtendedProperties", "importance"}:
            raise Refusal(400, "ErrorInvalidPropertySet", "The property can be updated only in a draft.")
        _take(item, members)
        search.touched(item, state.switches, call.now)
    item.changes += 1
    return document(200, entity(state, item, call), applied(call))


def remove(state: State, call: Call) -> Answer:
    """DELETE of a message: it lies in Deleted Items afterwards, unless it was there or a switch says otherwise."""
    item = item_of(state, call)
    if item.collection != "messages":
        raise method_not_allowed()
    if item.mail.folder == "deleteditems" or state.switches.removed_to == "nowhere":
        del state.items[item.id]
    else:
        move(state, item, "deleteditems")
        search.touched(item, state.switches, call.now)
    return Answer(204)


def read(state: State, call: Call) -> dict[str, Any]:
    """The members of a JSON body; Refusal where it is too long or none."""
    if len(call.body) > state.switches.post_body_limit:
        raise Refusal(413, "RequestEntityTooLarge", "The maximum request length supported is 4MB.")
    try:
        members = json.loads(call.body)
    except ValueError:
        raise bad_request("Unable to read JSON request payload.") from None
    if not isinstance(members, dict):
        raise bad_request("Unable to read JSON request payload.")
    return members


def _take(item: Item, members: Mapping[str, Any]) -> None:
    """Write the members into the item, all of them or none."""
    mail, changed = item.mail, {"subject": item.subject, "lookup": item.lookup}
    for name, value in members.items():
        if name == "subject":
            changed["subject"] = _text(name, value)
        elif name == "internetMessageId":
            changed["lookup"] = _text(name, value)
        elif name in _READERS:
            mail = _READERS[name](mail, name, value)
        elif not name.startswith("@"):
            text = f"The property '{name}' does not exist on type 'microsoft.graph.message'."
            raise Refusal(400, "RequestBodyRead", text)
    item.mail, item.subject, item.lookup = mail, changed["subject"], changed["lookup"]


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise _wrong(name)
    return value


def _wrong(name: str) -> Refusal:
    return Refusal(400, "RequestBodyRead", f"The property '{name}' has a value of the wrong type.")


def _addresses(name: str, value: object) -> tuple[str, ...]:
    try:
        return tuple(_text(name, one["emailAddress"]["address"]) for one in value)  # type: ignore[attr-defined]
    except (KeyError, TypeError):
        raise _wrong(name) from None


def _body(mail: Mail, name: str, value: object) -> Mail:
    if not isinstance(value, dict) or str(value.get("contentType", "text")).lower() not in _BODY_TYPES:
        raise _wrong(name)
    return replace(
        mail, body_type=str(value.get("contentType", "text")).lower(), body=_text(name, value.get("content", ""))
    )


def _importance(mail: Mail, name: str, value: object) -> Mail:
    if not isinstance(value, str) or value.lower() not in _IMPORTANCE:
        raise _wrong(name)
    return replace(mail, importance=value.lower())


def _properties(mail: Mail, name: str, value: object) -> Mail:
    try:
        given = {property_key(one["id"]): _text(name, one["value"]) for one in value}  # type: ignore[attr-defined]
    except (KeyError, TypeError, AttributeError):
        raise _wrong(name) from None
    return replace(mail, properties={**mail.properties, **given})


_READERS: dict[str, Callable[[Mail, str, object], Mail]] = {
    "toRecipients": lambda mail, name, value: replace(mail, to=_addresses(name, value)),
    "ccRecipients": lambda mail, name, value: replace(mail, cc=_addresses(name, value)),
    "bccRecipients": lambda mail, name, value: replace(mail, bcc=_addresses(name, value)),
    "replyTo": lambda mail, name, value: replace(mail, reply_to=_addresses(name, value)),
    "body": _body,
    "importance": _importance,
    "singleValueExtendedProperties": _properties,
}
