"""Prices from Microsoft's own list, the Retail Prices API: read from `infra/prices.json`, written there by `prices`.

The file keeps the items as the API returned them, with the day and the addresses they were fetched from; nothing in it
is typed. A meter that no item answers to, or several, is unknown: the table says so, and no sum is made of it. Format
and addresses: "Azure Retail Prices overview", Microsoft Learn.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from .azure import DeployError, say

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PRICES = Path(__file__).resolve().parent.parent / "prices.json"
LIST = "https://prices.azure.com/api/retail/prices"
VERSION = "2023-01-01-preview"
_SECONDS = 60

_MOST_PAGES = 50
"""Of one service in one region there are fewer; a list that never ends is not one."""

_QUANTITY = re.compile(r"(?P<number>\d+)(?P<thousands>[KM]?)\b")
_THOUSANDS = {"": 1, "K": 1_000, "M": 1_000_000}


@dataclass(frozen=True, slots=True)
class Meter:
    """How a meter is found in the list.

    Attributes:
        unit: what one unit of the table is, in words.
        service: `serviceName`, exactly.
        product, sku, meter: patterns that `productName`, `skuName` and `meterName` match, ignoring case.
    """

    unit: str
    service: str
    product: str
    sku: str
    meter: str


METERS = {
    "functions-executions": Meter("execution", "Functions", "flex", "on demand", "executions"),
    "functions-gb-seconds": Meter("GB-second, on demand", "Functions", "flex", "on demand", "execution time"),
    "event-grid-operations": Meter(
        "operation (event in, advanced match, delivery)", "Event Grid", "event grid", "standard", "standard.*operations"
    ),
    "blob-writes": Meter("write or list operation, hot, LRS", "Storage", "blob", "hot lrs", "hot lrs write operations"),
    "blob-reads": Meter("read operation, hot, LRS", "Storage", "blob", "hot lrs", "hot read operations"),
    "blob-gb-months": Meter("GB kept for a month, hot, LRS", "Storage", "blob", "hot lrs", "hot lrs data stored"),
    "queue-operations": Meter("queue operation", "Storage", "queues v2", "standard lrs", "class 1 operations"),
    "log-gb": Meter("GB of logs taken in", "Log Analytics", "log analytics", "analytics", "data ingestion"),
}
"""Names as they are thought to be; nothing here was compared with the live list. A name that is wrong finds nothing,
and the meter stays unknown: that is why `prices` prints what it found, and with which item."""


@dataclass(frozen=True, slots=True)
class Price:
    """Of one unit, in the list's currency.

    Attributes:
        amount: None where it is unknown.
        source: `meterId`, or why it is unknown.
        free: units a month that cost nothing.
    """

    amount: float | None
    source: str
    free: float = 0


@dataclass(frozen=True, slots=True)
class PriceList:
    """What `infra/prices.json` says."""

    fetched: str | None
    region: str
    currency: str
    prices: dict[str, Price]


def read(path: Path = PRICES) -> PriceList:
    """The list as it was fetched last."""
    kept = json.loads(path.read_text(encoding="utf-8"))
    items = kept["Items"]
    found = {name: _price(meter, items) for name, meter in METERS.items()}
    return PriceList(kept["fetched"], kept["region"], kept["currency"], found)


def _price(meter: Meter, items: Sequence[dict[str, Any]]) -> Price:
    matching = [one for one in items if _matches(meter, one)]
    if not matching:
        return Price(None, "not in the list")
    meters = {str(one["meterId"]) for one in matching}
    if len(meters) > 1:
        return Price(None, f"{len(meters)} meters answer to it: {', '.join(sorted(meters))}")
    tiers = sorted(matching, key=lambda one: float(one["tierMinimumUnits"]))
    charged = next((one for one in tiers if float(one["retailPrice"]) > 0), None)
    if charged is None:
        return Price(None, "the list has no price for it but 0")
    quantity = _quantity(str(charged["unitOfMeasure"]))
    if quantity is None:
        return Price(None, f"its unit {charged['unitOfMeasure']!r} is not understood")
    free = float(charged["tierMinimumUnits"]) * quantity
    return Price(float(charged["retailPrice"]) / quantity, f"meter {charged['meterId']}", free)


def _matches(meter: Meter, item: dict[str, Any]) -> bool:
    patterns = ((meter.product, "productName"), (meter.sku, "skuName"), (meter.meter, "meterName"))
    return (
        item["serviceName"] == meter.service
        and item["type"] == "Consumption"
        and all(re.search(pattern, str(item[key]), re.IGNORECASE) for pattern, key in patterns)
    )


def _quantity(unit: str) -> int | None:
    """`10K` is ten thousand of the unit, `1 GB/Month` one."""
    match = _QUANTITY.match(unit)
    return int(match["number"]) * _THOUSANDS[match["thousands"]] if match else None


def fetch(region: str, address: str = LIST, path: Path = PRICES) -> None:
    """Fetch every item of the services in question and write the file; print what was found and what was not."""
    items: list[dict[str, Any]] = []
    asked: list[str] = []
    for service in sorted({meter.service for meter in METERS.values()}):
        where = f"serviceName eq '{service}' and armRegionName eq '{region}' and priceType eq 'Consumption'"
        first = f"{address}?{urlencode({'api-version': VERSION, '$filter': where})}"
        asked.append(first)
        items += _pages(first)
    if not items:
        raise DeployError(f"The list has nothing for the region {region!r}: nothing was written.")
    kept = {
        "fetched": dt.datetime.now(tz=dt.UTC).date().isoformat(),
        "from": asked,
        "region": region,
        "currency": items[0]["currencyCode"],
        "Items": [one for one in items if any(_matches(meter, one) for meter in METERS.values())],
    }
    path.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
    for name, price in read(path).prices.items():
        say(f"  {name}: {'unknown' if price.amount is None else f'{price.amount:.10f}'} ({price.source})")
    say(f"{path}: {len(kept['Items'])} items of {len(items)}")


def _pages(first: str) -> Iterator[dict[str, Any]]:
    address: str | None = first
    for _ in range(_MOST_PAGES):
        if not address:
            return
        try:
            with urllib.request.urlopen(address, timeout=_SECONDS) as answer:  # noqa: S310 - the list's own addresses
                page = json.load(answer)
        except (OSError, ValueError) as error:
            raise DeployError(f"The price list does not answer ({error}): nothing was written. {address}") from error
        yield from page["Items"]
        address = page.get("NextPageLink")
