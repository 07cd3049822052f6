"""Whatever a blob is called and its metadata say, no id leaves its place and no name hides what it is."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assurance.fuzz.dropped import check, check_bodies, check_name, check_urls
from assurance.fuzz.generated import TEXTS
from shared.core.errors import Code
from shared.core.model import Attachment, State, Target, TargetKey
from shared.intake.metadata import METADATA_KEYS
from shared.intake.names import name_from_blob

ADA = "ada@contoso.example"
GOOD = {"mailbox": ADA, "messageid": "AAMk="}
NASTY = (
    st.sampled_from(
        ["..", ".", "/", "\\", "%2e%2e", "%2F", "?", "#", "'", "''", '"', "&", "=", "+", ";", "@", ":", "$", " ", "%"]
    )
    | st.sampled_from(
        [
            "\x00",
            "\r\n",
            "\x1b[31m",
            "\x7f",
            "\x85",
            "\u2028",
            "\u202e",
            "\u2066",
            "\ufeff",
            "\uffff",
            "\U0001f469\u200d",
        ]
    )
    | st.sampled_from(
        ["users/eve", "$value", "createUploadSession", "AAMk", "ada@contoso.example", "\u05d3\u05d5\u05d7", "e\u0301"]
    )
)
PIECED = st.lists(NASTY | TEXTS, max_size=6).map("".join)
ENCODED = PIECED.map(lambda text: quote(text, safe="")) | PIECED.map(lambda text: quote(text, safe="/.'$")) | PIECED
NAMES = st.sampled_from([*METADATA_KEYS.values(), "MessageId", "MAILBOX", "other"])


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(NAMES, ENCODED | st.sampled_from([ADA, "true", "AAMk="]), max_size=6), st.none() | PIECED)
def test_whatever_the_metadata_say_the_transfer_is_sound_and_its_requests_exact(
    metadata: dict[str, str], content_type: str | None
) -> None:
    check("in/report.pdf", metadata, content_type)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(["messageid", "eventid", "internetmessageid", "icaluid"]), PIECED, PIECED, PIECED)
def test_an_id_of_any_form_is_refused_or_stays_in_its_segment(key: str, value: str, name: str, blob: str) -> None:
    metadata = {"mailbox": ADA, key: quote(value, safe=""), "attachmentname": quote(name, safe="")}
    transfer = check(blob or "x", metadata, "text/plain")
    if not transfer.is_over:
        assert transfer.target.value in {value, value.strip()}
        # an id in the form of Exchange Web Services is asked for in Graph's own alphabet
        graph_form = transfer.target.value.replace("/", "-").replace("+", "_")
        assert transfer.item_id in {None, transfer.target.value, graph_form}


@settings(max_examples=300, deadline=None)
@given(PIECED.filter(bool).map(lambda text: text[:1024]))
def test_a_blob_of_any_name_is_shown_under_a_name_that_says_what_it_is(blob: str) -> None:
    assert check(blob, GOOD, None).attachment.name == name_from_blob(blob)
    check_name(name_from_blob(blob))


@pytest.mark.parametrize(
    ("blob", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("a/../..", "attachment"),
        ("%2e%2e%2fx", "%2e%2e%2fx"),
        ("a\x00b\r\n.pdf", "a_b__.pdf"),
        ("fdp\u202egpj.exe", "fdpgpj.exe"),
        ("x" * 1020 + ".pdf", "x" * 251 + ".pdf"),
        ("\u5831" * 1024, "\u5831" * 255),
        ("\u05d3\u05d5\u05d7.pdf", "\u05d3\u05d5\u05d7.pdf"),
        ("C:\\temp\\a.pdf", "C__temp_a.pdf"),
        (". . .", "attachment"),
    ],
)
def test_names_of_the_kinds_that_are_meant_to_deceive(blob: str, shown: str) -> None:
    assert check(blob, GOOD, None).attachment.name == shown


@pytest.mark.parametrize("value", [".", "..", "%2e%2e", "%2e%2E", "...", "%2E"])
@pytest.mark.parametrize("key", ["messageid", "eventid"])
def test_an_id_that_is_a_step_in_a_path_is_refused(key: str, value: str) -> None:
    transfer = check("a.pdf", {"mailbox": ADA, key: value}, None)
    assert transfer.state is State.FAILED
    assert transfer.failure is not None
    assert transfer.failure.code is Code.TARGET_INVALID


@pytest.mark.parametrize("key", TargetKey)
@pytest.mark.parametrize("value", ["..", ".", "a/../b", "x?y#z", "%2e%2e", "' or '1' eq '1", "a\r\nb", "\u202e", "a b"])
def test_even_an_id_that_intake_would_refuse_stays_in_its_place(key: TargetKey, value: str) -> None:
    """Ids come out of Graph's answers too."""
    check_urls(Target(ADA, key, value))


@settings(max_examples=200, deadline=None)
@given(TEXTS.filter(bool), TEXTS.filter(bool), st.booleans(), st.none() | TEXTS.filter(bool))
def test_a_body_says_exactly_what_was_meant(name: str, content_type: str, inline: bool, content_id: str | None) -> None:
    check_bodies(Attachment(name, content_type, inline, content_id))
