"""Transfers as lines for a person. Names come from whoever drops files: nothing in them may steer a terminal."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from .azure import say

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

HEAD = ("STATE", "AGE", "DONE", "WHY", "MAILBOX", "FILE", "ID")


def rows(transfers: Iterable[dict[str, Any]], now: datetime) -> list[tuple[str, ...]]:
    """One for each transfer, in the order of HEAD."""
    return [row(one, now) for one in transfers]


def row(transfer: dict[str, Any], now: datetime) -> tuple[str, ...]:
    """Its cells. AGE counts from when it was made; WHY is the code of its failure, or of what it waits for."""
    return (
        transfer["state"],
        age(transfer["createdAt"], now),
        f"{transfer['progress']['percent']:.0f}%",
        why(transfer) or "-",
        (transfer["target"] or {}).get("mailbox") or "-",
        transfer["source"]["blob"],
        transfer["id"],
    )


def why(transfer: dict[str, Any]) -> str | None:
    """The code that says why it failed, or what it waits for."""
    return (transfer["error"] or transfer["waitingFor"] or {}).get("code")


def age(instant: str, now: datetime) -> str:
    """`3m`, `5h`, `2d`: how long ago, in the largest unit of which there are two."""
    seconds = max(0, int((now - datetime.fromisoformat(instant)).total_seconds()))
    for unit, length in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"


def print_table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    """Columns as wide as their widest cell; the last one as it is, so that ids are never cut off."""
    safe = [[printable(cell) for cell in line] for line in lines]
    widths = [max(map(len, column)) for column in zip(head, *safe, strict=True)]
    for line in (head, *safe):
        say("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def print_transfer(transfer: dict[str, Any]) -> None:
    """Everything about one, a fact a line."""
    target = transfer["target"] or {}
    item = next(((name, value) for name, value in target.items() if name != "mailbox"), None)
    failure, waiting = transfer["error"] or {}, transfer["waitingFor"] or {}
    acknowledged = transfer["acknowledged"] or {}
    facts = [
        ("id", transfer["id"]),
        ("state", transfer["state"]),
        ("file", transfer["source"]["blob"]),
        ("bytes", f"{transfer['progress']['bytesConfirmed']} of {transfer['progress']['bytesTotal']} confirmed"),
        ("mailbox", target.get("mailbox")),
        *([item] if item else []),
        ("attachment", (transfer["attachment"] or {}).get("name")),
        ("made", transfer["createdAt"]),
        ("changed", transfer["updatedAt"]),
        ("ended", transfer["finishedAt"]),
        ("next try", transfer["nextAttemptAt"]),
        ("waits for", f"{waiting['code']}: {waiting['title']} (since {waiting['since']})" if waiting else None),
        ("failed", f"{failure['code']}: {failure['title']}" if failure else None),
        ("detail", failure.get("detail")),
        ("remedy", failure.get("remedy")),
        ("Graph", _graph(failure.get("graph"))),
        ("dealt with", f"{acknowledged.get('note') or ''} ({acknowledged.get('at')})" if acknowledged else None),
    ]
    width = max(len(name) for name, _ in facts)
    for name, value in facts:
        if value:
            say(f"{name.ljust(width)}  {printable(str(value)).rstrip()}")


def _graph(said: dict[str, Any] | None) -> str | None:
    """What Microsoft asks for in a support case."""
    return f"HTTP {said['status']} {said['code'] or ''} {said['requestId'] or ''}" if said else None


def printable(text: str) -> str:
    """The text with what a terminal would act on, or cannot show, written as an escape."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def now() -> datetime:
    """The instant that ages are counted to."""
    return datetime.now(UTC)
