"""The bytes that arrive are those of one version of the file, and what becomes of the file afterwards is as set."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from devkit.local.azurite import Azurite
from devkit.local.harness import Delivery, Harness, content
from tests.e2e.stage import attached, failed, staged

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("e2e source")]

MIB = 1024 * 1024
SIZE = 12 * MIB


@pytest.fixture(scope="module")
def stage(azurite: Azurite) -> Iterator[Harness]:
    with staged(azurite, settings={"RANGE_BYTES": str(MIB)}) as running:
        yield running


def held(harness: Harness, data: bytes, *, nth: int, kind: str = "put") -> Delivery:
    """A file whose `nth` range Graph has and does not answer yet."""
    harness.graph.fault({"action": "hold", "kind": kind, "nth": nth})
    file = harness.drop(data)
    harness.stack.wait_until(harness.graph.holding, what="a range is held")
    return file


@pytest.mark.parametrize("nth", [1, 5, 9])
def test_a_file_that_is_overwritten_midway_fails_and_its_new_version_is_attached(harness: Harness, nth: int) -> None:
    old = held(harness, content(SIZE, "old"), nth=nth)
    new = harness.drop(content(SIZE - 1, "new"), blob=old.blob, item=old.item)
    harness.graph.release()
    transfer = harness.ended(old)
    assert (transfer["state"], transfer["failure"]["code"]) == ("failed", "SOURCE_CHANGED")
    attached(harness, new)
    assert sorted(one["state"] for one in harness.sessions(old)) == ["cancelled", "committed"]


@pytest.mark.parametrize("nth", [1, 9])
def test_a_file_that_is_deleted_midway_leaves_nothing_attached(harness: Harness, nth: int) -> None:
    file = held(harness, content(SIZE, "deleted"), nth=nth)
    harness.stack.storage.get_blob_client(harness.stack.drop_container, file.blob).delete_blob()
    harness.graph.release()
    assert failed(harness, file)["code"] == "SOURCE_GONE"
    assert [one["state"] for one in harness.sessions(file)] == ["cancelled"]


def test_a_small_file_that_is_overwritten_before_it_is_read_is_attached_in_its_new_version(harness: Harness) -> None:
    old = held(harness, content(1000, "old"), nth=1, kind="list")
    new = harness.drop(content(999, "new"), blob=old.blob, item=old.item)
    harness.graph.release()
    transfer = harness.ended(old)
    assert (transfer["state"], transfer["failure"]["code"]) == ("failed", "SOURCE_CHANGED")
    attached(harness, new)


def test_a_token_that_expires_midway_is_replaced_and_nothing_else_happens(harness: Harness) -> None:
    file = held(harness, content(SIZE, "token"), nth=4)
    harness.graph.expire_tokens()
    harness.graph.fault({"action": "expire-tokens", "kind": "final-put"})
    harness.graph.release()
    attached(harness, file)
    assert len(harness.sessions(file)) == 1


@pytest.mark.parametrize("kind", ["list", "create", "post"])
def test_a_token_that_graph_rejects_is_replaced_once_and_the_request_repeated(harness: Harness, kind: str) -> None:
    harness.graph.fault({"action": "expire-tokens", "kind": kind})
    file = harness.drop(content(1000 if kind == "post" else SIZE, kind))
    harness.ended(file)
    assert [entry["status"] for entry in harness.requests(file, kind)][:2] == [401, 200 if kind == "list" else 201]
    attached(harness, file)


def test_the_source_stays_unless_told_otherwise(harness: Harness) -> None:
    file = harness.drop(content(100))
    attached(harness, file)
    harness.stack.wait_until_idle()
    assert harness.stack.storage.get_blob_client(harness.stack.drop_container, file.blob).exists()
