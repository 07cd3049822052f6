"""A blob's metadata: what it asks for, or what is wrong with it."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.core.errors import Code
from shared.core.model import LOOKUPS, Attachment, Failure, Target, TargetKey
from shared.intake.mailboxes import AllowedMailboxes
from shared.intake.metadata import METADATA_KEYS, Wanted, read_attachment, read_metadata, read_target

ANYONE = AllowedMailboxes()
ADA = "ada@contoso.com"
NEEDED = {"mailbox": ADA, "messageid": "AAMk="}


def read(metadata: dict[str, str], blob: str = "in/report.pdf", content_type: str | None = None) -> Wanted | Failure:
    return read_metadata(blob, metadata, content_type, ANYONE)


def wanted(metadata: dict[str, str]) -> Wanted:
    found = read(metadata)
    assert isinstance(found, Wanted)
    return found


def refused(metadata: dict[str, str], allowed: AllowedMailboxes = ANYONE) -> Failure:
    found = read_metadata("in/report.pdf", metadata, None, allowed)
    assert isinstance(found, Failure)
    return found


def test_a_mailbox_and_an_id_are_enough() -> None:
    assert wanted(NEEDED) == Wanted(
        Target(ADA, TargetKey.MESSAGE_ID, "AAMk="), Attachment("report.pdf", "application/pdf")
    )


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("messageid", TargetKey.MESSAGE_ID),
        ("eventid", TargetKey.EVENT_ID),
        ("internetmessageid", TargetKey.INTERNET_MESSAGE_ID),
        ("icaluid", TargetKey.ICAL_UID),
        ("MessageId", TargetKey.MESSAGE_ID),
        ("iCalUId", TargetKey.ICAL_UID),
        ("EVENTID", TargetKey.EVENT_ID),
    ],
)
def test_a_key_is_read_in_any_case(key: str, expected: TargetKey) -> None:
    assert wanted({"Mailbox": ADA, key: "AAMk="}).target.key is expected


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("AA%2BB%2FC%3D%3D", "AA+B/C=="),
        ("AA+B/C==", "AA+B/C=="),
        ("  AAMk=  ", "AAMk="),
        ("%2e%2e%2f", "../"),
        ("%252e", "%2e"),
    ],
)
def test_a_value_is_percent_decoded_once_and_a_plus_stays_a_plus(written: str, meant: str) -> None:
    assert wanted({**NEEDED, "messageid": written}).target.value == meant


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("mailbx", "mailbox"),
        ("mialbox", "mailbox"),
        ("Mail_Box", "mailbox"),
        ("message_id", "messageid"),
        ("mesageids", "messageid"),
        ("internet_message_id", "internetmessageid"),
        ("evetnid", "eventid"),
        ("content_type", "contenttype"),
        ("icaluuid", "icaluid"),
        ("attachment_name", "attachmentname"),
        ("is_inline", "isinline"),
        ("contetnid", "contentid"),
    ],
)
def test_a_key_within_two_letters_of_ours_is_named(key: str, meant: str) -> None:
    said = f"the key '{key}' is unknown and was passed over; is `{meant}` meant?"
    assert wanted({**NEEDED, key: "x"}).slips == (said,)
    assert said in refused({key: "x"}).detail
    assert refused({"mailbox": "nobody", key: "x"}).code is Code.MAILBOX_INVALID


@pytest.mark.parametrize(
    "key", ["box", "mailbox_for_you", "hdi_isfolder", "origin", "name", "id", "mail", "subject", "x" * 5000]
)
def test_a_key_that_is_far_from_ours_is_somebody_elses(key: str) -> None:
    assert wanted({**NEEDED, key: "x"}).slips == ()


def test_a_slip_without_a_value_is_none() -> None:
    empty: dict[str, str | None] = {**NEEDED, "mailbx": "", "evntid": None}
    found = read_metadata("in/report.pdf", empty, None, ANYONE)
    assert isinstance(found, Wanted)
    assert found.slips == ()


@pytest.mark.parametrize("key", ["attachmentname", "contenttype", "contentid", "isinline", "eventid"])
@pytest.mark.parametrize("empty", ["", " ", None])
def test_an_empty_value_is_not_given_whether_listed_or_asked_for(key: str, empty: str | None) -> None:
    assert read_metadata("in/report.pdf", {**NEEDED, key: empty}, None, ANYONE) == wanted(NEEDED)


def test_everything_can_be_given() -> None:
    metadata = {
        "mailbox": "0b6d2c1e-2f4a-4d0c-9a4e-1c2d3e4f5a6b",
        "internetmessageid": quote("<\u00e9@contoso.com>"),
        "attachmentname": quote("Z\u00fcrich \u5831\u544a.png"),
        "contenttype": "image/png",
        "isinline": "True",
        "contentid": "logo%401",
        "origin": "100% unrelated",
        "Another-Tool": "\u00e9",
    }
    assert read(metadata, content_type="text/plain") == Wanted(
        Target(metadata["mailbox"], TargetKey.INTERNET_MESSAGE_ID, "<\u00e9@contoso.com>"),
        Attachment("Z\u00fcrich \u5831\u544a.png", "image/png", is_inline=True, content_id="logo@1"),
    )


def test_the_blob_lends_its_name_undecoded_and_its_content_type() -> None:
    found = read(NEEDED, blob="2026/10/a%20b:c.pdf", content_type="application/pdf")
    assert isinstance(found, Wanted)
    assert found.attachment == Attachment("a%20b_c.pdf", "application/pdf")


@pytest.mark.parametrize(
    ("changed", "code", "says"),
    [
        ({"mailbox": ""}, Code.MAILBOX_MISSING, "`mailbox` is missing"),
        ({"mailbox": "ada"}, Code.MAILBOX_INVALID, "`mailbox` is 'ada', neither an address nor an object id"),
        ({"mailbox": "ada%40contoso.com%2Fmessages"}, Code.MAILBOX_INVALID, "`mailbox` is 'ada@contoso.com/messages'"),
        ({"mailbox": "%20"}, Code.MAILBOX_INVALID, "`mailbox` is ' '"),
        ({"mailbox": "bob@fabrikam.com"}, Code.MAILBOX_NOT_ALLOWED, "which ALLOWED_MAILBOXES does not list"),
        ({"messageid": ""}, Code.TARGET_MISSING, "`messageid`, `eventid`, `internetmessageid`, `icaluid`"),
        ({"eventid": "B"}, Code.TARGET_CONTRADICTORY, "`messageid` and `eventid` given"),
        ({"messageid": "%2E%2E"}, Code.TARGET_INVALID, "`messageid` is '..'"),
        ({"messageid": "AA%20B"}, Code.TARGET_INVALID, "`messageid` is 'AA B'"),
        ({"messageid": "A" * 1025}, Code.TARGET_INVALID, "`messageid` has 1025 characters"),
        ({"MessageID": "B"}, Code.TARGET_INVALID, "`messageid` is given 2 times"),
        ({"MessageID": "AAMk="}, Code.TARGET_INVALID, "`messageid` is given 2 times"),
        ({"MAILBOX": ADA}, Code.MAILBOX_INVALID, "`mailbox` is given 2 times"),
        ({"messageid": "100%"}, Code.METADATA_ENCODING, "`messageid` is '100%'"),
        ({"mailbox": "%C0%AF"}, Code.METADATA_ENCODING, "`mailbox` is '%C0%AF'"),
        ({"attachmentname": "%ED%A0%80.pdf"}, Code.METADATA_ENCODING, "`attachmentname` is"),
        ({"attachmentname": "caf\u00e9.pdf"}, Code.METADATA_ENCODING, "`attachmentname` is"),
        ({"attachmentname": "a%0Ab"}, Code.ATTACHMENT_NAME_INVALID, r"`attachmentname` is 'a\nb'"),
        ({"attachmentname": "a%E2%80%AEfdp.exe"}, Code.ATTACHMENT_NAME_INVALID, r"`attachmentname` is 'a\u202efdp"),
        ({"contenttype": "pdf"}, Code.CONTENT_TYPE_INVALID, "`contenttype` is 'pdf'"),
        ({"isinline": "1"}, Code.INLINE_INVALID, "`isinline` is '1'"),
        ({"isinline": "true"}, Code.CONTENT_ID_MISSING, "`contentid` is needed where `isinline` is true"),
        ({"contentid": "a%20b"}, Code.CONTENT_ID_INVALID, "`contentid` is 'a b'"),
    ],
)
def test_unusable_metadata_is_a_failure_that_names_the_key(changed: dict[str, str], code: Code, says: str) -> None:
    found = refused({**NEEDED, **changed}, AllowedMailboxes(["@contoso.com"]))
    assert found.code is code
    assert found.detail.startswith("The metadata of 'in/report.pdf' is unusable: ")
    assert says in found.detail


def test_every_fault_is_told_at_once() -> None:
    found = refused({"mailbox": "%", "attachmentname": "%00", "isinline": "maybe"})
    assert found.code is Code.METADATA_ENCODING
    for key in ("mailbox", "messageid", "attachmentname", "isinline"):
        assert f"`{key}`" in found.detail


def test_no_metadata_at_all_names_what_is_needed() -> None:
    found = refused({})
    assert found.code is Code.MAILBOX_MISSING
    assert "`mailbox` is missing" in found.detail
    assert "exactly one of `messageid`" in found.detail


def test_the_target_and_the_attachment_can_be_read_each_for_itself() -> None:
    assert read_target({**NEEDED, "isinline": "%"}, ANYONE) == Target(ADA, TargetKey.MESSAGE_ID, "AAMk=")
    assert read_attachment("a.pdf", {"mailbox": "%"}, None) == Attachment("a.pdf", "application/pdf")
    only_attachment = read_attachment("a.pdf", {**NEEDED, "isinline": "%"}, None)
    assert isinstance(only_attachment, tuple)
    assert [fault.code for fault in only_attachment] == [Code.METADATA_ENCODING]


KEYS = st.sampled_from([key for name in METADATA_KEYS.values() for key in (name, name.upper(), name.title())])
PIECES = st.sampled_from(
    [
        *"aZ09%+/.@ =&\"'<>|\\:*?\n\r\x00\x7f",
        "%2e",
        "%2F",
        "%00",
        "%C0%AF",
        "%ED%A0%80",
        "%E2%80%AE",
        "%F0%9F%93%8E",
        ADA,
        "true",
        "..",
        "\u00e9",
        "\ud800",
        "\u202e",
        "\u05d0",
        "0b6d2c1e-2f4a-4d0c-9a4e-1c2d3e4f5a6b",
        "text/plain",
        "x" * 300,
    ]
)
VALUES = st.lists(PIECES, max_size=6).map("".join) | st.text(st.characters())
BLOBS = VALUES | st.text(st.characters(), max_size=1024)


@settings(deadline=None)
@given(BLOBS, st.dictionaries(KEYS | st.text(), VALUES, max_size=10), VALUES | st.none())
def test_hostile_metadata_ends_as_something_usable_or_as_one_failure(
    blob: str, metadata: dict[str, str], content_type: str | None
) -> None:
    found = read_metadata(blob, metadata, content_type, AllowedMailboxes(["@contoso.com"]))
    if isinstance(found, Wanted):
        assert found.target.mailbox.lower().endswith("@contoso.com")
        assert found.target.value.strip()
        assert found.target.key in LOOKUPS or found.target.value.strip(".")
        assert not set(found.attachment.name) & set('/\\:*?"<>|\n\x00\u202e')
        assert 1 <= len(found.attachment.name) <= 255
        assert found.attachment.content_type.isascii()
        json.dumps(
            [found.target.value, found.attachment.name, found.attachment.content_id], ensure_ascii=False
        ).encode()
    else:
        assert found.detail.isprintable()
        assert len(found.detail) < 6000
        assert found.detail.encode("utf-8")


@settings(deadline=None)
@given(BLOBS, st.lists(VALUES, min_size=4, max_size=4))
def test_most_of_what_is_encoded_well_is_wanted_exactly(blob: str, values: list[str]) -> None:
    name, value, content_id, _ = values
    metadata = {
        "mailbox": ADA,
        "internetmessageid": quote(value, safe="", errors="replace"),
        "attachmentname": quote(name, safe="", errors="replace"),
        "contentid": quote(content_id, safe="", errors="replace"),
    }
    found = read_metadata(blob, metadata, None, ANYONE)
    if isinstance(found, Wanted):
        wanted = value.encode("utf-8", "replace").decode()
        assert found.target.value in {wanted, wanted.strip()}
        given = content_id.encode("utf-8", "replace").decode()
        bare = given.strip().removeprefix("cid:").removeprefix("<").removesuffix(">")
        assert (found.attachment.content_id or "") in {given, given.strip(), bare}
    else:
        assert found.code is not Code.METADATA_ENCODING
