"""The bytes that arrive are those of one version of the file, and what becomes of the file afterwards is as set."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from assurance.harness import Delivery, Scene, content
from devkit.local.azurite import Azurite
from tests.e2e.stage import attached, failed, staged

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("e2e source")]

MIB = 1024 * 1024
SIZE = 12 * MIB


@pytest.fixture(scope="module")
def stage(azurite: Azurite) -> Iterator[Scene]:
    with staged(azurite, settings={"RANGE_BYTES": str(MIB)}) as running:
        yield running


def held(scene: Scene, data: bytes, *, nth: int, kind: str = "put") -> Delivery:
    """A file whose `nth` range Graph has and does not answer yet."""
    scene.graph.fault({"action": "hold", "kind": kind, "nth": nth})
    file = scene.drop(data)
    scene.stack.wait_until(scene.graph.holding, what="a range is held")
    return file


@pytest.mark.parametrize("nth", [1, 5, 9])
def test_a_file_that_is_overwritten_midway_fails_and_its_new_version_is_attached(scene: Scene, nth: int) -> None:
    old = held(scene, content(SIZE, "old"), nth=nth)
    new = scene.drop(content(SIZE - 1, "new"), blob=old.blob, item=old.item)
    scene.graph.release()
    transfer = scene.ended(old)
    assert (transfer["state"], transfer["failure"]["code"]) == ("failed", "SOURCE_CHANGED")
    attached(scene, new)
    assert sorted(one["state"] for one in scene.sessions(old)) == ["cancelled", "committed"]


@pytest.mark.parametrize("nth", [1, 9])
def test_a_file_that_is_deleted_midway_leaves_nothing_attached(scene: Scene, nth: int) -> None:
    file = held(scene, content(SIZE, "deleted"), nth=nth)
    scene.stack.storage.get_blob_client(scene.stack.drop_container, file.blob).delete_blob()
    scene.graph.release()
    assert failed(scene, file)["code"] == "SOURCE_GONE"
    assert [one["state"] for one in scene.sessions(file)] == ["cancelled"]


def test_a_small_file_that_is_overwritten_before_it_is_read_is_attached_in_its_new_version(scene: Scene) -> None:
    old = held(scene, content(1000, "old"), nth=1, kind="list")
    new = scene.drop(content(999, "new"), blob=old.blob, item=old.item)
    scene.graph.release()
    transfer = scene.ended(old)
    assert (transfer["state"], transfer["failure"]["code"]) == ("failed", "SOURCE_CHANGED")
    attached(scene, new)


def test_a_token_that_expires_midway_is_replaced_and_nothing_else_happens(scene: Scene) -> None:
    file = held(scene, content(SIZE, "token"), nth=4)
    scene.graph.expire_tokens()
    scene.graph.fault({"action": "expire-tokens", "kind": "final-put"})
    scene.graph.release()
    attached(scene, file)
    assert len(scene.sessions(file)) == 1


@pytest.mark.parametrize("kind", ["list", "create", "post"])
def test_a_token_that_graph_rejects_is_replaced_once_and_the_request_repeated(scene: Scene, kind: str) -> None:
    scene.graph.fault({"action": "expire-tokens", "kind": kind})
    file = scene.drop(content(1000 if kind == "post" else SIZE, kind))
    scene.ended(file)
    assert [entry["status"] for entry in scene.requests(file, kind)][:2] == [401, 200 if kind == "list" else 201]
    attached(scene, file)


def test_the_source_stays_unless_told_otherwise(scene: Scene) -> None:
    file = scene.drop(content(100))
    attached(scene, file)
    scene.stack.wait_until_idle()
    assert scene.stack.storage.get_blob_client(scene.stack.drop_container, file.blob).exists()
