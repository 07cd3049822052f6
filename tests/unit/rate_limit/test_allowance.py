"""Whether the window of bytes is kept, and what teaches it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.core.allowance import MailboxBytes
from shared.core.errors import Code
from shared.engine.process import Deferred
from shared.rate_limit import allowance, permits
from shared.rate_limit.limits import Limits
from shared.rate_limit.mailbox import Mailbox, Slot, Spent
from shared.rate_limit.permits import PermitRequest

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
LEARNS = Limits(window_bytes=1000, window_seconds=300, window_margin=0, least_grant=40, bytes=MailboxBytes.LEARN)
DAY = timedelta(days=1)


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


SPENT = Mailbox(spent=(Spent(at(100), 1000),))
TAUGHT = replace(SPENT, counted_until=at(5))


@pytest.mark.parametrize(
    ("belief", "mailbox", "kept"),
    [
        (MailboxBytes.LIMIT, SPENT, True),
        (MailboxBytes.OFF, TAUGHT, False),
        (MailboxBytes.LEARN, SPENT, False),
        (MailboxBytes.LEARN, TAUGHT, True),
        (MailboxBytes.LEARN, replace(SPENT, counted_until=NOW), False),
    ],
)
def test_a_full_window_defers_a_transfer_where_it_is_enforced(
    belief: MailboxBytes, mailbox: Mailbox, kept: bool
) -> None:
    limits = replace(LEARNS, bytes=belief)
    assert allowance.is_enforced(mailbox, NOW, limits) is kept
    outcome = permits.acquire(mailbox, PermitRequest("a", "run", "item", 700), NOW, limits).outcome
    if kept:
        assert outcome == Deferred(at(100), known=True, code=Code.MAILBOX_ALLOWANCE_USED)
    else:
        assert isinstance(outcome, Slot)
        assert outcome.granted == 700


@pytest.mark.parametrize(
    ("belief", "mailbox", "refused", "learned"),
    [
        pytest.param(MailboxBytes.LEARN, SPENT, 50, True, id="much was sent before"),
        pytest.param(MailboxBytes.LEARN, Mailbox(spent=(Spent(at(9), 450),)), 50, True, id="just enough"),
        pytest.param(MailboxBytes.LEARN, Mailbox(spent=(Spent(at(9), 449),)), 50, False, id="little was sent before"),
        pytest.param(MailboxBytes.LEARN, SPENT, 0, False, id="something else explains it"),
        pytest.param(MailboxBytes.LIMIT, SPENT, 50, False, id="it is kept anyway"),
        pytest.param(MailboxBytes.OFF, SPENT, 50, False, id="it is never to be kept"),
    ],
)
def test_a_429_is_evidence_of_byte_counting_where_bytes_are_the_likeliest_reason(
    belief: MailboxBytes, mailbox: Mailbox, refused: int, learned: bool
) -> None:
    after = allowance.after_refusal(mailbox, refused, NOW, replace(LEARNS, bytes=belief))
    assert after.counted_until == (NOW + DAY if learned else None)


def test_known_byte_counting_is_not_extended_with_every_429() -> None:
    assert allowance.after_refusal(TAUGHT, 50, NOW, LEARNS) == TAUGHT


@pytest.mark.parametrize(
    ("mailbox", "need", "asks"),
    [(Mailbox(), 1000, False), (Mailbox(), 1001, True), (SPENT, 1, True), (TAUGHT, 1, False)],
)
def test_a_request_beyond_the_window_reads_whether_outlook_counts_bytes(
    mailbox: Mailbox, need: int, asks: bool
) -> None:
    assert allowance.is_unknown(mailbox, need, NOW, LEARNS) is asks
    assert not allowance.is_unknown(mailbox, need, NOW, replace(LEARNS, bytes=MailboxBytes.OFF))


def test_a_429_closes_the_mailbox_at_once_and_other_runs_see_it_at_their_next_record() -> None:
    first, second = (Slot(name, f"run of {name}", at(30), 800) for name in "ab")
    mailbox = replace(SPENT, slots=(first, second))
    change = permits.throttled(mailbox, first, 100, 50, at(60), NOW, LEARNS)
    assert change.mailbox.closed_until == at(60)
    assert change.mailbox.counted_until == NOW + DAY
    told = permits.renew(change.mailbox, second, 30, at(1), LEARNS).outcome
    assert isinstance(told, Slot)
    assert told.granted == 0
    wanted = PermitRequest("b", "run of b", "item", 770, offset=30, waited=True)
    held = permits.extend(change.mailbox, told, wanted, 0, at(2), LEARNS).outcome
    assert isinstance(held, Deferred)
    assert (held.code, held.known) == (Code.GRAPH_THROTTLED, True)


def test_once_bytes_are_known_to_count_a_run_that_was_granted_too_much_asks_again() -> None:
    slot = Slot("a", "run", at(30), 800)
    mailbox = replace(SPENT, slots=(slot,), counted_until=NOW + DAY)
    told = permits.renew(mailbox, slot, 0, NOW, LEARNS).outcome
    assert isinstance(told, Slot)
    assert told.granted == 0
