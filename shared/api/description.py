"""The description of this API, as `dev.py docs` made it (`openapi.json` beside this module)."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from shared.views import ROUTE_PREFIX, under

FILE = Path(__file__).with_name("openapi.json")


@cache
def description(prefix: str = ROUTE_PREFIX) -> dict[str, Any]:
    """The OpenAPI document of an app whose routes begin with `prefix`. Always the same object: read it only."""
    described: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    described["servers"][0]["url"] = under(prefix) or "/"
    return described
