"""All tenants at once: how each of them is, and `up` for one after the other."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from .azure import DeployError, say
from .deployment import deployed, load, signed_in
from .probe import AppApi
from .transfer_selection import LARGEST_PAGE, UNFINISHED, asked
from .transfer_tables import age, now, print_table
from .transfers import since

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from .azure import Pace

HEAD = ("TENANT", "VERSION", "HEALTHY", "FAILED 24H", "OLDEST UNFINISHED", "")

_CONFIG = "AZURE_CONFIG_DIR"

_MOST_PAGES = 10
"""Two thousand transfers of one state; beyond them a number gets a plus."""


@dataclass(frozen=True, slots=True)
class Status:
    """How one tenant's deployment is. None: not known.

    Attributes:
        tenant: its name.
        version: of the package that runs there.
        is_healthy: what the app says of itself.
        failed: failures of the last 24 hours that nobody has dealt with.
        is_more: there are more of them than were counted.
        oldest: when the oldest unfinished transfer was made; None where nothing is unfinished.
        trouble: why it is not healthy, or could not be asked.
    """

    tenant: str
    version: str | None = None
    is_healthy: bool | None = None
    failed: int | None = None
    is_more: bool = False
    oldest: str | None = None
    trouble: str = ""

    @property
    def line(self) -> tuple[str, ...]:
        """Its cells, in the order of HEAD."""
        healthy = {True: "yes", False: "NO", None: "?"}[self.is_healthy]
        failed = "?" if self.failed is None else f"{self.failed}{'+' if self.is_more else ''}"
        oldest = "?" if self.failed is None else "-" if self.oldest is None else age(self.oldest, now())
        return (self.tenant, self.version or "?", healthy, failed, oldest, self.trouble)


def status(names: Sequence[str], pace: Pace, app_root: str | None = None, *, as_json: bool) -> int:
    """Print a table of them; the exit code: 1 where one is not healthy, or could not be asked."""
    found = [_status(name, pace, app_root) for name in names]
    if as_json:
        say(json.dumps([asdict(one) for one in found], indent=2))
    elif found:
        print_table(HEAD, [one.line for one in found])
    else:
        say("There are no tenants yet.")
    return 0 if all(one.is_healthy for one in found) else 1


def up_all(names: Sequence[str], up: Callable[[str], int]) -> int:
    """`up` for each, one after the other; it stops at the first that fails, and says which were not reached."""
    for at, name in enumerate(names):
        say(f"=== {name} ({at + 1} of {len(names)})")
        try:
            with account_of(name):
                code = up(name)
        except DeployError as error:
            raise DeployError(f"{name}: {error}\n\n{_left(names, at)}") from error
        if code:
            say(_left(names, at))
            return code
    say(f"All {len(names)} tenants are up.")
    return 0


def _left(names: Sequence[str], at: int) -> str:
    left = ", ".join(names[at + 1 :])
    return f"Stopped at {names[at]}, which did not get through. Not touched: {left or 'none, it was the last'}."


@contextmanager
def account_of(name: str) -> Iterator[None]:
    """The tenant's own sign-in, `~/.azure-NAME`, for what runs within; whatever is in force where there is none."""
    folder = Path.home() / f".azure-{name}"
    before = os.environ.get(_CONFIG)
    if folder.is_dir():
        os.environ[_CONFIG] = str(folder)
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(_CONFIG, None)
        else:
            os.environ[_CONFIG] = before


def _status(name: str, pace: Pace, app_root: str | None) -> Status:
    try:
        with account_of(name):
            tenant = load(name)
            azure = tenant.azure(pace)
            signed_in(azure, tenant, only_reads=True)
            api = AppApi.of(deployed(azure, tenant), app_root)
        return _asked(name, api)
    except DeployError as error:
        return Status(name, trouble=" ".join(str(error).split()))


def _asked(name: str, api: AppApi) -> Status:
    code, health = api.get("health/details")
    if "status" not in health:
        raise DeployError(f"the app answers HTTP {code}")
    checks = health.get("checks", {})
    down = [f"{check}: {one['detail']}" for check, one in checks.items() if one["status"] != "up"]
    version, is_healthy = health.get("version"), code == HTTPStatus.OK
    try:
        failed, is_more = _failed(api)
        oldest = _oldest(api)
    except DeployError as error:  # it says how it is, and cannot list: its storage is down
        return Status(name, version, is_healthy, trouble="; ".join([*down, " ".join(str(error).split())]))
    return Status(name, version, is_healthy, failed, is_more, oldest, "; ".join(down))


def _failed(api: AppApi) -> tuple[int, bool]:
    count, more = 0, False
    for page in _pages(api, state="failed", since=since("24h", now())):
        count, more = count + len(page["transfers"]), page["continuation"] is not None
    return count, more


def _oldest(api: AppApi) -> str | None:
    """When the oldest one that is not over was made: the last of a listing, which begins with the newest."""
    made = [one["createdAt"] for state in UNFINISHED for page in _pages(api, state=state) for one in page["transfers"]]
    return min(made, default=None)


def _pages(api: AppApi, **query: str) -> Iterator[dict[str, Any]]:
    query |= {"limit": str(LARGEST_PAGE)}
    for _ in range(_MOST_PAGES):
        page = asked(api.get(f"transfers?{urlencode(query)}"))
        yield page
        if page["continuation"] is None:
            return
        query["continuation"] = page["continuation"]
