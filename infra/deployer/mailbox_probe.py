"""A file that goes the way of every file, to learn whether a mailbox is reached.

The small blob that is dropped names a message which does not exist. For a mailbox inside the scope Microsoft Graph
answers that it knows no such message; for one outside, that access is denied. The app waits for either to pass, and its
`waitingFor` tells at once which it is. Either answer shows as well that Event Grid delivers.
"""

from __future__ import annotations

import contextlib
import tempfile
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from .azure import CommandError, DeployError, NotYetError, say

if TYPE_CHECKING:
    from collections.abc import Callable

    from .deployment import Deployed
    from .probe import AppApi

    Verdict = tuple[bool | None, str]
    Judge = Callable[[str, str | None], Verdict | None]

NO_SUCH_MESSAGE = "TARGET_NOT_FOUND"
REFUSED_BY_EXCHANGE = "ACCESS_DENIED"
REFUSED_BY_SETTING = "MAILBOX_NOT_ALLOWED"
"""Codes of the app's error catalogue (shared/core/errors.py) that a probe waits for, or ends in."""

SAYS_NOTHING_YET = frozenset(
    {
        "GRAPH_CONFLICT",
        "GRAPH_THROTTLED",
        "GRAPH_UNAVAILABLE",
        "GRAPH_UNREACHABLE",
        "MAILBOX_ALLOWANCE_USED",
        "MAILBOX_BUSY",
        "SOURCE_UNREADABLE",
    }
)
"""What a probe may wait for before Exchange has been asked."""

FOLDER = "verify/"
"""Under which every probe is dropped, and nothing else."""

_ABANDONED = timedelta(hours=1)
"""The age of a probe that no `verify` looks at any more: two waits of 15 minutes each, and as much again."""

_NO_BLOB = "BlobNotFound"
"""It was never there, or the app has taken it (SOURCE_ON_SUCCESS=delete)."""


def reached(state: str, code: str | None) -> Verdict | None:
    """The verdict where the mailbox should be reached; None while the app has not asked yet."""
    if _was_looked_for(state, code):
        return True, "reached: Microsoft Graph looked, and knows no such message"
    if code == REFUSED_BY_EXCHANGE:
        return False, "access denied. Exchange needs 30 minutes to 2 hours after the runbook; then see docs/deploy.md"
    return _other(state, code)


def refused(state: str, code: str | None) -> Verdict | None:
    """The verdict where the mailbox should be refused; None while the app has not asked yet."""
    if code == REFUSED_BY_EXCHANGE:
        return True, "refused by Exchange"
    if code == REFUSED_BY_SETTING:
        return True, "refused by ALLOWED_MAILBOXES, before Exchange was asked"
    if _was_looked_for(state, code):
        return False, "REACHED, although it must not be: look at the management scope and at Entra roles at once"
    return _other(state, code)


def _was_looked_for(state: str, code: str | None) -> bool:
    """An app that does not say what it waits for yet is an earlier version, and waits for the message."""
    return code == NO_SUCH_MESSAGE or (state == "waiting" and code is None)


def _other(state: str, code: str | None) -> Verdict | None:
    if state in {"queued", "sending"} or (state == "waiting" and code in SAYS_NOTHING_YET):
        return None
    return False, f"the probe {'waits:' if state == 'waiting' else f'ended {state}'} {code or ''}".rstrip()


def send_probe(site: Deployed, api: AppApi, mailbox: str, judge: Judge) -> Verdict:
    """Drop the probe, see what the app makes of it, and take both the transfer and the blob away.

    They are taken away however this ends, and when it is interrupted too, also while the probe is being dropped. What
    could not be taken away is named.
    """
    token = uuid.uuid4().hex
    blob = f"{FOLDER}{token}.txt"
    where = _drop_container(site)

    def attempt() -> Verdict:
        transfer = api.transfer_of(blob)
        verdict = judge(transfer["state"], (transfer["error"] or transfer.get("waitingFor") or {}).get("code"))
        if verdict is None:
            waiting = (transfer.get("waitingFor") or {}).get("title", "")
            raise NotYetError(f"the probe is {transfer['state']}. {waiting}".rstrip(". "))
        return verdict

    try:
        _drop(site, where, blob, mailbox, f"<{token}@verify.invalid>")
        return site.azure.patiently("the probe file", attempt, ())
    finally:
        _take_away(site, api, where, blob)


def take_away_abandoned(site: Deployed) -> None:
    """Delete the probes that an earlier `verify` left because it was killed, or its machine was lost.

    Their transfers end by themselves: without its file a transfer is SOURCE_GONE. What may not be listed or deleted is
    said, and keeps no check from being made.
    """
    where = _drop_container(site)
    listing = ("--prefix", FOLDER, "--auth-mode", "login", "--query", "[].[name, properties.lastModified]")
    try:
        found = site.azure.ask("storage", "blob", "list", *where, *listing)
    except CommandError as error:
        say(f"  could not look for probes of an earlier verify: {error}")
        return
    before = datetime.now(UTC) - _ABANDONED
    for name, written in found if isinstance(found, list) else ():
        if datetime.fromisoformat(written) < before:
            say(f"  taking away {name}, which an earlier verify left")
            _delete(site, where, name)


def _drop_container(site: Deployed) -> tuple[str, ...]:
    known = site.outputs
    return ("--account-name", known.data_storage_name, "--container-name", known.drop_container)


def _take_away(site: Deployed, api: AppApi, where: tuple[str, ...], blob: str) -> None:
    # The app may not answer, or never have taken the probe up: without its file a transfer ends as SOURCE_GONE.
    with contextlib.suppress(DeployError):
        # A waiting transfer is cancelled; one that has ended answers 409.
        api.delete(f"transfers/{api.transfer_of(blob)['id']}")
    _delete(site, where, blob)


def _delete(site: Deployed, where: tuple[str, ...], blob: str) -> None:
    try:
        site.azure.run("storage", "blob", "delete", *where, "--name", blob, "--auth-mode", "login", "--output", "none")
    except CommandError as error:
        if _NO_BLOB not in error.text:
            say(f"  the probe {blob} could not be taken away, delete it by hand: {error}")


def _drop(site: Deployed, where: tuple[str, ...], blob: str, mailbox: str, message: str) -> None:
    metadata = (f"mailbox={quote(mailbox)}", f"internetmessageid={quote(message)}")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "probe.txt"
        file.write_text("Made by infra/deploy.sh verify.\n", encoding="utf-8")
        site.azure.run(
            *("storage", "blob", "upload", *where, "--name", blob, "--file", str(file), "--auth-mode", "login"),
            *("--metadata", *metadata, "--output", "none"),
        )
