"""How a transfer ends: attached, failed or cancelled, and never while something of it could still land.

A verdict is reached at once and carried out last: first the session is fenced, then the item is looked at, and only
then the transfer ends. Where the look finds that the commit won the race, the transfer is attached, whatever the
verdict was.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from shared.core.errors import Code
from shared.core.events import (
    Acknowledged,
    CancelNoted,
    CancelRequested,
    Forbidden,
    Refused,
    RefusedBy,
    Stopped,
    Superseded,
)
from shared.core.model import Acknowledgement, Answered, Failure, Route, State, Transfer
from shared.core.policy import Policy


def attached(transfer: Transfer, attachment_id: str | None, now: datetime) -> Transfer:
    """The end that is wanted. `attachment_id` is None where Graph confirmed the commit and never named it."""
    return replace(
        _over(transfer, State.ATTACHED, now),
        attachment_id=attachment_id,
        answered=None,
        bytes_confirmed=transfer.size,
        failure=None,
        verdict=None,
    )


def failed(transfer: Transfer, failure: Failure, now: datetime) -> Transfer:
    """The end that a person has to look at."""
    return replace(_over(transfer, State.FAILED, now), failure=failure)


def cancelled(transfer: Transfer, now: datetime) -> Transfer:
    """The end that a person asked for."""
    return replace(_over(transfer, State.CANCELLED, now), failure=None, verdict=None)


def _over(transfer: Transfer, state: State, now: datetime) -> Transfer:
    """Terminal: the session's URL is a secret and goes; nothing is waited for any more."""
    over = replace(
        transfer,
        state=state,
        session=None,
        commit_unsent=False,
        suspects=(),
        namesakes=(),
        strangers=0,
        not_before=None,
        waiting_for=None,
    )
    return replace(over, finished_at=now)


def is_ending(transfer: Transfer) -> bool:
    """True where the verdict stands and only the fence and the look are left."""
    return transfer.verdict is not None or transfer.cancel_requested


def end(transfer: Transfer, now: datetime) -> Transfer:
    """Carry the verdict out: nothing of the transfer is attached, and nothing can land any more."""
    if transfer.verdict is not None:
        return failed(transfer, transfer.verdict, now)
    return cancelled(transfer, now)


def taken_back(transfer: Transfer) -> Transfer:
    """As if the commit had never been announced, because nothing of it was sent: so nothing is in doubt."""
    sessions = transfer.sessions - 1 if transfer.route is Route.POST else transfer.sessions
    return replace(transfer, announced_at=None, commit_unsent=False, sessions=sessions)


def wind_down(transfer: Transfer, now: datetime) -> Transfer:
    """The next step towards the end: fence the session, else look for a POST that is in doubt, else end."""
    if transfer.session is not None:
        return replace(transfer, state=State.FENCING, suspects=())
    if transfer.announced_at is not None:
        return replace(transfer, state=State.LOOKING, suspects=())
    return end(transfer, now)


def refused(transfer: Transfer, event: Refused, now: datetime, _policy: Policy) -> Transfer:
    """Graph, or the source, said a final no: wind down with that verdict."""
    return wind_down(replace(transfer, verdict=transfer.verdict or event.failure, tries=0), now)


def post_refused(transfer: Transfer, event: Refused, now: datetime, policy: Policy) -> Transfer:
    """Graph answered the commit with a final no: the item is looked at before that is believed.

    The source and the settings refuse before anything leaves: nothing is in doubt where this run announced the commit,
    nor for a POST, whoever did. A final range still has its session.
    """
    if event.by is not RefusedBy.GRAPH and transfer.commit_unsent:
        transfer = taken_back(transfer)
    if transfer.session is not None:
        return refused(transfer, event, now, policy)
    if event.by is not RefusedBy.GRAPH:
        return refused(replace(transfer, announced_at=None), event, now, policy)
    return answered(refused(transfer, event, now, policy))


def answered(transfer: Transfer) -> Transfer:
    """Look for the POST whose answer was not 201: refusals have been seen that came after the effect.

    Reports: creations that were answered with an error and carried out (microsoft-graph-docs-contrib 8120), throttled
    and done all the same. What the answer asks for is done once the looks have shown nothing.
    """
    said = Answered(transfer.tries, transfer.missing_since)
    return replace(transfer, state=State.LOOKING, answered=said, looks=0, tries=0)


