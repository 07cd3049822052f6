"""list, show, watch: nothing changes."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .azure import NotYetError, say, say_aside
from .transfer_selection import DONE, GAVE_UP, NONE_FOUND, NOT_ALL, UNFINISHED, asked, found, path_of
from .transfer_tables import HEAD, now, print_table, print_transfer, printable, row, rows

if TYPE_CHECKING:
    from .azure import Pace
    from .probe import AppApi
    from .transfer_selection import Selection


def listed(api: AppApi, wanted: Selection, *, as_json: bool) -> int:
    """Print them. An empty list is an answer, too."""
    transfers = list(found(api, wanted))
    if as_json:
        say(json.dumps({"transfers": transfers}, indent=2))
    elif transfers:
        print_table(HEAD, rows(transfers, now()))
    else:
        say("None.")
    return DONE


def shown(api: AppApi, wanted: Selection, *, as_json: bool) -> int:
    """Print everything about one."""
    (transfer,) = found(api, wanted)
    if as_json:
        say(json.dumps(transfer, indent=2))
    else:
        print_transfer(transfer)
    return DONE


def watched(api: AppApi, wanted: Selection, pace: Pace, *, as_json: bool) -> int:
    """Print a line whenever one of them changes, until all have ended. Without words: all that are unfinished now."""
    last = {one["id"]: one for one in _chosen(api, wanted)}
    if not last:
        say_aside("None.")
        return NONE_FOUND
    for transfer in last.values():
        _print_change(transfer, as_json=as_json)
    began = time.monotonic()
    while unfinished := [one for one in last.values() if one["state"] in UNFINISHED]:
        if time.monotonic() - began + pace.between > pace.patience:
            say_aside(f"Gave up watching: {len(unfinished)} unfinished.")
            return GAVE_UP
        time.sleep(pace.between)
        for before in unfinished:
            try:
                transfer = asked(api.get(path_of(before["id"])))
            except NotYetError as error:  # the app starts over, or the line is bad: the next look asks again
                say_aside(f"  {error}")
                break
            if _told(transfer) != _told(before):
                _print_change(transfer, as_json=as_json)
            last[transfer["id"]] = transfer
    return DONE if all(one["state"] == "attached" for one in last.values()) else NOT_ALL


def _chosen(api: AppApi, wanted: Selection) -> list[dict[str, Any]]:
    if wanted.ids or wanted.filters:
        return list(found(api, wanted))
    return [one for state in UNFINISHED for one in found(api, replace(wanted, filters={"state": state}))]


def _told(transfer: dict[str, Any]) -> tuple[Any, ...]:
    """What a change is: not a later time alone."""
    cells = row(transfer, now())
    return (cells[0], *cells[2:])


def _print_change(transfer: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        say(json.dumps(transfer))
        return
    state, _, percent, code, mailbox, blob, transfer_id = row(transfer, now())
    words = (state.ljust(9), percent.rjust(4), code, mailbox, printable(blob), transfer_id)
    say(f"{now():%H:%M:%S}  {'  '.join(words)}")
