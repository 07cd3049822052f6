"""The real core, requests and answers in a world in memory: one item, its files, a host that delivers again, people.

Transfers are short here: a file is attached as soon as its item is known, because how that goes has its own simulation.
"""

from __future__ import annotations

import heapq
import json
from base64 import b64encode
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any

from assurance.simulation.case import Case
from assurance.simulation.clock import VirtualClock
from assurance.simulation.delivery.case import DeliveryCase, PersonAction
from assurance.simulation.delivery.driver import Driver
from assurance.simulation.delivery.records import LostOwnership, Record, Records
from assurance.simulation.delivery.witness import Witness
from assurance.simulation.fault_injector import Died, FaultInjector
from assurance.simulation.mailbox import MAILBOX
from assurance.simulation.transport import MemoryTransport
from devkit.graph import people
from devkit.graph.service import GraphService, Request
from shared.core.codes import Code
from shared.core.delivery import events as ev
from shared.core.delivery import machine
from shared.core.delivery.draft import DraftText
from shared.core.delivery.model import UNDER_WAY, Delivery, File, FileState, OnComplete, State, Wish
from shared.core.delivery.planning import for_draft, for_item, refusal
from shared.core.delivery.policy import DeliveryPolicy
from shared.core.delivery.table import TABLE
from shared.core.model import Target, TargetKey
from shared.core.policy import Policy
from shared.graph.http import HttpAnswer, HttpRequest
from shared.run.delivery_executor import DeliveryExecutor
from shared.storage.ports import Conflict, StorageUnavailable

DRAFT = "invoice 17"
ATTENDEES = ("bob@example.org", "eve@example.org")
REDELIVERY = timedelta(seconds=600)
MOST_RUNS = 400
"""Runs after which a delivery is taken to have no end. Chosen: many times the longest honest one."""


class _Transport(MemoryTransport):
    """Names the calls: whatever changes an item travels as a POST does, for a time that is bounded."""

    def send(self, request: HttpRequest) -> HttpAnswer:
        """See `Transport.send`."""
        sent = self.request(request)
        method = "POST" if request.method == "PATCH" else request.method
        return self._gate(f"graph.{method}", lambda: self._carry(sent))


