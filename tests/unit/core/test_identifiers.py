"""Ids and mailboxes in their one form."""

from __future__ import annotations

import re

import pytest

from shared.core.identifiers import (
    LONGEST_ITEM_ID,
    TRANSFER_ID,
    is_item_id,
    mailbox_digest,
    mailbox_key,
    parse_transfer_id,
)

ID = "0123456789abcdef" * 2


def test_a_transfer_id_is_32_lower_case_hexadecimal_digits() -> None:
    assert parse_transfer_id(ID) == ID
    assert re.search(TRANSFER_ID, ID)


@pytest.mark.parametrize(
    "given",
    [
        "", ID[:-1], ID + "0", ID.upper(), ID + "\n", " " + ID,
        ID[:-1] + "g", ID[:-1] + "\u0661", f"{ID}-1", "../" + ID,
        None, 7, ID.encode(), [ID],
    ],
)  # fmt: skip
def test_whatever_else_is_given_is_no_transfer_id(given: object) -> None:
    assert parse_transfer_id(given) is None


@pytest.mark.parametrize("mailbox", ["Ada.Lovelace@Contoso.Example", "ada.lovelace@contoso.example"])
def test_a_mailbox_has_one_key_and_one_digest_whatever_its_case(mailbox: str) -> None:
    key = mailbox_key(mailbox)
    assert key == "ada.lovelace@contoso.example"
    assert mailbox_key(key) == key
    # As version 1.0.0 stores them: another digest would lose what is stored.
    assert mailbox_digest(mailbox, 32) == "24f969c1710c6810181e411d30b3a616"
    assert mailbox_digest(mailbox, 16) == "24f969c1710c6810"


def test_half_of_a_surrogate_pair_has_a_digest_too() -> None:
    assert mailbox_digest("\ud800", 16) != mailbox_digest("\ud801", 16)


@pytest.mark.parametrize(
    ("text", "can_stand"),
    [("AAMk=", True), ("a b", True), ("", False), (".", False), ("..", False), ("a\n", False), ("\u00e9", False)],
)
def test_an_item_id_can_stand_in_a_path_as_one_segment(text: str, *, can_stand: bool) -> None:
    assert is_item_id(text) is can_stand
    assert not is_item_id("x" * (LONGEST_ITEM_ID + 1))
