"""The operations on transfers: each takes a request, and answers at once. None of them carries an upload.

A start makes the transfer durable, asks for a run by a message, and answers 202: an HTTP request may last 230 seconds,
an upload longer (Functions HTTP trigger page, asynchronous request-reply).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

from shared import log
from shared.api import body, command_body, models, query
from shared.api.http import Answer, Call, json_answer
from shared.api.problems import RETRY_SECONDS, Fault, faulty, guarded, problem
from shared.api.report import report
from shared.core import planning
from shared.core.errors import CATALOGUE, Code
from shared.core.identifiers import TransferId, parse_transfer_id
from shared.core.model import Attachment, Target, Transfer
from shared.graph.prepare import route_for
from shared.intake import checks, metadata
from shared.intake.accept import noted
from shared.intake.mailboxes import AllowedMailboxes
from shared.intake.names import name_from_blob
from shared.run.arrivals import is_folder
from shared.run.bulk import BulkCommands
from shared.run.commands import Accepted, Commands, NotFound, Rejected, Reply
from shared.run.runner import TransferRunner
from shared.storage.listing import ContinuationInvalid, Listing
from shared.storage.operations import Action
from shared.storage.ports import Checkpoints, Clock, Dropped, Sources
from shared.views import ROUTE_PREFIX, view


@dataclass(frozen=True, slots=True)
class Operations:
    """Everything that can be asked about transfers. Every method may be called again with the same effect."""

    runs: TransferRunner
    commands: Commands
    bulk: BulkCommands
    sources: Sources
    checkpoints: Checkpoints
    listing: Listing
    allowed: AllowedMailboxes
    clock: Clock
    prefix: str = ROUTE_PREFIX
    knows_callers: bool = False

    @guarded
    def start(self, call: Call) -> Answer:
        """POST /transfers."""
        if len(call.body) > body.LARGEST_BODY:
            return _too_large(call)
        asked = body.read_start(call.body, self.allowed)
        if isinstance(asked, body.Refused):
            return faulty(asked.faults, malformed=asked.malformed)
        dropped = self.sources.describe(asked.blob)
        if dropped is None:
            return problem(Code.BLOB_NOT_FOUND, f"There is no {checks.shown(asked.blob)} in the drop container.")
        if dropped.refusal is not None:
            return problem(dropped.refusal.code, dropped.refusal.detail)
        if is_folder(dropped):
            return problem(Code.BLOB_NOT_FOUND, f"{checks.shown(asked.blob)} is a folder, and no file.")
        if dropped.copy is not None:
            detail = f"The copy that makes {checks.shown(asked.blob)} is {dropped.copy}."
            return problem(Code.SOURCE_INCOMPLETE, detail, headers={"Retry-After": str(RETRY_SECONDS)})
        transfer = self._transfer(dropped, asked)
        if not isinstance(transfer, Transfer):
            return faulty(transfer, malformed=False)
        is_new = self.runs.accept(transfer)
        log.note("start_requested", transferId=transfer.id, isNew=is_new)
        stored = self.checkpoints.load(transfer.id)
        return self._accepted(stored.checkpoint.instance if stored is not None else transfer)

    @guarded
    def read(self, call: Call) -> Answer:
        """GET /transfers/{id}."""
        transfer_id = _id(call)
        stored = self.checkpoints.load(transfer_id) if transfer_id is not None else None
        if stored is None:
            return _not_found(call)
        transfer = stored.checkpoint.instance
        headers = {} if transfer.is_over else _retry_after(transfer, self.clock.now())
        return json_answer(view(transfer, self.clock.now(), self.prefix), headers=headers)

    @guarded
    def list(self, call: Call) -> Answer:
        """GET /transfers."""
        asked = query.read_list(call.query, has_key="x-functions-key" in call.headers)
        if not isinstance(asked, query.ListQuery):
            return faulty(asked, malformed=True)
        now = self.clock.now()
        try:
            page = self.listing.page(asked.wanted, asked.limit, asked.continuation, now)
        except ContinuationInvalid:
            return faulty((query.no_continuation(),), malformed=True)
        for transfer_id in page.unreadable:
            log.note("listed_unreadable", error=True, code=Code.CHECKPOINT_UNREADABLE.value, transferId=transfer_id)
        transfers = [view(transfer, now, self.prefix) for transfer in page.transfers]
        return json_answer({"transfers": transfers, "continuation": page.continuation})

    @guarded
    def retry(self, call: Call) -> Answer:
        """POST /transfers/{id}/retry."""
        transfer_id = _id(call)
        return self._replied(call, "retry", NotFound() if transfer_id is None else self.commands.retry(transfer_id))

    @guarded
    def cancel(self, call: Call) -> Answer:
        """DELETE /transfers/{id}."""
        transfer_id = _id(call)
        return self._replied(call, "cancel", NotFound() if transfer_id is None else self.commands.cancel(transfer_id))

    @guarded
    def acknowledge(self, call: Call) -> Answer:
        """POST /transfers/{id}/acknowledge."""
        transfer_id = _id(call)
        if transfer_id is None:
            return _not_found(call)
        if len(call.body) > body.LARGEST_BODY:
            return _too_large(call)
        said = command_body.read_acknowledgement(call.body)
        if isinstance(said, tuple):
            return faulty(said, malformed=True)
        reply = self.commands.acknowledge(transfer_id, said.note, self._caller(call) or said.by)
        if isinstance(reply, Accepted):
            log.note("acknowledge_requested", transferId=transfer_id)
            return json_answer(view(reply.transfer, self.clock.now(), self.prefix))
        return self._replied(call, "acknowledge", reply)

    @guarded
    def retry_many(self, call: Call) -> Answer:
        """POST /transfers/retry."""
        return self._many(call, Action.RETRY)

    @guarded
    def cancel_many(self, call: Call) -> Answer:
        """POST /transfers/cancel."""
        return self._many(call, Action.CANCEL)

    @guarded
    def read_operation(self, call: Call) -> Answer:
        """GET /operations/{id}."""
        operation_id = _id(call)
        stored = self.bulk.operations.load(operation_id) if operation_id is not None else None
        if stored is None:
            shown = checks.shown(call.route.get("id", ""))
            return problem(Code.OPERATION_NOT_FOUND, f"There is no operation {shown}.")
        headers = {} if stored.operation.finished_at is not None else {"Retry-After": str(RETRY_SECONDS)}
        return json_answer(report(stored.operation, self.prefix), headers=headers)

    def _many(self, call: Call, action: Action) -> Answer:
        if len(call.body) > body.LARGEST_BODY:
            return _too_large(call)
        asked = command_body.read_bulk(call.body, action)
        if isinstance(asked, tuple):
            return faulty(asked, malformed=True)
        operation = self.bulk.start(action, asked.chosen, asked.limit, self._caller(call) or asked.by)
        log.note("operation_requested", operationId=operation.id, action=action.value)
        shown = report(operation, self.prefix)
        headers = {"Location": shown["links"]["self"], "Retry-After": str(RETRY_SECONDS)}
        return json_answer(shown, HTTPStatus.ACCEPTED, headers)

    def _caller(self, call: Call) -> str | None:
        """Who calls, where the platform vouches for it."""
        return call.principal[: models.LONGEST_BY] if self.knows_callers and call.principal is not None else None

    def _replied(self, call: Call, wish: str, reply: Reply) -> Answer:
        match reply:
            case Accepted(transfer, supersedes):
                log.note(f"{wish}_requested", transferId=transfer.id, supersedes=supersedes)
                return self._accepted(transfer, supersedes)
            case Rejected(transfer, code):
                return problem(code, _why_not(transfer, code))
            case NotFound():
                return _not_found(call)

    def _accepted(self, transfer: Transfer, supersedes: str | None = None) -> Answer:
        now = self.clock.now()
        shown = view(transfer, now, self.prefix)
        if supersedes is not None:
            shown["supersedes"] = supersedes
        headers = {"Location": shown["links"]["self"], **_retry_after(transfer, now)}
        return json_answer(shown, HTTPStatus.ACCEPTED, headers)

    def _transfer(self, dropped: Dropped, asked: body.Start) -> Transfer | tuple[Fault, ...]:
        """The transfer that is asked for; where a part of it is left to the file's metadata, that may be unusable."""
        source, blob = dropped.source, dropped.source.blob
        target = asked.target or metadata.read_target(dropped.metadata, self.allowed)
        attachment = (
            checks.check_attachment(asked.attachment, body.BODY_NAMES, name_from_blob(blob), dropped.content_type)
            if asked.attachment is not None
            else metadata.read_attachment(blob, dropped.metadata, dropped.content_type)
        )
        if isinstance(target, Target) and isinstance(attachment, Attachment):
            now = self.clock.now()
            route = route_for(attachment, source.size)
            from_request = asked.target is not None
            transfer = planning.accept(source, target, attachment, route, now, from_request=from_request)
            uses_metadata = asked.target is None or asked.attachment is None
            return noted(transfer, metadata.read_slips(dropped.metadata) if uses_metadata else (), now)
        return tuple(
            Fault(fault.code, None, f"the file's metadata: {fault.detail}")
            for part in (target, attachment)
            if isinstance(part, tuple)
            for fault in part
        )


