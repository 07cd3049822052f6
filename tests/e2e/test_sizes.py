"""A dropped file becomes an attachment, byte for byte, whatever its size."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from devkit.local.azurite import Azurite
from devkit.local.harness import Harness, Kind, content
from tests.e2e.stage import attached, staged

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("e2e sizes")]

MIB = 1024 * 1024
RANGE = 4 * MIB


@pytest.fixture(scope="module")
def stage(azurite: Azurite) -> Iterator[Harness]:
    with staged(azurite) as running:
        yield running


@pytest.mark.parametrize("kind", ["message", "event"])
@pytest.mark.parametrize(
    ("size", "requests"),
    [
        pytest.param(1, ["post"], id="1 byte"),
        pytest.param(3 * MIB - 200, ["post"], id="the largest that one request takes"),
        pytest.param(3 * MIB - 1, ["create", "final-put"], id="3 MiB - 1"),
        pytest.param(3 * MIB, ["create", "final-put"], id="3 MiB"),
        pytest.param(3 * MIB + 1, ["create", "final-put"], id="3 MiB + 1"),
        pytest.param(RANGE, ["create", "final-put"], id="exactly 1 range"),
        pytest.param(3 * RANGE, ["create", "put", "put", "final-put"], id="exactly 3 ranges"),
        pytest.param(3 * RANGE + 1, ["create", *["put"] * 3, "final-put"], id="3 ranges + 1 byte"),
        pytest.param(35_000_000, ["create", *["put"] * 8, "final-put"], id="35 MB"),
        pytest.param(150_000_000, ["create", *["put"] * 35, "final-put"], id="150 MB"),
    ],
)
def test_a_file_of_any_size_is_attached_in_the_requests_it_needs(
    harness: Harness, kind: Kind, size: int, requests: list[str]
) -> None:
    file = harness.drop(content(size, kind), kind=kind)
    attached(harness, file)
    log = harness.requests(file, "post", "create", "put", "final-put")
    assert [entry["kind"] for entry in log] == requests
    assert [entry["status"] for entry in log[1:-1]] == [200] * (len(requests) - 2)
    assert log[-1]["status"] == 201


@pytest.mark.parametrize("size", [3 * RANGE, 3 * RANGE + 1])
def test_each_range_begins_where_the_one_before_ended(harness: Harness, size: int) -> None:
    file = harness.drop(content(size))
    attached(harness, file)
    ends = [min(start + RANGE, size) - 1 for start in range(0, size, RANGE)]
    wanted = [f"bytes {number * RANGE}-{end}/{size}" for number, end in enumerate(ends)]
    assert [entry["content_range"] for entry in harness.requests(file, "put", "final-put")] == wanted
