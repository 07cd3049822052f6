"""The HTTP API as the functions call it: one handler for each of them."""

from __future__ import annotations

from dataclasses import dataclass

from shared.api.description import description
from shared.api.health import Health
from shared.api.http import Answer, Call, json_answer
from shared.api.operations import Operations
from shared.api.page.handler import OperatorPage
from shared.views import ROUTE_PREFIX


@dataclass(frozen=True, slots=True)
class Api:
    """Every handler, made once per process."""

    transfers: Operations
    health: Health
    page: OperatorPage
    prefix: str = ROUTE_PREFIX

    def description(self, _call: Call) -> Answer:
        """GET /openapi.json."""
        return json_answer(description(self.prefix))
