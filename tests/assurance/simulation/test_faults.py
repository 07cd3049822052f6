"""Whatever befalls one call, or two: one attachment, its bytes the file's, and an end that is told (I1-I6, I8)."""

from __future__ import annotations

from collections import Counter

import pytest

from assurance.simulation.case import Case
from assurance.simulation.enumerate import pairs, singles
from tests.assurance.simulation.expectations import INVOCATIONS, kept

SOME_LATE = (1, 7, 24)  # all of them: the proof `crashes`


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize(("ranges", "least"), [(0, 140), (1, 160), (2, 200), (3, 250), (4, 300), (5, 330), (6, 370)])
def test_one_fault_at_any_call_leaves_one_attachment(ranges: int, least: int, *, lazy: bool) -> None:
    tally = kept(singles(Case(ranges=ranges, lazy=lazy)), least)
    assert tally.ends == Counter({"attached": tally.scenarios})
    assert tally.longest <= INVOCATIONS


def test_one_fault_at_any_call_of_the_largest_file_leaves_one_attachment() -> None:
    tally = kept(singles(Case(ranges=38), SOME_LATE), 800)
    assert tally.ends == Counter({"attached": tally.scenarios})
    assert tally.longest <= INVOCATIONS


@pytest.mark.parametrize(("ranges", "least"), [(0, 2500), (1, 2600), (2, 3700), (3, 5000), (4, 6500)])
def test_two_faults_at_any_two_calls_leave_one_attachment(ranges: int, least: int) -> None:
    tally = kept(pairs(Case(ranges=ranges)), least)
    assert tally.ends == Counter({"attached": tally.scenarios})
    assert tally.longest <= INVOCATIONS
