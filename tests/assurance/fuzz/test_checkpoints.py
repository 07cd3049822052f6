"""Whatever stands in a checkpoint's place is refused with a code, or sound."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assurance.fuzz.checkpoints import check, check_summary
from assurance.fuzz.corpus import kept
from assurance.fuzz.generated import CHECKPOINTS, PATIENT
from shared.core.errors import Code
from shared.core.model import State
from shared.storage import codec
from shared.storage.ports import Checkpoint

REFUSED = {Code.CHECKPOINT_NEWER, Code.CHECKPOINT_UNREADABLE}
WHOLE = [text for path in kept("checkpoint") if check(text := path.read_bytes()) in set(State)]
VALUES: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, False, 0, -1, 1, 10**9, 10**30, 1.5, float("nan"), float("inf"), "", "x", "planned", "sending", "post"]
) | st.sampled_from(
    ["2026-03-02T08:00:00Z", "2026-03-02T08:00:00", "0001-01-01T00:00:00Z", [], ["x"], [[]], {}, {"x": 1}, "DELETE"]
)


def places(value: object, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in members:
        yield from places(inner, (*path, key))


def changed(text: bytes, choose: Callable[[list[tuple[Any, ...]]], tuple[Any, ...]], value: object) -> bytes:
    document = json.loads(text)
    *way, last = choose([*places(document)])
    inner = document
    for key in way:
        inner = inner[key]
    if value == "DELETE":
        del inner[last]
    else:
        inner[last] = value
    return json.dumps(document).encode()


def test_the_corpus_holds_checkpoints_of_every_state_that_has_something_to_lose() -> None:
    assert {check(text) for text in WHOLE} >= set(State) - {State.CANCELLED}


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_a_checkpoint_with_one_value_changed_is_refused_or_sound(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(WHOLE))
    check(changed(text, lambda paths: data.draw(st.sampled_from(paths)), data.draw(VALUES)))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_refused(text: bytes) -> None:
    assert check(text) in REFUSED


@pytest.mark.parametrize("text", WHOLE, ids=range(len(WHOLE)))
def test_a_checkpoint_that_was_torn_at_any_byte_is_refused(text: bytes) -> None:
    assert {check(text[:length]) for length in range(len(text))} == {Code.CHECKPOINT_UNREADABLE}


@settings(PATIENT, max_examples=200)
@given(CHECKPOINTS, st.data())
def test_two_halves_of_two_checkpoints_are_refused(first: Checkpoint, data: st.DataObject) -> None:
    """As an interrupted overwrite would leave them, if storage could tear a write."""
    one, other = codec.encode(first), data.draw(st.sampled_from(WHOLE))
    at = data.draw(st.integers(1, min(len(one), len(other)) - 1))
    assert check(one[:at] + other[at:]) in REFUSED | set(State)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_any_summary_is_read_or_passed_over(text: bytes) -> None:
    check_summary(text)
