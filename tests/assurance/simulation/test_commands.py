"""Cancel, retry, accept, the sweep and the poison handler as workers beside runs, at every call (I30)."""

from __future__ import annotations

from itertools import islice

import pytest

from assurance.simulation import campaigns
from assurance.simulation.case import Case
from shared.core.model import Transfer
from shared.run import commands, sweep, transfer_process


@pytest.mark.parametrize("commands", campaigns.RACES)
@pytest.mark.parametrize("ranges", [0, 1])
def test_no_schedule_of_commands_loses_a_transfer_or_a_wish(ranges: int, commands: tuple[str, ...]) -> None:
    """Up to two changes of hands; three: the proof `commands`."""
    tally = campaigns.all_schedules(Case(ranges=ranges, commands=commands), 2, most=40, processes=1)
    assert not tally.broken, "\n".join(tally.broken[:10])
    assert tally.scenarios > 150


@pytest.mark.parametrize("race", campaigns.RACES)
@pytest.mark.parametrize("ranges", [0, 1])
def test_a_command_a_tick_or_a_poison_handler_that_dies_in_a_race_loses_nothing(
    ranges: int, race: tuple[str, ...]
) -> None:
    """Every seventh of them; all: the campaign `commands`."""
    tally = campaigns.run_all(islice(campaigns.faulted_races(ranges, race), 0, None, 7), processes=1)
    assert not tally.broken, "\n".join(tally.broken[:10])
    assert tally.scenarios > 100


@pytest.mark.parametrize("ranges", [0, 1])
def test_a_retry_that_dies_at_any_call_beside_a_slow_end_loses_nothing(ranges: int) -> None:
    tally = campaigns.run_all(campaigns.dying_retries(ranges), processes=1)
    assert not tally.broken, "\n".join(tally.broken[:10])
    assert tally.scenarios > 100


def test_with_one_mark_for_all_lives_a_slow_end_takes_away_the_mark_that_a_retry_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def same(transfer: Transfer) -> str:
        return transfer.id

    for module in (transfer_process, sweep, commands):
        monkeypatch.setattr(module, "unfinished_entry_of", same)
    tally = campaigns.run_all(campaigns.dying_retries(0), processes=1)
    assert any("I3: a transfer is still" in line for line in tally.broken)
