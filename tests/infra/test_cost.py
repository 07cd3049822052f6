"""The cost table: its counts are upper bounds of what the product does, its prices have a source and a date."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from devkit.local.azurite import Azurite
from devkit.local.stack import Stack
from infra.deployer import prices
from infra.deployer.cost import COLUMNS, Use, of_idle_month, of_transfer, priced, table
from tests.infra.playing_app import serving
from tests.infra.playing_prices import PriceServer, item
from tests.infra.stand_in import ROOT, AzureStub

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

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


def kept(tmp_path: Path, *items: dict[str, Any]) -> prices.PriceList:
    file = tmp_path / "prices.json"
    body = {"fetched": "2026-11-25", "from": [], "region": "westeurope", "currency": "USD", "Items": list(items)}
    file.write_text(json.dumps(body), encoding="utf-8")
    return prices.read(file)


def test_every_meter_is_counted_and_looked_for() -> None:
    assert prices.METERS.keys() == dict(COLUMNS[0][1].by_meter()).keys()


def test_no_price_in_the_repository_comes_from_anywhere_but_the_list() -> None:
    file = json.loads(prices.PRICES.read_text(encoding="utf-8"))
    assert file.keys() == {"fetched", "from", "region", "currency", "Items"}
    if file["fetched"] is None:
        assert file["Items"] == []
    else:
        assert date.fromisoformat(file["fetched"])
        assert all(address.startswith(prices.LIST) for address in file["from"])


def test_a_price_that_is_not_known_is_called_unknown_and_so_is_every_sum_that_needs_it(tmp_path: Path) -> None:
    text = table(kept(tmp_path, item("functions-executions", 0.000004, "10")))
    assert "| execution | 1 | 1 | 1 | 43,200 | 0.0000004 | meter id-of-functions-executions |" in text
    assert "| unknown | not in the list |" in text
    assert text.count("**unknown**") == len(COLUMNS)


def test_with_every_price_known_executions_are_in_the_sum(tmp_path: Path) -> None:
    some = kept(tmp_path, *(item(meter, 1.0) for meter in prices.METERS))
    assert priced(Use(1, 10, 3, 4, 5, 6, 7, 0.5), some) == 36.5
    assert "fetched 2026-11-25; free grants not deducted" in table(some)


@pytest.mark.parametrize(
    ("items", "amount", "free", "told"),
    [
        ([item("blob-writes", 0.05, "10K")], 0.000005, 0, "meter id-of-blob-writes"),
        (
            [item("functions-gb-seconds", 0, "1 GB Second"), item("functions-gb-seconds", 2, "1 GB Second", least=100)],
            2.0,
            100,
            "meter id-of-functions-gb-seconds",
        ),
        ([item("log-gb", 2.5, "1 GB"), item("log-gb", 2.0, "1 GB", least=1000)], 2.5, 0, "meter id-of-log-gb"),
        (
            [item("log-gb", 1), item("log-gb", 2, meter_id="other")],
            None,
            0,
            "2 meters answer to it: id-of-log-gb, other",
        ),
        ([item("log-gb", 0)], None, 0, "the list has no price for it but 0"),
        ([item("log-gb", 1, "per month")], None, 0, "its unit 'per month' is not understood"),
        ([{**item("log-gb", 1), "type": "DevTestConsumption"}], None, 0, "not in the list"),
    ],
)
def test_a_price_is_read_as_the_list_means_it(
    tmp_path: Path, items: list[dict[str, Any]], amount: float | None, free: float, told: str
) -> None:
    wanted = next(
        name for name, meter in prices.METERS.items() if meter.meter.replace(".*", " ") == items[0]["meterName"]
    )
    price = kept(tmp_path, *items).prices[wanted]
    assert (price.amount, price.free, price.source) == (amount, free, told)


@pytest.fixture
def price_list() -> Iterator[str]:
    with serving(PriceServer) as root:
        yield f"{root}/"


def test_the_list_is_fetched_page_by_page_and_dated(nothing: AzureStub, price_list: str) -> None:
    done = nothing.run("prices", "westeurope", "--price-list", price_list)
    assert done.returncode == 0, done.stderr
    file = json.loads((nothing.folder / "infra" / "prices.json").read_text(encoding="utf-8"))
    assert date.fromisoformat(file["fetched"])
    assert len(file["Items"]) == len(prices.METERS)
    assert "functions-executions: 1.0000000000 (meter id-of-functions-executions)" in done.stdout
    assert "unknown" not in nothing.run("cost", "-").stdout


@pytest.mark.parametrize(
    ("region", "told"), [("atlantis", "nothing for the region 'atlantis'"), (None, "Which region?")]
)
def test_nothing_is_written_where_nothing_was_found(
    nothing: AzureStub, price_list: str, region: str | None, told: str
) -> None:
    before = (nothing.folder / "infra" / "prices.json").read_bytes()
    words = ("prices", region) if region else ("prices",)
    done = nothing.run(*words, *(("--price-list", price_list) if region else ()))
    assert done.returncode == 1
    assert told in done.stderr
    assert (nothing.folder / "infra" / "prices.json").read_bytes() == before


def test_more_bytes_never_cost_less() -> None:
    sizes = [1, 3_000_000, 3_000_001, 4_194_305, 50_000_000, 150_000_000]
    for smaller, larger in pairwise(sizes):
        less, more = of_transfer(smaller), of_transfer(larger)
        assert all(units <= dict(more.by_meter())[meter] for meter, units in less.by_meter())
