"""Counting files, and the look at the item itself: it is never sent incomplete."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime

from shared.core.codes import Code
from shared.core.delivery import ending, holding
from shared.core.delivery.composing import living
from shared.core.delivery.events import (
    AttachmentsListed,
    FilesCounted,
    ItemMarked,
    ItemMissing,
    ItemRead,
    MarkedFound,
    RunStarted,
)
from shared.core.delivery.model import Delivery, File, FileState, State
from shared.core.delivery.policy import DeliveryPolicy
from shared.core.model import ItemKind, Listed


def run_started(delivery: Delivery, _event: RunStarted, _now: datetime, _policy: DeliveryPolicy) -> Delivery:
    """Files are counted anew, and the item is looked at anew, by every run."""
    back = {State.CHECKING: State.COLLECTING, State.LOCATING: State.COLLECTING}.get(delivery.state, delivery.state)
    is_waiting = delivery.waiting_for is not None and delivery.waiting_for.code is not Code.DELIVERY_FILES_AWAITED
    return replace(
        delivery,
        state=back,
        not_before=delivery.not_before if is_waiting else None,
        read_at=None,
        checked_at=None,
        runs=delivery.runs + 1,
    )


def counted(delivery: Delivery, event: FilesCounted, now: datetime, policy: DeliveryPolicy) -> Delivery:
    """How the transfers stand: all attached, or one failed, or more to come, or more than were announced."""
    delivery = _merged(holding.progressed(delivery), event.files)
    if delivery.state is State.BLOCKED:
        why = delivery.failure
        if why is not None and why.code not in ending.CURED_BY_FILES:
            return ending.blocked(delivery, why.code, why.detail, now)
        delivery = replace(delivery, state=State.COLLECTING, failure=None)
    files = delivery.counted
    if len({file.wish for file in files}) > 1:
        detail = f"Of {len(files)} files for one item, some ask for other things: {_named(files)}."
        return ending.blocked(delivery, Code.DELIVERY_CONTRADICTORY, detail, now, policy.files_poll)
    wish = delivery.wish
    if wish is None or wish.on_complete is None:
        return holding.waiting(delivery, Code.DELIVERY_FILES_AWAITED, now, policy.files_poll)
    if len(files) > wish.expected:
        detail = f"{len(files)} files came, and {wish.expected} were announced: {_named(files)}."
        return ending.blocked(delivery, Code.DELIVERY_TOO_MANY_FILES, detail, now, policy.files_poll)
    failed = [file for file in files if file.state is FileState.FAILED]
    if failed:
        detail = f"{_named(failed)} could not be attached; see its transfer ({failed[0].transfer_id})."
        return ending.blocked(delivery, Code.DELIVERY_FILE_FAILED, detail, now, policy.files_poll)
    is_complete = len(files) == wish.expected and all(file.state is FileState.ATTACHED for file in files)
    if not is_complete or delivery.item_id is None:
        return holding.waiting(delivery, Code.DELIVERY_FILES_AWAITED, now, policy.files_poll)
    return replace(delivery, state=State.CHECKING, read_at=None, checked_at=None)


def _merged(delivery: Delivery, files: tuple[File, ...]) -> Delivery:
    known = {file.transfer_id: file for file in files}
    merged = tuple(known.get(file.transfer_id, file) for file in delivery.files)
    items = [file.item_id for file in merged if file.item_id is not None]
    return replace(delivery, files=merged, item_id=delivery.item_id or (items[0] if items else None))


def _named(files: tuple[File, ...] | list[File]) -> str:
    return ", ".join(repr(file.blob) for file in files)


def item_read(delivery: Delivery, event: ItemRead, now: datetime, _policy: DeliveryPolicy) -> Delivery:
    """The item before the act: it must be there, unsent, and not deleted."""
    item = event.item
    delivery = holding.progressed(delivery)
    if delivery.plan.kind is ItemKind.EVENT:
        if item.marked:
            return (
                ending.over(delivery, State.UPDATED, now) if delivery.acts else ending.already_sent(delivery, item, now)
            )
        return replace(delivery, read_at=now, searches=0, subject=item.subject)
    if not item.is_draft:
        return ending.sent(delivery, now, item) if delivery.acts else ending.already_sent(delivery, item, now)
    if item.folder_id == delivery.deleted_folder:
        detail = f"The draft lies in Deleted Items of {delivery.plan.mailbox}."
        return ending.blocked(delivery, Code.DRAFT_GONE, detail, now)
    return replace(
        delivery,
        read_at=now,
        searches=0,
        marked=item.marked,
        internet_message_id=item.internet_message_id or delivery.internet_message_id,
        conversation_id=item.conversation_id or delivery.conversation_id,
    )


def marked(delivery: Delivery, _event: ItemMarked, _now: datetime, _policy: DeliveryPolicy) -> Delivery:
    """It will be found again, wherever it goes."""
    return holding.progressed(replace(delivery, marked=True))


def missing(delivery: Delivery, _event: ItemMissing, now: datetime, policy: DeliveryPolicy) -> Delivery:
    """The item does not answer to its id: it was moved, deleted, sent, or is too new. Its mark tells which."""
    if delivery.marked and delivery.plan.kind is ItemKind.MESSAGE:
        return replace(delivery, state=State.LOCATING)
    return holding.search_again(delivery, now, policy.look_delays) or _gone(delivery, now)


def located(delivery: Delivery, event: MarkedFound, now: datetime, policy: DeliveryPolicy) -> Delivery:
    """Where the item went."""
    delivery = holding.progressed(delivery)
    gone = [one for one in event.items if not one.is_draft]
    if gone:
        return ending.sent(delivery, now, gone[0]) if delivery.acts else ending.already_sent(delivery, gone[0], now)
    drafts = living(delivery, event.items)
    if len(drafts) > 1:
        detail = f"{len(drafts)} drafts in {delivery.plan.mailbox} carry the mark of one."
        return ending.blocked(delivery, Code.DRAFT_AMBIGUOUS, detail, now)
    again = holding.search_again(delivery, now, policy.search_delays)
    if again is None:
        return _gone(delivery, now)
    if not drafts:
        return again
    return replace(again, state=State.CHECKING, item_id=drafts[0].id, read_at=None, checked_at=None)


def not_located(delivery: Delivery, _event: ItemMissing, now: datetime, policy: DeliveryPolicy) -> Delivery:
    """The search itself answers 404: one more look that shows nothing."""
    return holding.search_again(delivery, now, policy.search_delays) or _gone(delivery, now)


def _gone(delivery: Delivery, now: datetime) -> Delivery:
    what = "event" if delivery.plan.kind is ItemKind.EVENT else "draft"
    detail = f"The {what} is not in {delivery.plan.mailbox} any more: somebody deleted it, moved it away, or sent it."
    return ending.blocked(delivery, Code.DRAFT_GONE, detail, now)


def unshown(files: tuple[File, ...], listed: tuple[Listed, ...]) -> list[File]:
    """The files that the item does not show: by their ids, and by name where an id is not there, each one once.

    An attachment's id holds the item's, so that it may change when the item moves.
    """
    by_id = {one.id: one for one in listed}
    left = Counter(one.name for one in listed)
    rest = []
    for file in files:
        seen = by_id.get(file.attachment_id or "")
        if seen is None:
            rest.append(file)
        else:
            left[seen.name] -= 1
    lacking = []
    for file in rest:
        if left[file.name] > 0:
            left[file.name] -= 1
        else:
            lacking.append(file)
    return lacking


def listed(delivery: Delivery, event: AttachmentsListed, now: datetime, policy: DeliveryPolicy) -> Delivery:
    """The item shows every file, or it is looked at again, because a list may lag, or somebody took one off."""
    delivery = holding.progressed(delivery)
    lacking = unshown(delivery.counted, event.attachments)
    if not lacking:
        return replace(delivery, checked_at=now, looks=0)
    again = holding.look_again(delivery, now, policy.look_delays)
    if again is not None:
        return again
    detail = f"{_named(lacking)} was attached, and the item does not show it any more: somebody took it off."
    return ending.blocked(delivery, Code.DELIVERY_FILE_MISSING, detail, now)
