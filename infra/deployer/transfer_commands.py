"""retry, cancel, acknowledge: what is asked of the app, and what became of each transfer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from .azure import CommandError, DeployError, NotYetError, say, say_aside
from .transfer_selection import DONE, GAVE_UP, NONE_FOUND, NOT_ALL, asked, found, path_of
from .transfer_tables import HEAD, now, print_table, print_transfer, rows

if TYPE_CHECKING:
    from .deployment import Deployed
    from .probe import AppApi
    from .transfer_selection import Selection

MOST_AT_ONCE = 1000
"""Transfers of one operation; shared/storage/operations.py."""

_RESULTS = ("OUTCOME", "CODE", "FILE", "SUCCESSOR", "ID")


def acknowledged(site: Deployed, api: AppApi, wanted: Selection, note: str, *, as_json: bool) -> int:
    """Say of one failure how it was dealt with: it leaves the list of failures."""
    said = {"note": note, **_by(site)}
    transfer = asked(api.post(f"{path_of(wanted.ids[0])}/acknowledge", said))
    _print_one(transfer, as_json=as_json)
    return DONE


def commanded(site: Deployed, api: AppApi, action: str, wanted: Selection, *, is_sure: bool, as_json: bool) -> int:
    """Retry or cancel: one by its id, others as an operation whose report is waited for."""
    if len(wanted.ids) == 1:
        path = path_of(wanted.ids[0])
        answer = api.post(f"{path}/retry", None) if action == "retry" else api.call("DELETE", path)
        _print_one(asked(answer), as_json=as_json)
        return DONE
    if wanted.ids:
        body: dict[str, Any] = {"transfers": list(wanted.ids)}
    else:
        if not is_sure and not _is_meant(api, action, wanted):
            return NONE_FOUND
        body = {"filter": dict(wanted.filters), "limit": min(wanted.limit, MOST_AT_ONCE)}
    operation = asked(api.post(f"transfers/{action}", body | _by(site)))

    def attempt() -> dict[str, Any]:
        report = asked(api.get(f"operations/{operation['id']}"))
        if report["state"] != "finished":
            counts = report["counts"]
            raise NotYetError(f"{counts['chosen'] - counts['pending']} of {counts['chosen']} done")
        return report

    try:
        report = site.azure.patiently(f"operation {operation['id']}", attempt, (), say_aside)
    except DeployError as error:
        if not isinstance(error.__cause__, NotYetError):
            raise
        say_aside(f"{error}\nIt goes on in the app: GET /api/operations/{operation['id']}")
        return GAVE_UP
    return _print_report(report, as_json=as_json)


def _is_meant(api: AppApi, action: str, wanted: Selection) -> bool:
    """Show what the filter matches and have a person say yes. False: it matches nothing."""
    transfers = list(found(api, wanted))
    if not transfers:
        say("None.")
        return False
    print_table(HEAD, rows(transfers, now()))
    try:
        answer = input(f"{action.capitalize()} these {len(transfers)}? Type yes: ")
    except EOFError:
        raise DeployError(f"There is nobody to ask: add --yes. Nothing was {_DID[action]}.") from None
    if answer.strip().lower() != "yes":
        raise DeployError(f"Nothing was {_DID[action]}.")
    return True


_DID = {"retry": "retried", "cancel": "cancelled"}


def _by(site: Deployed) -> dict[str, str]:
    """Who is signed in; the app writes it down. Left out where az does not say."""
    try:
        name = site.azure.ask("account", "show", "--query", "user.name")
    except CommandError:
        return {}
    return {"by": name} if isinstance(name, str) and name else {}


def _print_one(transfer: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        say(json.dumps(transfer, indent=2))
        return
    if supersedes := transfer.get("supersedes"):
        say(f"The file's metadata have changed: a new transfer takes the place of {supersedes}.")
    print_transfer(transfer)


def _print_report(report: dict[str, Any], *, as_json: bool) -> int:
    results = report["results"]
    if as_json:
        say(json.dumps(report, indent=2))
    elif results:
        lines = [
            (one["outcome"], one["code"] or "-", one["blob"] or "-", one["successor"] or "-", one["transferId"])
            for one in results
        ]
        print_table(_RESULTS, lines)
        if report["hasMore"]:
            say("More match than the limit: the same command again takes the next ones.")
    else:
        say("None.")
    if not results:
        return NONE_FOUND
    return DONE if all(one["outcome"] == "accepted" for one in results) else NOT_ALL
