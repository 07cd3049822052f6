"""What is seen while a scenario runs: each request, and what lay on the item when it was last looked at."""

from __future__ import annotations

from devkit.graph.service import GraphService
from shared.core.actions import ListAttachments
from shared.core.delivery import actions as ac
from shared.core.delivery import events as ev
from shared.core.delivery.model import Delivery
from shared.run.delivery_executor import DeliveryExecutor


class Witness:
    """Sees every action and answer.

    Attributes:
        told: the steps, one line each.
        broken: what must never be, as it was seen.
        taken_since_look: a person took a file off after the item's files were last listed.
        sent_since_look: a person sent it after it was last read.
        sends: requests that ask for a submission, or mail attendees.
    """

    def __init__(self, graph: GraphService) -> None:
        self._graph = graph
        self.told: list[str] = []
        self.broken: list[str] = []
        self.taken_since_look = False
        self.sends = 0
        self._looked = self._read = False
        self.sent_since_look = False

    def asked(self, action: ac.Action) -> None:
        """An action is about to be carried out."""
        if isinstance(action, ListAttachments):
            self.taken_since_look, self._looked = False, True
        if isinstance(action, ac.ReadItem):
            self.sent_since_look, self._read = False, True
        if isinstance(action, ac.Submit | ac.TellAttendees):
            self.sends += 1

    def decided(
        self,
        before: Delivery,
        action: ac.Action | None,
        event: ev.Event,
        after: Delivery,
        seconds: float,  # noqa: ARG002 - the protocol
    ) -> None:
        """See `Observer.decided`."""
        what = type(action).__name__ if action is not None else ""
        self.told.append(f"{before.state.value}: {what} {type(event).__name__} -> {after.state.value}")

    def handed_over(self, _instance_id: str, /) -> None:
        """See `Observer.handed_over`."""
        self.told.append("handed over")

    def concluded(self, delivery: Delivery) -> None:
        """An end is carried out."""
        if not delivery.is_over:
            self.broken.append(f"D3: concluded while {delivery.state.value}")

    def sent_by_person(self) -> None:
        """A person sent the draft."""
        self.sent_since_look = self._read

    def taken_off(self) -> None:
        """A person took a file off."""
        self.taken_since_look = self._looked


class WatchedExecutor:
    """Implements `Executor`: tells the witness first."""

    def __init__(self, executor: DeliveryExecutor, witness: Witness) -> None:
        self._executor = executor
        self._witness = witness

    def ahead(self, action: ac.Action) -> None:
        """See `Executor.ahead`."""
        self._executor.ahead(action)

    def perform(self, action: ac.Action) -> ev.Event:
        """See `Executor.perform`."""
        self._witness.asked(action)
        return self._executor.perform(action)
