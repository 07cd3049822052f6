"""One message, one mailbox and the real runs over a world in memory."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import count

from assurance.simulation.clock import VirtualClock
from assurance.simulation.io import Gate, open_gate
from assurance.simulation.storage import (
    MemoryCheckpoints,
    MemoryOutcomes,
    MemoryQueue,
    MemorySources,
    at_once,
)
from assurance.simulation.transport import MemoryTransport
from devkit.graph.service import GraphService
from shared.core.actions import Action
from shared.core.events import Event
from shared.core.model import Route, Transfer
from shared.core.policy import Policy
from shared.graph.hosts import UploadHosts
from shared.intake.accept import transfer_for
from shared.intake.mailboxes import AllowedMailboxes
from shared.run.runner import RunDependencies, TransferRunner

MAILBOX = "ada@contoso.example"


@dataclass
class Witness:
    """Implements `Observer`: remembers the decisions."""

    seen: list[tuple[str, str]] = field(default_factory=list)
    handed: list[str] = field(default_factory=list)

    def decided(self, before: Transfer, action: Action | None, event: Event, after: Transfer, seconds: float) -> None:
        self.seen.append((before.state.value, type(event).__name__))

    def handed_over(self, transfer_id: str) -> None:
        self.handed.append(transfer_id)


class Stage:
    """Everything is reachable: the parts are plain attributes."""

    def __init__(
        self, gate: Gate = open_gate, *, budget: float = 540, delete_source: bool = False, policy: Policy | None = None
    ) -> None:
        self.route: Route | None = None  # the way every transfer goes, whatever its size
        self.clock = VirtualClock()
        self.graph = GraphService()
        self.graph.switch(min_session_size=1, post_body_limit=4_194_304)
        self.graph.add_mailbox(MAILBOX, message_limit=10**9)
        self.item = self.graph.add_message(MAILBOX)
        self.checkpoints = MemoryCheckpoints(self.clock, gate)
        self.sources = MemorySources(self.clock, gate)
        self.queue = MemoryQueue(self.clock, gate)
        self.outcomes = MemoryOutcomes(gate)
        self.witness = Witness()
        self.token = self.graph.issue_token(self.clock.now())
        origins = self.graph.origins
        hosts = UploadHosts([origins.upload.split("//")[1]])
        runs = count(1)
        self.edges = RunDependencies(
            checkpoints=self.checkpoints,
            sources=self.sources,
            queue=self.queue,
            outcomes=self.outcomes,
            transport=MemoryTransport(self.graph, self.clock, self.token, gate),
            hosts=hosts,
            base_url=f"{origins.graph}/v1.0",
            policy=policy or Policy(),
            clock=self.clock,
            observer=self.witness,
            new_run_id=lambda: f"run-{next(runs)}",
            background=at_once,
            budget=budget,
            delete_source=delete_source,
        )
        self.runs = TransferRunner(self.edges)

    def transfer(self, content: bytes, blob: str = "a.bin", **metadata: str) -> Transfer:
        """A new transfer of a blob with this content to the one message."""
        keys = {"mailbox": MAILBOX, "messageid": self.item.replace("%", "%25"), **metadata}
        dropped = self.sources.put(blob, content, {key: value for key, value in keys.items() if value})
        made = transfer_for(dropped, AllowedMailboxes(), self.clock.now())
        return replace(made, route=self.route or made.route)

    def now_is(self, transfer_id: str) -> Transfer:
        """The transfer as the checkpoint has it."""
        stored = self.checkpoints.peek(transfer_id)
        assert stored is not None
        return stored.checkpoint.instance

    def wish_the_end(self, transfer_id: str) -> None:
        """A person cancels: one flag, under the checkpoint's ETag; the lease stays where it is."""
        stored = self.checkpoints.peek(transfer_id)
        assert stored is not None
        asked = replace(stored.checkpoint.instance, cancel_requested=True)
        self.checkpoints.save(replace(stored.checkpoint, instance=asked, write="person.1"), stored.etag)

    def attached(self) -> list[tuple[str, bytes]]:
        """What is attached to the message: names and bytes."""
        return [(one.name, one.content.data) for one in self.graph.attachments(MAILBOX, self.item)]

    def deliver_one(self) -> bool:
        """Deliver the next continuation, moving the clock to it; False where there is none."""
        message = self.queue.take()
        if message is None:
            return False
        due, continuation = message
        self.clock.advance_to(due)
        self.runs.carry_on(continuation)
        return True

    def deliver_all(self, most: int = 50) -> int:
        """Deliver continuations in order, moving the clock to each; the count of runs."""
        for delivered in range(most):
            if not self.deliver_one():
                return delivered
        raise AssertionError(f"still not over after {most} runs")
