"""Graph's own words in ours."""

from __future__ import annotations

import pytest

from shared.core import retry_budget
from shared.core.errors import CATALOGUE, Code
from shared.graph import refusals


def test_codes_are_compared_in_lower_case() -> None:
    assert all(word == word.lower() for word in refusals.BY_CODE)
    assert refusals.TOO_SMALL_FOR_SESSION.lower() == refusals.TOO_SMALL_FOR_SESSION
    assert all(word == word.lower() for word in refusals.TOO_LARGE_FOR_POST)


def test_only_refusals_about_what_is_written_are_believed_from_an_upload_url() -> None:
    assert {
        Code.ACCESS_DENIED,
        Code.MESSAGE_LIMIT_EXCEEDED,
        Code.ATTACHMENT_TOO_LARGE,
        Code.MAILBOX_FULL,
        Code.GRAPH_THROTTLED,
        Code.GRAPH_UNAVAILABLE,
    } == refusals.ABOUT_THE_SESSION


def test_a_token_fault_is_no_fence() -> None:
    assert not refusals.FENCED & {401, 403}


EVERY = [*refusals.BY_CODE.values(), *refusals.BY_STATUS.values(), refusals.unexplained(400)]


@pytest.mark.parametrize("meaning", EVERY, ids=lambda meaning: f"{meaning.code}-{meaning.kind}")
def test_every_row_says_why_and_fits_how_long_the_core_waits(meaning: refusals.Meaning) -> None:
    assert len(meaning.why.split()) >= 4
    assert (meaning.kind is refusals.Kind.ACCESS) == (meaning.code in retry_budget.ACCESS)
    if meaning.kind is refusals.Kind.PASSING:
        assert meaning.code in retry_budget.UNEXPLAINED
    if meaning.kind in {refusals.Kind.ACCESS, refusals.Kind.PASSING}:
        assert CATALOGUE[meaning.code].waiting


def test_what_only_a_person_can_heal_is_final() -> None:
    final = {meaning.code for meaning in EVERY if meaning.kind is refusals.Kind.FINAL}
    assert final == {
        Code.MESSAGE_LIMIT_EXCEEDED,
        Code.ATTACHMENT_TOO_LARGE,
        Code.MAILBOX_FULL,
        Code.TARGET_IN_OTHER_MAILBOX,
        Code.TARGET_INVALID,
        Code.GRAPH_REFUSED,
        Code.SEND_DENIED,
        Code.RECIPIENTS_REFUSED,
    }


@pytest.mark.parametrize("status", range(100, 600))
def test_a_service_fault_is_a_timeout_or_any_5xx_but_a_full_mailbox(status: int) -> None:
    assert refusals.is_service_fault(status) == (status == 408 or (status >= 500 and status != 507))
