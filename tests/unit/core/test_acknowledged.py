"""What people may do about an end: acknowledge it, or let another transfer take its place."""

from __future__ import annotations

from shared.core import events as ev
from shared.core.machine import apply
from shared.core.model import Acknowledgement, State
from tests.unit.core.shapes import POLICY, at, retried, shapes


def test_an_acknowledged_failure_stays_failed_and_says_how_it_was_dealt_with_and_by_whom() -> None:
    [failed, *_] = shapes(State.FAILED)
    noted = apply(failed, ev.Acknowledged("Sent by hand.", "ann@example.com"), at(60), POLICY)
    assert noted.acknowledged == Acknowledgement(at(60), "Sent by hand.", "ann@example.com")
    assert (noted.state, noted.failure, noted.finished_at) == (State.FAILED, failed.failure, failed.finished_at)


def test_a_transfer_whose_place_another_took_names_it_whatever_is_said_later() -> None:
    [failed, *_] = shapes(State.FAILED)
    superseded = apply(failed, ev.Superseded("d" * 32), at(60), POLICY)
    again = apply(superseded, ev.Acknowledged("It came through."), at(120), POLICY)
    assert again.acknowledged == Acknowledgement(at(120), "It came through.", successor="d" * 32)


def test_a_transfer_that_is_tried_again_is_dealt_with_no_more() -> None:
    [failed, *_] = shapes(State.FAILED)
    noted = apply(failed, ev.Acknowledged("Sent by hand."), at(60), POLICY)
    assert retried(noted, at(120)).acknowledged is None
