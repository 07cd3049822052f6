"""Finding the draft, or making it, exactly one: Graph has no key that makes a POST idempotent, and searches lag.

A draft too many harms nobody as long as nothing is attached to it, so before anything is, the younger ones go.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from shared.core.codes import Code
from shared.core.delivery import ending, holding
from shared.core.delivery.events import (
    ActAborted,
    Composed,
    ComposePrepared,
    DeletedItemsKnown,
    DraftDeleted,
    FilesJoined,
    FilesNoted,
    ItemMissing,
    MarkedFound,
    NotDone,
    Refused,
    RunStarted,
    Unsure,
)
from shared.core.delivery.model import Delivery, File, MarkedItem, State
from shared.core.delivery.policy import DeliveryPolicy
from shared.core.model import Failure

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


def run_started(delivery: Delivery, _event: RunStarted, now: datetime, policy: DeliveryPolicy) -> Delivery:
    """An earlier run's POST may have been carried out: the draft is looked for again, with patience."""
    delivery = replace(delivery, runs=delivery.runs + 1)
    if delivery.state is State.COMPOSING and delivery.composed_at is not None:
        return _look_after_post(delivery, now, policy)
    return delivery


def with_files(delivery: Delivery, files: tuple[File, ...]) -> Delivery:
    """With these files; one that came again stands at the end."""
    again = {file.transfer_id for file in files}
    return replace(delivery, files=(*(one for one in delivery.files if one.transfer_id not in again), *files))


def files_joined(delivery: Delivery, event: FilesJoined, _now: datetime, _policy: DeliveryPolicy) -> Delivery:
    """More files; a wait for files is over, and whatever was seen of the item is looked at anew."""
    joined = with_files(delivery, event.files)
    if delivery.state in {State.CHECKING, State.LOCATING}:
        joined = replace(joined, state=State.COLLECTING, read_at=None, checked_at=None, looks=0, searches=0)
    if delivery.state in {State.COLLECTING, State.CHECKING, State.LOCATING, State.BLOCKED}:
        joined = replace(joined, not_before=None)
    return joined


def files_noted(delivery: Delivery, event: FilesNoted, _now: datetime, _policy: DeliveryPolicy) -> Delivery:
    """The record has them."""
    known = {one.transfer_id for one in delivery.files}
    return with_files(delivery, tuple(one for one in event.files if one.transfer_id not in known))


def deleted_items_known(
    delivery: Delivery, event: DeletedItemsKnown, _now: datetime, _policy: DeliveryPolicy
) -> Delivery:
    """From now on a deleted draft is told from a living one."""
    return holding.progressed(replace(delivery, deleted_folder=event.folder_id))


def living(delivery: Delivery, items: tuple[MarkedItem, ...]) -> list[MarkedItem]:
    """The drafts among them that nobody has deleted, the oldest first."""
    found = [one for one in items if one.is_draft and one.folder_id != delivery.deleted_folder]
    return sorted(found, key=lambda one: (one.created_at or _LONG_AGO, one.id))


def found(delivery: Delivery, event: MarkedFound, now: datetime, policy: DeliveryPolicy) -> Delivery:
    """What carries the name now: nothing, the draft, several, or a message that was sent."""
    delivery = holding.progressed(delivery)
    gone = [one for one in event.items if not one.is_draft]
    if gone:
        return ending.already_sent(delivery, gone[0], now)
    drafts = living(delivery, event.items)
    if len(drafts) < max(1, delivery.composes):  # another POST's draft may not be found yet
        again = holding.look_again(delivery, now, policy.search_delays) if delivery.composes else None
        if again is not None:
            return again
    if not drafts:
        return _compose(delivery, now, policy)
    if len(drafts) > 1 and (not delivery.composes or any(one.has_attachments for one in drafts)):
        detail = f"{len(drafts)} drafts in {delivery.plan.mailbox} are named {delivery.plan.draft_name!r}."
        return ending.blocked(delivery, Code.DRAFT_AMBIGUOUS, detail, now)
    kept = replace(
        delivery,
        state=State.COLLECTING,
        looks=0,
        item_id=drafts[0].id,
        marked=True,
        made=delivery.made or delivery.composes > 0,
    )
    surplus = tuple(one.id for one in drafts[1:])
    return replace(kept, state=State.PRUNING, surplus=surplus) if surplus else kept


def not_found(delivery: Delivery, event: ItemMissing, now: datetime, policy: DeliveryPolicy) -> Delivery:
    """A search or a folder that answers 404: nobody documents it, so it is tried again like any refusal."""
    return holding.hold(delivery, NotDone(Code.GRAPH_REFUSED, graph=event.graph), now, policy)


def _compose(delivery: Delivery, now: datetime, policy: DeliveryPolicy) -> Delivery:
    if delivery.composes >= policy.composes:
        detail = f"The draft {delivery.plan.draft_name!r} was asked for {delivery.composes} times and never found."
        return ending.fail(delivery, Failure(Code.GRAPH_UNAVAILABLE, detail), now, policy)
    return replace(delivery, state=State.COMPOSING, composed_at=None, looks=0)


def prepared(delivery: Delivery, _event: ComposePrepared, now: datetime, _policy: DeliveryPolicy) -> Delivery:
    """From here on a POST may be carried out."""
    return replace(delivery, composed_at=now, composes=delivery.composes + 1)


def composed(delivery: Delivery, event: Composed, _now: datetime, _policy: DeliveryPolicy) -> Delivery:
    """The draft is made. Where an earlier POST may have made one too, all of them are looked for first."""
    item = event.item
    made = replace(
        holding.progressed(delivery),
        made=True,
        internet_message_id=item.internet_message_id,
        conversation_id=item.conversation_id,
    )
    if delivery.composes > 1:
        return replace(made, state=State.FINDING, looks=0)
    return replace(made, state=State.COLLECTING, item_id=item.id, marked=True, looks=0)


def unsure(
    delivery: Delivery, event: Unsure | NotDone | ItemMissing, now: datetime, policy: DeliveryPolicy
) -> Delivery:
    """A POST without a 201 may have made the draft all the same, unless it never left."""
    if isinstance(event, NotDone) and event.graph is None:
        return holding.hold(_not_posted(delivery), event, now, policy)
    return _look_after_post(delivery, now, policy)


def aborted(delivery: Delivery, _event: ActAborted, _now: datetime, _policy: DeliveryPolicy) -> Delivery:
    """The POST was not sent in time: it is announced afresh."""
    return _not_posted(delivery)


def _not_posted(delivery: Delivery) -> Delivery:
    return replace(delivery, composed_at=None, composes=delivery.composes - 1)


def refused(delivery: Delivery, event: Refused, now: datetime, policy: DeliveryPolicy) -> Delivery:
    """Graph will not make this draft. Whatever it made nevertheless has nothing attached, and is not sent."""
    return ending.fail(_not_posted(delivery), event.failure, now, policy)


def _look_after_post(delivery: Delivery, now: datetime, policy: DeliveryPolicy) -> Delivery:
    looking = replace(delivery, state=State.FINDING, looks=0)
    return holding.look_again(looking, now, policy.search_delays) or looking


def pruned(delivery: Delivery, _event: DraftDeleted | ItemMissing, _now: datetime, _policy: DeliveryPolicy) -> Delivery:
    """The younger draft is gone."""
    rest = delivery.surplus[1:]
    after = holding.progressed(replace(delivery, surplus=rest))
    return after if rest else replace(after, state=State.COLLECTING)
