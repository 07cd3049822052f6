"""Transfers and reports as the page's template wants them: the API's own form, and a few words more."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from shared.api.report import report
from shared.core.errors import Code
from shared.core.model import Transfer
from shared.core.public_state import PublicState
from shared.storage.operations import Action, Operation, Outcome
from shared.storage.places import ACKNOWLEDGED, IN_DOUBT, UNDER_WAY
from shared.views import instant, view

LABELS = {
    IN_DOUBT: "Needs a look",
    UNDER_WAY: "In progress",
    ACKNOWLEDGED: "Acknowledged",
    **{state.value: state.value.capitalize() for state in PublicState},
}
"""What the states are called on the page, in the counts, the filter and the rows alike."""

_RESULTS = {
    Outcome.PENDING: ("queued", "To do"),
    Outcome.ACCEPTED: ("attached", "Accepted"),
    Outcome.REJECTED: ("in-doubt", "Not possible"),
    Outcome.FAILED: ("failed", "Not readable"),
}
_TITLES = {Action.RETRY: "Trying again", Action.CANCEL: "Cancelling"}


def row(transfer: Transfer, now: datetime) -> dict[str, Any]:
    """One line of a table.

    `mark` is what its state is drawn as: COMMIT_IN_DOUBT has one of its own. `is_live`: the script looks after it.
    """
    shown = view(transfer, now)
    attachment = shown["attachment"]
    is_in_doubt = transfer.failure is not None and transfer.failure.code is Code.COMMIT_IN_DOUBT
    is_open = transfer.acknowledged is None
    mark = ACKNOWLEDGED if transfer.failure is not None and not is_open else IN_DOUBT if is_in_doubt else shown["state"]
    return {
        **shown,
        "name": attachment["name"] if attachment is not None else shown["source"]["blob"],
        "mailbox": transfer.plan.mailbox or "-",
        "mark": mark,
        "shown_state": LABELS[mark],
        "is_live": not transfer.is_over,
    }


def detail(transfer: Transfer, now: datetime) -> dict[str, Any]:
    """One transfer with its history, oldest step first."""
    shown = row(transfer, now)
    target = shown["target"] or {}
    history = [
        {
            "at": instant(step.at),
            "state": step.state.value,
            "action": step.action,
            "outcome": step.outcome,
            "offset": step.offset,
            "code": step.code,
            "request_id": step.request_id,
        }
        for step in transfer.history
    ]
    item_ids = [(name, value) for name, value in target.items() if name != "mailbox"]
    links = {"retry": None, "cancel": None, "acknowledge": None, **shown["links"]}
    return {**shown, "history": history, "item_ids": item_ids, "links": links}


def told(operation: Operation) -> dict[str, Any]:
    """The report of an operation."""
    shown = report(operation)
    counts = shown["counts"]
    marks = [_RESULTS[row.outcome] for row in operation.rows]
    results = [
        {**result, "mark": mark, "label": label} for result, (mark, label) in zip(shown["results"], marks, strict=True)
    ]
    count = "1 transfer" if counts["chosen"] == 1 else f"{counts['chosen']} transfers"
    done = f"{counts['accepted']} accepted, {counts['rejected']} not possible, {counts['failed']} not readable"
    standing = {
        "choosing": f"Choosing: {count} so far.",
        "running": f"{counts['pending']} to do; {done}.",
        "finished": f"Finished: {done}.",
    }
    title = f"{_TITLES[operation.action]}: {count}"
    return {**shown, "results": results, "title": title, "standing": standing[shown["state"]]}
