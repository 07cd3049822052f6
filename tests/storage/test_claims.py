"""Whose an attachment is: the real records on Azurite and the simulation's in memory, under the same contract."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from assurance.simulation.clock import VirtualClock
from assurance.simulation.storage import MemoryCheckpoints, MemoryClaims
from shared.core.model import State, Transfer
from shared.core.unfinished import unfinished_entry_of
from shared.storage.claims import MOST_UNFINISHED, ClaimBlobs
from shared.storage.outcome_index import BlobOutcomeIndex
from shared.storage.ports import Checkpoint, Checkpoints, Claims
from tests.storage.rooms import NOW, AzuriteRoom, transfer

_numbers = itertools.count(1)


def new_transfer() -> Transfer:
    """A transfer of a file of its own, to the one item."""
    return transfer(next(_numbers))


@dataclass
class CheckpointFixtures:
    """Checkpoints, what is told of their ends, and claims."""

    checkpoints: Checkpoints
    claims: Claims
    tell: Callable[[Checkpoint], object]

    def attached(
        self, attachment_id: str | None, mailbox: str = "Ada@example.org", *, told: bool = True, retries: int = 0
    ) -> Transfer:
        """A transfer that ended attached; its end is told, or is about to be."""
        made = new_transfer()
        target = replace(made.target, mailbox=mailbox)
        over = replace(
            made,
            plan=replace(made.plan, target=target),
            state=State.ATTACHED,
            attachment_id=attachment_id,
            finished_at=NOW,
            retries=retries,
        )
        checkpoint = Checkpoint(over, None, "run.1")
        self.checkpoints.add_unfinished_entry(unfinished_entry_of(over))
        self.checkpoints.create(checkpoint)
        if told:
            self.tell(checkpoint)
            self.checkpoints.remove_unfinished_entry(unfinished_entry_of(over))
        return over


@pytest.fixture(params=["memory", "azurite"])
def fixtures(request: pytest.FixtureRequest) -> CheckpointFixtures:
    if request.param == "memory":
        held = MemoryCheckpoints(VirtualClock())
        return CheckpointFixtures(held, MemoryClaims(held), lambda _: None)
    room: AzuriteRoom = request.getfixturevalue("real")
    container = room.checkpoints._container
    ends = BlobOutcomeIndex(room.access, container, room.checkpoints)
    return CheckpointFixtures(room.checkpoints, ClaimBlobs(room.access, container, room.checkpoints), ends.notify)


@pytest.mark.parametrize("retries", [0, 1])
@pytest.mark.parametrize("told", [True, False])
def test_what_another_transfer_ended_with_is_known_from_its_end_on(
    fixtures: CheckpointFixtures, *, told: bool, retries: int
) -> None:
    theirs = fixtures.attached("AAA=", told=told, retries=retries)
    fixtures.attached("elsewhere", "bob@example.org")
    fixtures.attached(None)
    ours = new_transfer()
    assert fixtures.claims.of_others(ours) == {"AAA="}
    assert fixtures.claims.of_others(theirs) == frozenset()


def test_an_attachment_is_taken_once_and_for_good(fixtures: CheckpointFixtures) -> None:
    fixtures.attached(None)  # so that there is a container
    first, second = new_transfer(), new_transfer()
    assert fixtures.claims.take(first, "AAA=")
    assert not fixtures.claims.take(second, "AAA=")
    assert fixtures.claims.take(second, "BBB=")
    assert fixtures.claims.take(first, "AAA=")


def test_only_so_many_unfinished_transfers_are_looked_at() -> None:
    assert MOST_UNFINISHED == 50
