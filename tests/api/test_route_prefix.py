"""The host may put another prefix before every route than `api`, or none: links and Location follow. On the app."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests

from devkit.local.azurite import Azurite
from devkit.local.harness import MAILBOX, Harness, content
from tests.e2e.stage import staged

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("api prefix")]

PREFIX = "AzureFunctionsJobHost__extensions__http__routePrefix"


@pytest.mark.parametrize("prefix", ["files/v1", ""])
def test_links_and_location_lead_to_the_app_under_any_prefix(azurite: Azurite, prefix: str) -> None:
    with staged(azurite, settings={PREFIX: prefix, "OUTCOME_QUEUE": "outcomes"}) as harness:
        root = f"{harness.stack.url}/{prefix}".rstrip("/")
        harness.stack.drop("a.pdf", content(1000), events=0)
        asked = {"blob": "a.pdf", "target": {"mailbox": MAILBOX, "messageId": harness.item()}}
        answer = requests.post(f"{root}/transfers", json=asked, timeout=30)
        assert answer.status_code == 202, answer.text
        location = answer.headers["Location"]
        assert location == answer.json()["links"]["self"]
        shown = ended(harness, location)
        assert (shown["state"], shown["links"]["self"]) == ("attached", location)
        [listed] = requests.get(f"{root}/transfers", timeout=30).json()["transfers"]
        assert listed["links"] == shown["links"]
        described = requests.get(f"{root}/openapi.json", timeout=30).json()["servers"][0]["url"]
        assert f"{described.rstrip('/')}/transfers/{shown['id']}" == location
        [told] = [json.loads(text) for text in harness.stack.peek("outcomes")]
        assert told["links"] == shown["links"]
        page = requests.get(f"{root}/ui", params={"transfer": shown["id"]}, timeout=30)
        assert "a.pdf" in page.text


def ended(harness: Harness, location: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        shown: dict[str, Any] = requests.get(harness.stack.url + location, timeout=30).json()
        return shown if shown["state"] == "attached" else None

    found = harness.stack.wait_until(look, what="the file is attached")
    assert found is not None
    return found
