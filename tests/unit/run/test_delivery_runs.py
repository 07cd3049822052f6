"""Deliveries under the real runner: joined, composed, collected and sent, with the emulator and storage in memory."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from json import dumps
from typing import Any

from assurance.simulation.clock import VirtualClock
from assurance.simulation.storage import MemoryQueue, at_once
from assurance.simulation.transport import MemoryTransport
from devkit.graph.service import GraphService
from shared.core.codes import Code
from shared.core.delivery import events as ev
from shared.core.delivery.draft import DraftText
from shared.core.delivery.history import LONGEST, step
from shared.core.delivery.model import Delivery, File, FileState, OnComplete, State, Wish
from shared.core.delivery.planning import for_draft
from shared.core.delivery.policy import DeliveryPolicy
from shared.core.policy import Policy
from shared.engine.checkpoint import Checkpoint
from shared.engine.ports import Conflict, Stored
from shared.engine.process import Deferred, Facts
from shared.engine.runner import Runner
from shared.engine.runtime import Runtime
from shared.graph.http import GraphRequest
from shared.run.delivery_executor import DeliveryExecutor
from shared.run.delivery_process import DELIVERY, DeliveryProcess
from shared.run.joining import Joining
from shared.storage.delivery_codec import DeliveryCodec
from tests.unit.core.delivery.delivery_shapes import delivery

MAILBOX = "ada@contoso.example"
POLICY = DeliveryPolicy()
TEXT = DraftText(to=("bob@example.org",), subject="Invoice")


@dataclass
class Store:
    """Implements `Checkpoints` for deliveries, with real bytes. `before_save` may change what is stored."""

    blobs: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    entries: set[str] = field(default_factory=set)
    before_save: Callable[[Checkpoint[Delivery]], None] = lambda _: None
    versions: Any = field(default_factory=lambda: count(1))

    def load(self, instance_id: str, /) -> Stored[Delivery] | None:
        held = self.blobs.get(instance_id)
        return None if held is None else Stored(DeliveryCodec().decode(held[0], instance_id), held[1])

    def create(self, checkpoint: Checkpoint[Delivery]) -> str:
        return self._put(checkpoint, None)

    def save(self, checkpoint: Checkpoint[Delivery], etag: str) -> str:
        self.before_save(checkpoint)
        return self._put(checkpoint, etag)

    def _put(self, checkpoint: Checkpoint[Delivery], etag: str | None) -> str:
        held = self.blobs.get(checkpoint.instance.id)
        if (held[1] if held else None) != etag:
            raise Conflict
        new = f'"{next(self.versions)}"'
        self.blobs[checkpoint.instance.id] = (DeliveryCodec().encode(checkpoint), new)
        return new

    def add_unfinished_entry(self, entry: str, instance: Delivery | None = None) -> bool:
        known = entry in self.entries
        self.entries.add(entry)
        return not known

    def has_unfinished_entry(self, entry: str) -> bool:
        return entry in self.entries

    def renew_unfinished_entry(self, entry: str) -> None:
        self.entries.add(entry)

    def remove_unfinished_entry(self, entry: str) -> None:
        self.entries.discard(entry)


class Nobody:
    """Implements `Observer`."""

    def decided(self, *_: Any) -> None:
        """Nobody is told."""

    def handed_over(self, _instance_id: str, /) -> None:
        """Nobody is told."""


class Stage:
    def __init__(self, *, sends: bool = True) -> None:
        self.clock = VirtualClock()
        self.graph = GraphService()
        self.graph.add_mailbox(MAILBOX)
        self.graph.switch(send_seconds=0)
        self.store, self.queue = Store(), MemoryQueue(self.clock)
        self.files: dict[str, File] = {}
        self.concluded: list[State] = []
        numbers = count(1)
        url = f"{self.graph.origins.graph}/v1.0"
        self.transport = MemoryTransport(self.graph, self.clock, self.graph.issue_token(self.clock.now()))
        executor = DeliveryExecutor(self.transport, url, self.clock, self, lambda _: "")
        self.process = DeliveryProcess(POLICY, sends=sends)
        self.runner = Runner(
            Runtime(
                process=self.process,
                checkpoints=self.store,
                queue=self.queue,
                executor=lambda _: nullcontext(executor),
                conclude=lambda checkpoint: self.concluded.append(checkpoint.instance.state),
                observer=Nobody(),
                policy=Policy(),
                clock=self.clock,
                new_run_id=lambda: f"run-{next(numbers)}",
                background=at_once,
                budget=540,
            )
        )
        self.joining = Joining(
            self.store, self.runner.accept, self.queue, self.clock, POLICY, lambda: f"join-{next(numbers)}"
        )

    def join(self, number: int, expected: int = 2, text: DraftText = TEXT) -> Code | None:
        file = File(f"{number:032x}", f"in/{number}.pdf", f"{number}.pdf", Wish(OnComplete.SEND, expected))
        planned = for_draft(MAILBOX, "invoice 17", text, file, self.clock.now())
        refused = self.joining.join(planned, file, text)
        self.files.setdefault(file.transfer_id, file)
        return refused.code if refused else None

    def count(self, transfer_ids: tuple[str, ...]) -> tuple[File, ...]:
        return tuple(self.files[one] for one in transfer_ids if one in self.files)

    def attach(self) -> None:
        """Every file is attached by its transfer."""
        item = self.delivery.item_id
        assert item is not None
        for file in self.files.values():
            made = self._attach(item, file.name)
            self.files[file.transfer_id] = replace(file, state=FileState.ATTACHED, attachment_id=made)

    def _attach(self, item: str, name: str) -> str:
        body = {
            "@odata.type": "#microsoft.graph.fileAttachment",
            "name": name,
            "contentBytes": b64encode(b"x").decode(),
        }
        url = f"{self.graph.origins.graph}/v1.0/users/{MAILBOX}/messages/{item}/attachments"
        answer = self.transport.send(GraphRequest("POST", url, {}, dumps(body).encode()))
        return str(answer.json()["id"])

    def run(self) -> Delivery:
        self.runner.resume(self.delivery.id)
        return self.delivery

    @property
    def delivery(self) -> Delivery:
        [(instance_id, _)] = self.store.blobs.items()
        stored = self.store.load(instance_id)
        assert stored is not None
        return stored.checkpoint.instance


def test_files_join_a_draft_is_made_and_it_goes_out_once_all_are_on() -> None:
    stage = Stage()
    assert (stage.join(1), stage.join(2), stage.join(2)) == (None, None, None)
    waiting = stage.run()
    assert (waiting.state, waiting.made, len(waiting.files)) == (State.COLLECTING, True, 2)
    stage.attach()
    sent = stage.run()
    assert (sent.state, stage.concluded, stage.store.entries) == (State.SENT, [State.SENT], set())
    [out] = stage.graph.state.outgoing
    assert [name for name, _ in out.files] == ["1.pdf", "2.pdf"]
    assert {step.action for step in sent.history} >= {"find marked", "compose", "read item", "submit"}
    assert stage.join(3) is Code.ALREADY_SENT


def test_a_message_that_asks_for_a_waiting_delivery_is_heeded_at_once() -> None:
    stage = Stage()
    stage.join(1, 1)
    assert stage.run().not_before is not None
    stage.attach()
    assert stage.run().state is State.SENT


def at_the_intent(stage: Stage, act: Callable[[], object]) -> None:
    """Somebody does something just before the intent is saved, once."""

    def before(checkpoint: Checkpoint[Delivery]) -> None:
        if checkpoint.instance.state is State.SUBMITTING:
            stage.store.before_save = lambda _: None
            act()

    stage.store.before_save = before


def test_a_file_that_joins_just_before_the_act_keeps_it_from_beginning() -> None:
    stage = Stage()
    stage.join(1, 1)
    stage.run()
    stage.attach()
    at_the_intent(stage, lambda: stage.join(2, 1))
    after = stage.run()
    assert stage.graph.state.outgoing == []
    assert (after.state, after.failure.code if after.failure else None) == (
        State.BLOCKED,
        Code.DELIVERY_TOO_MANY_FILES,
    )


def test_a_wish_to_cancel_just_before_the_act_keeps_it_from_beginning() -> None:
    stage = Stage()
    stage.join(1, 1)
    stage.run()
    stage.attach()

    def cancel() -> None:
        stored = stage.store.load(stage.delivery.id)
        assert stored is not None
        noted = step(stored.checkpoint.instance, None, ev.CancelNoted(), stage.clock.now(), POLICY)
        stage.store.save(replace(stored.checkpoint, instance=noted, write="wish.0"), stored.etag)

    at_the_intent(stage, cancel)
    assert stage.run().state is State.CANCELLED
    assert stage.graph.state.outgoing == []


def test_a_file_that_comes_again_asks_again_because_its_message_may_have_been_lost() -> None:
    stage = Stage()
    stage.join(1, 1)
    stage.queue.sent.clear()
    stage.join(1, 1)
    assert [message.instance_id for _, message, _ in stage.queue.sent] == [stage.delivery.id]


def test_a_file_that_contradicts_the_draft_is_refused_and_an_end_takes_none() -> None:
    stage = Stage()
    stage.join(1, 1)
    assert stage.join(2, 1, DraftText(subject="Other")) is Code.DRAFT_CONTRADICTORY
    assert len(stage.delivery.files) == 1


def test_a_deployment_that_does_not_send_any_more_stands_still_and_says_so() -> None:
    stage = Stage(sends=False)
    stage.join(1, 1)
    stopped = stage.run()
    assert (stopped.state, stopped.failure.code if stopped.failure else None) == (State.BLOCKED, Code.SENDING_OFF)
    assert stage.graph.items == {}


def test_a_mailbox_that_is_not_allowed_any_more_is_not_written_to() -> None:
    process = DeliveryProcess(POLICY, may_write=lambda _: False)
    forbidden = process.opening(delivery())[1]
    assert isinstance(forbidden, ev.Forbidden)
    assert forbidden.failure.code is Code.MAILBOX_NOT_ALLOWED


def test_the_engine_learns_what_it_has_to_know() -> None:
    process = DeliveryProcess(POLICY)
    waits = delivery(State.SETTLING, acts=1, acted_at=datetime(2026, 3, 2).astimezone(), retries=2)
    later = waits.plan.created_at + timedelta(seconds=9)
    facts = process.facts(replace(waits, not_before=later))
    assert isinstance(facts, Facts)
    assert (process.kind, facts.entry, facts.not_before, facts.is_over) == (DELIVERY, f"{'d' * 32}-2", later, False)
    assert process.facts(replace(waits, not_before=later, cancel_requested=True)).not_before is None
    held = process.held(Deferred(later, known=True))
    assert process.apply(waits, None, held, waits.plan.created_at).history == ()


def test_what_was_announced_and_not_begun_is_taken_back_when_a_run_ends() -> None:
    process = DeliveryProcess(POLICY)
    now = delivery().plan.created_at
    for announced in (
        delivery(State.SUBMITTING, acts=1, acted_at=now),
        delivery(State.COMPOSING, composes=1, composed_at=now, item_id=None, marked=False),
    ):
        closing = process.closing(announced)
        assert isinstance(closing, ev.ActAborted)
        assert process.apply(announced, None, closing, now).acts == 0
    assert process.closing(delivery()) is None
    assert process.closing(delivery(State.COMPOSING, item_id=None)) is None


def test_a_long_history_loses_its_middle() -> None:
    present, now = delivery(), delivery().plan.created_at
    for _ in range(LONGEST + 9):
        present = step(present, None, ev.RunStarted(), now, POLICY)
    assert len(present.history) == LONGEST
