"""What a transfer answers about itself."""

from __future__ import annotations

import pytest

from shared.core.model import Plan, Route, State, Target, Transfer, summarised, with_offset
from tests.unit.core.shapes import ATTACHMENT, NOW, SIZE, SOURCE, TARGET, session, transfer


@pytest.mark.parametrize("state", list(State))
def test_a_transfer_is_over_in_the_three_terminal_states(state: State) -> None:
    assert transfer(state).is_over == (state in {State.ATTACHED, State.FAILED, State.CANCELLED})


def test_a_transfer_knows_its_file_target_and_attachment() -> None:
    planned = transfer()
    assert (planned.size, planned.target, planned.attachment) == (SIZE, TARGET, ATTACHMENT)


def test_a_transfer_refused_at_intake_has_no_target_and_no_attachment() -> None:
    refused = Transfer("abc", Plan(SOURCE, None, None, NOW), Route.SESSION)
    with pytest.raises(ValueError, match=r"^transfer abc was refused at intake: it has no target$"):
        _ = refused.target
    with pytest.raises(ValueError, match=r"^transfer abc was refused at intake: it has no attachment$"):
        _ = refused.attachment


def test_the_confirmed_offset_is_the_progress_that_is_told() -> None:
    moved = with_offset(transfer(State.SENDING, session=session(8)), 12)
    assert moved.session == session(12)
    assert moved.bytes_confirmed == 12


def test_without_a_session_there_is_no_offset_to_move() -> None:
    with pytest.raises(ValueError, match=f"^transfer {'f' * 32} has no upload session to move$"):
        with_offset(transfer(State.OPENING), 12)


@pytest.mark.parametrize(
    ("target", "given", "mailbox"),
    [
        (TARGET, (), TARGET.mailbox),
        (None, (("mailbox", "desk"),), "desk"),
        (None, (("mailbox", ""),), None),
        (None, (), None),
    ],
)
def test_a_transfer_is_found_by_its_target_s_mailbox_else_by_what_the_metadata_gave(
    target: Target | None, given: tuple[tuple[str, str], ...], mailbox: str | None
) -> None:
    assert Plan(SOURCE, target, None, NOW, given).mailbox == mailbox


def test_a_summary_leaves_out_what_only_a_run_needs() -> None:
    whole = transfer(State.COMPARING, session=session(), suspects=("a",), namesakes=("b",), history=())
    short = summarised(whole)
    assert (short.session, short.before, short.suspects, short.namesakes) == (None, None, (), ())
    assert (short.id, short.state, short.plan) == (whole.id, whole.state, whole.plan)
