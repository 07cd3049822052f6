"""Media types: what is one, what is left out around it, and what a file's name stands for."""

from __future__ import annotations

import mimetypes

import pytest

from shared.intake.media import OCTETS, TYPES, is_media_type, tidy, type_of_name


@pytest.mark.parametrize(
    ("given", "tidied"),
    [
        ("text/plain;", "text/plain"),
        ("text/plain ; ; ", "text/plain"),
        (" text/plain;charset=utf-8;", "text/plain; charset=utf-8"),
        ("text/plain\t;\tcharset=utf-8", "text/plain; charset=utf-8"),
        ("text/plain;;charset=utf-8", "text/plain; charset=utf-8"),
        ('a/b; c="d;;e ; "; f=g;', 'a/b; c="d;;e ; "; f=g'),
        ("image/svg+xml", "image/svg+xml"),
        ("", ""),
        (";", ""),
    ],
)
def test_what_writers_leave_around_a_type_is_left_out(given: str, tidied: str) -> None:
    assert tidy(given) == tidied
    assert tidy(tidied) == tidied
    assert is_media_type(tidied) == bool(tidied)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("report.pdf", "application/pdf"),
        ("Report.PDF", "application/pdf"),
        ("letter.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        ("mail.eml", "message/rfc822"),
        ("mail.msg", "application/vnd.ms-outlook"),
        ("invite.ics", "text/calendar"),
        ("logs.tar.gz", "application/gzip"),
        ("logs.tgz", "application/gzip"),
        ("logs.txt.bz2", "application/x-bzip2"),
        ("movie.mp4", "video/mp4"),
        ("a b?c.png", "image/png"),
        ("report.2026", OCTETS),
        ("report", OCTETS),
        ("report.", OCTETS),
        (".pdf", "application/pdf"),
        ("pdf", OCTETS),
        ("evil.pdf\u202e", OCTETS),
    ],
)
def test_a_name_stands_for_a_type_by_its_last_extension(name: str, wanted: str) -> None:
    assert type_of_name(name) == wanted


def test_every_type_of_the_table_is_one() -> None:
    for extension, media_type in TYPES.items():
        assert is_media_type(media_type)
        assert extension == extension.lower()
        assert type_of_name(f"a{extension}") == media_type


def test_what_a_machine_adds_to_the_table_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    before = type_of_name("a.unheard")
    mimetypes.add_type("text/x-unheard", ".unheard")
    monkeypatch.setitem(mimetypes.types_map, ".pdf", "text/x-other")
    assert (before, type_of_name("a.unheard"), type_of_name("a.pdf")) == (OCTETS, OCTETS, "application/pdf")
