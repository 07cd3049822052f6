"""GET and POST /ui: what the operator's page shows, and what it does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from shared import log
from shared.api import query
from shared.api.http import NEVER_KEPT, Answer, Call
from shared.api.models import LONGEST_BY, LONGEST_CONTINUATION, LONGEST_MAILBOX, LONGEST_NOTE
from shared.api.page import overview
from shared.api.page.forms import Chosen, Form, is_plain, link, read_form
from shared.api.page.render import page
from shared.api.page.shown import LABELS, detail, told
from shared.core.errors import CATALOGUE, Code
from shared.core.identifiers import parse_transfer_id
from shared.run.bulk import STATES, BulkCommands
from shared.run.commands import Accepted, Commands, NotFound, Rejected, Reply
from shared.storage.listing import ContinuationInvalid, Listing
from shared.storage.operations import MOST_ROWS, Action
from shared.storage.places import Wanted
from shared.storage.ports import Checkpoints, CheckpointUnreadable, Clock, StorageRefused, StorageUnavailable
from shared.views import instant

OWN_SITE = frozenset({"same-origin", "none"})
"""Values of Sec-Fetch-Site that a form of this page has; browsers send it, other callers need not (Fetch Metadata)."""

NAMED = 10
"""Transfers that a question names before it is answered."""

_CODES = tuple(code.value for code in Code)
_VERBS = {Action.RETRY: ("Try", "again", "try again"), Action.CANCEL: ("Cancel", "", "cancel")}
_EXPLAINS = {
    Action.RETRY: "Where a file's metadata were corrected they are read anew; where it may be attached already, the "
    "item is looked at first.",
    Action.CANCEL: "A file whose last bytes are committed first is attached all the same.",
}


@dataclass(frozen=True, slots=True)
class OperatorPage:
    """The page. It shows what the API shows, and each transfer's history; it keeps nothing between two requests."""

    checkpoints: Checkpoints
    listing: Listing
    commands: Commands
    bulk: BulkCommands
    clock: Clock
    knows_callers: bool = False
    container: str = "drop"

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

    # --- showing ------------------------------------------------------------------------------------------------------

    def _show(self, call: Call) -> Answer:
        transfer_id, operation_id = call.query.get("transfer"), call.query.get("operation")
        if transfer_id is not None:
            return self._detail(call, transfer_id)
        return self._operation(call, operation_id) if operation_id is not None else self._overview(call)

    def _overview(self, call: Call) -> Answer:
        asked = _filter(call.query)
        if isinstance(asked, str):
            return self._say(call, HTTPStatus.BAD_REQUEST, asked)
        try:
            shown = overview.overview(self.listing, asked, self.clock.now())
        except ContinuationInvalid:
            return self._say(call, HTTPStatus.BAD_REQUEST, "That continuation is none of this listing; begin anew.")
        facts = {
            "counts": shown.counts,
            "parts": shown.parts,
            "unreadable": shown.unreadable,
            "is_empty": shown.is_empty,
            "choices": overview.CHOICES,
            "codes": _CODES,
            "filter": asked,
            "is_filtered": not asked.is_start,
            "matching": _matching(asked),
            "most": f"{MOST_ROWS:,}",
            "container": self.container,
            "onward": self._onward(call, asked, shown),
        }
        return self._page(call, HTTPStatus.OK, view="overview", title="Transfers", page=facts)

    def _onward(self, call: Call, asked: overview.Filter, shown: overview.Overview) -> str | None:
        """To the next page of what is found, or from the overview to the list of all."""
        if asked.is_start:
            return None if shown.is_empty else link(call, list="all")
        if shown.continuation is None:
            return None
        everything = {"list": "all"} if asked.shows_all else {}
        return link(call, **dict(_matching(asked)), **everything, continuation=shown.continuation)

    def _detail(self, call: Call, transfer_id: str, status: int = HTTPStatus.OK, message: str = "") -> Answer:
        known = parse_transfer_id(transfer_id)
        stored = self.checkpoints.load(known) if known is not None else None
        if stored is None:
            return self._say(call, HTTPStatus.NOT_FOUND, f"There is no transfer {transfer_id[:60]!r}.")
        item = detail(stored.checkpoint.instance, self.clock.now())
        return self._page(call, status, view="transfer", title=item["source"]["blob"], item=item, message=message)

    def _operation(self, call: Call, operation_id: str) -> Answer:
        known = parse_transfer_id(operation_id)
        stored = self.bulk.operations.load(known) if known is not None else None
        if stored is None:
            return self._say(call, HTTPStatus.NOT_FOUND, f"There is no operation {operation_id[:60]!r}.")
        shown = told(stored.operation)
        return self._page(call, HTTPStatus.OK, view="operation", title=shown["title"], report=shown)

    # --- acting -------------------------------------------------------------------------------------------------------

    def _act(self, call: Call) -> Answer:
        """A form of this page. It is answered by a redirect, so that a reload repeats nothing."""
        if call.headers.get("sec-fetch-site", "none") not in OWN_SITE:
            return self._say(call, HTTPStatus.FORBIDDEN, "That form came from another site.")
        form = read_form(call.body)
        action = form.text("action")
        if action in {"retry-many", "cancel-many"}:
            return self._many(call, form, Action(action.removesuffix("-many")))
        transfer_id = form.text("transfer")
        if action not in {"retry", "cancel", "acknowledge"} or parse_transfer_id(transfer_id) is None:
            return self._say(call, HTTPStatus.BAD_REQUEST, "That is no form of this page.")
        if action == "acknowledge":
            note = form.text("note").strip()
            if not 0 < len(note) <= LONGEST_NOTE or not is_plain(note):
                said = f"Say in 1 to {LONGEST_NOTE} characters, on one line, what was done about it."
                return self._detail(call, transfer_id, HTTPStatus.BAD_REQUEST, said)
            reply: Reply = self.commands.acknowledge(transfer_id, note, self._caller(call, form))
        else:
            reply = self.commands.retry(transfer_id) if action == "retry" else self.commands.cancel(transfer_id)
        match reply:
            case Accepted(transfer):
                log.note(f"{action}_requested", transferId=transfer.id)
                return _see(link(call, transfer=transfer.id))
            case Rejected(transfer, code):
                return self._detail(call, transfer.id, HTTPStatus.CONFLICT, CATALOGUE[code].title)
            case NotFound():
                return self._say(call, HTTPStatus.NOT_FOUND, f"There is no transfer {transfer_id!r}.")

    def _many(self, call: Call, form: Form, action: Action) -> Answer:
        """The chosen rows, or everything that matches: asked back once, then started."""
        chosen = self._chosen(form, action)
        if isinstance(chosen, str):
            return self._say(call, HTTPStatus.BAD_REQUEST, chosen)
        if form.text("confirmed") != "yes":
            return self._ask(call, form, action, chosen)
        operation = self.bulk.start(action, chosen.what, MOST_ROWS, self._caller(call, form))
        log.note("operation_requested", operationId=operation.id, action=action.value)
        return _see(link(call, operation=operation.id))

    def _chosen(self, form: Form, action: Action) -> Chosen | str:
        """What the form chose, or why that cannot be."""
        if form.text("all") == "yes":
            asked = _filter(form.texts())
            if isinstance(asked, str):
                return asked
            state = asked.state or STATES[action][0]
            if state not in STATES[action]:
                verb = "tried again" if action is Action.RETRY else "cancelled"
                return f"Transfers that are called {LABELS[state]!r} cannot be {verb}."
            wanted = asked.wanted
            narrowed = Wanted(state, wanted.mailbox, wanted.blob, wanted.code, wanted.since)
            return Chosen(narrowed, (("all", "yes"), *_matching(asked)))
        ids = form.all("id")
        if not ids:
            return "Nothing was chosen. Tick some transfers, or find some and take everything that matches."
        if len(ids) > MOST_ROWS or any(parse_transfer_id(one) is None for one in ids):
            return "That is no form of this page."
        return Chosen(tuple(ids), tuple(("id", one) for one in ids))

    def _ask(self, call: Call, form: Form, action: Action, chosen: Chosen) -> Answer:
        """The question before anything is done, with the first few that it is about."""
        first, more = self._first(chosen)
        verb, tail, yes = _VERBS[action]
        if isinstance(chosen.what, Wanted):
            state = LABELS[chosen.what.state or ""]
            count = "no transfers" if not first and not more else f"everything that matches and is called {state!r}"
            others = f"and others, up to {MOST_ROWS:,} in all" if more else ""
        else:
            count = "this transfer" if len(chosen.what) == 1 else f"these {len(chosen.what)} transfers"
            others = f"and {len(chosen.what) - len(first)} more" if more else ""
        matching = dict(_matching(asked)) if not isinstance(asked := _filter(form.texts()), str) else {}
        ask = {
            "question": " ".join(filter(None, (verb, count, tail))) + "?",
            "explains": _EXPLAINS[action],
            "named": first,
            "others": others,
            "fields": chosen.fields,
            "action": f"{action.value}-many",
            "yes": f"Yes, {yes}",
            "back": link(call, **matching),
        }
        return self._page(call, HTTPStatus.OK, view="confirm", title=ask["question"], ask=ask)

    def _first(self, chosen: Chosen) -> tuple[list[dict[str, str]], bool]:
        """The first few that are chosen, and whether there are more."""
        if isinstance(chosen.what, Wanted):
            page = self.listing.page(chosen.what, NAMED, None, self.clock.now())
            found, more = list(page.transfers), page.continuation is not None
        else:
            stored = [self.checkpoints.load(one) for one in chosen.what[:NAMED]]
            found = [one.checkpoint.instance for one in stored if one is not None]
            more = len(chosen.what) > NAMED
        return [{"blob": one.plan.source.blob, "mailbox": one.plan.mailbox or "-"} for one in found], more

    def _caller(self, call: Call, form: Form) -> str | None:
        """Who asks: as the platform says where it knows, else as the form does."""
        if self.knows_callers and call.principal is not None:
            return call.principal[:LONGEST_BY]
        said = form.text("by").strip()[:LONGEST_BY]
        return said if said and is_plain(said) else None

    # --- answering ----------------------------------------------------------------------------------------------------

    def _say(self, call: Call, status: int, message: str) -> Answer:
        return self._page(call, status, view="message", title="Transfers", message=message)

    def _page(self, call: Call, status: int, **facts: Any) -> Answer:
        empty = {"message": "", "page": None, "item": None, "report": None, "ask": None}
        given = {**empty, "now": instant(self.clock.now()), "knows_callers": self.knows_callers, **facts}
        return page(status, call.query.get("code"), given)


