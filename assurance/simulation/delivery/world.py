"""The real engine, core, requests and answers in a world in memory: one item, its files, a host, people.

Transfers are short here: a file is attached as soon as its item is known, because how that goes has its own simulation.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from itertools import count
from typing import Any

from assurance.simulation.case import Case
from assurance.simulation.clock import VirtualClock
from assurance.simulation.delivery.case import DeliveryCase, PersonAction
from assurance.simulation.delivery.store import MemoryDeliveries
from assurance.simulation.delivery.witness import WatchedExecutor, Witness
from assurance.simulation.fault_injector import Died, FaultInjector
from assurance.simulation.mailbox import MAILBOX
from assurance.simulation.storage import MemoryQueue, at_once
from assurance.simulation.transport import MemoryTransport
from devkit.graph import people
from devkit.graph.service import GraphService, Request
from shared.core.codes import Code
from shared.core.delivery import events as ev
from shared.core.delivery import history, machine
from shared.core.delivery.draft import DraftText
from shared.core.delivery.model import UNDER_WAY, Delivery, File, FileState, OnComplete, State, Wish
from shared.core.delivery.planning import for_draft, for_item
from shared.core.delivery.policy import DeliveryPolicy
from shared.core.model import Target, TargetKey
from shared.core.policy import Policy
from shared.engine.continuation import Continuation
from shared.engine.runner import Runner, RunsSpent
from shared.engine.runtime import Runtime
from shared.graph.http import HttpAnswer, HttpRequest
from shared.run.delivery_executor import DeliveryExecutor
from shared.run.delivery_process import DELIVERY, DeliveryProcess
from shared.run.joining import Joining
from shared.storage.ports import Conflict, StorageUnavailable

DRAFT = "invoice 17"
ATTENDEES = ("bob@example.org", "eve@example.org")
TEXT = DraftText(to=("bob@example.org",), subject="Invoice")
REDELIVERY = 600.0
"""Seconds after which the host delivers again what a run died of: its instance is lost (field report, measured)."""

TROUBLE = 60.0
"""Seconds after which work is tried again that storage did not let be carried out, as `Policy.storage_cap`."""

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
        self._outside = False
        self._numbers = count(1)
        self.files: dict[str, File] = {}
        self.refused: list[File] = []
        self.runs = 0
        self.records = MemoryDeliveries(self.clock, self.gate)
        self.records.no_lease_holds = case.workers > 1
        self.queue = MemoryQueue(self.clock, self.gate)
        self.runner = Runner(self._runtime())
        self._joining = Joining(
            self.records, self.runner.accept, self.queue, self.clock, self.policy, lambda: self._new_id("join")
        )

    def _runtime(self) -> Runtime[Delivery, Any, Any]:
        transport = _Transport(self.graph, self.clock, self.token, self.gate)
        executor = DeliveryExecutor(transport, f"{self.graph.origins.graph}/v1.0", self.clock, self, lambda _: "")
        return Runtime(
            process=DeliveryProcess(self.policy),
            checkpoints=self.records,
            queue=self.queue,
            executor=lambda _: nullcontext(WatchedExecutor(executor, self.witness)),
            conclude=lambda checkpoint: self.witness.concluded(checkpoint.instance),
            observer=self.witness,
            policy=Policy(),
            clock=self.clock,
            new_run_id=lambda: self._new_id("run"),
            background=at_once,
            budget=540,
        )

    def _new_id(self, kind: str) -> str:
        return f"{kind}-{next(self._numbers)}"

    @property
    def delivery(self) -> Delivery | None:
        """The delivery as it is stored."""
        stored = self.records.only
        return stored.checkpoint.instance if stored is not None else None

    def _serve(self) -> None:
        self.graph = GraphService()
        self.graph.add_mailbox(MAILBOX)
        now = self.clock.now()
        self.token = self.graph.issue_token(now)
        self.graph.switch(**{"min_session_size": 1, **self.case.switches})
        self.event = self.graph.add_event(MAILBOX, attendees=ATTENDEES, now=now) if self.case.is_event else ""

    def gate(self, name: str, effect: Any, /) -> Any:
        """A call to the world: what people do just before it, and then what befalls it."""
        if self._outside:
            return effect()
        with self.outside():
            for what in self._people.pop(self.injector.calls + 1, ()):
                self.person(what)
            self.attach_all()
        return self.injector(name, effect)

    @contextmanager
    def outside(self) -> Iterator[None]:
        """What is done in here is not the product's doing: it is not numbered, and not broken."""
        self._outside, before = True, self._outside
        try:
            yield
        finally:
            self._outside = before

    # --- files ---

    def join(self, number: int) -> None:
        """A file comes: it joins the delivery, or makes it, or fails before any of it is uploaded."""
        action = OnComplete.UPDATE if self.case.is_event else OnComplete.SEND
        file = File(f"{number:032x}", f"in/{number}.pdf", f"{number}.pdf", Wish(action, self.case.files))
        if self._joining.join(self._planned(file, TEXT), file, TEXT) is None:
            self.files.setdefault(file.transfer_id, file)
        else:
            self.refused.append(file)

    def _planned(self, file: File, text: DraftText) -> Delivery:
        if self.case.is_event:
            return for_item(Target(MAILBOX, TargetKey.EVENT_ID, self.event), file, self.clock.now())
        return for_draft(MAILBOX, DRAFT, text, file, self.clock.now())

    def attach_all(self) -> None:
        """Each file's transfer attaches it once the item is known, and asks for a run of the delivery."""
        delivery = self.delivery
        item = delivery.item_id if delivery is not None else None
        if delivery is None or item is None or delivery.state in UNDER_WAY or delivery.is_over:
            return  # a transfer looks at its delivery first
        for file in [one for one in self.files.values() if one.state is FileState.PENDING]:
            if item in self.graph.items:
                attached = self._attach(item, file.name)
                self.files[file.transfer_id] = replace(file, state=FileState.ATTACHED, attachment_id=attached)
            else:
                self.files[file.transfer_id] = replace(file, state=FileState.FAILED)
            self.ask(delivery)

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
        delivery = self.delivery
        if delivery is None:
            return
        match what:
            case PersonAction.CANCEL:
                if not delivery.is_over:
                    self._write(ev.CancelNoted(), keeps_lease=True)
            case PersonAction.JOIN:
                self.join(99)
            case _ if delivery.item_id in self.graph.items:
                self._in_outlook(what, delivery.item_id)
            case _:
                return

    def _write(self, event: ev.Event, *, keeps_lease: bool) -> None:
        """A person's wish, as a command writes it."""
        stored = self.records.only
        assert stored is not None
        after = history.step(stored.checkpoint.instance, None, event, self.clock.now(), self.policy)
        lease = stored.checkpoint.lease if keeps_lease else None
        entry = DeliveryProcess(self.policy).facts(after).entry
        self.records.add_unfinished_entry(entry)
        self.records.save(stored.checkpoint.written(after, f"{self._new_id('wish')}.0", lease), stored.etag)
        self.ask(after)

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

    # --- the host ---

    def ask(self, delivery: Delivery) -> None:
        """A message that asks for a run at once."""
        with self.outside():
            self.queue.ask(Continuation(delivery.id, kind=DELIVERY), 0)

    def finish(self) -> None:
        """Deliver messages until the delivery is over, or stands still for a person; then as often as one retries."""
        self._deliver()
        for _ in range(self.case.retries):
            delivery = self.delivery
            if delivery is None or ev.RetryRequested not in getattr(machine, "TABLE")[delivery.state]:  # noqa: B009
                break
            with self.outside():
                self._write(ev.RetryRequested(), keeps_lease=False)
            self._deliver()
        while self.injector.land_all():
            self._deliver()

    def _deliver(self) -> None:
        while True:
            with self.outside():
                self.attach_all()
            if self.is_quiet and all(_is_poll(message) for _, message, _ in self.queue.sent):
                return
            taken = self.queue.take()
            if taken is None:
                return
            self.clock.advance_to(taken[0])
            self.runs += 1
            if self.runs > MOST_RUNS:
                raise AssertionError(f"no end after {MOST_RUNS} runs")
            self.work(taken[1])

    @property
    def is_quiet(self) -> bool:
        """Whether only a person, or a file that nobody announced yet, can bring it on."""
        delivery = self.delivery
        if delivery is None or delivery.is_over or delivery.cancel_requested:
            return delivery is not None and delivery.is_over
        code = delivery.waiting_for.code if delivery.waiting_for else None
        return delivery.state is State.BLOCKED or code is Code.DELIVERY_FILES_AWAITED

    def work(self, asked: Continuation) -> None:
        """One message, as the host delivers it; what it dies of, or cannot do, comes again."""
        try:
            self.runner.carry_on(asked)
        except (Died, RunsSpent):
            self._again(asked, REDELIVERY)
        except (Conflict, StorageUnavailable):
            self._again(asked, TROUBLE)

    def _again(self, asked: Continuation, seconds: float) -> None:
        with self.outside():
            self.queue.ask(replace(asked, run=None, guards=False), seconds)


def _is_poll(message: Continuation) -> bool:
    """A message of the run that left the delivery waiting."""
    return message.run is not None
