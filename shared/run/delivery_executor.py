"""Carry one action of a delivery out and say what came of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from shared.core.actions import ListAttachments
from shared.core.codes import Code
from shared.core.delivery.actions import (
    AbortAct,
    Action,
    Compose,
    CountFiles,
    Finish,
    GraphCall,
    PrepareAct,
    PrepareCompose,
    Submit,
    TellAttendees,
    Wait,
)
from shared.core.delivery.events import ActAborted, AttachmentsListed, Event, FilesCounted, NotDone, Unsure
from shared.core.delivery.model import File
from shared.core.model import Listed
from shared.graph import fields
from shared.graph.delivery_answers import delivery_event
from shared.graph.delivery_requests import delivery_request
from shared.graph.http import AnswerLost, NotSent, Transport
from shared.run.executor import MOST_PAGES
from shared.storage.ports import Clock


class CountsTransfers(Protocol):
    """Where it is known how the transfers of a delivery stand."""

    def count(self, transfer_ids: tuple[str, ...]) -> tuple[File, ...]:
        """Each of them as it stands now; one that nothing is known of is left out."""
        ...


class DeliveryExecutor:
    """Implements `Executor`: what the actions of one delivery do to the world.

    `read_body` reads the text of a `bodyblob`.
    """

    def __init__(
        self,
        transport: Transport,
        base_url: str,
        clock: Clock,
        transfers: CountsTransfers,
        read_body: Callable[[str], str],
    ) -> None:
        self._transport = transport
        self._base_url = base_url
        self._clock = clock
        self._transfers = transfers
        self._read_body = read_body

    def ahead(self, action: Action) -> None:
        """See `Executor.ahead`: nothing of a delivery is worth beginning early."""

    def perform(self, action: Action) -> Event:
        """See `Executor.perform`. Every outcome is an event; only a defect, or storage that is down, raises."""
        if isinstance(action, PrepareCompose | PrepareAct | AbortAct | Wait | Finish):
            raise TypeError(f"{type(action).__name__} asks for nothing")
        if isinstance(action, CountFiles):
            return FilesCounted(self._transfers.count(action.transfer_ids))
        try:
            return self._list(action) if isinstance(action, ListAttachments) else self._ask(action)
        except NotSent as unsent:
            return NotDone(unsent.code)
        except AnswerLost:
            return Unsure(Code.GRAPH_UNREACHABLE)

    def _ask(self, call: GraphCall) -> Event:
        blob = call.text.body_blob if isinstance(call, Compose) else None
        request = delivery_request(call, self._base_url, None if blob is None else self._read_body(blob))
        if isinstance(call, Compose | Submit | TellAttendees) and self._clock.now() > call.not_after:
            return ActAborted()  # looking for what became of it starts counting there
        return delivery_event(call, self._transport.send(request), self._clock.now())

    def _list(self, call: ListAttachments) -> Event:
        """All pages as one event; the first page that is not one decides."""
        request = delivery_request(call, self._base_url)
        listed: tuple[Listed, ...] = ()
        for _ in range(MOST_PAGES):
            answer = self._transport.send(request)
            event = delivery_event(call, answer, self._clock.now())
            if not isinstance(event, AttachmentsListed):
                return event
            listed += event.attachments
            onward = fields.next_link(answer)
            if onward is None:
                return replace(event, attachments=listed)
            request = replace(request, url=onward)
        return Unsure(Code.GRAPH_ANSWER_UNEXPECTED)
