"""An app whose settings are wrong does not start, and says all that is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from devkit.local.azurite import Azurite
from devkit.local.harness import Harness, content
from devkit.local.processes import ChildError
from devkit.local.stack import Stack
from tests.e2e.stage import attached

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("e2e settings")]

SECRET = "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IHNlY3JldCBzZWNyZXQ="


@pytest.fixture(scope="module")
def stage(azurite: Azurite) -> Iterator[Harness]:
    with Harness(Stack(azurite=azurite)) as running:
        yield running


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        pytest.param(
            {"DROP_CONTAINER": "Drop", "RANGE_BYTES": "0", "GRAPH_BASE_URL": "http://graph.microsoft.com/v1.0"},
            ["DROP_CONTAINER", "RANGE_BYTES", "GRAPH_BASE_URL"],
            id="three at once",
        ),
        pytest.param(
            {"DropStorage": f"AccountKey={SECRET}", "TARGET_WAIT_SECONDS": "soon", "SOURCE_ON_SUCCESS": "burn"},
            ["DropStorage", "TARGET_WAIT_SECONDS", "SOURCE_ON_SUCCESS"],
            id="a connection string among them",
        ),
        pytest.param(
            {"RUN_BUDGET_SECONDS": "600", "AzureFunctionsJobHost__functionTimeout": "00:05:00"},
            ["RUN_BUDGET_SECONDS"],
            id="a budget beyond the time limit",
        ),
    ],
)
def test_every_fault_in_the_settings_is_named_at_start(
    stage: Harness, settings: dict[str, str], named: list[str]
) -> None:
    with pytest.raises(ChildError) as caught:
        stage.stack.start_host(**settings)
    told = str(caught.value)
    assert "The app's settings are unusable:" in told
    for name in named:
        assert f"- {name}: " in told
    assert SECRET not in told


def test_a_stack_whose_neighbour_could_not_start_goes_on(stage: Harness) -> None:
    attached(stage, stage.drop(content(1000)))
