"""The values of the setting MAILBOX_BYTES."""

from __future__ import annotations

from shared.core.allowance import MailboxBytes


def test_the_words_are_those_of_the_setting_and_the_first_is_its_default() -> None:
    assert list(MailboxBytes) == ["learn", "limit", "off"]
