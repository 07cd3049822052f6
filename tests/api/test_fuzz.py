"""Schemathesis against the running app, at a small count. `python3 dev.py verify --only api` is the long run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from assurance import oracle
from assurance.campaigns import CAMPAIGNS
from assurance.fuzz import api
from devkit.local.harness import Harness

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("api fuzz"), pytest.mark.timeout(900)]

CASES, SEED = 12, 1


@pytest.fixture(scope="module")
def stage() -> Iterator[Harness]:
    with api.stage() as running:
        yield running


def test_no_request_that_schemathesis_thinks_of_is_answered_amiss(stage: Harness) -> None:
    found = api.fuzz(stage, CASES, SEED)
    assert found.passed, found.told[-6000:]
    assert {label: count for label, count in found.cases.items() if count < CASES} == {}
    assert found.steps > 0
    assert oracle.aftermath(stage) == []


def test_the_long_run_is_one_of_the_proofs() -> None:
    [proof] = [proof for proof in CAMPAIGNS if proof.name == "api"]
    assert api.CASES >= 1000
    assert proof.floor >= api.CASES * len(api.OPERATIONS)
