"""The emulator's control door: what a test sets up and looks at, as named commands with JSON arguments.

The server serves them as `POST {control}/{command}`; the in-memory twin calls them directly. Both speak JSON, so that
a test written against one runs against the other.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from devkit.graph import people, sending

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from devkit.graph.service import Entry, GraphService
    from devkit.graph.state import Attachment, Session

Arguments = dict[str, Any]


class CommandRefused(Exception):  # noqa: N818 - named by what happened
    """The command does not exist, its arguments do not fit, or what it names is not there."""


def perform(service: GraphService, command: str, arguments: Mapping[str, Any], now: datetime) -> object:
    """Do one command; returns JSON-able data, or bytes for `attachment-bytes`. CommandRefused says what is wrong."""
    action = _COMMANDS.get(command)
    if action is None:
        raise CommandRefused(f"no command {command!r}; there are: {', '.join(sorted(_COMMANDS))}")
    try:
        return action(service, dict(arguments), now)
    except (KeyError, LookupError) as missing:
        raise CommandRefused(f"not there: {missing}") from missing
    except (TypeError, ValueError) as wrong:
        raise CommandRefused(str(wrong)) from wrong


def _add_mailbox(service: GraphService, arguments: Arguments, now: datetime) -> object:
    made = asdict(service.add_mailbox(**arguments, now=now))
    return {**made, "accessible_from": made["accessible_from"].isoformat()}


def _add_message(service: GraphService, arguments: Arguments, now: datetime) -> object:
    return service.add_message(**arguments, now=now)


def _add_event(service: GraphService, arguments: Arguments, now: datetime) -> object:
    return service.add_event(**arguments, now=now)


def _remove_item(service: GraphService, arguments: Arguments, _now: datetime) -> object:
    service.remove_item(**arguments)
    return None


def _move_item(service: GraphService, arguments: Arguments, _now: datetime) -> object:
    return service.move_item(**arguments)


def _send_draft(service: GraphService, arguments: Arguments, now: datetime) -> object:
    return people.send_draft(service.state, now=now, **arguments)


def _edit_item(service: GraphService, arguments: Arguments, now: datetime) -> object:
    people.edit_item(service.state, now=now, **arguments)
    return None


def _delete_item(service: GraphService, arguments: Arguments, now: datetime) -> object:
    return people.delete_item(service.state, now=now, **arguments)


def _remove_attachment(service: GraphService, arguments: Arguments, _now: datetime) -> object:
    people.remove_attachment(service.state, **arguments)
    return None


def _outgoing(service: GraphService, _arguments: Arguments, _now: datetime) -> object:
    return [{**asdict(one), "at": one.at.isoformat()} for one in service.state.outgoing]


def _folder(service: GraphService, arguments: Arguments, now: datetime) -> object:
    """Ids of the messages that lie in a folder of a mailbox."""
    sending.settle(service.state, now)
    owner = service.state.mailboxes[arguments["mailbox"].lower()].id
    mine = [item for item in service.items.values() if item.mailbox == owner and item.collection == "messages"]
    return [item.id for item in mine if item.mail.folder == arguments["folder"]]


def _copies(service: GraphService, arguments: Arguments, _now: datetime) -> object:
    """What each attendee of an event has in the calendar."""
    return {who: asdict(copy) for who, copy in service.items[arguments["item_id"]].meeting.copies.items()}


def _attachments(service: GraphService, arguments: Arguments, _now: datetime) -> object:
    return [_shown(one) for one in service.attachments(**arguments)]


def _shown(one: Attachment) -> list[object]:
    file = one.content
    inline = (one.is_inline, one.content_id)
    return [one.id, one.name, one.content_type, one.size, *inline, file.length, file.sha256]


def _attachment_bytes(service: GraphService, arguments: Arguments, _now: datetime) -> object:
    wanted = arguments.pop("attachment_id")
    one = next((one for one in service.attachments(**arguments) if one.id == wanted), None)
    if one is None:
        raise KeyError(wanted)
    return one.content.data


def _switch(service: GraphService, arguments: Arguments, _now: datetime) -> object:
    service.switch(**arguments)
    return asdict(service.switches)


def _fault(service: GraphService, arguments: Arguments, _now: datetime) -> object:
    service.fault(arguments)
    return None


def _clear_faults(service: GraphService, _arguments: Arguments, _now: datetime) -> object:
    service.clear_faults()
    return None


def _requests(service: GraphService, arguments: Arguments, _now: datetime) -> object:
    return [_entry(entry) for entry in service.log[int(arguments.get("since", 0)) :]]


def _entry(entry: Entry) -> dict[str, object]:
    return {**entry._asdict(), "time": entry.time.isoformat()}


def _sessions(service: GraphService, _arguments: Arguments, now: datetime) -> object:
    return [_session(session, now) for session in service.sessions]


def _session(session: Session, now: datetime) -> dict[str, object]:
    expired = session.state == "open" and now >= session.expires
    return {
        "id": session.id,
        "url": session.url,
        "mailbox": session.mailbox,
        "item": session.item,
        "name": session.name,
        "size": session.size,
        "received": session.received,
        "state": "expired" if expired else session.state,
        "created": session.created.isoformat(),
        "expires": session.expires.isoformat(),
        "attachment": session.attachment,
    }


def _secrets(service: GraphService, _arguments: Arguments, _now: datetime) -> object:
    """Every secret handed out so far: what no log, error or status of the product may contain."""
    return [*service.tokens.issued, *(session.query.partition("=")[2] for session in service.sessions)]


def _expire_tokens(service: GraphService, _arguments: Arguments, now: datetime) -> object:
    service.tokens.expire(now)
    return None


def _issue_token(service: GraphService, arguments: Arguments, now: datetime) -> object:
    return service.issue_token(now, **arguments)


def _holding(service: GraphService, _arguments: Arguments, _now: datetime) -> object:
    return len(service.holding)


def _release(service: GraphService, _arguments: Arguments, now: datetime) -> object:
    service.release(now)
    return None


def _reset(service: GraphService, _arguments: Arguments, _now: datetime) -> object:
    service.reset()
    return None


_COMMANDS: dict[str, Callable[[GraphService, Arguments, datetime], object]] = {
    "add-mailbox": _add_mailbox,
    "add-message": _add_message,
    "add-event": _add_event,
    "remove-item": _remove_item,
    "move-item": _move_item,
    "send-draft": _send_draft,
    "edit-item": _edit_item,
    "delete-item": _delete_item,
    "remove-attachment": _remove_attachment,
    "outgoing": _outgoing,
    "folder": _folder,
    "copies": _copies,
    "attachments": _attachments,
    "attachment-bytes": _attachment_bytes,
    "switch": _switch,
    "fault": _fault,
    "clear-faults": _clear_faults,
    "requests": _requests,
    "sessions": _sessions,
    "secrets": _secrets,
    "expire-tokens": _expire_tokens,
    "issue-token": _issue_token,
    "holding": _holding,
    "release": _release,
    "reset": _reset,
}
