"""What is dropped: files of very different sizes, unevenly over mailboxes; and the least time that the limits allow.

The same seed makes the same load.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from assurance.load.graph import Line
from assurance.load.timeline import START
from shared.core.model import Attachment, Route, Source, Target, TargetKey, Transfer
from shared.core.planning import accept
from shared.graph.prepare import post_body_bytes, route_for
from shared.rate_limit.limits import Limits

KB, MB = 1000, 1_000_000
SIZES = ((0.70, 5 * KB, 3 * MB), (0.24, 3 * MB, 20 * MB), (0.06, 20 * MB, 150 * MB))
"""Share of the files, from, to (bytes): mostly documents, some scans, a few recordings. Chosen. Spread evenly over the
logarithm between the two."""

HOT = 0.3
"""Share of the files that goes to the first fiftieth of the mailboxes, most of it to the first one. Chosen: a busy team
mailbox among quiet ones."""

ITEMS = 4
"""Items per mailbox that its files go to, the first one most often."""


@dataclass(frozen=True, slots=True)
class File:
    """One file and where it goes. `at` is when it is dropped, in seconds."""

    transfer: Transfer
    at: float

    @property
    def mailbox(self) -> str:
        """Whose it is."""
        return self.transfer.target.mailbox

    @property
    def wire_bytes(self) -> int:
        """What its requests carry: a POST is base64 inside JSON."""
        transfer = self.transfer
        if transfer.route is Route.POST:
            return post_body_bytes(transfer.attachment, transfer.size)
        return transfer.size


def files(count: int, mailboxes: int, seed: int, over_seconds: float) -> list[File]:
    """A load."""
    dice = random.Random(seed)
    hot = max(1, mailboxes // 50)
    made = []
    for number in range(count):
        is_hot = dice.random() < HOT
        index = int(hot * dice.random() ** 1.5) if is_hot else dice.randrange(mailboxes)
        item = min(int(dice.expovariate(1.0)), ITEMS - 1)
        at = dice.uniform(0, over_seconds)
        made.append(File(_transfer(str(number), _size(dice), f"box{index:04}@contoso.example", item), at))
    return made


def onto(mailbox: str, count: int, size: int, *, at: float = 0.0, items: int = ITEMS) -> list[File]:
    """So many files of one size for one mailbox, all dropped at once, in turns onto its items."""
    return [
        File(_transfer(f"{mailbox}/{number}", size, mailbox, number % items), at + number * 1e-6)
        for number in range(count)
    ]


def lone(size: int) -> File:
    """One file that is alone in the world."""
    return File(_transfer("0", size, "box@contoso.example", 0), 0.0)


def _size(dice: random.Random) -> int:
    _, low, high = dice.choices(SIZES, [share for share, _, _ in SIZES])[0]
    return int(low * (high / low) ** dice.random())


def _transfer(number: str, size: int, mailbox: str, item: int) -> Transfer:
    source = Source("drop", f"file-{number}.bin", f'"{number}"', size, START)
    attachment = Attachment(f"file-{number}.bin", "application/octet-stream")
    target = Target(mailbox, TargetKey.MESSAGE_ID, f"item-{item}")
    return accept(source, target, attachment, route_for(attachment, size), START)


def bound(load: Sequence[File], limits: Limits, line: Line, range_bytes: int) -> float:
    """The least seconds in which this mailbox's files can be attached, whatever the program.

    No more than a window's bytes in any window; no more than so many requests at once; each item's commits one by one;
    nothing before it is dropped.
    """
    windows = ceil(sum(file.wire_bytes for file in load) / limits.window_bytes) - 1
    busy = sum(_busy(file, line, range_bytes) for file in load) / limits.slots
    items = {file.transfer.target.value for file in load}
    commits = max(
        sum(_commit(file, line, range_bytes) for file in load if file.transfer.target.value == item) for item in items
    )
    longest = max(file.at + _busy(file, line, range_bytes) for file in load)
    return max(windows * limits.window_seconds, busy, commits, longest)


def _busy(file: File, line: Line, range_bytes: int) -> float:
    """Seconds of requests for one file: list, then POST, or open and PUT."""
    puts = 0 if file.transfer.route is Route.POST else ceil(file.transfer.size / range_bytes)
    return line.seconds(0) * (2 + puts) + file.wire_bytes / line.bytes_per_second


def _commit(file: File, line: Line, range_bytes: int) -> float:
    """Seconds of the request that attaches the file."""
    size = file.transfer.size
    return line.seconds(file.wire_bytes if file.transfer.route is Route.POST else size % range_bytes or range_bytes)