def _id(call: Call) -> TransferId | None:
    """The transfer's id in the path; None where it cannot be one."""
    return parse_transfer_id(call.route.get("id"))


def _too_large(call: Call) -> Answer:
    detail = f"The body has {len(call.body)} bytes; it may have {body.LARGEST_BODY}."
    return problem(Code.REQUEST_TOO_LARGE, detail)


def _not_found(call: Call) -> Answer:
    return problem(Code.TRANSFER_NOT_FOUND, f"There is no transfer {checks.shown(call.route.get('id', ''))}.")


def _why_not(transfer: Transfer, code: Code) -> str:
    if code is Code.MAILBOX_NOT_ALLOWED:
        mailbox = transfer.target.mailbox
        return f"Transfer {transfer.id} is for mailbox {mailbox!r}, which ALLOWED_MAILBOXES does not list."
    if code is Code.RETRY_POINTLESS and transfer.failure is not None:
        return f"Transfer {transfer.id} failed for what the file is: {transfer.failure.detail}"
    return f"Transfer {transfer.id} is {transfer.state.value}. {CATALOGUE[code].title}"


def _retry_after(transfer: Transfer, now: datetime) -> Mapping[str, str]:
    """When looking again makes sense: seconds, at least a few, at most a minute."""
    wait = (transfer.not_before - now).total_seconds() if transfer.not_before is not None else 0
    return {"Retry-After": str(round(min(max(wait, RETRY_SECONDS), 60)))}
