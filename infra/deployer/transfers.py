"""`infra/deploy.sh transfers TENANT ...`: what an operator types at night, over the app's own HTTP API."""

from __future__ import annotations

import argparse
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from . import transfer_commands, transfer_reading
from .azure import DeployError, Pace
from .deployment import deployed, load, signed_in
from .probe import AppApi
from .transfer_selection import Selection

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .deployment import Deployed

ACTIONS = ("list", "show", "retry", "cancel", "acknowledge", "watch")

EXIT_CODES = """exit codes:
  0    done: printed; accepted; watch: everything that was watched is attached
  1    it could not be asked: not signed in, no deployment, the app does not answer or refuses the key
  2    the words were not understood, or the app refuses a value
  3    there is no such transfer, or none that the filter matches
  4    some of it was refused; watch: something failed or was cancelled
  5    patience ended before it did
  130  interrupted; nothing is undone by that"""

_AGO = re.compile(r"(?P<count>[1-9][0-9]{0,4})(?P<unit>[mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def main(arguments: Sequence[str]) -> int:
    """Run one command; its exit code, one of EXIT_CODES. `DeployError` where the app cannot be asked at all."""
    chosen = _parser().parse_intermixed_args(arguments)
    wanted = _selection(chosen)
    site = _site(chosen.tenant, Pace(chosen.poll_seconds, chosen.patience_seconds))
    api = AppApi.of(site, chosen.app_root)
    match chosen.action:
        case "list":
            return transfer_reading.listed(api, wanted, as_json=chosen.json)
        case "show":
            return transfer_reading.shown(api, wanted, as_json=chosen.json)
        case "watch":
            return transfer_reading.watched(api, wanted, site.azure.pace, as_json=chosen.json)
        case "acknowledge":
            return transfer_commands.acknowledged(site, api, wanted, chosen.note, as_json=chosen.json)
        case action:
            return transfer_commands.commanded(site, api, action, wanted, is_sure=chosen.yes, as_json=chosen.json)


def _site(name: str, pace: Pace) -> Deployed:
    tenant = load(name)
    azure = tenant.azure(pace)
    signed_in(azure, tenant)
    return deployed(azure, tenant)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="infra/deploy.sh transfers",
        description="Look at a tenant's transfers, and retry or cancel them.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("tenant", help="name of infra/tenants/<tenant>.bicepparam")
    parser.add_argument("action", nargs="?", choices=ACTIONS, default="list", help="list without it")
    parser.add_argument("ids", nargs="*", metavar="ID", help="ids of transfers; show and acknowledge take one")
    which = parser.add_argument_group("which transfers, instead of ids")
    which.add_argument("--state", help="queued, sending, waiting, attached, failed, cancelled, in-doubt, acknowledged")
    which.add_argument("--mailbox", metavar="ADDRESS")
    which.add_argument("--blob", metavar="NAME", help="a file's name; with a slash at its end: a folder's files")
    which.add_argument("--code", help="a code of docs/errors.md")
    which.add_argument("--since", metavar="TIME", help="12h, 3d, or a time such as 2026-03-02T08:00Z")
    which.add_argument("--limit", type=int, default=100, help="at most so many (100)")
    parser.add_argument("--json", action="store_true", help="what the API answers, instead of a table")
    parser.add_argument("--yes", action="store_true", help="retry, cancel with a filter: do not ask")
    parser.add_argument("--note", default="", help="acknowledge: how the failure was dealt with")
    parser.add_argument("--app-root", metavar="URL", help="where the app is reached, if not at its own host")
    parser.add_argument("--poll-seconds", type=float, default=10, help="between two looks (10)")
    parser.add_argument("--patience-seconds", type=float, default=900, help="after which a wait is given up (900)")
    return parser


def _selection(chosen: argparse.Namespace) -> Selection:
    filters = {name: getattr(chosen, name) for name in ("state", "mailbox", "blob", "code", "since")}
    filters = {name: value for name, value in filters.items() if value}
    if "since" in filters:
        filters["since"] = since(filters["since"], datetime.now(UTC))
    ids = tuple(chosen.ids)
    if ids and filters:
        raise UsageError("Ids and a filter together: either says which transfers are meant.")
    if ids and chosen.action == "list":
        raise UsageError("list takes a filter and no ids: show ID.")
    if chosen.action in {"show", "acknowledge"} and len(ids) != 1:
        raise UsageError(f"{chosen.action} takes the id of one transfer.")
    if chosen.action in {"retry", "cancel"} and not (ids or filters):
        raise UsageError(f"{chosen.action} takes ids, or a filter such as --state failed --since 12h.")
    if chosen.action == "acknowledge" and not chosen.note.strip():
        raise UsageError("acknowledge needs --note: how the failure was dealt with.")
    if chosen.limit < 1:
        raise UsageError("--limit is at least 1.")
    return Selection(ids, filters, chosen.limit)


class UsageError(DeployError):
    """The words were not understood."""

    code = 2


def since(text: str, now: datetime) -> str:
    """An instant as the API takes it; `12h` is twelve hours before `now`. Anything else is left to the API to judge."""
    ago = _AGO.fullmatch(text)
    if ago is None:
        return text
    at = now - timedelta(**{_UNITS[ago["unit"]]: int(ago["count"])})
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")
