"""Two kinds of plot as SVG text: bars, and lines over an axis. No library, so that nothing has to be installed.

Colours are readable on light and dark backgrounds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import floor, log10

WIDTH, LEFT, RIGHT, TOP = 760, 190, 90, 44
ROW, BAR = 30, 18
PLOT_HEIGHT = 300
COLOURS = ("#8a8f98", "#2f81f7", "#d9822b", "#a371f7")
TEXT = "#7d8590"
_FONT = 'font-family="system-ui, sans-serif" font-size="13"'


@dataclass(frozen=True)
class Line:
    """One line: its name, and its points from left to right."""

    name: str
    points: Sequence[tuple[float, float]]


def bars(title: str, rows: Sequence[tuple[str, float, str]]) -> str:
    """One bar for each row of name, value and what is written behind it."""
    longest = max((value for _, value, _ in rows), default=1)
    height = TOP + ROW * len(rows) + 10
    parts = [_text(10, 24, title, weight="bold")]
    for number, (name, value, told) in enumerate(rows):
        top = TOP + number * ROW
        width = max(1.0, value / longest * (WIDTH - LEFT - RIGHT))
        colour = COLOURS[min(number, len(COLOURS) - 1)]
        parts.append(_text(LEFT - 8, top + 14, name, anchor="end"))
        parts.append(f'<rect x="{LEFT}" y="{top}" width="{width:.1f}" height="{BAR}" fill="{colour}"/>')
        parts.append(_text(LEFT + width + 6, top + 14, told))
    return _document(height, title, parts)


def lines(title: str, across: str, up: str, drawn: Sequence[Line]) -> str:
    """Lines over a common pair of axes, both from 0."""
    right = max((x for line in drawn for x, _ in line.points), default=1)
    highest = max((y for line in drawn for _, y in line.points), default=1)
    bottom, left, width = TOP + PLOT_HEIGHT, 70, WIDTH - 70 - 150
    parts = [_text(10, 24, title, weight="bold")]

    def at(x: float, y: float) -> tuple[float, float]:
        return left + x / right * width, bottom - y / highest * (PLOT_HEIGHT - 20)

    for value in ticks(highest):
        _, y = at(0, value)
        parts.append(f'<path d="M{left} {y:.1f}H{left + width}" stroke="{TEXT}" stroke-opacity="0.3"/>')
        parts.append(_text(left - 8, y + 4, f"{value:g}", anchor="end"))
    for value in ticks(right):
        x, _ = at(value, 0)
        parts.append(_text(x, bottom + 20, f"{value:g}", anchor="middle"))
    for number, line in enumerate(drawn):
        colour = COLOURS[number % len(COLOURS)]
        points = [at(x, y) for x, y in line.points]
        shape = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline points="{shape}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in points]
        parts.append(f'<rect x="{left + width + 16}" y="{TOP + number * 22}" width="12" height="12" fill="{colour}"/>')
        parts.append(_text(left + width + 34, TOP + number * 22 + 11, line.name))
    parts.append(_text(left + width / 2, bottom + 42, across, anchor="middle"))
    parts.append(_text(10, TOP - 2, up))
    return _document(bottom + 54, title, parts)


def ticks(highest: float) -> list[float]:
    """Round numbers from 0 up to `highest`, four to eight of them."""
    rough = highest / 5
    power = 10.0 ** floor(log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
    return [number * step for number in range(int(highest / step + 1e-9) + 1)]


def _text(x: float, y: float, text: str, *, anchor: str = "start", weight: str = "normal") -> str:
    where = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}" fill="{TEXT}"'
    return f"<text {where} {_FONT}>{escape(text)}</text>"


def _document(height: float, title: str, parts: Sequence[str]) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" role="img"'
    return "\n".join([f'{head} aria-label="{escape(title, quote=True)}">', *parts, "</svg>", ""])
