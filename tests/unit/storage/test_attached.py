"""Which versions of a blob are one file: the same bytes from the same blob, attached to the same item."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.core import planning
from shared.core.model import Attachment, Route, Source, State, Target, TargetKey, Transfer
from shared.storage.attached import is_same
from tests.unit.core.shapes import NOW

WRITTEN = NOW - timedelta(hours=1)
SOURCE = Source("drop", "a.pdf", '"0x1"', 20, WRITTEN, "md5==")
TARGET = Target("Ada@contoso.example", TargetKey.MESSAGE_ID, "AAMk=")


def transfer(source: Source = SOURCE, target: Target = TARGET, state: State = State.ATTACHED) -> Transfer:
    made = planning.accept(source, target, Attachment("a.pdf", "application/pdf"), Route.POST, NOW)
    return replace(made, state=state)


def touched(**changes: Any) -> Source:
    """The same blob after its metadata were written, or as `changes` say."""
    return replace(SOURCE, etag='"0x2"', modified_at=NOW, **changes)


@pytest.mark.parametrize(
    ("ours", "created_at", "same"),
    [
        (touched(), WRITTEN, True),
        (touched(), NOW, True),  # overwritten with the same bytes
        (touched(), None, True),
        (touched(md5="other=="), WRITTEN, False),
        (touched(size=21), WRITTEN, False),
        (touched(blob="b.pdf"), WRITTEN, False),
        (touched(container="other"), WRITTEN, False),
        (touched(md5=None), WRITTEN, True),  # not overwritten since: it was made before
        (touched(md5=None), WRITTEN - timedelta(days=1), True),
        (touched(md5=None), WRITTEN + timedelta(seconds=1), False),
        (touched(md5=None), None, False),
    ],
)
def test_the_same_bytes_are_told_by_length_and_md5_or_else_by_the_blobs_creation(
    ours: Source, created_at: Any, same: bool
) -> None:
    assert is_same(transfer(), transfer(ours), created_at) is same
    assert is_same(transfer(replace(SOURCE, md5=None)), transfer(replace(ours, md5=None)), WRITTEN) is (
        (ours.blob, ours.size, ours.container) == ("a.pdf", 20, "drop")
    )


@pytest.mark.parametrize(
    ("target", "same"),
    [
        (replace(TARGET, mailbox="ADA@contoso.example"), True),
        (replace(TARGET, mailbox="eve@contoso.example"), False),
        (replace(TARGET, value="AAMk2="), False),
        (replace(TARGET, key=TargetKey.EVENT_ID), False),
    ],
)
def test_another_item_gets_the_file_too(target: Target, same: bool) -> None:
    assert is_same(transfer(), transfer(touched(), target), WRITTEN) is same


@pytest.mark.parametrize("state", sorted(set(State) - {State.ATTACHED}))
def test_only_an_attached_file_is_there(state: State) -> None:
    assert not is_same(transfer(state=state), transfer(touched()), WRITTEN)
