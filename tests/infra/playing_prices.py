"""Microsoft's price list, as its API answers."""

from __future__ import annotations

import json
import ssl
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from infra.deployer import prices


def item(meter: str, price: float, unit: str = "1", *, least: float = 0, meter_id: str = "") -> dict[str, Any]:
    """An item as the Retail Prices API lists it, for one of our meters."""
    wanted = prices.METERS[meter]
    return {
        "currencyCode": "USD",
        "tierMinimumUnits": least,
        "retailPrice": price,
        "unitPrice": price,
        "armRegionName": "westeurope",
        "location": "EU West",
        "effectiveStartDate": "2026-01-01T00:00:00Z",
        "meterId": meter_id or f"id-of-{meter}",
        "meterName": wanted.meter.replace(".*", " "),
        "productId": "p",
        "skuId": "s",
        "productName": wanted.product,
        "skuName": wanted.sku,
        "serviceName": wanted.service,
        "serviceId": "x",
        "serviceFamily": "Compute",
        "unitOfMeasure": unit,
        "type": "Consumption",
        "isPrimaryMeterRegion": True,
        "armSkuName": "",
    }


class PriceServer(BaseHTTPRequestHandler):
    """The API: two pages of each service."""

    def do_GET(self) -> None:
        asked = parse_qs(urlsplit(self.path).query)
        where = asked["$filter"][0]
        found = [item(name, 1.0) for name, meter in prices.METERS.items() if f"'{meter.service}'" in where]
        if "armRegionName eq 'westeurope'" not in where:
            found = []
        begin = int(asked.get("$skip", ["0"])[0])
        scheme = "https" if isinstance(self.request, ssl.SSLSocket) else "http"
        following = f"{scheme}://{self.headers['Host']}/?{urlencode({'$filter': where, '$skip': begin + 1})}"
        more = following if begin + 1 < len(found) else None
        body = json.dumps({"Items": found[begin : begin + 1], "NextPageLink": more, "Count": 1}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: Any) -> None:
        pass
