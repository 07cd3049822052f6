"""The one act, /send or the PATCH that mails the attendees: announced durably before, settled by evidence after."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from shared.core.codes import Code
from shared.core.delivery import composing, ending, holding
from shared.core.delivery.events import (
    ActAborted,
    ActPrepared,
    AttendeesTold,
    CancelRequested,
    FilesJoined,
    ItemMissing,
    ItemRead,
    MarkedFound,
    NotDone,
    Refused,
    RunStarted,
    Submitted,
    Unsure,
)
from shared.core.delivery.model import Delivery, MarkedItem, State
from shared.core.delivery.policy import DeliveryPolicy
from shared.core.errors import CATALOGUE
from shared.core.events import RefusedBy
from shared.core.model import Failure, ItemKind

SAYS_NOTHING = frozenset({Code.GRAPH_THROTTLED, Code.GRAPH_CONFLICT, Code.GRAPH_UNAVAILABLE})
"""Answers that have come after the effect; every other refusal is taken for a plain no, once the looks agree."""


def prepared(delivery: Delivery, _event: ActPrepared, now: datetime, _policy: DeliveryPolicy) -> Delivery:
    """From here on the act may be carried out."""
    state = State.UPDATING if delivery.plan.kind is ItemKind.EVENT else State.SUBMITTING
    return replace(delivery, state=state, acted_at=now, acts=delivery.acts + 1, refused=None, not_found=False, looks=0)


def aborted(delivery: Delivery, _event: ActAborted, _now: datetime, _policy: DeliveryPolicy) -> Delivery:
    """Surely not begun: the item is looked at anew before the next announcement."""
    return _not_begun(delivery)


def cancelled(delivery: Delivery, event: CancelRequested, now: datetime, policy: DeliveryPolicy) -> Delivery:
    """A person asked for the end before this run began what it announced: it is not begun."""
    return ending.cancel(_not_begun(delivery), event, now, policy)


def files_joined(delivery: Delivery, event: FilesJoined, now: datetime, policy: DeliveryPolicy) -> Delivery:
    """A file came before this run began what it announced: it is not begun, and the files are counted again."""
    return composing.files_joined(_not_begun(delivery), event, now, policy)


def _not_begun(delivery: Delivery) -> Delivery:
    acts = delivery.acts - 1
    return replace(
        delivery,
        state=State.CHECKING,
        acts=acts,
        acted_at=delivery.acted_at if acts else None,
        read_at=None,
        checked_at=None,
    )


def submitted(delivery: Delivery, _event: Submitted, now: datetime, _policy: DeliveryPolicy) -> Delivery:
    """202 is final, whatever else it says: obeying its Retry-After has doubled mails (msgraph-sdk-java 1487)."""
    return ending.sent(replace(delivery, sent_at=now), now)


def told(delivery: Delivery, _event: AttendeesTold, now: datetime, _policy: DeliveryPolicy) -> Delivery:
    """The event was changed: Exchange mails the attendees."""
    return ending.over(delivery, State.UPDATED, now)


def unsure(
    delivery: Delivery, event: Unsure | NotDone | ItemMissing, now: datetime, policy: DeliveryPolicy
) -> Delivery:
    """No 202: the looks decide. Only a request that never left was surely not carried out."""
    if isinstance(event, NotDone) and event.graph is None:
        return holding.hold(_not_begun(delivery), event, now, policy)
    if isinstance(event, NotDone) and event.code not in SAYS_NOTHING:
        said = f"Graph answered {event.graph.status} {event.graph.code or 'without a code'}." if event.graph else ""
        delivery = replace(delivery, refused=Failure(_of_sending(delivery, event.code), said, event.graph))
    return _settling(delivery, now, policy)


def refused(delivery: Delivery, event: Refused, now: datetime, policy: DeliveryPolicy) -> Delivery:
    """A plain no. It is believed once the item still looks as it did."""
    if event.by is not RefusedBy.GRAPH:
        return ending.fail(_not_begun(delivery), event.failure, now, policy)
    failure = replace(event.failure, code=_of_sending(delivery, event.failure.code))
    return _settling(replace(delivery, refused=failure), now, policy)


def _of_sending(delivery: Delivery, code: Code) -> Code:
    is_message = delivery.plan.kind is ItemKind.MESSAGE
    return Code.SEND_DENIED if is_message and code is Code.ACCESS_DENIED else code


def run_started(delivery: Delivery, _event: RunStarted, now: datetime, policy: DeliveryPolicy) -> Delivery:
    """An earlier run announced the act: whether it was carried out is found out before anything else."""
    delivery = replace(delivery, runs=delivery.runs + 1)
    return _settling(delivery, now, policy) if delivery.state in {State.SUBMITTING, State.UPDATING} else delivery


def _settling(delivery: Delivery, now: datetime, policy: DeliveryPolicy) -> Delivery:
    state = State.VERIFYING if delivery.plan.kind is ItemKind.EVENT else State.SETTLING
    looking = replace(holding.progressed(delivery), state=state, looks=0, not_found=False)
    return holding.waiting(looking, Code.EVIDENCE_PENDING, now, policy.settle_delays[0])


def evidence(delivery: Delivery, event: MarkedFound, now: datetime, policy: DeliveryPolicy) -> Delivery:
    """What the whole mailbox shows with the mark. A sent message, and no draft of ours beside it, was sent."""
    delivery = holding.progressed(delivery)
    gone = [one for one in event.items if not one.is_draft]
    drafts = [one for one in event.items if one.is_draft]
    if gone and all(one.id != delivery.item_id for one in drafts):
        return ending.sent(delivery, now, gone[0])
    if not drafts:
        return replace(delivery, not_found=True)  # no proof: searches lag. It is read by its id next
    return _still(delivery, _seen(delivery, drafts), now, policy)


def _seen(delivery: Delivery, drafts: list[MarkedItem]) -> str:
    is_deleted = all(one.folder_id == delivery.deleted_folder for one in drafts)
    return "It lies in Deleted Items, as a draft." if is_deleted else "It still looks like a draft."


def read(delivery: Delivery, event: ItemRead, now: datetime, policy: DeliveryPolicy) -> Delivery:
    """The item by its id: one that is no draft any more was sent; an event with the mark was changed by us."""
    delivery = holding.progressed(replace(delivery, not_found=False))
    item = event.item
    if delivery.plan.kind is ItemKind.EVENT:
        if item.marked:
            return ending.over(delivery, State.UPDATED, now)
        return _still(delivery, "The event does not carry the mark of the change.", now, policy)
    if not item.is_draft:
        return ending.sent(delivery, now, item)
    return _still(delivery, _seen(delivery, [item]), now, policy)


def not_read(delivery: Delivery, event: ItemMissing | Refused, now: datetime, policy: DeliveryPolicy) -> Delivery:
    """Neither found nor read: it may have been sent and moved, or deleted. A 404 proves nothing."""
    if isinstance(event, Refused) and not delivery.not_found and delivery.state is State.SETTLING:
        return replace(delivery, not_found=True)
    missing = replace(delivery, not_found=False)
    return _still(missing, "Neither the draft nor a sent message was found.", now, policy, is_there=False)


def _still(delivery: Delivery, seen: str, now: datetime, policy: DeliveryPolicy, *, is_there: bool = True) -> Delivery:
    """One more look that shows no effect: wait for the next, or decide once patience is over."""
    if delivery.acted_at is None:
        raise ValueError(f"delivery {delivery.id} settles an act that was never announced")
    since = delivery.acted_at
    delivery = replace(delivery, looks=delivery.looks + 1)
    is_event = delivery.plan.kind is ItemKind.EVENT
    patience = policy.refused_for if delivery.refused is not None or is_event else policy.settle_for
    is_over = now >= since + timedelta(seconds=patience) and delivery.looks >= policy.settle_looks
    if not is_over:
        pause = policy.settle_delays[min(delivery.looks, len(policy.settle_delays) - 1)]
        return holding.waiting(delivery, Code.EVIDENCE_PENDING, now, pause)
    if not is_there:
        return ending.in_doubt(delivery, seen, now)
    if delivery.refused is not None:
        return _refusal_believed(delivery, delivery.refused, now, policy)
    may_repeat = is_event or policy.second_send
    if may_repeat and delivery.acts < policy.sends and not delivery.cancel_requested:
        return replace(delivery, state=State.CHECKING, looks=0, read_at=None, checked_at=None)
    return ending.in_doubt(delivery, seen, now)


def _refusal_believed(delivery: Delivery, why: Failure, now: datetime, policy: DeliveryPolicy) -> Delivery:
    """It was refused, and the item looks as it did before: it was not carried out."""
    unacted = replace(delivery, acts=0, acted_at=None, refused=None)
    if delivery.cancel_requested:
        return ending.cancel(unacted, CancelRequested(), now, policy)
    detail = f"{CATALOGUE[why.code].title} {why.detail} It still is a draft: nothing was sent."
    return ending.fail(unacted, replace(why, detail=detail), now, policy)
