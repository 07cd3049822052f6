"""From the first file of an item to its delivery, and whether a further file may still join."""

from __future__ import annotations

from datetime import datetime

from shared.core.codes import Code
from shared.core.delivery.draft import DraftText, contradictions, delivery_id
from shared.core.delivery.model import DELIVERED, UNDER_WAY, Delivery, File, Plan, State
from shared.core.model import Failure, ItemKind, Target


def for_draft(mailbox: str, name: str, text: DraftText, file: File, now: datetime) -> Delivery:
    """The delivery of a draft by name: it is to be found, or made."""
    plan = Plan(mailbox, ItemKind.MESSAGE, now, name, text)
    return Delivery(delivery_id(mailbox, f"draft:{name}"), plan, files=(file,))


def for_item(target: Target, file: File, now: datetime) -> Delivery:
    """The delivery of an item that exists; one that is looked up gets its id from its files."""
    plan = Plan(target.mailbox, target.kind, now)
    identifier = delivery_id(target.mailbox, f"{target.key.value}:{target.item_id or target.value}")
    return Delivery(identifier, plan, State.COLLECTING, files=(file,), item_id=target.item_id)


def sending_refused(file: File, *, sending: bool) -> Failure | None:
    """Why this deployment does not take the file's wish; None where it does, or where the file wishes nothing."""
    if sending or file.wish.on_complete is None:
        return None
    detail = f"{file.blob!r} asks for oncomplete={file.wish.on_complete.value}, and the setting SENDING is off."
    return Failure(Code.SENDING_OFF, detail)


def refusal(delivery: Delivery, file: File, text: DraftText | None) -> Failure | None:
    """Why a further file may not join, before any of it is uploaded; None where it may."""
    if any(one.transfer_id == file.transfer_id for one in delivery.files) and not delivery.is_over:
        return None
    if delivery.state in DELIVERED | UNDER_WAY:
        detail = f"{file.blob!r} came when the message or event in {delivery.plan.mailbox} was already on its way."
        return Failure(Code.ALREADY_SENT, detail)
    if delivery.is_over or delivery.state is State.DISCARDING:
        detail = f"The delivery that {file.blob!r} belongs to is {delivery.state.value}."
        return Failure(Code.DELIVERY_OVER, detail)
    lacking = contradictions(delivery.plan.text, text) if delivery.plan.text and text else ()
    if lacking:
        detail = f"{file.blob!r} asks for another {', '.join(lacking)} than the first file of the draft."
        return Failure(Code.DRAFT_CONTRADICTORY, detail)
    return None
