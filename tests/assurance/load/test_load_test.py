"""For real, in short: worker processes, one of them killed, and an emulator that enforces Outlook's limits."""

from __future__ import annotations

from assurance.load.load_test import Plan, rehearse
from shared.core.allowance import MailboxBytes
from shared.rate_limit.limits import OUTLOOK


def test_files_for_busy_items_are_attached_once_though_a_worker_is_killed() -> None:
    plan = Plan(files=16, items=3, mailboxes=1, smallest=6_000_000, largest=20_000_000, speed=10)
    result = rehearse(plan)
    assert result.wrong == []
    assert result.killed
    assert result.bound > 0, "the window binds, or this shows nothing"
    assert result.answers[429] <= sum(result.answers.values()) / 100
    assert result.answers[412] == 0


def test_an_emulator_that_counts_bytes_teaches_the_workers_with_a_few_refusals() -> None:
    plan = Plan(
        files=12,
        items=3,
        mailboxes=1,
        smallest=18_000_000,
        largest=20_000_000,
        speed=20,
        kill=False,
        bytes=MailboxBytes.LEARN,
    )
    result = rehearse(plan)
    assert result.wrong == []
    assert 1 <= result.answers[429] <= 2 * OUTLOOK.slots, "each of those who were under way learns it once"
    assert result.answers[412] == 0
