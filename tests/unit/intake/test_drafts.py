"""A draft by name in a blob's metadata: what it asks for, or everything that is wrong with it."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.core.delivery.draft import BodyType, DraftText, Importance
from shared.core.delivery.model import OnComplete, Wish
from shared.core.errors import Code
from shared.core.model import ItemKind
from shared.intake.drafts import DRAFT_KEYS, MOST_FILES, DraftAsked, read_draft, read_wish

TO = {"draft": "invoice 17", "to": "bob@example.org"}


def codes(found: object) -> list[Code]:
    assert isinstance(found, tuple), found
    return [fault.code for fault in found]


def test_a_draft_is_named_and_described() -> None:
    metadata = {
        "Draft": "Rechnung%2017%20%C3%BC",
        "to": "bob@example.org; eve@example.org,bob@example.org",
        "CC": "c@example.org",
        "bcc": "d@example.org",
        "replyto": "r@example.org",
        "subject": "Z%C3%BCrich",
        "body": "Hello%0D%0A%09there",
        "bodytype": "HTML",
        "importance": "High",
        "x-others": "left alone",
    }
    assert read_draft(metadata) == DraftAsked(
        "Rechnung 17 ü",
        DraftText(
            ("bob@example.org", "eve@example.org"),
            ("c@example.org",),
            ("d@example.org",),
            ("r@example.org",),
            "Zürich",
            "Hello\r\n\tthere",
            None,
            BodyType.HTML,
            Importance.HIGH,
        ),
    )


def test_a_name_alone_is_enough_and_without_one_there_is_no_draft() -> None:
    assert read_draft({"draft": "x"}) == DraftAsked("x", DraftText())
    assert read_draft({"mailbox": "ann@example.com", "messageid": "AAMk="}) is None
    assert read_draft({"draft": "", "to": None, "subject": " "}) is None


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({"to": "bob@example.org"}, [Code.DRAFT_INVALID]),
        ({"draft": "a" * 201}, [Code.DRAFT_INVALID]),
        ({"draft": "a%0Ab"}, [Code.DRAFT_INVALID]),
        ({"draft": "%20"}, [Code.DRAFT_INVALID]),
        ({"draft": "%zz"}, [Code.METADATA_ENCODING]),
        ({"draft": "x", "Draft": "y"}, [Code.DRAFT_INVALID]),
        ({**TO, "TO": "eve@example.org"}, [Code.RECIPIENTS_INVALID]),
        ({**TO, "to": "Bob <bob@example.org>"}, [Code.RECIPIENTS_INVALID]),
        ({**TO, "to": ";".join(f"a{n}@example.org" for n in range(501))}, [Code.RECIPIENTS_INVALID]),
        ({**TO, "subject": "a" * 256}, [Code.DRAFT_INVALID]),
        ({**TO, "subject": "a%0Ab"}, [Code.DRAFT_INVALID]),
        ({**TO, "body": "a%00b"}, [Code.DRAFT_INVALID]),
        ({**TO, "body": "x", "bodyblob": "text.html"}, [Code.DRAFT_INVALID]),
        ({**TO, "bodytype": "rtf"}, [Code.DRAFT_INVALID]),
        ({**TO, "importance": "urgent"}, [Code.DRAFT_INVALID]),
        ({**TO, "cc": "x", "importance": "urgent"}, [Code.RECIPIENTS_INVALID, Code.DRAFT_INVALID]),
    ],
)
def test_everything_that_is_wrong_is_told_at_once(metadata: dict[str, str], expected: list[Code]) -> None:
    assert codes(read_draft(metadata)) == expected


@pytest.mark.parametrize(
    ("metadata", "kind", "wish"),
    [
        ({}, ItemKind.MESSAGE, Wish(None, 1)),
        ({"oncomplete": "send"}, ItemKind.MESSAGE, Wish(OnComplete.SEND, 1)),
        ({"OnComplete": "SEND", "expectedfiles": "3"}, ItemKind.MESSAGE, Wish(OnComplete.SEND, 3)),
        (
            {"oncomplete": "update", "expectedfiles": str(MOST_FILES)},
            ItemKind.EVENT,
            Wish(OnComplete.UPDATE, MOST_FILES),
        ),
        ({"oncomplete": "send"}, None, Wish(OnComplete.SEND, 1)),
    ],
)
def test_a_wish_is_read(metadata: dict[str, str], kind: ItemKind | None, wish: Wish) -> None:
    assert read_wish(metadata, kind) == wish


@pytest.mark.parametrize(
    ("metadata", "kind"),
    [
        ({"oncomplete": "post"}, ItemKind.MESSAGE),
        ({"oncomplete": "update"}, ItemKind.MESSAGE),
        ({"oncomplete": "send"}, ItemKind.EVENT),
        ({"expectedfiles": "2"}, ItemKind.MESSAGE),
        *(
            ({"oncomplete": "send", "expectedfiles": number}, ItemKind.MESSAGE)
            for number in ("0", "-1", "x", "1e9", "251")
        ),
    ],
)
def test_a_wish_that_cannot_be_is_refused(metadata: dict[str, str], kind: ItemKind) -> None:
    assert codes(read_wish(metadata, kind)) == [Code.ONCOMPLETE_INVALID]


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from(DRAFT_KEYS), st.text(max_size=40)), st.booleans())
def test_whatever_is_there_the_answer_is_a_value(metadata: dict[str, Any], encoded: bool) -> None:
    told = {key: quote(value, safe="", errors="replace") if encoded else value for key, value in metadata.items()}
    for found in (read_draft(told), read_wish(told, None)):
        assert found is None or isinstance(found, DraftAsked | Wish | tuple)
