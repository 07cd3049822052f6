"""The cost table: its counts are upper bounds of what the product does, its prices have a source and a date."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from devkit.azurite import Azurite
from devkit.stack import Stack
from infra.deployer.cost import COLUMNS, PRICES, Use, of_idle_month, of_transfer, priced, table
from tests.infra.stand_in import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

MAILBOX = "orders@contoso.test"

pytestmark = pytest.mark.xdist_group("infra-cost")  # one local stack for all of them


@pytest.fixture(scope="module")
def stack(azurite: Azurite) -> Iterator[Stack]:
    with Stack(host=False, azurite=azurite) as running:
        running.graph.add_mailbox(MAILBOX)
        yield running


def drop(stack: Stack, size: int) -> str:
    """A file of that size for a message of its own; its name."""
    message = stack.graph.add_message(MAILBOX)
    name = f"file-{size}.bin"
    metadata = {"mailbox": MAILBOX, "messageid": quote(message, safe="")}
    stack.storage.get_blob_client("drop", name).upload_blob(bytes(size), metadata=metadata, overwrite=True)
    return name


def counted(stack: Stack, *subjects: str) -> list[dict[str, int]]:
    """The product's storage calls for each subject, in a process of its own."""
    command = [sys.executable, "-m", "tests.infra.storage_calls", *subjects]
    done = subprocess.run(command, cwd=ROOT, env=stack.environment, text=True, capture_output=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("size", [100_000, 10_000_000, 30_000_000])
def test_a_clean_transfer_calls_the_storage_no_more_often_than_the_table_says(stack: Stack, size: int) -> None:
    # the first one makes container and queue, once per deployment
    _, calls = counted(stack, drop(stack, 5_000_000), drop(stack, size))
    use = of_transfer(size)
    assert 0 < calls["write"] <= use.blob_writes
    assert 0 < calls["read"] <= use.blob_reads
    hosts = of_transfer(1).queue_operations
    assert calls.get("queue", 0) <= use.queue_operations - hosts


def test_an_idle_sweep_calls_the_storage_no_more_often_than_the_table_says(stack: Stack) -> None:
    _, calls = counted(stack, "sweep", "sweep")
    month = of_idle_month()
    assert 0 < calls["write"] <= month.blob_writes / month.functions_executions
    assert 0 < calls["read"] <= month.blob_reads / month.functions_executions


def test_the_sweep_is_counted_as_often_as_it_runs() -> None:
    source = (ROOT / "function_app.py").read_text(encoding="utf-8")
    assert 'schedule="0 * * * * *"' in source
    assert of_idle_month().functions_executions == 30 * 24 * 60


def test_every_meter_is_counted_and_every_price_has_a_source_and_a_date() -> None:
    meters = json.loads(PRICES.read_text(encoding="utf-8"))["meters"]
    assert meters.keys() == dict(COLUMNS[0][1].by_meter()).keys()
    for facts in meters.values():
        if facts["price"] is not None:
            assert facts["price"] > 0
            assert facts["source"].startswith("https://")
            assert date.fromisoformat(facts["as_of"]) <= date(2026, 12, 31)


def test_a_price_that_is_missing_is_shown_as_missing_and_not_as_nothing() -> None:
    assert "| execution | 1 | 1 | 1 | 43,200 | - | none found |" in table()


def test_the_sum_is_units_times_price() -> None:
    use = Use(1, 10, 3, 4, 5, 6, 7, 0.5)
    meters: dict[str, dict[str, float | None]] = {name: {"price": None} for name, _ in use.by_meter()}
    meters |= {"functions-gb-seconds": {"price": 2.0}, "log-gb": {"price": 4.0}}
    assert priced(use, meters) == 22.0


def test_more_bytes_never_cost_less() -> None:
    sizes = [1, 3_000_000, 3_000_001, 4_194_305, 50_000_000, 150_000_000]
    for smaller, larger in pairwise(sizes):
        less, more = of_transfer(smaller), of_transfer(larger)
        assert all(units <= dict(more.by_meter())[meter] for meter, units in less.by_meter())
