"""A mailbox that is not allowed any more: waiting, interrupted and retried transfers write nothing more to it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from assurance.fuzz import environment
from shared.composition import Composition
from shared.core.errors import Code
from shared.core.model import State, Transfer
from shared.run.commands import Commands, Rejected
from shared.run.runner import TransferRunner
from shared.settings import read
from tests.unit.run.stage import MAILBOX, Stage

MIB = 1024 * 1024
WRITES = {"post", "create", "put", "final-put"}


def tightened(stage: Stage) -> TransferRunner:
    """The runs of a deployment whose ALLOWED_MAILBOXES does not list the mailbox any more."""
    return TransferRunner(replace(stage.edges, may_write=lambda mailbox: mailbox != MAILBOX))


def requests(stage: Stage, after: int = 0) -> list[str]:
    return [entry.kind for entry in stage.graph.log[after:]]


def carried_on(stage: Stage, transfer: Transfer) -> tuple[Transfer, list[str]]:
    """The transfer after the tightened deployment has run it to its end, and what was asked of Graph for that."""
    before = len(stage.graph.log)
    stage.runs = tightened(stage)
    stage.runs.resume(transfer.id)
    stage.deliver_all()
    return stage.now_is(transfer.id), requests(stage, before)


def test_a_transfer_that_nobody_has_run_yet_fails_without_a_request() -> None:
    stage = Stage()
    transfer = stage.transfer(b"content")
    stage.runs.accept(transfer)
    ended, asked = carried_on(stage, transfer)
    assert ended.failure is not None
    assert (ended.state, ended.failure.code, asked) == (State.FAILED, Code.MAILBOX_NOT_ALLOWED, [])
    assert "ALLOWED_MAILBOXES does not list now" in ended.failure.detail
    assert stage.outcomes.notified


def test_a_transfer_that_waits_for_its_message_fails_when_its_time_comes() -> None:
    stage = Stage()
    transfer = stage.transfer(b"content", messageid="AAMkADlater=")
    stage.runs.start(transfer)
    assert stage.now_is(transfer.id).not_before is not None
    ended, asked = carried_on(stage, transfer)
    assert (ended.state, set(asked) & WRITES) == (State.FAILED, set())
    assert ended.failure is not None
    assert ended.failure.code is Code.MAILBOX_NOT_ALLOWED


def test_an_upload_that_was_interrupted_is_taken_back() -> None:
    stage = Stage(budget=0)
    transfer = stage.transfer(bytes(30 * MIB))
    stage.runs.start(transfer)
    assert stage.now_is(transfer.id).session is not None
    ended, asked = carried_on(stage, transfer)
    assert ended.failure is not None
    assert (ended.failure.code, ended.session, stage.attached()) == (Code.MAILBOX_NOT_ALLOWED, None, [])
    assert "cancel" in asked
    assert not set(asked) & WRITES


def test_a_commit_that_landed_before_stays_attached() -> None:
    stage = Stage()
    transfer = stage.transfer(b"content")
    stage.graph.fault({"action": "reset-after", "kind": "post", "times": 1})
    policy: Any = stage.edges.policy
    stage.runs = TransferRunner(replace(stage.edges, budget=0, policy=replace(policy, inline_wait=0)))
    stage.runs.start(transfer)
    stage.clock.sleep(60)
    assert not stage.now_is(transfer.id).is_over
    ended, asked = carried_on(stage, transfer)
    assert (ended.state, len(stage.attached())) == (State.ATTACHED, 1)
    assert not set(asked) & WRITES


@pytest.mark.parametrize("allowed", [True, False])
def test_a_person_is_told_at_once_that_a_retry_may_not_write(allowed: bool) -> None:
    stage = Stage()
    transfer = stage.transfer(b"content")
    stage.runs.accept(transfer)
    ended, _ = carried_on(stage, transfer)
    ends: Any = stage.outcomes
    ends.forget = lambda _: None
    commands = Commands(stage.checkpoints, stage.queue, ends, stage.clock, lambda: "wish", lambda _: allowed)
    reply = commands.retry(transfer.id)
    assert (reply == Rejected(ended, Code.MAILBOX_NOT_ALLOWED)) == (not allowed)


@pytest.mark.parametrize(("mailbox", "may"), [("ada@contoso.example", True), ("eve@other.example", False)])
def test_the_app_asks_its_own_setting(mailbox: str, may: bool) -> None:
    settings = read({**environment.WHOLE, "ALLOWED_MAILBOXES": "@contoso.example"}, 600)
    assert Composition(settings).edges.may_write(mailbox) is may
