"""Transfers as the page's template wants them: the API's own form, and a few words more."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from shared.core.errors import Code
from shared.core.model import Transfer
from shared.storage.places import IN_DOUBT
from shared.views import instant, view


def row(transfer: Transfer, now: datetime) -> dict[str, Any]:
    """One line of a table.

    `mark` is what its state is drawn as: COMMIT_IN_DOUBT has one of its own. `is_live`: the script looks after it.
    """
    shown = view(transfer, now)
    target, attachment = shown["target"], shown["attachment"]
    is_in_doubt = transfer.failure is not None and transfer.failure.code is Code.COMMIT_IN_DOUBT
    mark = IN_DOUBT if is_in_doubt else shown["state"]
    return {
        **shown,
        "name": attachment["name"] if attachment is not None else shown["source"]["blob"],
        "mailbox": target["mailbox"] if target is not None else "-",
        "mark": mark,
        "shown_state": mark.replace("-", " "),
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
    links = {"retry": None, "cancel": None, **shown["links"]}
    return {**shown, "history": history, "item_ids": item_ids, "links": links}
