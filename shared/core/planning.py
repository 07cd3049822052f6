"""The birth of a transfer, its id and its second chance; and the refusals that need no request at all."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import datetime

from shared.core import ending
from shared.core.errors import Code
from shared.core.events import RetryRequested
from shared.core.identifiers import TransferId, mailbox_key
from shared.core.model import (
    LOOKUPS,
    Answered,
    Attachment,
    Failure,
    Plan,
    Route,
    Source,
    State,
    Target,
    Transfer,
)
from shared.core.policy import LARGEST_ATTACHMENT, Policy

_NEWEST_FIRST = 0xFFFFFFFF
"""Ids begin with this less the blob's Last-Modified in epoch seconds, so that a listing by name is newest first.
It lasts until 2106."""


def transfer_id(source: Source, target: Target | None, name: str | None) -> TransferId:
    """32 hex digits that name one version of one blob on its way to one item under one name.

    The same event delivered again makes the same id, and so finds the transfer it already made. The first 8 digits sort
    newest first by the blob's Last-Modified; the other 24 are the head of a SHA-256.
    """
    key = [source.container, source.blob, source.etag]
    if target is not None:
        key += [mailbox_key(target.mailbox), target.key.value, target.value]
    if name is not None:
        key.append(name)
    digest = hashlib.sha256(json.dumps(key, ensure_ascii=False).encode(errors="surrogatepass")).hexdigest()
    return TransferId(f"{age_mark(source.modified_at)}{digest[:24]}")


def age_mark(at: datetime) -> str:
    """The first 8 digits of the id of a file that was written then: the older, the greater."""
    return f"{_NEWEST_FIRST - int(at.timestamp()):08x}"


def accept(
    source: Source,
    target: Target,
    attachment: Attachment,
    route: Route,
    now: datetime,
    *,
    from_request: bool = False,
) -> Transfer:
    """A new transfer, ready to run; or one that is over at once, where its size cannot work."""
    plan = Plan(source, target, attachment, now, from_request=from_request)
    transfer = Transfer(
        id=transfer_id(source, target, attachment.name),
        plan=plan,
        route=route,
        item_id=target.item_id,
        updated_at=now,
    )
    failure = _impossible_size(source)
    return transfer if failure is None else ending.failed(transfer, failure, now)


def refuse(source: Source, failure: Failure, now: datetime, given: tuple[tuple[str, str], ...] = ()) -> Transfer:
    """A file whose metadata names no usable target: a failed transfer that says why, and what was `given`."""
    plan = Plan(source, None, None, now, given)
    transfer = Transfer(id=transfer_id(source, None, None), plan=plan, route=Route.SESSION, updated_at=now)
    return ending.failed(transfer, failure, now)


def can_be_retried(transfer: Transfer) -> bool:
    """True where trying the same file and target again could end otherwise: not where intake refused them."""
    can_look = transfer.announced_at is None or transfer.item_id is not None  # only a forged checkpoint cannot
    return may_be_retried(transfer) and transfer.plan.target is not None and can_look


def may_be_retried(transfer: Transfer) -> bool:
    """True where a person may have it tried again: the file's metadata are read anew where they are others by now."""
    is_superseded = transfer.acknowledged is not None and transfer.acknowledged.successor is not None
    is_possible = _impossible_size(transfer.plan.source) is None
    return transfer.state in {State.FAILED, State.CANCELLED} and is_possible and not is_superseded


def retried(transfer: Transfer, _event: RetryRequested, _now: datetime, _policy: Policy) -> Transfer:
    """A failed or cancelled transfer, to be tried again from what is durable.

    A commit that is in doubt stays in doubt, and what was attached before it stays noted: so a retry looks first. Where
    nobody could delete the session (`ending.stopped`) a look may find the attachment at once; that it shows nothing
    proves nothing before the session is dead. Where nothing is in doubt nothing is ours, and what is attached is noted
    afresh.
    """
    doubtful = transfer.announced_at is not None
    return replace(
        transfer,
        retries=transfer.retries + 1,
        state=State.LOOKING if doubtful else State.PLANNED,
        item_id=None if transfer.plan.target and transfer.target.key in LOOKUPS and not doubtful else transfer.item_id,
        before=transfer.before if doubtful else None,
        sought=False,
        ids_changed=False,
        session=None,
        answered=Answered() if doubtful and transfer.answered is not None else None,
        fences=0,
        looks=0,
        early_looks=0,
        suspects=(),
        namesakes=(),
        strangers=0,
        verdict=None,
        cancel_requested=False,
        not_before=None,
        may_land_until=transfer.not_before or transfer.may_land_until if doubtful else None,
        waiting_for=None,
        refusals=None,
        outage=None,
        missing_since=None,
        tries=0,
        session_tries=0,
        transfer_tries=0,
        throttles=0,
        sessions=0,
        runs=0,
        routes_refused=0,
        bytes_confirmed=0,
        failure=None,
        finished_at=None,
        acknowledged=None,
    )


def _impossible_size(source: Source) -> Failure | None:
    if source.size == 0:
        return Failure(Code.SOURCE_EMPTY, f"{source.blob!r} has 0 bytes.")
    if source.size > LARGEST_ATTACHMENT:
        return Failure(
            Code.SOURCE_TOO_LARGE,
            f"{source.blob!r} has {source.size} bytes; an attachment may have at most {LARGEST_ATTACHMENT}.",
        )
    return None
