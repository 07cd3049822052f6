"""What commands print for people: steps as they happen, a progress bar, colours where there is a terminal for them."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from typing import Literal

Colour = Literal["green", "red", "cyan", "bold"]
_CODES: dict[Colour, str] = {"green": "32", "red": "31", "cyan": "36", "bold": "1"}
BAR_CELLS = 40
LINE_CELLS = 110  # what a line in place is padded to, so that a shorter one leaves nothing of a longer one


def is_terminal() -> bool:
    """Whether somebody watches: else what is printed is kept, and a line cannot change in place."""
    return sys.stdout.isatty()


def has_colours() -> bool:
    """Only on a terminal, and only where the reader has not said otherwise (https://no-color.org)."""
    return is_terminal() and not os.environ.get("NO_COLOR")


def coloured(text: str, colour: Colour) -> str:
    """The text in that colour; as it is where there are no colours."""
    return f"\033[{_CODES[colour]}m{text}\033[0m" if has_colours() else text


@dataclass
class Progress:
    """The steps of a command, numbered, each printed when it happens, and below them one line that changes in place.

    Without a terminal every change is a line of its own.
    """

    steps: int = 0
    _shown: str = field(default="", init=False)

    def step(self, what: str, told: str) -> None:
        """Something happened."""
        self._leave_line()
        self.steps += 1
        print(f"  {self.steps:>2}  {coloured(f'{what:<11}', 'cyan')} {told}", flush=True)

    def now(self, line: str) -> None:
        """What is going on, until the next step or change."""
        if line == self._shown:
            return
        self._shown = line
        sys.stdout.write(f"\r      {line:<{LINE_CELLS}}" if is_terminal() else f"      {line}\n")
        sys.stdout.flush()

    @staticmethod
    def countdown(seconds: int) -> str:
        """Seconds that are left, for a line that changes in place; nothing where each change would be another line."""
        return f"{seconds} s " if is_terminal() else ""

    def _leave_line(self) -> None:
        if self._shown and is_terminal():
            sys.stdout.write("\r" + " " * (LINE_CELLS + 6) + "\r")
        self._shown = ""


def bar(done: int, total: int) -> str:
    """A progress bar of `done` of `total` bytes."""
    full = BAR_CELLS * done // total
    return f"[{'#' * full}{'.' * (BAR_CELLS - full)}] {100 * done // total:>3} %"
