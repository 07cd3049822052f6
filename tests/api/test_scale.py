"""A page costs the same however many transfers there are. `python3 dev.py verify --only listing` has 10,000 of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from assurance import listing
from assurance.campaigns import CAMPAIGNS
from assurance.checkpoint_fixtures import CheckpointFixtures
from devkit.local.azurite import Azurite
from shared.storage.places import Wanted

pytestmark = [pytest.mark.xdist_group("api listing"), pytest.mark.timeout(300)]

TRANSFERS = 500


@pytest.fixture(scope="module")
def fixtures() -> Iterator[CheckpointFixtures]:
    with Azurite() as azurite:
        full = CheckpointFixtures(azurite, "full")
        listing.fill(full, TRANSFERS)
        yield full


@pytest.mark.parametrize(("wanted", "requests"), listing.WANTED.values(), ids=listing.WANTED)
def test_a_page_takes_few_requests_and_little_time(fixtures: CheckpointFixtures, wanted: Wanted, requests: int) -> None:
    cost = listing.cost_of_pages(fixtures, wanted)
    assert cost.requests <= requests
    assert 0 < cost.processor < listing.LONGEST  # the clock on the wall also counts what else the machine does


def test_the_operators_page_costs_the_same_number_of_requests(fixtures: CheckpointFixtures) -> None:
    assert listing.cost_of_overview(fixtures).requests <= listing.OVERVIEW_REQUESTS


def test_one_operation_on_many_takes_a_bounded_number_of_requests_for_each(fixtures: CheckpointFixtures) -> None:
    report, _, requests = listing.many(fixtures, 20)
    assert listing.unlike(report, 20) == []
    assert requests <= listing.REQUESTS_A_ROW


def test_a_report_that_is_not_whole_is_seen(fixtures: CheckpointFixtures) -> None:
    report, _, _ = listing.many(fixtures, 5)
    assert listing.unlike(report, 6) != []


def test_the_long_run_is_one_of_the_proofs() -> None:
    [proof] = [proof for proof in CAMPAIGNS if proof.name == "listing"]
    assert proof.floor == listing.TRANSFERS == 10_000
