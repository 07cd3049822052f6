"""Metadata keys that are nearly ours: somebody meant a key of this app's, and wrote another."""

from __future__ import annotations

from collections.abc import Collection, Iterable

FURTHEST = 2
"""Letters that a key may differ by and still be taken for a slip: left out, added, changed, or two that changed places.
For short keys it is less: below half of the known key's letters, or `cc` would be near everything of two letters."""


def slips(given: Iterable[str], known: Collection[str]) -> dict[str, str]:
    """Each unknown key that is nearly a known one, with the known one nearest to it. Case does not count."""
    found: dict[str, str] = {}
    for key in given:
        folded = key.lower()
        if folded in known:
            continue
        near = [(_distance(folded, name), name) for name in known if abs(len(name) - len(folded)) <= FURTHEST]
        allowed = [(steps, name) for steps, name in near if steps <= min(FURTHEST, (len(name) - 1) // 2)]
        if allowed:
            found[key] = min(allowed)[1]
    return found


def _distance(one: str, other: str) -> int:
    """Steps from one text to the other: a letter more, less or changed, or two neighbours that changed places.

    The optimal string alignment distance: no part of the text is changed twice.
    """
    before: list[int] = []
    last = list(range(len(other) + 1))
    for row, letter in enumerate(one, 1):
        this = [row]
        for column, wanted in enumerate(other, 1):
            steps = min(last[column] + 1, this[-1] + 1, last[column - 1] + (letter != wanted))
            if row > 1 and column > 1 and letter == other[column - 2] and one[row - 2] == wanted:
                steps = min(steps, before[column - 2] + 1)
            this.append(steps)
        before, last = last, this
    return last[-1]
