"""GET and POST /ui: what the operator's page shows, and the two things it does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlencode

from shared import log
from shared.api.http import NEVER_KEPT, Answer, Call
from shared.api.models import LONGEST_CONTINUATION, LONGEST_MAILBOX
from shared.api.page import overview
from shared.api.page.render import page
from shared.api.page.shown import detail
from shared.core.errors import CATALOGUE, Code
from shared.core.identifiers import parse_transfer_id
from shared.run.bulk import BulkCommands
from shared.run.commands import Accepted, Commands, NotFound, Rejected, Reply
from shared.storage.listing import ContinuationInvalid, Listing
from shared.storage.ports import Checkpoints, CheckpointUnreadable, Clock, StorageRefused, StorageUnavailable
from shared.views import instant

LARGEST_FORM = 4096
"""Bytes of a form, inclusive."""

OWN_SITE = frozenset({"same-origin", "none"})
"""Values of Sec-Fetch-Site that a form of this page has; browsers send it, other callers need not (Fetch Metadata)."""


@dataclass(frozen=True, slots=True)
class OperatorPage:
    """The page. It shows what the API shows, and each transfer's history; it keeps nothing between two requests."""

    checkpoints: Checkpoints
    listing: Listing
    commands: Commands
    bulk: BulkCommands
    clock: Clock
    knows_callers: bool = False

    def answer(self, call: Call) -> Answer:
        """Any request to the page; storage that is down is said on it."""
        try:
            return self._act(call) if call.method == "POST" else self._show(call)
        except StorageUnavailable as error:
            said = "Storage does not answer just now. Try again."
            if error.code is not Code.STORAGE_UNAVAILABLE:
                said = _said(error.code, f"{error}.")
            return self._say(call, HTTPStatus.SERVICE_UNAVAILABLE, said)
        except StorageRefused as error:
            return self._say(call, HTTPStatus.SERVICE_UNAVAILABLE, _said(error.code, f"{error.detail}."))
        except CheckpointUnreadable as error:
            return self._say(call, HTTPStatus.INTERNAL_SERVER_ERROR, _said(error.code, error.detail))

    def _show(self, call: Call) -> Answer:
        transfer_id = call.query.get("transfer")
        return self._detail(call, transfer_id) if transfer_id is not None else self._overview(call)

    def _overview(self, call: Call) -> Answer:
        state, mailbox = call.query.get("state", ""), call.query.get("mailbox", "")
        continuation = call.query.get("continuation")
        if state and state not in overview.CHOICES:
            return self._say(call, HTTPStatus.BAD_REQUEST, f"There is no state {state[:60]!r}.")
        if len(mailbox) > LONGEST_MAILBOX or len(continuation or "") > LONGEST_CONTINUATION:
            return self._say(call, HTTPStatus.BAD_REQUEST, "That is too long for a mailbox or a continuation.")
        mailbox = mailbox.strip()
        wanted = overview.Filter(state, mailbox, continuation)
        try:
            shown = overview.overview(self.listing, wanted, self.clock.now())
        except ContinuationInvalid:
            return self._say(call, HTTPStatus.BAD_REQUEST, "That continuation is none of this listing; begin anew.")
        facts = {
            "counts": shown.counts,
            "parts": shown.parts,
            "unreadable": shown.unreadable,
            "choices": overview.CHOICES,
            "state": state,
            "mailbox": mailbox,
            "is_filtered": not wanted.is_start,
            "onward": _link(call, state=state, mailbox=mailbox, continuation=shown.continuation)
            if shown.continuation is not None
            else None,
        }
        return self._page(call, HTTPStatus.OK, view="overview", title="Transfers", page=facts)

    def _detail(self, call: Call, transfer_id: str, status: int = HTTPStatus.OK, message: str = "") -> Answer:
        known = parse_transfer_id(transfer_id)
        stored = self.checkpoints.load(known) if known is not None else None
        if stored is None:
            return self._say(call, HTTPStatus.NOT_FOUND, f"There is no transfer {transfer_id[:60]!r}.")
        item = detail(stored.checkpoint.instance, self.clock.now())
        return self._page(call, status, view="transfer", title=item["name"], item=item, message=message)

    def _act(self, call: Call) -> Answer:
        """A form of this page. It is answered by a redirect, so that a reload repeats nothing."""
        if call.headers.get("sec-fetch-site", "none") not in OWN_SITE:
            return self._say(call, HTTPStatus.FORBIDDEN, "That form came from another site.")
        form = _form(call.body)
        transfer_id, action = form.get("transfer", ""), form.get("action", "")
        if action not in {"retry", "cancel"} or parse_transfer_id(transfer_id) is None:
            return self._say(call, HTTPStatus.BAD_REQUEST, "That is no form of this page.")
        reply: Reply = self.commands.retry(transfer_id) if action == "retry" else self.commands.cancel(transfer_id)
        match reply:
            case Accepted(transfer):
                log.note(f"{action}_requested", transferId=transfer.id)
                headers = {"Location": _link(call, transfer=transfer.id), **NEVER_KEPT}
                return Answer(HTTPStatus.SEE_OTHER, headers, b"")
            case Rejected(transfer, code):
                return self._detail(call, transfer.id, HTTPStatus.CONFLICT, CATALOGUE[code].title)
            case NotFound():
                return self._say(call, HTTPStatus.NOT_FOUND, f"There is no transfer {transfer_id!r}.")

    def _say(self, call: Call, status: int, message: str) -> Answer:
        return self._page(call, status, view="message", title="Transfers", message=message)

    def _page(self, call: Call, status: int, **facts: Any) -> Answer:
        given = {"message": "", "page": None, "item": None, "now": instant(self.clock.now()), **facts}
        return page(status, call.query.get("code"), given)


def _said(code: Code, detail: str) -> str:
    return f"{CATALOGUE[code].title} {detail[:1].upper()}{detail[1:]} {CATALOGUE[code].remedy}"


def _form(body: bytes) -> Mapping[str, str]:
    """The fields of a form; empty for anything else."""
    if len(body) > LARGEST_FORM:
        return {}
    try:
        fields = parse_qs(body.decode("ascii"), strict_parsing=True, max_num_fields=10)
    except ValueError:
        return {}
    return {name: values[0] for name, values in fields.items()}


def _link(call: Call, **parameters: str) -> str:
    """A link to this page that keeps the caller's key, where it came in the query."""
    given = {name: value for name, value in parameters.items() if value}
    key = call.query.get("code")
    return "?" + urlencode({**given, **({"code": key} if key else {})})
