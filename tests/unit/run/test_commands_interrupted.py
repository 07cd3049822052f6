"""A wish that is cut short, or meets a run, between any two of its calls to storage."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import pytest

from shared.core.model import Session, State, Transfer
from shared.engine.checkpoint import lease
from shared.run.commands import Accepted, Commands
from shared.storage.ports import Checkpoint
from tests.unit.run.stage import Stage

T = TypeVar("T")
AT_MOST = 20
"""Calls of one wish, more than any makes."""


class KilledError(BaseException):
    """The process ends here."""


class Cut(Stage):
    """A stage whose process ends before its call number `last`, counted from `begin` on; its calls are kept."""

    def __init__(self, last: int = AT_MOST) -> None:
        self.calls: list[str] = []
        self.begun = False
        self.after: Callable[[str], None] = lambda _: None

        def gate(called: str, effect: Callable[[], T], /) -> T:
            if not self.begun:
                return effect()
            if len(self.calls) == last:
                raise KilledError
            self.calls.append(called)
            answer = effect()
            self.after(called)
            return answer

        super().__init__(gate)
        self.commands = Commands(self.checkpoints, self.queue, self, self.clock, lambda: "wish")

    def notify(self, checkpoint: Checkpoint) -> None:
        """See `OutcomeIndex`."""

    def forget(self, transfer: Transfer) -> None:
        """See `OutcomeIndex`."""

    def put(self, state: State) -> Transfer:
        """A transfer that nobody has in hand, and no mark of it."""
        made = replace(self.transfer(b"content"), state=state)
        self.checkpoints.create(Checkpoint(made, None, "put"))
        return made


@pytest.mark.parametrize("last", range(AT_MOST))
def test_a_retry_that_is_cut_short_leaves_the_old_end_or_a_mark(last: int) -> None:
    """Without a mark and without a message nobody would ever come to the transfer again."""
    stage = Cut(last)
    transfer = stage.put(State.CANCELLED)
    stage.begun = True
    try:
        stage.commands.retry(transfer.id)
    except KilledError:
        pass
    else:
        assert last >= len(stage.calls), "it was not cut short"
        assert stage.queue.messages
    assert stage.now_is(transfer.id).is_over or stage.checkpoints.marks
    assert not stage.queue.messages or not stage.now_is(transfer.id).is_over


def test_a_cancellation_never_overwrites_what_a_run_saved_after_it_was_read() -> None:
    stage = Cut()
    transfer = stage.put(State.PLANNED)
    session = Session("https://graph.example/session", stage.clock.now(), 0)

    def run_saves(called: str) -> None:
        if called == "checkpoint.load" and stage.calls.count("checkpoint.load") == 1:
            stored = stage.checkpoints.peek(transfer.id)
            assert stored is not None
            sending = replace(stored.checkpoint.instance, state=State.SENDING, session=session, before=())
            stage.begun = False
            stage.checkpoints.save(Checkpoint(sending, lease("run", stage.clock.now()), "run.1"), stored.etag)
            stage.begun = True

    stage.after = run_saves
    stage.begun = True
    assert isinstance(stage.commands.cancel(transfer.id), Accepted)
    now = stage.now_is(transfer.id)
    assert (now.state, now.session, now.cancel_requested) == (State.SENDING, session, True)
    stored = stage.checkpoints.peek(transfer.id)
    assert stored is not None
    assert stored.checkpoint.lease is not None, "the run keeps the transfer in hand"


def test_a_retry_never_overwrites_what_came_after_it_was_read() -> None:
    stage = Cut()
    transfer = stage.put(State.CANCELLED)

    def another_retries(called: str) -> None:
        if called == "checkpoint.load" and stage.calls.count("checkpoint.load") == 1:
            stored = stage.checkpoints.peek(transfer.id)
            assert stored is not None
            attached = replace(stored.checkpoint.instance, state=State.ATTACHED)
            stage.begun = False
            stage.checkpoints.save(Checkpoint(attached, None, "other"), stored.etag)
            stage.begun = True

    stage.after = another_retries
    stage.begun = True
    stage.commands.retry(transfer.id)
    assert stage.now_is(transfer.id).state is State.ATTACHED


def test_a_retry_asks_for_a_run_at_once() -> None:
    stage = Cut()
    transfer = stage.put(State.CANCELLED)
    now = stage.clock.now()
    stage.commands.retry(transfer.id)
    due = stage.queue.take()
    assert due is not None
    assert due[0] == now
