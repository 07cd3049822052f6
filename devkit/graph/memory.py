"""The emulator in memory, with a clock that moves only when told: for simulations and for the contract suite."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from devkit.graph.control import CommandRefused, perform
from devkit.graph.operating import Operated
from devkit.graph.routes import TOKEN_PATH
from devkit.graph.service import GraphService

if TYPE_CHECKING:
    from devkit.graph.wire import Reply, Request


class InMemoryGraph(Operated):
    """A GraphService behind the same methods as the server process. `now` is UTC and may be set freely."""

    def __init__(
        self, service: GraphService | None = None, now: datetime = datetime(2026, 3, 2, 8, tzinfo=UTC)
    ) -> None:
        self.service = service or GraphService()
        self.now = now
        self.graph_origin = self.service.origins.graph
        self.upload_origin = self.service.origins.upload
        self.identity_url = self.service.origins.identity + TOKEN_PATH
        self.identity_header = self.service.tokens.header

    def send(self, request: Request) -> Reply:
        """One request, at the present moment."""
        return self.service.handle(request, self.now)

    def advance(self, seconds: float) -> None:
        """Move the clock forward."""
        self.now += timedelta(seconds=seconds)

    def command(self, name: str, **arguments: object) -> Any:
        """One control command; arguments and result pass through JSON, as they would to the server."""
        try:
            result = perform(self.service, name, json.loads(json.dumps(arguments)), self.now)
        except CommandRefused as refused:
            raise ValueError(str(refused)) from refused
        return result if isinstance(result, bytes) else json.loads(json.dumps(result))


class LateLanding:
    """Requests whose callers gave up, held back until the caller of this class lets them land, in any order."""

    def __init__(self, service: GraphService) -> None:
        self._service = service
        self.held: list[Request] = []

    def hold(self, request: Request) -> None:
        """Keep a request that has left its sender and not yet arrived."""
        self.held.append(request)

    def land(self, now: datetime, index: int = 0) -> Reply:
        """Let one of them take effect; the reply reaches nobody and is returned for the checker only."""
        return self._service.land(self.held.pop(index), now)
