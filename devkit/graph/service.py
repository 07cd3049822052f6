"""Graph's semantics without a socket and without a clock: a request and the time go in, a reply comes out.

The server and every in-memory use share this one. `handle` does a request at once; a server calls `begin` before it has
the body, `arrived` and `answer` when it has it, and `end` when the reply is out, so that requests can overlap.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from devkit.graph import attachments, composing, folders, items, sending, sessions, tokens
from devkit.graph.call import Answer, Call
from devkit.graph.errors import Refusal, error_body, method_not_allowed
from devkit.graph.faults import CODES, PASSING, Rule, fault_answer
from devkit.graph.log import Entry, entry_of
from devkit.graph.names import plain
from devkit.graph.routes import COMMITS, Kind, kind_of, locate
from devkit.graph.setup import EPOCH, Origins, Setup
from devkit.graph.wire import ConnectionLost, Reply, Request, http_date

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from devkit.graph.state import State

__all__ = ["EPOCH", "ConnectionLost", "Entry", "GraphService", "Origins", "Reply", "Request", "Rule"]


class GraphService(Setup):
    """One emulated Graph: what `Setup` holds, and the requests that change it."""

    def handle(self, request: Request, now: datetime) -> Reply:
        """One whole request. ConnectionLost where a fault leaves the caller without an answer."""
        call = self.begin(request.method, request.url, request.headers, now, len(request.body))
        try:
            if call.fault is not None and call.fault.action == "hold":
                call.body = request.body
                self.holding.append(request)
                raise self._lost(call, None)
            if self.open_commits:
                self.arrived(call)
            return self.answer(call, request.body, now)
        finally:
            self.end(call)

    def begin(self, method: str, url: str, headers: Mapping[str, str], now: datetime, length: int) -> Call:
        """A request has arrived, its body (`length` bytes) has not. The call is open until `end`."""
        if self.late:
            self._land_due(now)
        sending.settle(self.state, now, calls=1)
        if not self.state.switches.immutable_ids:
            headers = {name: value for name, value in headers.items() if name.lower() != "prefer"}
        call = self._call(method, url, headers, now, length)
        if self.faults.rules:
            call.fault = self.faults.match(method, call.kind, call.route.path)
            if call.fault and call.fault.action == "expire-tokens":
                self.tokens.expire(now)
        switches = self.state.switches
        if switches.concurrency_limit or switches.byte_window:
            self._limit(call, length)
        return call

    def arrived(self, call: Call) -> None:
        """The whole body is here, the effect is still to come: where two such calls change one item, they conflict.

        Only a server that takes its time in between needs this; the call must then go on to `answer`.
        """
        if call.kind in COMMITS:
            target = call.session.item if call.session else plain(call.route.item)
            count = self.open_commits.get(target, 0)
            call.conflict = count > 0 and self.switches.commit_conflict
            self.open_commits[target] = count + 1
            call.commit_on = target

    def answer(self, call: Call, body: bytes, now: datetime) -> Reply:
        """The effect of a begun request and its reply. ConnectionLost where a fault wants no reply."""
        call.body = body
        call.now = now
        if call.commit_on is not None:
            self._committed(call.commit_on)
        rule = call.fault
        return self._done(call) if rule is None or rule.action in PASSING else self._faulted(call, rule)

    def _faulted(self, call: Call, rule: Rule) -> Reply:
        effect = rule.after_effect or rule.action in {"reset-after", "cut"}
        if rule.action == "cut":
            call.cut = min(rule.bytes, len(call.body))
            call.body = call.body[: call.cut]
        elif rule.action == "late":
            self.late.append((rule.calls, Request(call.method, _url(call), call.headers, call.body)))
        answer = self._settle(call) if effect else None
        if rule.action == "status":
            return self._reply(call, fault_answer(rule, call))
        raise self._lost(call, answer)

    def broken(self, call: Call, body: bytes, now: datetime) -> None:
        """The connection broke while the body was arriving; `body` is what came. Kept only where a switch says so."""
        call.body = body
        call.now = now
        answer = None
        if self.switches.keep_cut_body and call.kind in {"put", "final-put"}:
            call.cut = len(body)
            answer = self._settle(call)
        self._note(call, answer.status if answer else 0, lost=True)

    def end(self, call: Call) -> None:
        """The request is no longer open."""
        if call.open_on is not None:
            self.throttle.leave(call.open_on)

    def _done(self, call: Call) -> Reply:
        answer = self._settle(call)
        if self.switches.drop_final_answer and answer.status == HTTPStatus.CREATED and call.session:
            raise self._lost(call, answer)
        return self._reply(call, self._as_answered(call, answer))

    def _as_answered(self, call: Call, answer: Answer) -> Answer:
        """What the caller hears of what was done: the switches may let it be anything."""
        status = self.switches.after_effect_status
        is_done = answer.status < HTTPStatus.MULTIPLE_CHOICES
        if not status or not is_done or call.kind not in self.switches.after_effect_kinds:
            return answer
        code = CODES.get(status, "UnknownError")
        return Answer(status, error_body(call, status, code, "Carried out, and answered so."))

    def _settle(self, call: Call) -> Answer:
        """The ordinary course of a request: refused, or done."""
        if call.refused is not None:
            return call.refused
        try:
            return self._dispatch(call)
        except Refusal as refusal:
            return self._refused(call, refusal)

    def _dispatch(self, call: Call) -> Answer:
        surface, kind = call.route.surface, call.kind
        if call.route.origin != getattr(self.origins, surface, None):
            raise Refusal(404, "ResourceNotFound", "Nothing is served at this address.")
        if surface == "identity":
            return tokens.token(self.tokens, self.state.names, self.switches, call)
        if surface == "graph":
            call.app = self.tokens.client_of(call.headers.get("authorization"), call.now, self.switches)
        room = _ROOMS.get(kind)
        if room is None:
            if surface == "graph":
                items.item_of(self.state, call)
            raise method_not_allowed()
        return room(self.state, call)

    def _refused(self, call: Call, refusal: Refusal) -> Answer:
        body = error_body(call, refusal.status, refusal.code, refusal.message)
        return Answer(refusal.status, body, refusal.headers)

    def _reply(self, call: Call, answer: Answer) -> Reply:
        self._note(call, answer.status, lost=False)
        headers = {"request-id": call.request_id, "Date": http_date(call.now)}
        client = call.headers.get("client-request-id")
        if client:
            headers["client-request-id"] = client
        if answer.body:
            headers["Content-Type"] = "application/json; charset=utf-8"
        if answer.headers:
            headers.update(answer.headers)
        return Reply(answer.status, headers, answer.body)

    def _lost(self, call: Call, answer: Answer | None) -> ConnectionLost:
        self._note(call, answer.status if answer else 0, lost=True)
        return ConnectionLost(effect=answer is not None and answer.status < HTTPStatus.MULTIPLE_CHOICES)

    def _note(self, call: Call, status: int, *, lost: bool) -> None:
        if self.state.switches.log_requests:
            self.log.append(entry_of(call, status, lost=lost))

    # --- what `begin` works out ---

    def _call(self, method: str, url: str, headers: Mapping[str, str], now: datetime, length: int) -> Call:
        lowered = {name.lower(): text for name, text in headers.items()}
        route = locate(url)
        call = Call(method, kind_of(method, route, lowered.get("content-range")), route, lowered, now)
        call.length = length
        call.request_id = self.state.names.guid()
        if route.surface == "upload":
            call.session = self.state.sessions.get(route.path)
        return call

    def _committed(self, target: str) -> None:
        count = self.open_commits.pop(target) - 1
        if count:
            self.open_commits[target] = count

    def _limit(self, call: Call, length: int) -> None:
        """Count the call against the limits of its app and mailbox; unknown ones are refused later anyway."""
        if call.session is not None:
            key = (call.session.app, call.session.mailbox)
        elif call.route.surface == "graph":
            mailbox = self.state.mailboxes.get(call.route.user.lower())
            token = self.tokens.issued.get(call.headers.get("authorization", "")[7:])
            if mailbox is None or token is None:
                return
            key = (token.client_id, mailbox.id)
        else:
            return
        call.open_on = key
        try:
            self.throttle.enter(key, self.switches)
            if self.switches.byte_window and call.method in {"PUT", "POST", "PATCH"}:
                self.throttle.spend(key, length, call.now, self.switches)
        except Refusal as refusal:
            call.refused = self._refused(call, refusal)

    # --- requests whose callers have given up ---

    def land(self, request: Request, now: datetime) -> Reply:
        """A request takes effect whose caller has long given up; no rule hits it, and the log marks it lost."""
        call = self._call(request.method, request.url, request.headers, now, len(request.body))
        call.body = request.body
        answer = self._settle(call)
        self._note(call, answer.status, lost=True)
        return Reply(answer.status, answer.headers or {}, answer.body)

    def release(self, now: datetime) -> None:
        """Requests that a `hold` rule keeps in memory take effect, in the order they came."""
        held, self.holding = self.holding, []
        for request in held:
            self.land(request, now)

    def _land_due(self, now: datetime) -> None:
        """Requests that a `late` rule keeps back: the ones whose turn has come take effect."""
        due = [request for calls, request in self.late if calls <= 1]
        self.late = [(calls - 1, request) for calls, request in self.late if calls > 1]
        for request in due:
            self.land(request, now)


def _url(call: Call) -> str:
    route = call.route
    return f"{route.origin}{route.path}?{route.query}" if route.query else route.origin + route.path


_ROOMS: dict[Kind, Callable[[State, Call], Answer]] = {
    "put": sessions.put,
    "final-put": sessions.put,
    "ask": sessions.ask,
    "cancel": sessions.cancel,
    "create": sessions.create,
    "list": attachments.list_attachments,
    "post": attachments.post,
    "attachment": attachments.show_attachment,
    "value": attachments.value,
    "delete": attachments.delete,
    "find": items.find_items,
    "item": items.show_item,
    "compose": composing.compose,
    "update": composing.update,
    "remove": composing.remove,
    "send": sending.send,
    "folder": folders.show_folder,
}
