"""Percent-decoding: exact where it can be, refused where it cannot."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.intake.percent import PercentError, decode


@pytest.mark.parametrize(
    ("text", "decoded"),
    [
        ("", ""),
        ("plain", "plain"),
        ("a+b", "a+b"),
        ("a%2Bb", "a+b"),
        ("a%2bb", "a+b"),
        ("100%25", "100%"),
        ("%2541", "%41"),
        ("a%20b", "a b"),
        ("%C3%A9", "\u00e9"),
        ("%F0%9F%93%8E.pdf", "\U0001f4ce.pdf"),
        ("%D7%A9%D7%9C%D7%95%D7%9D", "\u05e9\u05dc\u05d5\u05dd"),
        ("%00", "\x00"),
    ],
)
def test_percent_encoded_utf8_is_decoded_once(text: str, decoded: str) -> None:
    assert decode(text) == decoded


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("100%", "at character 4"),
        ("%", "at character 1"),
        ("%4", "at character 1"),
        ("a%zz", "at character 2"),
        ("%%41", "at character 1"),
        ("%u0041", "at character 1"),
        ("%+1", "at character 1"),
        ("% 1", "at character 1"),
        ("%C0%AF", "is not UTF-8"),  # overlong /
        ("%E0%80%AF", "is not UTF-8"),  # overlong /
        ("%ED%A0%80", "is not UTF-8"),  # a surrogate
        ("%F4%90%80%80", "is not UTF-8"),  # past the last code point
        ("%FF", "is not UTF-8"),
        ("%C3", "is not UTF-8"),
        ("%C3a", "is not UTF-8"),
        ("%E9", "is not UTF-8"),  # Latin-1
        ("caf\u00e9", "outside ASCII"),
        ("\ud800", "outside ASCII"),
        ("%\uff14\uff11", "outside ASCII"),
    ],
)
def test_what_is_no_percent_encoded_utf8_is_refused(text: str, says: str) -> None:
    with pytest.raises(PercentError, match=says):
        decode(text)


@settings(deadline=None)
@given(st.text())
@example("%")
@example("a+b c/%41")
def test_what_was_encoded_comes_back_whole(text: str) -> None:
    assert decode(quote(text, safe="")) == text


@settings(deadline=None)
@given(st.text())
def test_a_text_is_decoded_to_one_that_encodes_back_to_the_same_bytes_or_refused(text: str) -> None:
    try:
        decoded = decode(text)
    except PercentError:
        return
    assert decode(quote(decoded, safe="")) == decoded
    assert len(decoded) <= len(text)
