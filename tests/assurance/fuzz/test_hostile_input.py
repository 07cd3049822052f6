"""The proofs about hostile input count what they tried, and break where the product does."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any

import pytest

from assurance.campaign import Outcome
from assurance.fuzz import canaries, driver, hostile_input, shapes
from assurance.simulation import campaigns
from shared import log
from shared.graph import read
from shared.log_observer import LogObserver
from shared.storage import codec


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same proofs in a second or two."""
    monkeypatch.setattr(hostile_input, "ROUND_TRIPS", 20)
    monkeypatch.setattr(hostile_input, "TORN", 3)
    monkeypatch.setattr(hostile_input, "GENERATED_ANSWERS", 20)
    monkeypatch.setattr(hostile_input, "table", lambda: islice(shapes.table(), 4800, 4848))
    monkeypatch.setattr(hostile_input, "_talkative", lambda _seed: islice(campaigns.single_faults(), 3))


@pytest.mark.parametrize(
    "prove", [hostile_input.round_trips, hostile_input.torn, hostile_input.answers, hostile_input.secrets]
)
def test_a_proof_counts_what_it_tried(prove: Callable[[int], Outcome]) -> None:
    outcome = prove(1)
    assert outcome.achieved >= 3
    assert outcome.broken == []


def test_a_checkpoint_that_does_not_come_back_breaks_the_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    encode = codec.encode
    monkeypatch.setattr(codec, "encode", lambda checkpoint: encode(checkpoint)[:-1])
    assert hostile_input.round_trips(1).broken


def test_a_torn_checkpoint_that_is_read_breaks_the_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hostile_input, "check_checkpoint", lambda _text: "planned")
    assert hostile_input.torn(1).broken


def test_an_answer_that_raises_breaks_the_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(*_: Any) -> Any:
        raise KeyError("uploadUrl")

    monkeypatch.setattr(read, "graph_event", careless)
    assert any("KeyError" in line for line in hostile_input.answers(1).broken)


def test_a_secret_in_the_log_breaks_the_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LogObserver, "handed_over", lambda *_: None)
    monkeypatch.setattr(LogObserver, "decided", lambda *_: log.note("decided", said=f"Bearer {canaries.CANARY}"))
    assert hostile_input.secrets(1).broken


def test_a_system_without_the_fuzzer_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def unavailable(*_: Any) -> Any:
        raise driver.Unavailable(driver.WHY_NOT)

    monkeypatch.setattr(driver, "run", unavailable)
    outcome = hostile_input.fuzzed(1)
    assert (outcome.achieved, outcome.broken) == (0, [driver.WHY_NOT])


def test_the_fuzzers_report_becomes_the_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    results = (driver.Result("link", 7, 30, 1, ()), driver.Result("name", 5, 20, 0, ("name: broken",)))
    monkeypatch.setattr(driver, "run", lambda seconds, seed: driver.Report(results, seed, seconds))
    outcome = hostile_input.fuzzed(3)
    assert (outcome.achieved, outcome.broken) == (12, ["name: broken"])
    assert outcome.details == {"targets": 2, "covered in link": 30, "covered in name": 20}


def test_the_proofs_have_names_of_their_own() -> None:
    names = [proof.name for proof in hostile_input.CAMPAIGNS]
    assert len(set(names)) == len(names) == 5
