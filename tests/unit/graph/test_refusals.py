"""Graph's own words in ours."""

from __future__ import annotations

import pytest

from shared.core.errors import Code
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
    } == refusals.ABOUT_THE_SESSION


def test_a_token_fault_is_no_fence() -> None:
    assert not refusals.FENCED & {401, 403}


@pytest.mark.parametrize("status", range(100, 600))
def test_a_service_fault_is_a_timeout_or_any_5xx_but_a_full_mailbox(status: int) -> None:
    assert refusals.is_service_fault(status) == (status == 408 or (status >= 500 and status != 507))