def refused_a_look(transfer: Transfer, event: Refused, now: datetime, _policy: Policy) -> Transfer:
    """Graph will not let us look: with a commit in doubt a person has to."""
    if transfer.landed:
        return attached(transfer, None, now)
    if transfer.announced_at is not None:
        return in_doubt(transfer, event.failure, now)
    return end(transfer if is_ending(transfer) else replace(transfer, verdict=event.failure), now)


def in_doubt(transfer: Transfer, why: Failure, now: datetime) -> Transfer:
    """A commit may have landed, and the evidence that would tell is out of reach: never guess."""
    name = transfer.attachment.name
    count = len(transfer.suspects) + len(transfer.namesakes)
    why_not = "have that name and other bytes" if transfer.namesakes else "could not be compared"
    seen = f"{count} new attachment(s) that {why_not}" if count else "nothing new"
    detail = (
        f"The last part of {name!r} was sent and its answer lost. The item showed {seen}; looking further failed: "
        f"{why.detail} Open the item in {transfer.target.mailbox} and look for {name!r}, {transfer.size} bytes."
    )
    return failed(transfer, Failure(Code.COMMIT_IN_DOUBT, detail, why.graph), now)


def forbid(transfer: Transfer, event: Forbidden, now: datetime, _policy: Policy) -> Transfer:
    """The settings forbid it: the same way down. Nothing is written any more; what may have landed is looked for."""
    judged = transfer if is_ending(transfer) else replace(transfer, verdict=event.failure, tries=0)
    if transfer.state in {State.FENCING, State.LOOKING, State.COMPARING}:
        return judged  # a look that was put off stays put off: a list may lag
    return _ended_early(judged, now)


def cancel(transfer: Transfer, _event: CancelRequested, now: datetime, _policy: Policy) -> Transfer:
    """A person asked for the end: the same way down as any other verdict."""
    asked = replace(transfer, cancel_requested=True, tries=0)
    if transfer.state in {State.FENCING, State.LOOKING, State.COMPARING}:
        return asked  # a look that was put off stays put off: a list may lag
    return _ended_early(asked, now)


def cancel_noted(transfer: Transfer, _event: CancelNoted, _now: datetime, _policy: Policy) -> Transfer:
    """A cancel command is written down. What becomes of it is for the run that finds it."""
    return replace(transfer, cancel_requested=True)


def _ended_early(transfer: Transfer, now: datetime) -> Transfer:
    """Where the commit was only announced there is nothing to be looked for."""
    unsent = taken_back(transfer) if transfer.commit_unsent else transfer
    return wind_down(replace(unsent, not_before=None), now)


def stopped(transfer: Transfer, event: Stopped, now: datetime, _policy: Policy) -> Transfer:
    """End a transfer for a fault of ours that no run could get past. It never guesses.

    A commit that Graph confirmed makes it attached; one whose answer is lost ends in COMMIT_IN_DOUBT. When its session
    will have expired is kept as `not_before`, as in version 1.0.0. A person who wished the end has got it.
    """
    if transfer.landed:
        return attached(transfer, None, now)
    if transfer.announced_at is not None:
        return replace(in_doubt(transfer, event.failure, now), not_before=event.alive_until)
    return cancelled(transfer, now) if transfer.cancel_requested else failed(transfer, event.failure, now)


def acknowledge(transfer: Transfer, event: Acknowledged, now: datetime, _policy: Policy) -> Transfer:
    """A person dealt with the failure otherwise. Said again, the last word counts; what took its place stays named."""
    successor = transfer.acknowledged.successor if transfer.acknowledged is not None else None
    return replace(transfer, acknowledged=Acknowledgement(now, event.note, event.by, successor))


def supersede(transfer: Transfer, event: Superseded, now: datetime, _policy: Policy) -> Transfer:
    """A newer version of the file, with its own metadata, is a transfer of its own."""
    note = "The file has other metadata or content now: it is tried as a transfer of its own."
    return replace(transfer, acknowledged=Acknowledgement(now, note, successor=event.successor))
