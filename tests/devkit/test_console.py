"""What commands print: steps as they happen, and colours only where somebody sees them."""

from __future__ import annotations

import pytest

from devkit import console


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setattr(console, "is_terminal", lambda: True)
    monkeypatch.delenv("NO_COLOR", raising=False)
    return monkeypatch


def test_a_step_is_numbered_and_printed_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    progress = console.Progress()
    progress.step("dropped", "a file")
    assert capsys.readouterr().out == "   1  dropped     a file\n"
    progress.step("sent", "a byte")
    assert capsys.readouterr().out == "   2  sent        a byte\n"


def test_without_a_terminal_each_change_is_a_line_and_nothing_counts_down(capsys: pytest.CaptureFixture[str]) -> None:
    progress = console.Progress()
    for line in ("half", "half", "all"):
        progress.now(line)
    assert capsys.readouterr().out == "      half\n      all\n"
    assert progress.countdown(7) == ""


def test_on_a_terminal_the_line_changes_in_place_and_a_step_takes_its_place(
    terminal: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    progress = console.Progress()
    progress.now("half")
    progress.step("sent", "all")
    out = capsys.readouterr().out
    assert out.startswith("\r      half")
    assert out.count("\n") == 1
    assert progress.countdown(7) == "7 s "


@pytest.mark.parametrize(("variable", "coloured"), [(None, True), ("1", False), ("", True)])
def test_colours_are_left_out_where_the_reader_says_so(
    terminal: pytest.MonkeyPatch, variable: str | None, coloured: bool
) -> None:
    if variable is not None:
        terminal.setenv("NO_COLOR", variable)
    assert (console.coloured("held", "green") == "\033[32mheld\033[0m") is coloured


@pytest.mark.parametrize(("done", "drawn"), [(0, "[" + "." * 40 + "]   0 %"), (10, "[" + "#" * 40 + "] 100 %")])
def test_the_bar_is_as_full_as_the_file(done: int, drawn: str) -> None:
    assert console.bar(done, 10) == drawn