def _filter(given: Mapping[str, str]) -> overview.Filter | str:
    """What a query, or a form, asks to see; or what is wrong with it."""
    texts = {name: (given.get(name) or "").strip() for name in ("state", "mailbox", "since", "error")}
    blob, continuation = given.get("blob") or "", given.get("continuation")
    state = texts["state"]
    if state and state not in overview.STATES:
        return f"There is no state {state[:60]!r}."
    if len(given.get("mailbox") or "") > LONGEST_MAILBOX or len(continuation or "") > LONGEST_CONTINUATION:
        return "That is too long for a mailbox or a continuation."
    wanted, faults = query.read_filter(
        {"mailbox": texts["mailbox"], "blob": blob, "code": texts["error"], "since": texts["since"]}
    )
    if faults:
        return "; ".join(fault.detail.replace("`", "") for fault in faults).replace("blob", "File or folder") + "."
    wanted = Wanted(state or None, wanted.mailbox, wanted.blob, wanted.code, wanted.since)
    return overview.Filter(
        state,
        texts["mailbox"],
        blob,
        texts["error"],
        texts["since"],
        wanted,
        continuation,
        shows_all=given.get("list") == "all",
    )


def _matching(asked: overview.Filter) -> tuple[tuple[str, str], ...]:
    """The filter as the fields of a form, or of a link."""
    fields = (
        ("state", asked.state),
        ("mailbox", asked.mailbox),
        ("blob", asked.blob),
        ("error", asked.code),
        ("since", asked.since),
    )
    return tuple((name, value) for name, value in fields if value)


def _see(location: str) -> Answer:
    return Answer(HTTPStatus.SEE_OTHER, {"Location": location, **NEVER_KEPT}, b"")


def _said(code: Code, detail: str) -> str:
    return f"{CATALOGUE[code].title} {detail[:1].upper()}{detail[1:]} {CATALOGUE[code].remedy}"
