"""Answers to a delivery's requests as events. Pure, total and suspicious: nothing but a 202 means "submitted"."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any, assert_never

from shared.core.actions import ListAttachments
from shared.core.codes import Code
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
from shared.core.delivery.events import (
    AttachmentsListed,
    AttendeesTold,
    Composed,
    DeletedItemsKnown,
    DraftDeleted,
    Event,
    ItemMarked,
    ItemRead,
    MarkedFound,
    Submitted,
    Unsure,
)
from shared.core.delivery.model import MarkedItem
from shared.core.identifiers import is_item_id
from shared.core.model import GraphAnswer, ItemKind
from shared.graph import fields
from shared.graph.delivery_requests import property_of
from shared.graph.http import HttpAnswer
from shared.graph.read import refusal_event


def delivery_event(call: GraphCall, answer: HttpAnswer, now: datetime) -> Event:
    """What Graph's answer to `call` means."""
    seen = fields.summary(answer)
    if not answer.is_success:
        if answer.status < HTTPStatus.BAD_REQUEST:
            return _unexpected(seen)  # a redirect may come after the effect
        return refusal_event(answer, seen, now)
    match call:
        case FindMarked() | FindDeletedItems() | ReadItem() | ListAttachments():
            return _shown(call, answer.json(), seen)
        case _:
            return _carried_out(call, answer, seen)


def _shown(
    call: FindMarked | FindDeletedItems | ReadItem | ListAttachments, body: Mapping[str, Any], seen: GraphAnswer
) -> Event:
    match call:
        case FindMarked(mark):
            return _found(body, mark, seen)
        case FindDeletedItems():
            folder = fields.text(body.get("id"))
            return _unexpected(seen) if folder is None else DeletedItemsKnown(folder, graph=seen)
        case ReadItem(item, mark):
            read = _item(body, mark, is_event=item.kind is ItemKind.EVENT)
            return _unexpected(seen) if read is None else ItemRead(read, graph=seen)
        case ListAttachments():
            listed = fields.listing(body)
            return _unexpected(seen) if listed is None else AttachmentsListed(listed, graph=seen)
        case _:
            assert_never(call)


def _carried_out(
    call: Compose | DeleteDraft | MarkItem | Submit | TellAttendees, answer: HttpAnswer, seen: GraphAnswer
) -> Event:
    match call:
        case Compose(mark):
            made = _item(answer.json(), mark) if answer.status == HTTPStatus.CREATED else None
            return _unexpected(seen) if made is None else Composed(made, graph=seen)
        case DeleteDraft():
            return DraftDeleted(graph=seen)
        case MarkItem():
            return ItemMarked(graph=seen)
        case Submit():
            return Submitted(graph=seen) if answer.status == HTTPStatus.ACCEPTED else _unexpected(seen)
        case TellAttendees():
            return AttendeesTold(graph=seen) if answer.status == HTTPStatus.OK else _unexpected(seen)
        case _:
            assert_never(call)


def _unexpected(seen: GraphAnswer) -> Unsure:
    """An answer that does not carry what it should: its effect is unknown."""
    return Unsure(Code.GRAPH_ANSWER_UNEXPECTED, graph=seen)


def _found(body: Mapping[str, Any], mark: Mark, seen: GraphAnswer) -> Event:
    """The messages with exactly this mark: the search itself ignores case."""
    found = fields.objects(body.get("value"))
    items = [_item(one, mark) for one in found] if found is not None else [None]
    if None in items:
        return _unexpected(seen)
    return MarkedFound(tuple(one for one in items if one is not None and one.marked), graph=seen)


def _item(body: Mapping[str, Any], mark: Mark, *, is_event: bool = False) -> MarkedItem | None:
    """One item; None where it has no id that can stand in a path, or does not say whether it is a draft."""
    identifier, is_draft = fields.text(body.get("id")), body.get("isdraft")
    if identifier is None or not is_item_id(identifier) or not (is_event or isinstance(is_draft, bool)):
        return None
    return MarkedItem(
        identifier,
        is_draft is True,
        fields.text(body.get("parentfolderid")),
        fields.instant(body.get("createddatetime")),
        fields.instant(body.get("sentdatetime")),
        fields.text(body.get("internetmessageid")),
        fields.text(body.get("conversationid")),
        body.get("hasattachments") is True,
        fields.text(body.get("subject")) or "",
        _value(body, property_of(mark)) == mark.value,
    )


def _value(body: Mapping[str, Any], wanted: str) -> str | None:
    """The value of an extended property; ids are compared without case, because Graph may give the GUID in another."""
    for one in fields.objects(body.get("singlevalueextendedproperties")) or []:
        if (fields.text(one.get("id")) or "").lower() == wanted.lower():
            return fields.text(one.get("value"))
    return None
