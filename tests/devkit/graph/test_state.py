from __future__ import annotations

import hashlib

import pytest

from devkit.graph.memory import InMemoryGraph
from devkit.graph.scenario import ADDRESS, World
from devkit.graph.state import Content


@pytest.mark.parametrize("pieces", [(), (b"abc",), (b"ab", b"c", b"", b"def")])
def test_content_is_the_same_however_it_came(pieces: tuple[bytes, ...]) -> None:
    data = b"".join(pieces)
    content = Content(pieces, len(data))
    assert content.kept
    assert content.data == data
    assert content.sha256 == hashlib.sha256(data).hexdigest()


def test_content_without_its_bytes_knows_its_hash_only() -> None:
    content = Content((), 3, "abc")
    assert (content.kept, content.sha256) == (False, "abc")
    with pytest.raises(LookupError, match="not kept"):
        _ = content.data


@pytest.mark.parametrize("keep", [True, False])
def test_a_copied_session_goes_its_own_way(keep: bool) -> None:
    graph = InMemoryGraph()
    world = World(graph)
    graph.switch(keep_bytes=keep)
    url = world.open(4)
    world.put(url, 0, b"ab", 4)
    twin = InMemoryGraph(graph.service.copy(), graph.now)
    twin.send(world.range(url, 2, b"XY", 4))
    world.put(url, 2, b"cd", 4)
    found = [one.attachments(ADDRESS, world.message)[0].sha256 for one in (graph, twin)]
    assert found == [hashlib.sha256(data).hexdigest() for data in (b"abcd", b"abXY")]
