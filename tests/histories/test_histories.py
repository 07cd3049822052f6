"""Every released version's checkpoints are read as they were meant, and carried on to their end.

A file here is never changed. Where a later version means something else by it, `next.json` may say so in that version's
own words, with a line in docs/architecture.md.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from assurance.fuzz.histories import NEXT, freeze, moment_of, next_of
from assurance.simulation.case import Case
from assurance.simulation.storage import MemoryBlob
from shared.core.model import State, TargetKey, Transfer
from shared.core.policy import Policy
from shared.storage import codec
from shared.storage.ports import Checkpoint, Dropped
from tests.unit.run.stage import Stage

HERE = Path(__file__).parent
RELEASES = sorted(path for path in HERE.iterdir() if (path / NEXT).exists())
FILES = [path for release in RELEASES for path in sorted(release.glob("*.json")) if path.name != NEXT]
IDS = [f"{path.parent.name}/{path.stem}" for path in FILES]
EACH = pytest.mark.parametrize("path", FILES, ids=IDS)


def read(path: Path) -> Checkpoint:
    text = path.read_bytes()
    return codec.decode(text, json.loads(text)["transfer"]["id"])


RENAMED = {"announce": "prepare commit", "withdraw": "abort commit"}
"""Actions that had another name when the checkpoints were frozen; what they do is the same."""


def expected(release: Path) -> tuple[dict[str, Any], Policy]:
    told = json.loads((release / NEXT).read_text(encoding="utf-8"))
    for wanted in told["next"].values():
        wanted["action"] = RENAMED.get(wanted["action"], wanted["action"])
    return told["next"], Policy(range_bytes=told["rangeBytes"], smallest_range=2)


@EACH
def test_a_frozen_checkpoint_is_read_and_would_be_written_the_same(path: Path) -> None:
    assert codec.encode(read(path)) == path.read_bytes()


@EACH
def test_what_is_done_next_is_what_it_was_meant_to_be(path: Path) -> None:
    told, policy = expected(path.parent)
    assert next_of(read(path).instance, policy) == told[path.stem]


def content_of(transfer: Transfer) -> bytes:
    return bytes((index * 7 + 3) % 251 for index in range(transfer.size))


@contextmanager
def world_of(checkpoint: Checkpoint) -> Iterator[Stage]:
    """A world in which the checkpoint, its file and its item are there, and its upload session is long gone."""
    transfer = checkpoint.instance
    target = transfer.plan.target
    assert target is not None
    assert transfer.plan.attachment is not None
    stage = Stage(policy=Policy(range_bytes=8, smallest_range=2))
    stage.clock.advance_to(moment_of(transfer))
    stage.graph.add_mailbox(target.mailbox, message_limit=10**9)
    stage.graph.remove_item(stage.item)
    if target.kind.value == "event":
        stage.item = stage.graph.add_event(target.mailbox, ical_uid=target.value)
    else:
        lookup = target.value if target.key is TargetKey.INTERNET_MESSAGE_ID else None
        stage.item = stage.graph.add_message(target.mailbox, item_id=transfer.item_id, internet_message_id=lookup)
    source = transfer.plan.source
    stage.sources.blobs[source.blob] = MemoryBlob(Dropped(source, {}, None), content_of(transfer))
    stage.checkpoints.blobs[transfer.id] = (codec.encode(checkpoint), '"frozen"')
    yield stage


def attached_in(stage: Stage, transfer: Transfer) -> list[bytes]:
    found = stage.graph.attachments(transfer.target.mailbox, stage.item)
    return [one.content.data for one in found]


UNDER_WAY = [path for path in FILES if not read(path).instance.is_over]
OVER = [path for path in FILES if read(path).instance.is_over]


@pytest.mark.parametrize("path", UNDER_WAY, ids=[f"{path.parent.name}/{path.stem}" for path in UNDER_WAY])
def test_a_frozen_transfer_that_was_under_way_comes_to_its_end(path: Path) -> None:
    checkpoint = read(path)
    before = checkpoint.instance
    with world_of(checkpoint) as stage:
        stage.runs.resume(before.id)
        stage.deliver_all()
        after = stage.now_is(before.id)
        assert after.is_over
        assert after.runs > before.runs
        if before.cancel_requested:
            assert (after.state, attached_in(stage, after)) == (State.CANCELLED, [])
        elif before.verdict is not None:
            assert after.state is State.FAILED
            assert after.failure == before.verdict
            assert attached_in(stage, after) == []
        else:
            assert (after.state, attached_in(stage, after)) == (State.ATTACHED, [content_of(after)])


@pytest.mark.parametrize("path", OVER, ids=[f"{path.parent.name}/{path.stem}" for path in OVER])
def test_a_frozen_transfer_that_was_over_stays_as_it_was(path: Path) -> None:
    stage = Stage()
    checkpoint = read(path)
    stage.checkpoints.blobs[checkpoint.instance.id] = (path.read_bytes(), '"frozen"')
    stage.runs.resume(checkpoint.instance.id)
    assert stage.checkpoints.blobs[checkpoint.instance.id] == (path.read_bytes(), '"frozen"')
    assert stage.graph.log == []
    assert stage.queue.messages == []


@pytest.mark.parametrize("release", RELEASES, ids=lambda release: release.name)
def test_a_release_froze_every_state_and_the_two_ways_into_outlook(release: Path) -> None:
    frozen = [read(path).instance for path in FILES if path.parent == release]
    assert {transfer.state for transfer in frozen} == set(State)
    assert len({(transfer.state, transfer.route) for transfer in frozen}) > len(State)
    told, _ = expected(release)
    assert set(told) == {path.stem for path in FILES if path.parent == release}


def test_there_is_at_least_one_release() -> None:
    assert RELEASES


def test_what_is_frozen_is_not_frozen_again(tmp_path: Path) -> None:
    room = freeze("9.9.9", [Case(ranges=1)], tmp_path)
    names = {path.name for path in room.iterdir()}
    assert {NEXT, "planned-session.json", "attached-session-announced-before-noted.json"} <= names
    with pytest.raises(FileExistsError):
        freeze("9.9.9", [], tmp_path)
    assert {path.name for path in room.iterdir()} == names
