"""What is seen while a scenario runs: each request, and what lay on the item when it was last looked at."""

from __future__ import annotations

from devkit.graph.service import GraphService
from shared.core.actions import ListAttachments
from shared.core.delivery import actions as ac
from shared.core.delivery import events as ev
from shared.core.delivery.model import Delivery


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

    def asked(self, action: ac.Request, present: Delivery) -> None:
        """An action is about to be carried out."""
        if isinstance(action, ListAttachments):
            self.taken_since_look, self._looked = False, True
        if isinstance(action, ac.ReadItem):
            self.sent_since_look, self._read = False, True
        if isinstance(action, ac.Submit | ac.TellAttendees):
            self.sends += 1
            if present.acted_at is None:
                self.broken.append("an act without its intent")

    def answered(self, action: ac.Request, event: ev.Event) -> None:
        """What came of it."""
        self.told.append(f"    {type(action).__name__}: {type(event).__name__}")

    def sent_by_person(self) -> None:
        """A person sent the draft."""
        self.sent_since_look = self._read

    def taken_off(self) -> None:
        """A person took a file off."""
        self.taken_since_look = self._looked
