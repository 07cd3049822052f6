"""An operation on many transfers as its report shows it."""

from __future__ import annotations

from collections import Counter
from typing import Any

from shared.core.errors import CATALOGUE
from shared.storage.operations import Operation, Outcome, Row
from shared.storage.places import Wanted
from shared.views import ROUTE_PREFIX, instant, under


def report(operation: Operation, prefix: str = ROUTE_PREFIX) -> dict[str, Any]:
    """The report as JSON-ready values: what was asked, how far it is, and a result for each row."""
    counted = Counter(row.outcome for row in operation.rows)
    return {
        "id": operation.id,
        "action": operation.action.value,
        "state": _state(operation),
        "filter": _filter(operation.wanted),
        "limit": operation.limit,
        "hasMore": operation.has_more,
        "counts": {"chosen": len(operation.rows), **{one.value: counted[one] for one in Outcome}},
        "requestedBy": operation.by,
        "createdAt": instant(operation.created_at),
        "updatedAt": instant(operation.updated_at),
        "finishedAt": instant(operation.finished_at),
        "results": [_result(row, prefix) for row in operation.rows],
        "links": {"self": f"{under(prefix)}/operations/{operation.id}"},
    }


def _state(operation: Operation) -> str:
    if operation.finished_at is not None:
        return "finished"
    return "running" if operation.is_chosen else "choosing"


def _filter(wanted: Wanted | None) -> dict[str, str] | None:
    if wanted is None:
        return None
    since = instant(wanted.since)
    facts = {
        "state": wanted.state,
        "mailbox": wanted.mailbox,
        "blob": wanted.blob,
        "code": wanted.code.value if wanted.code is not None else None,
        "since": since,
    }
    return {name: fact for name, fact in facts.items() if fact is not None}


def _result(row: Row, prefix: str) -> dict[str, Any]:
    links = {"transfer": f"{under(prefix)}/transfers/{row.transfer_id}"}
    if row.successor is not None:
        links["successor"] = f"{under(prefix)}/transfers/{row.successor}"
    return {
        "transferId": row.transfer_id,
        "blob": row.blob or None,
        "outcome": row.outcome.value,
        "code": row.code.value if row.code is not None else None,
        "detail": row.detail or None,
        "remedy": CATALOGUE[row.code].remedy if row.code is not None else None,
        "successor": row.successor,
        "links": links,
    }
