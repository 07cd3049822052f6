"""The shown name: what stays, what is replaced, what is refused."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.intake.names import LAST_RESORT, LONGEST_NAME, clean_name, has_control, name_from_blob

HEBREW = "\u05d7\u05e9\u05d1\u05d5\u05e0\u05d9\u05ea.pdf"
RLO = "\u202e"
BIDI_CONTROLS = [
    chr(code)
    for code in range(0x110000)
    if unicodedata.bidirectional(chr(code)) in {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
] + ["\u061c", "\u200e", "\u200f"]
HOSTILE = st.text(
    st.sampled_from([*'ab.. conul1/\\:*?"<>|\x00\n\x7f\x85\u00a0\u2028\u200b\ud800\ufffe', RLO, "\u05d0", "\U0001f4ce"])
)


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ("report.pdf", "report.pdf"),
        ("R\u00e9sum\u00e9 2026.docx", "R\u00e9sum\u00e9 2026.docx"),
        (HEBREW, HEBREW),
        ("\u5831\u544a\U0001f4ce.pdf", "\u5831\u544a\U0001f4ce.pdf"),
        ('a/b\\c:d*e?f"g<h>i|j.pdf', "a_b_c_d_e_f_g_h_i_j.pdf"),
        ("../../etc/passwd", ".._.._etc_passwd"),
        ("%2e%2e%2f", "%2e%2e%2f"),
        ("  report.pdf ", "report.pdf"),
        ("report.exe. . .", "report.exe"),
        (".gitignore", ".gitignore"),
        ("x" * 255, "x" * 255),
        ("<script>alert(1)</script>", "_script_alert(1)__script_"),
        ("in\u200bvo\u2060ice\ufeff.pdf\u200b", "invoice.pdf"),
        ("a\u200db\u200cc\ufe0fd\u00ad.pdf", "abcd.pdf"),
        ("\u200dreport.pdf", "report.pdf"),
        ("hi\U000e0068\U000e0069\U000e007f.pdf", "hi.pdf"),
        ("a\U000e0100\u034f\u3164.pdf", "a.pdf"),
        (
            "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645.pdf",
            "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645.pdf",
        ),
        ("\U0001f469\u200d\U0001f4bb\u2764\ufe0f.png", "\U0001f469\u200d\U0001f4bb\u2764\ufe0f.png"),
        ("CON", "_CON"),
        ("con.txt", "_con.txt"),
        ("NUL.tar.gz", "_NUL.tar.gz"),
        ("aux .pdf", "_aux .pdf"),
        ("Com1.pdf", "_Com1.pdf"),
        ("lpt\u00b9", "_lpt\u00b9"),
        ("CONIN$", "_CONIN$"),
        ("c\u200bon.txt", "_con.txt"),
        ("con. ", "_con"),
        ("nul." + "x" * 251, ("_nul." + "x" * 251)[:255]),
        ("console.txt", "console.txt"),
        ("com10.txt", "com10.txt"),
        ("my con.txt", "my con.txt"),
    ],
)
def test_a_name_that_is_asked_for_is_shown_as_every_system_can_save_it(asked: str, shown: str) -> None:
    assert clean_name(asked) == shown


@pytest.mark.parametrize(
    "asked",
    [
        "",
        " ",
        "...",
        " . ",
        "\u200b\u200b",
        "x" * 256,
        "a\nb.pdf",
        "a\x00.pdf",
        "a\x7f.pdf",
        "a\x85.pdf",
        "a\u2028b.pdf",
        "a\ud800.pdf",
        "a\ufffe.pdf",
        f"invoice{RLO}fdp.exe",
        *(f"a{character}b" for character in BIDI_CONTROLS),
    ],
)
def test_a_name_that_is_asked_for_and_hides_something_is_refused(asked: str) -> None:
    assert clean_name(asked) is None


@pytest.mark.parametrize(
    ("blob", "shown"),
    [
        ("report.pdf", "report.pdf"),
        ("2026/10/report.pdf", "report.pdf"),
        ("a/b/", "b"),
        ("a%2Fb%20c.pdf", "a%2Fb%20c.pdf"),
        ("in/" + HEBREW, HEBREW),
        ("in/a:b*c.pdf", "a_b_c.pdf"),
        ("in\\report.pdf", "in_report.pdf"),
        ("in/a\x01b\nc.pdf", "a_b_c.pdf"),
        ("in/a\ud800.pdf", "a_.pdf"),
        (f"in/invoice{RLO}fdp.exe", "invoicefdp.exe"),
        ("in/ report.pdf. ", "report.pdf"),
        ("in/..", LAST_RESORT),
        ("../..", LAST_RESORT),
        ("%2e%2e", "%2e%2e"),
        ("///", LAST_RESORT),
        ("", LAST_RESORT),
        ("in/\u200b", LAST_RESORT),
        ("in/PRN.pdf", "_PRN.pdf"),
        ("in/a\u200b\U000e0061.pdf", "a.pdf"),
        ("x" * 300 + ".pdf", "x" * 251 + ".pdf"),
        ("x" * 300, "x" * 255),
        ("x" * 300 + "." + "y" * 31, "x" * 223 + "." + "y" * 31),
        ("x" * 300 + "." + "y" * 32, "x" * 255),
        ("x." + "y" * 300, "x." + "y" * 253),
        ("." + "y" * 300, "." + "y" * 254),
        ("x" * 254 + ". " + "y" * 300, "x" * 254),
    ],
)
def test_a_blob_always_has_a_name_to_show(blob: str, shown: str) -> None:
    assert name_from_blob(blob) == shown


@settings(deadline=None)
@given(HOSTILE | st.text())
def test_whatever_a_blob_is_called_its_shown_name_is_one_that_could_be_asked_for(blob: str) -> None:
    shown = name_from_blob(blob)
    assert clean_name(shown) == shown
    assert 1 <= len(shown) <= LONGEST_NAME


@settings(deadline=None)
@given(HOSTILE | st.text())
def test_cleaning_a_name_twice_changes_nothing_more(asked: str) -> None:
    shown = clean_name(asked)
    if shown is not None:
        assert clean_name(shown) == shown
        assert not set(shown) & set('/\\:*?"<>|')
        assert shown.encode("utf-8")


@pytest.mark.parametrize("character", ["\x00", "\x1f", "\x7f", "\x9f", "\u2028", "\u2029", "\ud800", "\uffff"])
def test_control_characters_are_those_that_no_text_shows(character: str) -> None:
    assert has_control(f"a{character}b")


@pytest.mark.parametrize("text", ["", "abc", "\u00a0", "\u05d0", "\u200d", "\U0001f469\u200d\U0001f4bb", "\ufeff"])
def test_letters_blanks_and_joiners_are_no_control_characters(text: str) -> None:
    assert not has_control(text)
