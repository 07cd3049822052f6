"""The scanner finds a secret however it is written, and nothing where there is none."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest

from assurance.secrets import SHORTEST, Scanner, query_of

SECRET = "eyJhbGci/canary+0123456789=&'x"
SCANNER = Scanner([SECRET])


@pytest.mark.parametrize(
    ("form", "written"),
    [
        ("as it is", f"PUT https://outlook.office.com/s?authtoken={SECRET} failed"),
        ("as it is", f"cut after {SECRET[:SHORTEST]}"),
        ("as it is", f"cut before {SECRET[-SHORTEST:]}"),
        ("as it is", SECRET.upper()),
        ("percent-encoded", quote(SECRET, safe="")),
        ("percent-encoded", "".join(f"%{byte:02x}" for byte in SECRET.encode())),
        ("escaped", json.dumps(SECRET).replace("/", "\\/").replace("c", "\\u0063")),
        ("escaped", "".join(f"\\x{byte:02x}" for byte in SECRET.encode())),
        ("escaped", json.dumps({"said": "".join(f"\\x{byte:02x}" for byte in SECRET.encode())})),
        ("in base64", base64.b64encode(SECRET.encode()).decode()),
        ("in base64", base64.b64encode(b"ab" + SECRET.encode()).decode()),
        ("in base64", "abc" + base64.urlsafe_b64encode(SECRET.encode()).decode()),
    ],
)
def test_a_secret_is_found_however_it_is_written(form: str, written: str) -> None:
    assert form in [leak.form for leak in SCANNER.leaks(written)]
    assert form in [leak.form for leak in SCANNER.leaks(written.encode())]


@pytest.mark.parametrize(
    "said",
    [
        "",
        "PUT of 4,194,304 bytes: 503",
        SECRET[: SHORTEST - 1],
        "AAMkAD_x5Z-8=",
        b"\xff\xfe\x00",
        "100 % of it \\ud800",
    ],
)
def test_what_holds_no_secret_is_clean(said: str | bytes) -> None:
    SCANNER.check(said, "a line")


def test_the_report_of_a_leak_does_not_repeat_it() -> None:
    with pytest.raises(AssertionError, match=r"^the log holds a secret, as it is, after 'token '") as raised:
        SCANNER.check(f"token {SECRET}", "the log")
    assert not SCANNER.leaks(str(raised.value))


def test_secrets_can_be_added_and_must_be_long_enough_to_be_told_from_words() -> None:
    scanner = Scanner()
    assert scanner.leaks(SECRET) == []
    scanner.add(SECRET)
    assert scanner.leaks(SECRET)
    with pytest.raises(ValueError, match="11 characters"):
        scanner.add("x" * 11)


def test_the_secret_part_of_an_upload_url_is_its_query() -> None:
    url = "https://outlook.office.com/api/v2.0/Users('a%40b')/AttachmentSessions('x')?authtoken=eyJ=="
    assert query_of(url) == "eyJ=="
