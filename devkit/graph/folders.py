"""Folders of a mailbox: their ids by well-known name, and items that move between them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from devkit.graph.call import document
from devkit.graph.errors import item_not_found
from devkit.graph.items import mailbox_of
from devkit.graph.mail import FOLDERS, folder_id
from devkit.graph.names import immutable

if TYPE_CHECKING:
    from devkit.graph.call import Answer, Call
    from devkit.graph.mail import Folder
    from devkit.graph.state import Item, State


def show_folder(state: State, call: Call) -> Answer:
    """GET of one folder by its well-known name or its id."""
    mailbox_of(state, call.route.user, call.now)
    wanted = call.route.item
    name = next((one for one in FOLDERS if wanted == folder_id(one) or wanted.lower() == one), None)
    if name is None:
        raise item_not_found()
    context = f"{state.graph_origin}/{call.route.version}/$metadata#users/mailFolders/$entity"
    return document(200, {"@odata.context": context, "id": folder_id(name), "displayName": name})


def move(state: State, item: Item, folder: Folder) -> str:
    """Move an item to another folder: it gets another id, which is returned; its immutable id and sessions stay.

    So do its attachments: their ids contain the item's.
    """
    old = item.id
    item.stable = item.stable or immutable(old)
    item.mail = replace(item.mail, folder=folder)
    rename(state, item)
    moved = [
        replace(one, id=state.names.outlook_id(), stable=one.stable or immutable(one.id))
        for one in item.attachments.values()
    ]
    item.attachments = {one.id: one for one in moved}
    return item.id


def rename(state: State, item: Item) -> None:
    """Give an item another id; what was uploaded to it and the upload sessions stay with it."""
    old = item.id
    del state.items[old]
    item.id = state.names.outlook_id()
    state.items[item.id] = item
    for session in state.sessions.values():
        if session.item == old:
            session.item = item.id
