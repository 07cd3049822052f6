"""Runs that are killed, by a crash or by the platform's time limit: the next one goes on where Graph says.

What is killed stays its dead run's until the lease lapses, 20 seconds after its last save. So everything is struck down
first, and the tests look at what came of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import NamedTuple

import pytest

from devkit.local.azurite import Azurite
from devkit.local.harness import Delivery, Harness, content
from tests.e2e.stage import LOST, OVERRUN, attached, staged

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("e2e interrupted")]

MIB = 1024 * 1024
SIZE = 12 * MIB + 1
STARTS = [number * MIB for number in range(13)]
RANGES = {"RANGE_BYTES": str(MIB)}


class Struck(NamedTuple):
    """A file whose transfer was killed, and the harness it is in."""

    harness: Harness
    file: Delivery


class Strokes(NamedTuple):
    """What was under way when the workers were killed. In the first three, Graph had a range and had not answered."""

    landed: Struck  # the range takes effect before the next run
    final: Struck  # so does the last one, which completes the file
    late: Struck  # the range takes effect when the next run has sent it again, and more
    overrun: Struck  # Graph never answers, and the platform's time limit strikes


@pytest.fixture(scope="module")
def strokes(azurite: Azurite) -> Iterator[Strokes]:
    limited = {**RANGES, "AzureFunctionsJobHost__functionTimeout": "00:00:04"}
    with ExitStack() as stages:
        one = stages.enter_context(staged(azurite, settings=RANGES, allowed=LOST))
        two = stages.enter_context(staged(azurite, settings=limited, allowed=OVERRUN))
        landed = start(one, {"action": "hold", "kind": "put", "nth": 5})
        final = start(one, {"action": "hold", "kind": "final-put"})
        one.stack.wait_until(lambda: one.graph.holding() == 2, what="two ranges are held")
        one.stack.kill_worker()
        one.graph.release()
        late = start(two, {"action": "hold", "kind": "put", "nth": 5})
        two.stack.wait_until(two.graph.holding, what="a range is held")
        two.stack.kill_worker()
        overrun = start(two, {"action": "black-hole", "kind": "put", "nth": 3})
        yield Strokes(landed, final, late, overrun)


def start(harness: Harness, rule: dict[str, object]) -> Struck:
    """A file on its way, with a rule for its item alone."""
    item = harness.item(mailbox=harness.mailbox())
    harness.graph.fault({**rule, "path": item.removesuffix("=")})
    return Struck(harness, harness.drop(content(SIZE, item), item=item))


def puts(struck: Struck) -> list[tuple[int, int]]:
    """Each range that reached a session: its first byte, and the status of its effect (0 = none)."""
    return [
        (int(entry["content_range"].partition(" ")[2].partition("-")[0]), entry["status"])
        for entry in struck.harness.requests(struck.file, "put", "final-put")
    ]


def test_a_killed_transfer_goes_on_at_the_byte_that_graph_wants_and_sends_none_twice(strokes: Strokes) -> None:
    transfer = attached(*strokes.landed)
    assert transfer["runs"] == 2
    assert puts(strokes.landed) == [*((start, 200) for start in STARTS[:-1]), (STARTS[-1], 201)]
    assert len(strokes.landed.harness.requests(strokes.landed.file, "ask")) == 1


def test_a_transfer_that_is_killed_while_its_last_range_lands_is_not_attached_again(strokes: Strokes) -> None:
    attached(*strokes.final)
    assert len(strokes.final.harness.sessions(strokes.final.file)) == 1
    assert [status for start, status in puts(strokes.final) if start == STARTS[-1]].count(201) == 1


def test_a_dead_workers_range_that_lands_late_changes_nothing(strokes: Strokes) -> None:
    harness = strokes.late.harness
    attached(*strokes.late)
    harness.graph.release()
    harness.stack.wait_until(lambda: len(puts(strokes.late)) > len(STARTS), what="the late range lands")
    attached(*strokes.late)
    sent = puts(strokes.late)
    assert {start for start, _ in sent} == set(STARTS)
    assert len([status for start, status in sent if start == STARTS[4] and status == 200]) == 1


def test_a_run_that_the_platform_kills_for_its_time_is_carried_on(strokes: Strokes) -> None:
    attached(*strokes.overrun)
    outcomes = [run["outcome"] for run in strokes.overrun.harness.stack.host.invocations()]
    assert "timed out" in outcomes
    sent = puts(strokes.overrun)
    assert sorted(start for start, status in sent if status) == STARTS
    assert [start for start, status in sent if not status] == [STARTS[2]]
