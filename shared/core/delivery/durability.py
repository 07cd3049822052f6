"""What must be durable before what: intent before the act, the outcome before anybody is told.

The save before an act is also where a file that joined meanwhile, and a person's wish, are found: the record has
changed under the run, and the act is not begun.
"""

from __future__ import annotations

from typing import assert_never

from shared.core.actions import ListAttachments
from shared.core.delivery.actions import (
    AbortAct,
    Action,
    Compose,
    CountFiles,
    DeleteDraft,
    FindDeletedItems,
    FindMarked,
    Finish,
    MarkItem,
    PrepareAct,
    PrepareCompose,
    ReadItem,
    Submit,
    TellAttendees,
    Wait,
)
from shared.core.delivery.model import Delivery


def must_save_before(action: Action, delivery: Delivery, saved: Delivery) -> bool:
    """True where `delivery` has to be made durable before `action`; `saved` is what is durable now."""
    match action:
        case Submit() | TellAttendees():
            return (saved.acted_at, saved.acts) != (delivery.acted_at, delivery.acts)
        case Compose():
            return (saved.composed_at, saved.composes) != (delivery.composed_at, delivery.composes)
        case DeleteDraft():
            return (saved.surplus, saved.item_id, saved.state) != (delivery.surplus, delivery.item_id, delivery.state)
        case Finish() | Wait():
            return saved != delivery
        case FindMarked() | FindDeletedItems() | CountFiles() | ReadItem() | ListAttachments() | MarkItem():
            return False
        case PrepareCompose() | PrepareAct() | AbortAct():
            return False
        case _:
            assert_never(action)