class World:
    """One scenario being run."""

    def __init__(self, case: DeliveryCase) -> None:
        self.case = case
        self.clock = VirtualClock()
        self.policy = DeliveryPolicy(second_send=case.second_send)
        self.injector = FaultInjector(Case(faults=case.faults), self.clock, Policy())
        self._people: dict[int, list[PersonAction]] = {}
        for call, what in case.people:
            self._people.setdefault(call, []).append(what)
        self._serve()
        self.witness = Witness(self.graph)
        self.records = Records(self.gate)
        self._transport = _Transport(self.graph, self.clock, self.token, self.gate)
        self.files: dict[str, File] = {}
        self.refused: list[File] = []
        self._queue: list[tuple[Any, int, bool]] = []
        self._numbers = count(1)
        self.runs = 0
        executor = DeliveryExecutor(self._transport, f"{self.graph.origins.graph}/v1.0", self.clock, self, lambda _: "")
        self._driver = Driver(self.records, executor, self.policy, self.clock, self.witness, self._later)

    def _serve(self) -> None:
        self.graph = GraphService()
        self.graph.add_mailbox(MAILBOX)
        now = self.clock.now()
        self.token = self.graph.issue_token(now)
        self.graph.switch(**{"min_session_size": 1, **self.case.switches})
        self.event = self.graph.add_event(MAILBOX, attendees=ATTENDEES, now=now) if self.case.is_event else ""

    def gate(self, name: str, effect: Any, /) -> Any:
        """A call to the world: what people do just before it, and then what befalls it."""
        for what in self._people.pop(self.injector.calls + 1, ()):
            self.person(what)
        self.attach_all()
        return self.injector(name, effect)

    # --- files ---

    def join(self, number: int) -> None:
        """A file comes: it joins the delivery, or makes it, or fails before any of it is uploaded."""
        action = OnComplete.UPDATE if self.case.is_event else OnComplete.SEND
        wish = Wish(action, self.case.files)
        file = File(f"{number:032x}", f"in/{number}.pdf", f"{number}.pdf", wish)
        text = DraftText(to=("bob@example.org",), subject="Invoice")
        while True:
            record = self.records.load()
            why = refusal(record.delivery, file, text) if record is not None else None
            if why is not None:
                self.refused.append(file)
                return
            if record is None:
                record = Record(0, "", self._planned(file, text))
            elif all(one.transfer_id != file.transfer_id for one in (*record.delivery.files, *record.joined)):
                record = replace(record, joined=(*record.joined, file))
            try:
                self.records.put(record)
            except Conflict:
                continue
            break
        self.files[file.transfer_id] = file
        self.ask()

    def _planned(self, file: File, text: DraftText) -> Delivery:
        if self.case.is_event:
            return for_item(Target(MAILBOX, TargetKey.EVENT_ID, self.event), file, self.clock.now())
        return for_draft(MAILBOX, DRAFT, text, file, self.clock.now())

    def attach_all(self) -> None:
        """Each file's transfer attaches it once the item is known, and asks for a run of the delivery."""
        record = self.records.record
        item = record.delivery.item_id if record is not None else None
        if record is None or item is None or record.delivery.state in UNDER_WAY or record.delivery.is_over:
            return  # a transfer looks at its delivery first
        for file in [one for one in self.files.values() if one.state is FileState.PENDING]:
            if item in self.graph.items:
                attached = self._attach(item, file.name)
                self.files[file.transfer_id] = replace(file, state=FileState.ATTACHED, attachment_id=attached)
            else:
                self.files[file.transfer_id] = replace(file, state=FileState.FAILED)
            self.ask()

    def _attach(self, item: str, name: str) -> str:
        kind = "events" if self.case.is_event else "messages"
        url = f"{self.graph.origins.graph}/v1.0/users/{MAILBOX}/{kind}/{item}/attachments"
        content = b64encode(name.encode()).decode()
        body = json.dumps({"@odata.type": "#microsoft.graph.fileAttachment", "name": name, "contentBytes": content})
        headers = {"authorization": f"Bearer {self.token}"}
        hidden, self.graph.items[item].hidden_calls = self.graph.items[item].hidden_calls, 0
        reply = self.graph.handle(Request("POST", url, headers, body.encode()), self.clock.now())
        self.graph.items[item].hidden_calls = hidden
        if reply.status != 201:  # noqa: PLR2004 - Graph's word for "attached"
            raise AssertionError(reply)
        return str(json.loads(reply.body)["id"])

    def count(self, transfer_ids: tuple[str, ...]) -> tuple[File, ...]:
        """Implements `CountsTransfers`."""
        found: tuple[File, ...] = self.gate(
            "checkpoint.load", lambda: tuple(self.files[one] for one in transfer_ids if one in self.files)
        )
        return found

    # --- people ---

    def person(self, what: PersonAction) -> None:
        """Somebody does something to the draft, or to the delivery. What is not there any more is left alone."""
        record = self.records.record
        if record is None:
            return
        match what:
            case PersonAction.CANCEL:
                if not record.delivery.is_over:
                    self.records.record = replace(record, version=record.version + 1, cancel=True)
                    self.ask()
            case PersonAction.JOIN:
                self._join_beside(record)
            case _ if record.delivery.item_id in self.graph.items:
                self._in_outlook(what, record.delivery.item_id)
            case _:
                return

    def _in_outlook(self, what: PersonAction, item: str) -> None:
        now, state = self.clock.now(), self.graph.state
        match what:
            case PersonAction.SEND:
                if state.items[item].is_draft and state.items[item].mail.submission is None:
                    people.send_draft(state, item, now)
                    self.witness.sent_by_person()
            case PersonAction.MOVE:
                self.graph.move_item(item)
            case PersonAction.DELETE:
                people.delete_item(state, item, now)
            case PersonAction.DESTROY:
                self.graph.remove_item(item)
            case PersonAction.EDIT:
                people.edit_item(state, item, now, subject="Other")
            case PersonAction.TAKE_OFF:
                self._take_off(item)
            case PersonAction.CANCEL | PersonAction.JOIN:
                raise AssertionError(what)

    def _take_off(self, item: str) -> None:
        attached = list(self.graph.items[item].attachments)
        if attached:
            people.remove_attachment(self.graph.state, item, attached[0])
            self.witness.taken_off()

    def _join_beside(self, record: Record) -> None:
        """One file more than were announced, by an uploader who does not go through the numbered calls."""
        file = File(f"{99:032x}", "in/99.pdf", "99.pdf", Wish(OnComplete.SEND, self.case.files))
        if refusal(record.delivery, file, None) is not None:
            self.refused.append(file)
            return
        self.records.record = replace(record, version=record.version + 1, joined=(*record.joined, file))
        self.files[file.transfer_id] = file
        self.ask()

    # --- the host ---

    def ask(self, seconds: float = 0, *, is_poll: bool = False) -> None:
        """A message that asks for a run, visible after so many seconds. `is_poll`: only to see whether a file came."""
        heapq.heappush(self._queue, (self.clock.now() + timedelta(seconds=seconds), next(self._numbers), is_poll))

    def _later(self, seconds: float, present: Delivery) -> None:
        code = present.waiting_for.code if present.waiting_for else None
        self.ask(seconds, is_poll=present.state is State.BLOCKED or code is Code.DELIVERY_FILES_AWAITED)

    def finish(self) -> None:
        """Deliver messages until the delivery is over, or stands still for a person; then as often as one retries."""
        self._deliver()
        for _ in range(self.case.retries):
            record = self.records.record
            if record is None or not (record.delivery.is_over or record.delivery.state is State.BLOCKED):
                break
            if ev.RetryRequested in TABLE[record.delivery.state]:
                retried = machine.apply(record.delivery, ev.RetryRequested(), self.clock.now(), self.policy)
                self.records.record = replace(record, version=record.version + 1, delivery=retried)
                self.ask()
                self._deliver()
        while self.injector.land_all():
            self._deliver()

    def _deliver(self) -> None:
        while self._queue:
            self.attach_all()
            if all(is_poll for *_, is_poll in self._queue) and self.is_quiet:
                return
            at, *_ = heapq.heappop(self._queue)
            self.clock.advance_to(at)
            self.attach_all()
            self.runs += 1
            if self.runs > MOST_RUNS:
                raise AssertionError(f"no end after {MOST_RUNS} runs")
            self.work()

    @property
    def is_quiet(self) -> bool:
        """Whether only a person, or a file that nobody announced yet, can bring it on."""
        record = self.records.record
        if record is None:
            return False
        waits = record.delivery.state in {State.BLOCKED, State.COLLECTING}
        return record.delivery.is_over or (waits and not record.joined and not record.cancel)

    def work(self) -> None:
        """One run, as the host starts it; what dies, or finds storage down, is delivered again."""
        try:
            self._driver.run(f"run-{next(self._numbers)}")
        except (LostOwnership, Conflict):
            self.ask(1)
        except (Died, StorageUnavailable):
            self.ask(REDELIVERY.total_seconds())
