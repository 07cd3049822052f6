"""A delivery's checkpoint is read back as it was written, and what nobody wrote is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from shared.core.delivery.model import State
from shared.core.errors import Code
from shared.core.model import ItemKind
from shared.engine.checkpoint import Checkpoint, Lease
from shared.engine.ports import CheckpointUnreadable
from shared.storage.delivery_codec import DeliveryCodec, fault
from tests.unit.core.delivery.delivery_shapes import NOW, at, delivery, shapes

CODEC = DeliveryCodec()
LEASE = Lease("run-1", at(20))


@pytest.mark.parametrize("state", sorted(State))
def test_every_shape_is_read_back_as_it_was_written(state: State) -> None:
    known = 0
    for shape in shapes(state):
        if fault(shape, shape.id) is None:
            known += 1
            stored = Checkpoint(shape, LEASE, "run-1.4")
            assert CODEC.decode(CODEC.encode(stored), shape.id) == stored
    assert known
    assert CODEC.metadata(delivery(state)) == CODEC.hints(delivery(state)) == {"state": state.value}


def stored(**changes: Any) -> bytes:
    document = json.loads(CODEC.encode(Checkpoint(delivery(), None, "run-1.4")))
    return json.dumps({**document, **changes}).encode()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (stored(schema=2), Code.CHECKPOINT_NEWER),
        (stored(schema=0), Code.CHECKPOINT_UNREADABLE),
        (stored(nonsense=1), Code.CHECKPOINT_UNREADABLE),
        (stored(delivery={}), Code.CHECKPOINT_UNREADABLE),
        (b"{", Code.CHECKPOINT_UNREADABLE),
        (b"", Code.CHECKPOINT_UNREADABLE),
    ],
)
def test_what_this_version_did_not_write_is_refused(text: bytes, code: Code) -> None:
    with pytest.raises(CheckpointUnreadable) as refused:
        CODEC.decode(text, "d" * 32)
    assert refused.value.code is code


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"id": "e" * 32}, "another delivery"),
        ({"state": State.CHECKING, "item_id": None}, "names no item"),
        ({"item_id": ".."}, "cannot stand in a path"),
        ({"state": State.SUBMITTING}, "announced nothing"),
        ({"state": State.SETTLING, "acts": 1}, "announced nothing"),
        ({"state": State.PRUNING}, "names none"),
        ({"state": State.FAILED}, "says why"),
    ],
)
def test_what_cannot_be_is_not_gone_on_from(changes: dict[str, Any], said: str) -> None:
    wrong = replace(delivery(), **changes)
    assert said in str(fault(wrong, "d" * 32))
    with pytest.raises(CheckpointUnreadable, match=said):
        CODEC.decode(CODEC.encode(Checkpoint(wrong, None, "w")), "d" * 32)


def test_only_a_draft_by_name_is_looked_for() -> None:
    event = replace(delivery(State.FINDING, kind=ItemKind.EVENT), item_id=None, updated_at=NOW)
    assert "no name" in str(fault(event, event.id))
