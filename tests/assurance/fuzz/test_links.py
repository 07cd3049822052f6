"""Whatever URL comes out of an answer or a checkpoint: nothing goes where it should not, and no token with it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assurance.fuzz.generated import TEXTS
from assurance.fuzz.links import check

PIECES = (
    st.sampled_from(
        ["https://", "http://", "HTTPS://", "//", "/", "\\", "@", ":", ":443", ":8443", "?", "#", "%2e", "%40"]
    )
    | st.sampled_from([".", "..", " ", "\t", "\r\n", "\x00", "\x7f", "\u212a", "\uff0e", "\u3002", "[", "]", "[::1]"])
    | st.sampled_from(["graph.microsoft.com", "GRAPH.microsoft.com", "outlook.office.com", "outlook.office365.com"])
    | st.sampled_from(["evil.example", "127.0.0.1", "user", "/v1.0/x"])
)
URLS = st.lists(PIECES | TEXTS, max_size=8).map("".join)


@settings(max_examples=500, deadline=None)
@given(
    URLS | URLS.map(lambda rest: f"https://graph.microsoft.com{rest}") | URLS.map("https://outlook.office.com".__add__)
)
def test_a_url_is_refused_or_read_alike_by_everyone(url: str) -> None:
    check(url)


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        ("https://graph.microsoft.com/v1.0/x?$skiptoken=a%20b", True),
        ("https://outlook.office.com/api/v2.0/Users('a%40b')/S('x')?authtoken=eyJ", True),
        ("https://outlook.office.com:443/s", True),
        ("https://graph.microsoft.com:444/v1.0/x", False),
        ("http://graph.microsoft.com/v1.0/x", False),
        ("http://outlook.office.com/s", False),
        ("https://outlook.office.com.evil.example/s", False),
        ("https://evil.example/outlook.office.com", False),
        ("https://outlook.office.com\\.evil.example/s", False),
        ("https://outlook.office.com@evil.example/s", False),
        ("https://evil.example@outlook.office.com/s", False),
        ("https://outloo\u212a.office.com/s", False),
        ("https://outlook\uff0eoffice.com/s", False),
        ("https://outlook.office.com./s", False),
        (" https://outlook.office.com/s", False),
    ],
)
def test_urls_of_the_kinds_that_are_meant_to_deceive(url: str, sent: bool) -> None:
    assert check(url) is sent
