"""The rules that metadata and request bodies share."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.core.errors import Code
from shared.core.model import Attachment, Target, TargetKey
from shared.intake.checks import (
    TARGET_KEYS,
    Fault,
    Field,
    check_attachment,
    check_target,
    failure,
    shown,
)
from shared.intake.mailboxes import AllowedMailboxes
from shared.intake.media import OCTETS, is_media_type

NAMES = {field: f"body.{field.name}" for field in Field}
ANYONE = AllowedMailboxes()
ADA = "ada@contoso.com"
PDF = "application/pdf"


def target_codes(given_fields: dict[Field, str], allowed: AllowedMailboxes = ANYONE) -> list[Code]:
    found = check_target(given_fields, NAMES, allowed)
    return [] if isinstance(found, Target) else [fault.code for fault in found]


def attachment_codes(given_fields: dict[Field, str]) -> list[Code]:
    found = check_attachment(given_fields, NAMES, "report.pdf", None)
    return [] if isinstance(found, Attachment) else [fault.code for fault in found]


@pytest.mark.parametrize(("field", "key"), TARGET_KEYS.items())
def test_each_key_names_the_item_in_its_own_way(field: Field, key: TargetKey) -> None:
    assert check_target({Field.MAILBOX: ADA, field: "AAMk="}, NAMES, ANYONE) == Target(ADA, key, "AAMk=")


@pytest.mark.parametrize(
    ("fields", "codes"),
    [
        ({}, [Code.MAILBOX_MISSING, Code.TARGET_MISSING]),
        ({Field.MAILBOX: "", Field.MESSAGE_ID: ""}, [Code.MAILBOX_MISSING, Code.TARGET_MISSING]),
        ({Field.MAILBOX: "ada", Field.MESSAGE_ID: "a b"}, [Code.MAILBOX_INVALID, Code.TARGET_INVALID]),
        (
            {Field.MAILBOX: "bob@contoso.com", Field.MESSAGE_ID: "a", Field.EVENT_ID: "b"},
            [Code.MAILBOX_NOT_ALLOWED, Code.TARGET_CONTRADICTORY],
        ),
        ({Field.MAILBOX: ADA, Field.MESSAGE_ID: "a", Field.ICAL_UID: "a"}, [Code.TARGET_CONTRADICTORY]),
        (
            {Field.MAILBOX: ADA, Field.MESSAGE_ID: "a b", Field.EVENT_ID: "..", Field.ICAL_UID: "a"},
            [Code.TARGET_CONTRADICTORY, Code.TARGET_INVALID, Code.TARGET_INVALID],
        ),
        ({Field.MAILBOX: ADA, Field.MESSAGE_ID: "", Field.EVENT_ID: "a"}, []),
    ],
)
def test_a_target_has_a_mailbox_and_exactly_one_key_and_all_that_is_wrong_is_told(
    fields: dict[Field, str], codes: list[Code]
) -> None:
    assert target_codes(fields, AllowedMailboxes([ADA])) == codes


@pytest.mark.parametrize("field", [Field.MESSAGE_ID, Field.EVENT_ID])
@pytest.mark.parametrize(
    "value", [".", "..", "...", "a b", " ", "a\n", "a\x00", "\u00e9", "a\u202e", "\ud800", "x" * 1025]
)
def test_an_id_that_is_not_as_graph_writes_it_is_refused(field: Field, value: str) -> None:
    assert target_codes({Field.MAILBOX: ADA, field: value}) == [Code.TARGET_INVALID]


@pytest.mark.parametrize("field", [Field.MESSAGE_ID, Field.EVENT_ID])
@pytest.mark.parametrize("value", ["AAMkAGI2THVSAAA=", "AA/B+C-_==", "%2e%2e", "../..", "a'b", "x" * 1024])
def test_an_id_of_printable_ascii_is_taken_unchanged(field: Field, value: str) -> None:
    found = check_target({Field.MAILBOX: ADA, field: value}, NAMES, ANYONE)
    assert isinstance(found, Target)
    assert found.value == value


@pytest.mark.parametrize("field", [Field.INTERNET_MESSAGE_ID, Field.ICAL_UID])
@pytest.mark.parametrize(
    ("value", "codes"),
    [
        ("<a.b@contoso.com>", []),
        ("o'clock \u00e9 \u05d0", []),
        ("..", []),
        ("x" * 1024, []),
        ("x" * 1025, [Code.TARGET_INVALID]),
        (" ", [Code.TARGET_INVALID]),
        ("a\rb", [Code.TARGET_INVALID]),
        ("\ud800", [Code.TARGET_INVALID]),
    ],
)
def test_a_key_that_is_looked_up_may_hold_any_text_without_control_characters(
    field: Field, value: str, codes: list[Code]
) -> None:
    assert target_codes({Field.MAILBOX: ADA, field: value}) == codes


def test_a_field_that_could_not_be_read_counts_as_given_and_is_not_judged_again() -> None:
    unread = (Fault(Code.METADATA_ENCODING, Field.MESSAGE_ID, "unreadable"),)
    assert check_target({Field.MAILBOX: ADA}, NAMES, ANYONE, unread) == unread
    both = check_target({Field.MAILBOX: ADA, Field.EVENT_ID: "a"}, NAMES, ANYONE, unread)
    assert isinstance(both, tuple)
    assert [fault.code for fault in both] == [Code.METADATA_ENCODING, Code.TARGET_CONTRADICTORY]
    no_mailbox = (Fault(Code.METADATA_ENCODING, Field.MAILBOX, "unreadable"),)
    assert check_target({Field.EVENT_ID: "a"}, NAMES, ANYONE, no_mailbox) == no_mailbox
    no_content_id = (Fault(Code.METADATA_ENCODING, Field.CONTENT_ID, "unreadable"),)
    assert check_attachment({Field.IS_INLINE: "true"}, NAMES, "a", None, no_content_id) == no_content_id


@pytest.mark.parametrize(
    ("fields", "default_type", "expected"),
    [
        ({}, None, Attachment("report.pdf", PDF)),
        ({}, "application/pdf", Attachment("report.pdf", "application/pdf")),
        ({}, OCTETS, Attachment("report.pdf", PDF)),
        ({}, "Application/Octet-Stream;", Attachment("report.pdf", PDF)),
        ({}, " image/png ; ", Attachment("report.pdf", "image/png")),
        ({Field.NAME: "picture.PNG"}, OCTETS, Attachment("picture.PNG", "image/png")),
        ({Field.NAME: "no extension"}, OCTETS, Attachment("no extension", OCTETS)),
        ({Field.CONTENT_TYPE: OCTETS}, "image/png", Attachment("report.pdf", OCTETS)),
        ({Field.CONTENT_TYPE: "text/html;charset=utf-8;"}, None, Attachment("report.pdf", "text/html; charset=utf-8")),
        ({}, "not a type", Attachment("report.pdf", PDF)),
        ({}, "text/html\r\nX-Evil: 1", Attachment("report.pdf", PDF)),
        ({Field.NAME: "a/b.txt"}, None, Attachment("a_b.txt", "text/plain")),
        (
            {Field.CONTENT_TYPE: " text/plain; charset=utf-8 "},
            "a/b",
            Attachment("report.pdf", "text/plain; charset=utf-8"),
        ),
        (
            {Field.NAME: "", Field.CONTENT_TYPE: "", Field.IS_INLINE: "", Field.CONTENT_ID: ""},
            None,
            Attachment("report.pdf", PDF),
        ),
        (
            {Field.IS_INLINE: "TRUE", Field.CONTENT_ID: "logo"},
            "image/png",
            Attachment("report.pdf", "image/png", is_inline=True, content_id="logo"),
        ),
        ({Field.IS_INLINE: "False"}, None, Attachment("report.pdf", PDF)),
        ({Field.CONTENT_ID: "logo@1"}, None, Attachment("report.pdf", PDF, content_id="logo@1")),
    ],
)
def test_an_attachment_is_shown_as_asked_or_as_the_blob_says(
    fields: dict[Field, str], default_type: str | None, expected: Attachment
) -> None:
    assert check_attachment(fields, NAMES, "report.pdf", default_type) == expected


@pytest.mark.parametrize(
    ("fields", "codes"),
    [
        ({Field.NAME: "a\n"}, [Code.ATTACHMENT_NAME_INVALID]),
        ({Field.NAME: "x" * 256}, [Code.ATTACHMENT_NAME_INVALID]),
        ({Field.CONTENT_TYPE: "pdf"}, [Code.CONTENT_TYPE_INVALID]),
        ({Field.IS_INLINE: "yes"}, [Code.INLINE_INVALID]),
        ({Field.IS_INLINE: "true"}, [Code.CONTENT_ID_MISSING]),
        ({Field.IS_INLINE: "true", Field.CONTENT_ID: ""}, [Code.CONTENT_ID_MISSING]),
        ({Field.CONTENT_ID: "a b"}, [Code.CONTENT_ID_INVALID]),
        ({Field.CONTENT_ID: "a\u00a0b"}, [Code.CONTENT_ID_INVALID]),
        ({Field.CONTENT_ID: "a\x00"}, [Code.CONTENT_ID_INVALID]),
        ({Field.CONTENT_ID: "x" * 256}, [Code.CONTENT_ID_INVALID]),
        ({Field.CONTENT_ID: "x" * 255}, []),
        (
            {Field.NAME: "\n", Field.CONTENT_TYPE: "x", Field.IS_INLINE: "1", Field.CONTENT_ID: " "},
            [Code.ATTACHMENT_NAME_INVALID, Code.CONTENT_TYPE_INVALID, Code.INLINE_INVALID, Code.CONTENT_ID_INVALID],
        ),
    ],
)
def test_everything_wrong_with_an_attachment_is_told_at_once(fields: dict[Field, str], codes: list[Code]) -> None:
    assert attachment_codes(fields) == codes


@pytest.mark.parametrize(
    "given_id",
    ["logo@1", "<logo@1>", "cid:logo@1", "CID:<logo@1>", "<cid:logo@1>", " < logo@1 > ", "cid: logo@1", " logo@1"],
)
def test_a_content_id_is_taken_in_every_form_that_people_have_it_in(given_id: str) -> None:
    found = check_attachment({Field.CONTENT_ID: given_id, Field.IS_INLINE: "true"}, NAMES, "logo.png", None)
    assert found == Attachment("logo.png", "image/png", is_inline=True, content_id="logo@1")


@pytest.mark.parametrize(
    "given_id", ["<>", "cid:", "cid:<>", " ", "<a b>", "<cid: >", "<" + "x" * 256 + ">", " " * 300 + "a"]
)
def test_a_content_id_with_nothing_usable_in_it_is_refused(given_id: str) -> None:
    assert attachment_codes({Field.CONTENT_ID: given_id}) == [Code.CONTENT_ID_INVALID]


@pytest.mark.parametrize(
    ("key", "given_id", "wanted"),
    [
        (Field.MESSAGE_ID, "AA/B+C-_==", "AA-B_C-_=="),
        (Field.EVENT_ID, "AAMk+/+/=", "AAMk_-_-="),
        (Field.MESSAGE_ID, "AAMk=", "AAMk="),
        (Field.INTERNET_MESSAGE_ID, "<a+b/c@x>", None),
        (Field.ICAL_UID, "04+/", None),
    ],
)
def test_an_id_in_the_form_of_ews_is_asked_for_in_graphs(key: Field, given_id: str, wanted: str | None) -> None:
    found = check_target({Field.MAILBOX: ADA, key: given_id}, NAMES, ANYONE)
    assert isinstance(found, Target)
    assert (found.value, found.item_id) == (given_id, wanted)


@pytest.mark.parametrize(
    "text",
    [
        "application/pdf",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "image/svg+xml",
        "text/plain;charset=utf-8",
        'text/plain ; charset="utf-8"; x=y',
        f'a/b;c="{"d" * 247}"',  # 255 characters
    ],
)
def test_a_media_type_has_two_halves_and_may_have_parameters(text: str) -> None:
    assert is_media_type(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "pdf",
        "a/",
        "/b",
        "a/b/c",
        "a b/c",
        "a/b;",
        "a/b; c",
        "a/b\n",
        'a/b; c="',
        f'a/b;c="{"d" * 248}"',  # 256 characters
        "\u00e9/b",
        "a/" + "b" * 128,
        "a/b;" + "c=d;" * 90 + "e=f",
    ],
)
def test_other_texts_are_no_media_type(text: str) -> None:
    assert not is_media_type(text)


def test_a_failure_has_the_first_code_and_tells_every_fault() -> None:
    faults = (Fault(Code.MAILBOX_MISSING, Field.MAILBOX, "one"), Fault(Code.TARGET_MISSING, None, "two"))
    found = failure("The body is unusable", iter(faults))
    assert (found.code, found.detail) == (Code.MAILBOX_MISSING, "The body is unusable: one; two.")


def test_a_value_in_a_message_is_cut_after_sixty_characters() -> None:
    assert shown("x" * 60) == f"'{'x' * 60}'"
    assert shown("x" * 61) == f"'{'x' * 60}'... (61 characters)"


@settings(deadline=None)
@given(st.text(st.characters(), max_size=3000))
def test_a_value_in_a_message_is_short_printable_and_on_one_line(value: str) -> None:
    text = shown(value)
    assert text.isprintable()
    assert len(text) < 60 * 10 + 40  # the longest escape has ten characters
    assert text.encode("utf-8")


@settings(deadline=None)
@given(
    st.dictionaries(st.sampled_from(Field), st.text(st.characters())),
    st.text(st.characters(), max_size=40) | st.none(),
)
def test_whatever_is_given_the_answer_is_a_value_and_every_fault_names_its_field(
    fields: dict[Field, str], default_type: str | None
) -> None:
    for found in (check_target(fields, NAMES, ANYONE), check_attachment(fields, NAMES, "a", default_type)):
        if isinstance(found, tuple):
            assert found
            assert all(fault.field is None or f"`{NAMES[fault.field]}`" in fault.detail for fault in found)
