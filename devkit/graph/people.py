"""What people do in Outlook while an app works on their items: send, edit, delete, put aside, take files off."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from devkit.graph import search, sending
from devkit.graph.folders import move

if TYPE_CHECKING:
    from datetime import datetime

    from devkit.graph.state import State


def send_draft(
    state: State, item_id: str, now: datetime, *, internet_message_id: str | None = None, keeps_properties: bool = True
) -> str:
    """A person sends a draft; returns the id of the copy in Sent Items, or an empty text where none is kept.

    Classic Outlook gives it an internetMessageId of its own (office-js#6066).
    """
    item = state.items[item_id]
    if not item.is_draft or item.mail.submission is not None:
        raise ValueError(f"item {item_id!r} is no draft any more")
    sending.submit(state, item, now, "person")
    item.lookup = internet_message_id or item.lookup
    if not keeps_properties:
        item.mail = replace(item.mail, properties={})
    sending.leave(state, item, now)
    return item.id if item.id in state.items else ""


def edit_item(
    state: State,
    item_id: str,
    now: datetime,
    *,
    subject: str | None = None,
    to: tuple[str, ...] | None = None,
    body: str | None = None,
) -> None:
    """A person writes another subject, other recipients or another text."""
    item = state.items[item_id]
    item.subject = item.subject if subject is None else subject
    item.mail = replace(
        item.mail, to=item.mail.to if to is None else tuple(to), body=item.mail.body if body is None else body
    )
    item.changes += 1
    search.touched(item, state.switches, now)


def delete_item(state: State, item_id: str, now: datetime) -> str:
    """A person deletes a message: it lies in Deleted Items, under another id, which is returned."""
    item = state.items[item_id]
    search.touched(item, state.switches, now)
    return move(state, item, "deleteditems")


def remove_attachment(state: State, item_id: str, attachment_id: str) -> None:
    """A person takes a file off an item."""
    del state.items[item_id].attachments[attachment_id]
